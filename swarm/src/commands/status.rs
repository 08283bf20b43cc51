//! `swarm status`: what happened since the last start, what waits for the human, and what everybody
//! does now; with or without a running hub.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use swarm::follow::follow;
use swarm::hub::Down;
use swarm::{Project, hub};
use ticket::client::Client;
use ticket::filter::LogFilter;
use ticket::shift::{FailedAttempt, Shift};
use ticket::text::{beginning, one_line};
use ticket::wire::{Role, SwarmStatus};
use ticket::{Queue, Status};

use super::{count, database, runtime, table};

/// Makes room on the terminal; what was printed before can still be scrolled to.
const CLEAR: &str = "\x1b[2J";
/// To the top of the terminal.
const HOME: &str = "\x1b[H";
/// Erases the rest of a line.
const REST_OF_LINE: &str = "\x1b[K";
/// Erases everything below.
const BELOW: &str = "\x1b[J";

/// How often a terminal is drawn over when nothing happens: limits end, containers vanish, days begin.
const REDRAW: Duration = Duration::from_secs(5);

/// How many rows of each part of the report are shown: one screen for all of it. JSON has more.
const SHOWN: usize = 8;
/// How many characters of a title or a reason are shown.
const WIDTH: usize = 70;

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    state: State,
    running: bool,
    url: Option<String>,
    /// What has become of a hub that nobody stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    down: Option<Down>,
    #[serde(flatten)]
    swarm: Option<SwarmStatus>,
    /// Only when no hub runs: else the hub's own are in `swarm`.
    #[serde(rename = "tickets", skip_serializing_if = "Option::is_none")]
    stored: Option<BTreeMap<String, u64>>,
    shift: Shift,
}

/// Whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// Nothing hinders the swarm, and nothing waits for the human.
    Well,
    /// Something waits for the human.
    NeedsYou,
    /// Something hinders the swarm.
    Hindered,
    /// No hub runs.
    Stopped,
    /// The hub ended without being told to.
    Down,
}

impl State {
    fn of(problems: &[String], shift: &Shift) -> State {
        match (problems.is_empty(), shift.waiting.is_empty()) {
            (false, _) => State::Hindered,
            (true, false) => State::NeedsYou,
            (true, true) => State::Well,
        }
    }
}

