//! Exit codes of `swarm`. The first three are those of `ticket` too.

pub use ticket::exit::{OK, REFUSED, USAGE};

/// No project, here or above.
pub const NO_PROJECT: u8 = 3;
/// No Docker engine that may be used.
pub const NO_ENGINE: u8 = 4;
/// No account for the agent CLI.
pub const NO_ACCOUNT: u8 = 5;
/// The swarm does not run.
pub const NOT_RUNNING: u8 = 6;
/// The configuration cannot be used.
pub const BAD_CONFIG: u8 = 7;
/// Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// Every code with what it says.
pub const TABLE: [(u8, &str); 9] = [
    (OK, "done"),
    (REFUSED, "refused, or it failed"),
    (USAGE, "the command line cannot be used"),
    (NO_PROJECT, "not in a project"),
    (NO_ENGINE, "no Docker engine answers, or it may not be used"),
    (NO_ACCOUNT, "no account for the agent CLI, or it has ended"),
    (NOT_RUNNING, "the swarm is not running"),
    (BAD_CONFIG, "the configuration cannot be used"),
    (INTERRUPTED, "interrupted"),
];

/// The table for the end of `swarm --help`.
pub fn help() -> String {
    let lines = TABLE.map(|(code, what)| format!("  {code:>3}  {what}"));
    format!("Exit codes:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_code() {
        let page = include_str!("../../docs/exit-codes.md");
        for (code, what) in TABLE {
            let row = format!("| {code} | {what}");
            assert!(page.contains(&row), "docs/exit-codes.md lacks: {row}");
        }
        assert_eq!(page.matches("\n| ").count(), TABLE.len() + 1);
    }
}
