//! What only the human says about a ticket: the answer to a question, yes or no to a proposal or a
//! held landing, and whether a check passed.

use rusqlite::{OptionalExtension, named_params};

use super::{Write, attempts, blockers, comments, events, landings, session, tickets};
use crate::actor::Actor;
use crate::attempt::Outcome;
use crate::comment::NewComment;
use crate::error::{Error, Result};
use crate::status::{Move, Status};
use crate::ticket::{HUMAN, MAX_TITLE, NewTicket, Resolution, Ticket, TicketType};
use crate::wire::Failed;

const FIX: &str = "Fix: ";
const VERIFY_AGAIN: &str = "Re-verify: ";

/// Finishes a ticket by hand, together with whatever was under way on it.
pub fn finish(tx: &Write<'_>, actor: &Actor, id: i64, resolution: Resolution) -> Result<()> {
    tickets::get(tx, id)?.status.after(Move::Finish)?;
    attempts::end_from_outside(
        tx,
        actor,
        id,
        Outcome::Cancelled,
        "the ticket was finished by hand",
    )?;
    tickets::finish(tx, id, resolution)?;
    events::append(tx, actor, Some(id), "done", Some(resolution.as_str()))
}

/// A comment, and done. A ticket that went to the human because agents could not do it is theirs
/// again, with the answer in its comments and nothing held against it.
pub fn answer(tx: &Write<'_>, actor: &Actor, id: i64, body: &str) -> Result<()> {
    let ticket = tickets::get(tx, id)?;
    if is_quarantined(tx, &ticket)? {
        comments::add(tx, actor, id, HUMAN, &NewComment::new(body))?;
        return session::release(tx, actor, id);
    }
    if ticket.kind != TicketType::Question && ticket.assigned_to.as_deref() != Some(HUMAN) {
        return Err(Error::Refused(format!(
            "ticket {id} is a {} and does not wait for you: use 'ticket comment'",
            ticket.kind
        )));
    }
    comments::add(tx, actor, id, HUMAN, &NewComment::new(body))?;
    finish(tx, actor, id, Resolution::Answered)
}

/// Whether the ticket is the human's because agents could not do it.
fn is_quarantined(tx: &Write<'_>, ticket: &Ticket) -> Result<bool> {
    if ticket.kind != TicketType::Task
        || ticket.status != Status::Open
        || ticket.assigned_to.as_deref() != Some(HUMAN)
    {
        return Ok(false);
    }
    let mut query = tx.prepare_cached(
        "SELECT action FROM activity_log
         WHERE ticket_id = :id AND action IN ('quarantined', 'claimed', 'unclaimed')
         ORDER BY id DESC LIMIT 1",
    )?;
    let last: Option<String> = query
        .query_row(named_params! { ":id": ticket.id }, |row| row.get(0))
        .optional()?;
    Ok(last.as_deref() == Some("quarantined"))
}

/// A proposal becomes an open, unassigned task; a held landing may land; that nothing had to change is
/// so.
pub fn approve(tx: &Write<'_>, actor: &Actor, id: i64) -> Result<()> {
    let ticket = tickets::get(tx, id)?;
    if let Some(landing) = landings::live(tx, id)? {
        return landings::approve(tx, actor, &landing);
    }
    if waits_for_no_change(tx, &ticket)? {
        return finish(tx, actor, id, Resolution::NoChange);
    }
    must_be_proposal(&ticket, "approve")?;
    attempts::end_from_outside(
        tx,
        actor,
        id,
        Outcome::Released,
        "the proposal was approved",
    )?;
    tickets::apply(tx, id, Move::Release)?;
    tx.execute(
        "UPDATE tickets SET type = 'task', assigned_to = NULL WHERE id = :id",
        named_params! { ":id": id },
    )?;
    events::append(tx, actor, Some(id), "approved", None)
}

