//! `swarm logs --landing`: where a landing stands and why, what verify.sh prints for it while it is
//! verified, and the end of the log that decided it.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

use anyhow::Result;
use swarm::follow::{RETRY, TRIES};
use swarm::{Project, hub};
use ticket::landing::Landing;
use ticket::text::{one_line, plain};
use ticket::{Error, moment};

use super::database;
use crate::cli::Logs;

/// How long the hub may keep a question open, in seconds.
const WAIT: u64 = 20;
/// The longest line that is printed as one.
const LONGEST: u64 = 64 << 10;
/// How long to wait before a log is asked for again that ended early.
const AGAIN: Duration = Duration::from_secs(1);

pub fn run(project: &Project, id: i64, wanted: &Logs) -> Result<()> {
    let mut said = String::new();
    let mut was_printed = false;
    let mut wait = 0;
    loop {
        let tries = if wanted.follow { TRIES } else { 0 };
        let landing = find(project, id, wait, tries)?;
        let text = heading(&landing);
        if text != said {
            write(&text)?;
            said = text;
        }
        if landing.finished_at.is_some() || hub::hub_file(project).is_none() {
            return match was_printed {
                true => Ok(()),
                false => write(&kept(&landing, wanted)),
            };
        }
        let log = hub::client(project)?.landing_log(id, wanted.follow, wanted.tail, wanted.since);
        let printed = log.map(print);
        match printed {
            Ok(printed) => was_printed |= printed?,
            // A hub without containers has no log, one that is being started again none yet.
            Err(Error::Refused(_) | Error::Unavailable(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if !wanted.follow {
            return match was_printed {
                true => Ok(()),
                false => write(&kept(&landing, wanted)),
            };
        }
        // It is settled, or the hub went away, or there is no log.
        std::thread::sleep(AGAIN);
        wait = WAIT;
    }
}

/// From the hub, which may wait until it is settled; from the database when none runs. A hub that does
/// not answer is asked again so often.
fn find(project: &Project, id: i64, wait: u64, tries: u32) -> Result<Landing> {
    let mut tried = 0;
    loop {
        if hub::hub_file(project).is_none() {
            let (_lock, store) = database(project)?;
            return Ok(store.landing(id)?);
        }
        match hub::client(project)?.landing(id, wait) {
            Err(Error::Unavailable(_)) if tried < tries => tried += 1,
            answer => return Ok(answer?),
        }
        std::thread::sleep(RETRY);
    }
}

/// Prints a log as it comes; says whether there was any of it. It may end early with its hub.
fn print(log: impl Read) -> Result<bool> {
    let mut log = BufReader::new(log);
    let mut line = Vec::new();
    let mut was_printed = false;
    while let Ok(1..) = log.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
        // What verify.sh prints must not control the terminal.
        write(&plain(&String::from_utf8_lossy(&line)))?;
        was_printed = true;
        line.clear();
    }
    Ok(was_printed)
}

fn write(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn heading(landing: &Landing) -> String {
    let mut out = format!(
        "landing {}: #{} attempt {} of {}: {}\n{}, submitted {} UTC\n",
        landing.id,
        landing.ticket_id,
        landing.attempt,
        one_line(&landing.agent),
        one_line(&landing.title),
        landing.state.as_str(),
        landing.submitted_at
    );
    if let Some(at) = &landing.finished_at {
        out.push_str(&format!("ended {at} UTC\n"));
    }
    if let Some(reason) = &landing.reason {
        out.push_str(&format!("{}\n", one_line(reason)));
    }
    out
}

/// The end of the log that decided it, when that was since the moment that is wanted.
fn kept(landing: &Landing, wanted: &Logs) -> String {
    let since = wanted.since.and_then(moment::text).unwrap_or_default();
    let is_wanted = landing.finished_at.as_ref().is_none_or(|at| *at >= since);
    let log = landing.log_tail.as_deref().filter(|_| is_wanted);
    let log = plain(log.unwrap_or_default());
    let lines: Vec<&str> = log.lines().collect();
    let most = wanted.tail.map_or(lines.len(), |tail| {
        usize::try_from(tail).unwrap_or(usize::MAX)
    });
    let first = lines.len().saturating_sub(most);
    lines[first..]
        .iter()
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use ticket::landing::LandingState;

    use super::*;

    #[test]
    fn the_log_is_cut_to_what_is_wanted() {
        let landing = Landing {
            id: 1,
            ticket_id: 2,
            attempt: 1,
            priority: 2,
            title: "t".into(),
            agent: "agent-1".into(),
            commit_id: "c".into(),
            candidate: None,
            state: LandingState::Bounced,
            approved_by: None,
            summary: None,
            reason: None,
            log_tail: Some("a\nb\u{1b}\nc".into()),
            submitted_at: "2030-01-31 08:00:00".into(),
            finished_at: Some("2030-01-31 09:00:00".into()),
        };
        let wanted = |tail, since: Option<&str>| Logs {
            tail,
            since: since.map(|at| moment::parse(at, 0).unwrap()),
            ..Logs::default()
        };
        for (wanted, expected) in [
            (wanted(None, None), "a\nb\nc\n"),
            (wanted(Some(2), None), "b\nc\n"),
            (wanted(Some(0), None), ""),
            (wanted(None, Some("2030-01-31 09:00:00")), "a\nb\nc\n"),
            (wanted(None, Some("2030-01-31 09:00:01")), ""),
        ] {
            assert_eq!(kept(&landing, &wanted), expected);
        }
    }
}
