//! `swarm logs --landing`: where a landing stands, why, and the end of the log that decided it.

use anyhow::Result;
use swarm::{Project, hub};
use ticket::landing::Landing;
use ticket::text::{one_line, plain};

use super::database;

/// How long the hub may keep a question open, in seconds.
const WAIT: u64 = 20;

pub fn run(project: &Project, id: i64, follow: bool) -> Result<()> {
    let mut shown = String::new();
    loop {
        let landing = find(project, id, if shown.is_empty() { 0 } else { WAIT })?;
        let text = text(&landing);
        if text != shown {
            print!("{text}");
            shown = text;
        }
        if !follow || landing.finished_at.is_some() || hub::hub_file(project).is_none() {
            return Ok(());
        }
    }
}

/// From the hub, which may wait until it is decided; from the database when none runs.
fn find(project: &Project, id: i64, wait: u64) -> Result<Landing> {
    if hub::hub_file(project).is_some() {
        return Ok(hub::client(project)?.landing(id, wait)?);
    }
    let (_lock, store) = database(project)?;
    Ok(store.landing(id)?)
}

fn text(landing: &Landing) -> String {
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
    if let Some(log) = &landing.log_tail {
        out.push_str(&plain(log));
        if !log.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}