/// A proposal is done, and not wanted; a held landing goes back to its agent; a ticket of which an
/// agent said that nothing has to change is tried again, with the reason in its comments.
pub fn reject(tx: &Write<'_>, actor: &Actor, id: i64, reason: &str) -> Result<()> {
    let ticket = tickets::get(tx, id)?;
    if let Some(landing) = landings::live(tx, id)? {
        return landings::bounce(tx, actor, &landing, reason, None);
    }
    if waits_for_no_change(tx, &ticket)? {
        comments::add(tx, actor, id, HUMAN, &NewComment::new(reason))?;
        tickets::apply(tx, id, Move::Release)?;
        return events::append(tx, actor, Some(id), "unclaimed", None);
    }
    must_be_proposal(&ticket, "reject")?;
    comments::add(tx, actor, id, HUMAN, &NewComment::new(reason))?;
    finish(tx, actor, id, Resolution::Rejected)
}

/// Nobody needs it any more.
pub fn cancel(tx: &Write<'_>, actor: &Actor, id: i64, reason: Option<&str>) -> Result<()> {
    tickets::get(tx, id)?.status.after(Move::Finish)?;
    if let Some(reason) = reason {
        comments::add(tx, actor, id, HUMAN, &NewComment::new(reason))?;
    }
    finish(tx, actor, id, Resolution::Cancelled)
}

/// Makes the ticket that goes on with a done one. Who waited for the old one waits no more.
pub fn reopen(tx: &Write<'_>, actor: &Actor, id: i64, reason: &str) -> Result<i64> {
    let done = tickets::get(tx, id)?;
    let Some(resolution) = done.resolution.filter(|_| done.status == Status::Done) else {
        return Err(Error::Refused(format!(
            "ticket {id} is {}, not done: 'ticket retry {id}' has a failed task tried again, \
             'ticket unclaim {id}' takes it from its agent",
            done.status
        )));
    };
    let told = match &done.description {
        Some(description) => format!("{description}\n\n"),
        None => String::new(),
    };
    let kind = match done.kind {
        TicketType::Proposal => TicketType::Task,
        kind => kind,
    };
    let again = NewTicket {
        title: done.title,
        description: Some(format!(
            "{told}Ticket #{id} was done ({}) and is taken up again: {reason}",
            resolution.as_str()
        )),
        parent: done.parent_id,
        priority: Some(done.priority),
        labels: done.labels,
        assign: kind.is_for_human().then(|| HUMAN.into()),
        ..NewTicket::default()
    };
    again.check()?;
    NewComment::new(reason).check()?;
    let new = tickets::insert(tx, actor, &again, kind)?;
    let comment = NewComment::new(&format!("Taken up again as #{new}: {reason}"));
    comments::add(tx, actor, id, HUMAN, &comment)?;
    events::append(tx, actor, Some(id), "reopened", Some(&new.to_string()))?;
    Ok(new)
}

/// Refuses what no agent has failed at, or what waits for an answer.
pub fn must_be_retriable(ticket: &Ticket) -> Result<()> {
    let id = ticket.id;
    let instead = match (ticket.status, ticket.kind) {
        (Status::Open, TicketType::Task) => return Ok(()),
        (Status::Open, _) if ticket.attempt > 0 => return Ok(()),
        (Status::Open, kind) => {
            return Err(Error::Refused(format!(
                "ticket {id} is a {kind}: it waits for what you say, not for an agent"
            )));
        }
        (Status::Done, _) => format!("'ticket reopen {id} \"WHY\"' makes one that goes on with it"),
        (Status::InProgress | Status::Ready, _) => {
            format!("'ticket unclaim {id}' takes it from its agent")
        }
    };
    Err(Error::Refused(format!(
        "ticket {id} is {}, so there is nothing to try again: {instead}",
        ticket.status
    )))
}

/// The check found nothing wrong.
pub fn pass(tx: &Write<'_>, actor: &Actor, id: i64, comment: Option<&str>) -> Result<()> {
    must_be_check(&tickets::get(tx, id)?, "pass")?;
    if let Some(comment) = comment {
        comments::add(tx, actor, id, HUMAN, &NewComment::new(comment))?;
    }
    finish(tx, actor, id, Resolution::Passed)
}

