//! `swarm cost`: what agents cost, through the hub or, when none runs, from the file.

use anyhow::Result;
use comfy_table::CellAlignment;
use swarm::{Project, hub};
use ticket::cost::{By, Cost, CostFilter, CostLine};
use ticket::store::lock::HubLock;
use ticket::text::one_line;
use ticket::usage::{Spent, grouped};
use ticket::{Actor, Error, Queue};

use super::{database, table};

/// The longest title in the table, in characters.
const TITLE: usize = 48;

pub fn run(project: &Project, filter: &CostFilter, json: bool) -> Result<()> {
    let cost = match hub::hub_file(project) {
        Some(_) => match hub::client(project)?.cost(filter) {
            // A hub that was killed leaves its file behind, but not its lock.
            Err(Error::Unavailable(_)) if HubLock::shared(&project.hub_lock())?.is_some() => {
                stored(project, filter)?
            }
            asked => asked?,
        },
        None => stored(project, filter)?,
    };
    match json {
        true => println!("{}", serde_json::to_string(&cost)?),
        false => print!("{}", text(&cost)),
    }
    Ok(())
}

/// What the database says while no hub has it open.
fn stored(project: &Project, filter: &CostFilter) -> Result<Cost> {
    let (_lock, mut store) = database(project)?;
    Ok(store.session(&Actor::Human).cost(filter)?)
}

fn text(cost: &Cost) -> String {
    let today = format!("{}\n", cost.today.sentence());
    if cost.lines.is_empty() {
        return format!("Nothing was used.\n{today}");
    }
    let mut table = table::table([
        heading(cost.by),
        "Cost",
        "In",
        "Out",
        "From cache",
        "To cache",
    ]);
    for line in &cost.lines {
        table.add_row(row(name(cost.by, line), &line.spent));
    }
    table.add_row(row("All".to_owned(), &cost.total));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let more = match cost.more {
        0 => String::new(),
        more => format!("{more} more cost less; they are in 'All' too.\n"),
    };
    format!("{}{more}\n{today}", table::text(&table))
}

fn heading(by: By) -> &'static str {
    match by {
        By::Ticket => "Ticket",
        By::Agent => "Agent",
        By::Day => "Day",
        By::Model => "Model",
        By::Phase => "Phase",
    }
}

fn name(by: By, line: &CostLine) -> String {
    let key = one_line(&line.key);
    match (by, &line.title) {
        (By::Ticket, Some(title)) => {
            let title: String = one_line(title).chars().take(TITLE).collect();
            format!("#{key} {title}")
        }
        (By::Model, _) if key.is_empty() => "(not named)".to_owned(),
        _ => key,
    }
}

fn row(name: String, spent: &Spent) -> [String; 6] {
    [
        name,
        spent.cost(),
        grouped(spent.input_tokens),
        grouped(spent.output_tokens),
        grouped(spent.cache_read_tokens),
        grouped(spent.cache_write_tokens),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ticket::cost::Today;
    use ticket::usd::Usd;

    fn line(key: &str, title: Option<&str>, micro: i64, is_cost_known: bool) -> CostLine {
        CostLine {
            key: key.to_owned(),
            title: title.map(str::to_owned),
            spent: Spent {
                input_tokens: 1234,
                cost_usd: Usd(micro),
                is_cost_known,
                ..Spent::default()
            },
        }
    }

    #[test]
    fn a_report_has_a_line_each_and_all_of_it() {
        let cost = Cost {
            by: By::Ticket,
            lines: vec![
                line("7", Some("Mend \u{1b}[31mit"), 1_500_000, true),
                line("proposals", None, 0, false),
            ],
            more: 2,
            total: line("", None, 1_500_000, false).spent,
            today: Today {
                budget_usd: Some(Usd(5_000_000)),
                left_usd: Some(Usd(3_500_000)),
                spent: line("", None, 1_500_000, true).spent,
                ..Today::default()
            },
        };
        let said = text(&cost);
        let words: Vec<Vec<&str>> = said
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(
            words[1],
            ["#7", "Mend", "[31mit", "$1.50", "1,234", "0", "0", "0"]
        );
        assert_eq!(words[2], ["proposals", "unknown", "1,234", "0", "0", "0"]);
        assert_eq!(
            words[3],
            ["All", "at", "least", "$1.50", "1,234", "0", "0", "0"]
        );
        assert!(said.contains("\n2 more cost less"), "{said}");
        assert!(
            said.ends_with("\n\n$1.50 of $5.00 today, $3.50 left\n"),
            "{said}"
        );
        let nothing = Cost {
            today: Today {
                spent: Spent {
                    is_cost_known: true,
                    ..Spent::default()
                },
                ..Today::default()
            },
            ..Cost::default()
        };
        assert_eq!(text(&nothing), "Nothing was used.\n$0.00 today\n");
    }
}
