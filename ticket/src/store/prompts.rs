//! What a prompt is made of: of a ticket that was claimed, and of one as a claim would make it.

use rusqlite::Connection;

use super::{Store, halts, landings, now, pauses, proposals, settings, tickets};
use crate::attempt::{Attempt, Outcome};
use crate::error::Result;
use crate::prompt::{Background, Finding, Kind, Material, Wanted, withheld};
use crate::status::Status;
use crate::ticket::TicketDetail;

/// What is known of a ticket, without what others found out.
pub fn background(conn: &Connection, ticket: TicketDetail) -> Result<Background> {
    let mut history = ticket.attempts.clone();
    history.retain(|a| a.outcome.is_some());
    let parent = ticket
        .ticket
        .parent_id
        .map(|p| tickets::get(conn, p))
        .transpose()?;
    let resolved_blockers = ticket
        .blocked_by
        .iter()
        .map(|b| tickets::detail(conn, *b))
        .collect::<Result<_>>()?;
    Ok(Background {
        ticket,
        parent,
        resolved_blockers,
        history,
        left: None,
        learnings: Vec::new(),
        learnings_left_out: 0,
    })
}

/// The commit to start from, and the conversation that goes on when the last attempt was this
/// agent's.
pub fn left_over(history: &[Attempt], agent: &str) -> (Option<String>, Option<String>) {
    let start_from = history.iter().rev().find_map(|a| a.snapshot.clone());
    let last = history.last().filter(|a| a.agent == agent);
    (start_from, last.and_then(|a| a.session_id.clone()))
}

impl Store {
    /// What the prompt that `wanted` names would be made of, if its agent claimed the ticket now.
    pub fn prompt_material(&self, wanted: &Wanted) -> Result<Material> {
        let Some(id) = wanted.subject()? else {
            return self.read(|conn| {
                Ok(Material {
                    known: proposals::known(conn)?,
                    withheld: halted(conn)?.map(|why| format!("claims are withheld: {why}")),
                    ..Material::default()
                })
            });
        };
        let (agent, kind) = (wanted.agent(), wanted.kind);
        self.read(|conn| {
            let mut detail = tickets::detail(conn, id)?;
            let waits_for = unfinished(conn, &detail)?;
            let halted = halted(conn)?;
            let withheld = withheld(&detail.ticket, &waits_for, halted.as_deref(), now());
            detail.ticket.status = Status::InProgress;
            detail.ticket.assigned_to = Some(agent.to_owned());
            detail.ticket.attempt += 1;
            let mut background = background(conn, detail)?;
            (background.learnings, background.learnings_left_out) =
                self.learnings_for_prompt(&background.about())?;
            let (start_from, resume) = left_over(&background.history, agent);
            let finding = finding(conn, kind, &background)?;
            Ok(Material {
                background: Some(background),
                start_from,
                resumed: resume.is_some(),
                finding,
                withheld,
                known: Vec::new(),
            })
        })
    }
}

/// The tickets that this one waits for: its blockers, and its children where it waits for those.
fn unfinished(conn: &Connection, detail: &TicketDetail) -> Result<Vec<i64>> {
    let children = match detail.ticket.wait_for_children {
        true => detail.children.as_slice(),
        false => &[],
    };
    let mut open = Vec::new();
    for id in detail.blocked_by.iter().chain(children) {
        if tickets::get(conn, *id)?.status != Status::Done {
            open.push(*id);
        }
    }
    Ok(open)
}

fn halted(conn: &Connection) -> Result<Option<String>> {
    if let Some(reason) = settings::get(conn, pauses::KEY)? {
        return Ok(Some(reason));
    }
    Ok(halts::current(conn)?.as_ref().map(halts::sentence))
}

/// What came back at last in the way that `kind` hands back.
fn finding(conn: &Connection, kind: Kind, background: &Background) -> Result<Option<Finding>> {
    let ended_as = |outcome| {
        let last = background
            .history
            .iter()
            .rfind(|a| a.outcome == Some(outcome));
        last.map(|a| Finding {
            reason: a.reason.clone(),
            log: a.log_tail.clone(),
            ..Finding::default()
        })
    };
    Ok(match kind {
        Kind::Work | Kind::Propose => None,
        Kind::VerifyFailed => ended_as(Outcome::VerifyRed),
        Kind::Conflict => ended_as(Outcome::Conflict),
        Kind::Bounced => landings::last_bounce(conn, background.ticket.ticket.id)?,
    })
}
