//! `swarm status`: what happened since the last start, what waits for the human, and what everybody
//! does now; with or without a running hub.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use anyhow::{Result, bail};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use swarm::follow::follow;
use swarm::{Project, hub};
use ticket::client::Client;
use ticket::filter::LogFilter;
use ticket::shift::{FailedAttempt, Shift};
use ticket::store::lock::HubLock;
use ticket::text::{beginning, one_line};
use ticket::wire::SwarmStatus;
use ticket::{Queue, Status, Store};

use super::count;

/// Clears the terminal and goes to its top.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// How many rows of each part of the report are shown: one screen for all of it. JSON has more.
const SHOWN: usize = 8;
/// How many characters of a title or a reason are shown.
const WIDTH: usize = 70;

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
    shift: Shift,
    /// The hub ended without being told to.
    #[serde(skip)]
    is_down: bool,
}

pub fn run(project: &Project, since: Option<i64>, json: bool, watch: bool) -> Result<()> {
    show(project, since, json)?;
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
        show(project, since, json)?;
    }
    Ok(())
}

/// Prints the status once.
fn show(project: &Project, since: Option<i64>, json: bool) -> Result<()> {
    let report = report(project, since)?;
    match json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{}", text(&report)),
    }
    Ok(())
}

/// The same as text, for the end of something that failed.
pub fn print_to_stderr(project: &Project) -> Result<()> {
    eprint!("{}", text(&report(project, None)?));
    Ok(())
}

fn report(project: &Project, since: Option<i64>) -> Result<Report> {
    let Some(file) = hub::hub_file(project) else {
        return stored(project, since, false);
    };
    let client = Client::new(&file.url, &file.token)?;
    let asked = client
        .status()
        .and_then(|swarm| Ok((swarm, client.shift(since)?)));
    match asked {
        Ok((swarm, shift)) => Ok(Report {
            running: true,
            swarm: Some(swarm),
            url: Some(file.url),
            stored: None,
            shift,
            is_down: false,
        }),
        // A hub that was killed leaves its file behind, but not its lock.
        Err(ticket::Error::Unavailable(_)) if HubLock::shared(&project.hub_lock())?.is_some() => {
            stored(project, since, true)
        }
        Err(error) => Err(error.into()),
    }
}

/// What the database says while nobody else has it open.
fn stored(project: &Project, since: Option<i64>, is_down: bool) -> Result<Report> {
    let Some(_lock) = HubLock::shared(&project.hub_lock())? else {
        bail!("the hub is starting or ending: try again");
    };
    let store = Store::open(&project.database())?;
    Ok(Report {
        running: false,
        url: None,
        swarm: None,
        stored: Some(store.status_counts()?),
        shift: store.shift(since)?,
        is_down,
    })
}

fn text(report: &Report) -> String {
    let Some(swarm) = &report.swarm else {
        let state = match report.is_down {
            true => "The hub is down, although nobody stopped it: this is from the database.",
            false => "The swarm is not running.",
        };
        let tickets = report.stored.clone().unwrap_or_default();
        let shift = shift(&report.shift);
        return format!("{state}\nTickets: {}\n{shift}", counts(&tickets));
    };
    let mut out = format!(
        "{} at {}, '{}' is at {:.10}\nTickets: {}\n",
        one_line(&swarm.project),
        report.url.as_deref().unwrap_or_default(),
        swarm.base.branch,
        swarm.base.commit,
        counts(&swarm.tickets)
    );
    if let Some(today) = &swarm.cost {
        out.push_str(&format!("Cost: {}\n", today.sentence()));
    }
    for problem in &swarm.problems {
        out.push_str(&format!("! {}\n", one_line(problem)));
    }
    out.push_str(&shift(&report.shift));
    out.push_str(&agents(swarm));
    if !swarm.landings.is_empty() {
        out.push_str(&landings(swarm));
    }
    out
}

/// The report of what happened; one line when nothing did.
fn shift(shift: &Shift) -> String {
    let failed: u64 = shift.failed_counts.values().sum();
    let mut out = format!(
        "Since {} UTC: {} landed, {} failed, {} for you\n",
        shift.since,
        shift.landed_count,
        count(usize::try_from(failed).unwrap_or(usize::MAX), "attempt"),
        shift.waiting.len()
    );
    let landed = shift.landed.iter().map(|landed| {
        let title = short(&landed.title);
        format!("#{} {title} ({})", landed.ticket, landed.at)
    });
    out.push_str(&part("Landed", shift.landed_count, landed));
    let reasons: Vec<String> = shift
        .failed_counts
        .iter()
        .map(|(outcome, number)| format!("{number} {}", one_line(outcome)))
        .collect();
    let attempts = shift.failed.iter().map(|attempt| {
        let reason = short(attempt.reason.as_deref().unwrap_or("no reason given"));
        let FailedAttempt {
            ticket,
            attempt: number,
            outcome,
            ..
        } = attempt;
        format!("#{ticket} attempt {number}: {outcome}: {reason}")
    });
    let header = format!("Failed: {}", reasons.join(", "));
    out.push_str(&part(&header, failed, attempts));
    let waiting = shift.waiting.iter().map(|waiting| {
        let (wanted, title) = (waiting.wanted.as_str(), short(&waiting.title));
        format!(
            "#{} {wanted}: {title}\n    {}",
            waiting.ticket,
            waiting.command()
        )
    });
    out.push_str(&part("For you", shift.waiting.len() as u64, waiting));
    let interruptions = shift.interruptions.iter().rev().map(|interruption| {
        let why = one_line(&interruption.why);
        let since = interruption.since.as_deref().unwrap_or("before");
        match &interruption.until {
            Some(until) => format!("{since} to {until}: {why}"),
            None => format!("{since} till now: {why}"),
        }
    });
    let number = shift.interruptions.len() as u64;
    out.push_str(&part("Interruptions (UTC)", number, interruptions));
    out
}

/// A header and some lines, or nothing when there are none.
fn part(header: &str, number: u64, lines: impl Iterator<Item = String>) -> String {
    let shown: Vec<String> = lines
        .take(SHOWN)
        .map(|line| format!("  {line}\n"))
        .collect();
    if shown.is_empty() {
        return String::new();
    }
    let more = match number.saturating_sub(shown.len() as u64) {
        0 => String::new(),
        more => format!("  … and {more} more\n"),
    };
    format!("\n{header}\n{}{more}", shown.concat())
}

/// The beginning of somebody's words, on one line.
fn short(words: &str) -> String {
    beginning(&one_line(words), WIDTH)
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