pub fn run(project: &Project, since: Option<i64>, json: bool, watch: bool) -> Result<()> {
    let redraws = watch && !json && std::io::stdout().is_terminal();
    if redraws {
        print!("{CLEAR}");
    }
    show(project, since, json, redraws)?;
    if !watch {
        return Ok(());
    }
    let after = match hub::client(project)?.log(&LogFilter::newest())?.first() {
        Some(event) => event.id,
        None => 0,
    };
    let events = events(project, after);
    loop {
        match events.recv_timeout(REDRAW) {
            Ok(event) => {
                event?;
                show(project, since, json, redraws)?;
            }
            Err(RecvTimeoutError::Timeout) if redraws => show(project, since, json, redraws)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Word of each event, while somebody listens.
fn events(project: &Project, after: i64) -> Receiver<ticket::Result<()>> {
    let (tell, told) = mpsc::sync_channel(1);
    let project = project.clone();
    thread::spawn(move || {
        for event in follow(&project, after) {
            if tell.send(event.map(drop)).is_err() {
                return;
            }
        }
    });
    told
}

/// Prints the status once.
fn show(project: &Project, since: Option<i64>, json: bool, redraws: bool) -> Result<()> {
    let report = report(project, since)?;
    match (json, redraws) {
        (true, _) => println!("{}", serde_json::to_string(&report)?),
        (false, false) => print!("{}", text(&report)),
        (false, true) => {
            let (rows, _) = console::Term::stdout().size();
            print!("{}", redrawn(&text(&report), usize::from(rows)));
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}

/// The text over what the terminal shows, as much of it as has room.
fn redrawn(text: &str, rows: usize) -> String {
    let room = rows.saturating_sub(2).max(1);
    let mut out = HOME.to_owned();
    for line in text.lines().take(room) {
        out.push_str(&format!("{line}{REST_OF_LINE}\n"));
    }
    if text.lines().count() > room {
        out.push_str(&format!("…{REST_OF_LINE}\n"));
    }
    out + BELOW
}

/// The same as text, for the end of something that failed.
pub fn print_to_stderr(project: &Project) -> Result<()> {
    eprint!("{}", text(&report(project, None)?));
    Ok(())
}

fn report(project: &Project, since: Option<i64>) -> Result<Report> {
    let Some(file) = hub::hub_file(project) else {
        return stored(project, since, None);
    };
    let client = Client::new(&file.url, &file.token)?;
    let asked = client
        .status()
        .and_then(|swarm| Ok((swarm, client.shift(since)?)));
    match asked {
        Ok((swarm, shift)) => Ok(Report {
            state: State::of(&swarm.problems, &shift),
            running: true,
            swarm: Some(swarm),
            url: Some(file.url),
            down: None,
            stored: None,
            shift,
        }),
        // A hub that was killed leaves its file behind, but not its lock.
        Err(error @ ticket::Error::Unavailable(_)) => {
            match runtime()?.block_on(hub::down(project))? {
                Some(down) => stored(project, since, Some(down)),
                None => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// What the database says while nobody else has it open.
fn stored(project: &Project, since: Option<i64>, down: Option<Down>) -> Result<Report> {
    let (_lock, store) = database(project)?;
    Ok(Report {
        state: match down {
            Some(_) => State::Down,
            None => State::Stopped,
        },
        running: false,
        url: None,
        down,
        swarm: None,
        stored: Some(store.status_counts()?),
        shift: store.shift(since)?,
    })
}

fn text(report: &Report) -> String {
    let Some(swarm) = &report.swarm else {
        let state = match report.down {
            Some(down) => format!("! {down}\nThis is from the database."),
            None => "The swarm is not running.".into(),
        };
        let tickets = report.stored.clone().unwrap_or_default();
        let shift = shift(&report.shift);
        return format!("{state}\nTickets: {}\n{shift}", counts(&tickets));
    };
    let mut out = format!(
        "{} at {}: {}\n'{}' is at {:.10}. Tickets: {}\n",
        one_line(&swarm.project),
        report.url.as_deref().unwrap_or_default(),
        sentence(report.state, swarm, &report.shift),
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

/// Whether it is well and what it does, in a few words.
fn sentence(state: State, swarm: &SwarmStatus, shift: &Shift) -> String {
    let busy = ["working", "proposing"];
    let workers = || {
        let agents = swarm.agents.iter();
        agents.filter(|agent| agent.role == Role::Worker)
    };
    let at_work = workers().filter(|agent| busy.contains(&agent.state.as_str()));
    let (at_work, all) = (at_work.count(), workers().count());
    let how = match state {
        State::Hindered => "something hinders it (see !)".to_owned(),
        State::NeedsYou => format!("{} for you", count(shift.waiting.len(), "thing")),
        State::Well | State::Stopped | State::Down => "all is well".to_owned(),
    };
    format!("{how}, {at_work} of {all} agents at work")
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
    let restarts = shift.hub_restarts.iter().cloned();
    let header = "The hub crashed, and was there again (UTC)";
    out.push_str(&part(header, shift.hub_restart_count, restarts));
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
    let mut table = table::table(["Agent", "State", "Ticket", "Phase"]);
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
    format!("\n{}", table::text(&table))
}

fn landings(swarm: &SwarmStatus) -> String {
    let mut table = table::table(["Landing", "State", "Ticket", "Title"]);
    for landing in &swarm.landings {
        table.add_row([
            landing.id.to_string(),
            landing.state.as_str().into(),
            format!("#{}", landing.ticket_id),
            one_line(&landing.title),
        ]);
    }
    format!("\n{}", table::text(&table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_the_worst_there_is() {
        let waits = ticket::shift::Shift {
            waiting: Vec::new(),
            ..Shift::default()
        };
        assert_eq!(State::of(&[], &waits), State::Well);
        assert_eq!(State::of(&["x".into()], &waits), State::Hindered);
    }

    #[test]
    fn a_screen_is_drawn_over_and_never_scrolls() {
        let drawn = redrawn("a\nb\n", 24);
        assert_eq!(drawn, "\u{1b}[Ha\u{1b}[K\nb\u{1b}[K\n\u{1b}[J");
        let long = "x\n".repeat(100);
        let drawn = redrawn(&long, 10);
        assert_eq!(drawn.lines().count(), 10);
        assert!(drawn.contains('…'));
    }
}