/// The check found something wrong: a ticket to fix it, one to check again, and whatever waited for
/// the old check waits for the new one too.
pub fn fail(tx: &Write<'_>, actor: &Actor, id: i64, reason: &str) -> Result<Failed> {
    let check = tickets::get(tx, id)?;
    must_be_check(&check, "fail")?;
    comments::add(tx, actor, id, HUMAN, &NewComment::new(reason))?;
    let follow_up = |title: String, description: String, by: Option<i64>| NewTicket {
        title,
        description: Some(description),
        parent: check.parent_id,
        priority: Some(check.priority),
        labels: check.labels.clone(),
        blocked_by: by.into_iter().collect(),
        ..NewTicket::default()
    };
    let subject = subject(&check.title);
    let fix = follow_up(
        title(FIX, subject),
        format!("Ticket #{id} ({}) failed:\n\n{reason}", check.title),
        None,
    );
    let fix = tickets::insert(tx, actor, &fix, TicketType::Task)?;
    let told = match &check.description {
        Some(description) => format!("{description}\n\n"),
        None => String::new(),
    };
    let again = NewTicket {
        assign: Some(HUMAN.into()),
        block_dependents_of: vec![id],
        ..follow_up(
            title(VERIFY_AGAIN, subject),
            format!("{told}Ticket #{id} failed: {reason}\nTicket #{fix} is to fix it."),
            Some(fix),
        )
    };
    let verify = tickets::insert(tx, actor, &again, TicketType::Verify)?;
    blockers::log_dependents(tx, actor, verify)?;
    finish(tx, actor, id, Resolution::Failed)?;
    Ok(Failed { fix, verify })
}

/// What a check is about: its title without what earlier failures put in front.
fn subject(title: &str) -> &str {
    let mut subject = title.trim();
    while let Some(rest) = subject
        .strip_prefix(VERIFY_AGAIN.trim_end())
        .or_else(|| subject.strip_prefix(FIX.trim_end()))
    {
        subject = rest.trim_start();
    }
    if subject.is_empty() { title } else { subject }
}

/// A title with something in front, cut where titles end.
fn title(prefix: &str, subject: &str) -> String {
    prefix
        .chars()
        .chain(subject.chars())
        .take(MAX_TITLE)
        .collect()
}

/// Whether an agent's word that nothing has to change waits for the human.
fn waits_for_no_change(tx: &Write<'_>, ticket: &Ticket) -> Result<bool> {
    let last = attempts::of(tx, ticket.id)?.pop();
    let said = last.and_then(|attempt| attempt.outcome) == Some(Outcome::NoChange);
    Ok(said && ticket.status == Status::Ready)
}

fn must_be_proposal(ticket: &Ticket, what: &str) -> Result<()> {
    if ticket.kind == TicketType::Proposal && ticket.status != Status::Done {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "cannot {what} ticket {}: it is a {} that is {}, not an open proposal, a held landing or one without change",
        ticket.id, ticket.kind, ticket.status
    )))
}

fn must_be_check(ticket: &Ticket, what: &str) -> Result<()> {
    if ticket.kind == TicketType::Verify && ticket.status != Status::Done {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "cannot {what} ticket {}: it is a {} that is {}, not an open verify ticket",
        ticket.id, ticket.kind, ticket.status
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_do_not_pile_up() {
        assert_eq!(subject("Re-verify: Re-verify: the menu"), "the menu");
        assert_eq!(title(VERIFY_AGAIN, subject("Re-verify: x")), "Re-verify: x");
        assert_eq!(
            title(FIX, subject("Verify the menu")),
            "Fix: Verify the menu"
        );
        assert_eq!(subject("Re-verify:"), "Re-verify:");
        assert_eq!(title(FIX, &"x".repeat(500)).chars().count(), 500);
    }
}
