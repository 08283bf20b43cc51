//! Tables of results: columns, and no lines around them.

use comfy_table::{ContentArrangement, Table, presets};

/// One without rows.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    table
}

/// What is printed of it, a line for each row.
pub fn text(table: &Table) -> String {
    let lines = table.lines().map(|line| format!("{}\n", line.trim()));
    lines.collect()
}
