//! `swarm status`: the swarm at a glance, with or without a running hub.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use swarm::follow::follow;
use swarm::{Project, hub};
use ticket::client::Client;
use ticket::filter::LogFilter;
use ticket::text::one_line;
use ticket::wire::SwarmStatus;
use ticket::{Queue, Status, Store};

/// Clears the terminal and goes to its top.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    running: bool,
    url: Option<String>,
    #[serde(flatten)]
    swarm: Option<SwarmStatus>,
    /// Only when no hub runs: else the hub's own are in `swarm`.
    #[serde(rename = "tickets", skip_serializing_if = "Option::is_none")]
    stored: Option<BTreeMap<String, u64>>,
}

pub fn run(project: &Project, json: bool, watch: bool) -> Result<()> {
    show(project, json)?;
    if !watch {
        return Ok(());
    }
    let after = match hub::client(project)?.log(&LogFilter::newest())?.first() {
        Some(event) => event.id,
        None => 0,
    };
    for event in follow(project, after) {
        event?;
        if std::io::stdout().is_terminal() && !json {
            print!("{CLEAR}");
        }
        show(project, json)?;
    }
    Ok(())
}

/// Prints the status once.
pub fn show(project: &Project, json: bool) -> Result<()> {
    let report = report(project)?;
    match json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{}", text(&report)),
    }
    Ok(())
}

/// The same as text, for the end of something that failed.
pub fn print_to_stderr(project: &Project) -> Result<()> {
    eprint!("{}", text(&report(project)?));
    Ok(())
}

fn report(project: &Project) -> Result<Report> {
    let Some(file) = hub::hub_file(project) else {
        return Ok(Report {
            running: false,
            url: None,
            swarm: None,
            stored: Some(Store::open(&project.database())?.status_counts()?),
        });
    };
    let client = Client::new(&file.url, &file.token)?;
    Ok(Report {
        running: true,
        swarm: Some(client.status()?),
        url: Some(file.url),
        stored: None,
    })
}

fn text(report: &Report) -> String {
    let Some(swarm) = &report.swarm else {
        let tickets = report.stored.clone().unwrap_or_default();
        return format!("The swarm is not running.\nTickets: {}\n", counts(&tickets));
    };
    let mut out = format!(
        "{} at {}, '{}' is at {:.10}\nTickets: {}\n",
        one_line(&swarm.project),
        report.url.as_deref().unwrap_or_default(),
        swarm.base.branch,
        swarm.base.commit,
        counts(&swarm.tickets)
    );
    for problem in &swarm.problems {
        out.push_str(&format!("! {}\n", one_line(problem)));
    }
    out.push_str(&agents(swarm));
    if !swarm.landings.is_empty() {
        out.push_str(&landings(swarm));
    }
    out
}

/// In the order of a ticket's life.
fn counts(tickets: &BTreeMap<String, u64>) -> String {
    let words = Status::ALL.map(|status| {
        let number = tickets.get(status.as_str()).copied().unwrap_or(0);
        format!("{number} {status}")
    });
    words.join(", ")
}

fn agents(swarm: &SwarmStatus) -> String {
    let mut table = table(["Agent", "State", "Ticket", "Phase"]);
    for agent in &swarm.agents {
        let ticket = match (agent.ticket, agent.attempt) {
            (Some(ticket), Some(attempt)) => format!("#{ticket} attempt {attempt}"),
            (Some(ticket), None) => format!("#{ticket}"),
            (None, _) => "-".into(),
        };
        table.add_row([
            one_line(&agent.name),
            one_line(&agent.state),
            ticket,
            one_line(agent.phase.as_deref().unwrap_or("-")),
        ]);
    }
    lines(&table)
}

fn landings(swarm: &SwarmStatus) -> String {
    let mut table = table(["Landing", "State", "Ticket", "Title"]);
    for landing in &swarm.landings {
        table.add_row([
            landing.id.to_string(),
            landing.state.as_str().into(),
            format!("#{}", landing.ticket_id),
            one_line(&landing.title),
        ]);
    }
    lines(&table)
}

fn table(header: [&str; 4]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    table
}

fn lines(table: &Table) -> String {
    let lines = table.lines().map(|line| format!("{}\n", line.trim()));
    format!("\n{}", lines.collect::<String>())
}
