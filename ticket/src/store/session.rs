//! The queue as one actor may use it, on the database file.

use super::{
    ClaimPolicy, Store, Write, attempts, blockers, claim, comments, events, landings, proposals,
    tickets,
};
use crate::actor::Actor;
use crate::attempt::Outcome;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::queue::Queue;
use crate::status::Move;
use crate::ticket::{
    Comment, Filter, HUMAN, NewTicket, Resolution, Ticket, TicketChange, TicketDetail, TicketType,
};
use crate::wire::Claimed;

/// The lease of a claim made by hand or by a script, which sends no heartbeats.
const CLI_LEASE_SECONDS: i64 = 24 * 60 * 60;

/// One actor's view of the queue.
pub struct Session<'a> {
    store: &'a mut Store,
    actor: Actor,
}

impl<'a> Session<'a> {
    pub(super) fn new(store: &'a mut Store, actor: Actor) -> Session<'a> {
        Session { store, actor }
    }
}

impl Queue for Session<'_> {
    fn create(&mut self, new: &NewTicket) -> Result<i64> {
        new.check()?;
        let actor = &self.actor;
        self.store.write(|tx| {
            let kind = match actor {
                Actor::Proposer { .. } => TicketType::Proposal,
                _ => new.kind(),
            };
            if let Actor::Proposer { run, .. } = actor {
                let proposal = NewTicket {
                    assign: Some(HUMAN.into()),
                    blocked_by: Vec::new(),
                    block_dependents_of: Vec::new(),
                    ..new.clone()
                };
                let id = tickets::insert(tx, actor, &proposal, kind)?;
                proposals::bind(tx, *run, id)?;
                return Ok(id);
            }
            if let Some(who) = new
                .assign
                .as_deref()
                .filter(|w| *w != HUMAN && !w.is_empty())
            {
                actor.must_be_human(&format!("assign a ticket to {who}"))?;
            }
            for of in &new.block_dependents_of {
                let of = tickets::get(tx, *of)?;
                actor.must_own(of.id, &of.created_by, "block the dependents of")?;
            }
            tickets::insert(tx, actor, new, kind)
        })
    }

    fn update(&mut self, id: i64, change: &TicketChange) -> Result<()> {
        if change.is_empty() {
            return Err(Error::Usage(
                "nothing to update: name at least one of --title, --description, --assign, --status, --type, --priority".into(),
            ));
        }
        change.check()?;
        let actor = &self.actor;
        self.store.write(|tx| {
            let before = tickets::get(tx, id)?;
            actor.must_own(id, &before.created_by, "update")?;
            if change.assign.is_some() || change.status.is_some() {
                actor.must_be_human("change the assignee or status of a ticket")?;
                reassign(tx, actor, &before, change)?;
            }
            tx.execute(
                "UPDATE tickets SET title = coalesce(?2, title), description = coalesce(?3, description),
                        type = coalesce(?4, type), priority = coalesce(?5, priority),
                        updated_at = datetime('now')
                 WHERE id = ?1",
                rusqlite::params![
                    id, change.title, change.description,
                    change.kind.map(TicketType::as_str), change.priority
                ],
            )?;
            events::append(tx, actor, Some(id), "updated", Some(&fields_of(change)))
        })
    }

    fn list(&mut self, filter: &Filter) -> Result<Vec<Ticket>> {
        tickets::list(
            &self.store.conn,
            &filter.statuses()?,
            filter.assigned_to.as_deref(),
        )
    }

    fn count(&mut self, filter: &Filter) -> Result<u64> {
        tickets::count(
            &self.store.conn,
            &filter.statuses()?,
            filter.assigned_to.as_deref(),
        )
    }

    fn show(&mut self, id: i64) -> Result<TicketDetail> {
        self.store.read(|conn| tickets::detail(conn, id))
    }

    fn claim_next(&mut self, agent: &str) -> Result<Option<Claimed>> {
        self.actor.must_be_human("claim a ticket")?;
        if agent.trim().is_empty() || agent.chars().any(char::is_control) {
            return Err(Error::Invalid(
                "the agent's name cannot be empty or have control characters".into(),
            ));
        }
        let policy = ClaimPolicy {
            lease_seconds: CLI_LEASE_SECONDS,
            max_attempts: i64::MAX,
        };
        let claimed = self
            .store
            .write(|tx| claim::claim(tx, agent, policy, None))?;
        claimed
            .map(|id| {
                let detail = self.store.read(|conn| tickets::detail(conn, id))?;
                Ok(Claimed {
                    detail,
                    lease_seconds: policy.lease_seconds,
                })
            })
            .transpose()
    }

    fn comment(&mut self, id: i64, body: &str, author: Option<&str>) -> Result<()> {
        if body.trim().is_empty() {
            return Err(Error::Invalid("the comment cannot be empty".into()));
        }
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            actor.must_own(id, &ticket.created_by, "comment on")?;
            comments::add(tx, actor, id, actor.signs(author), body)
        })
    }

    fn comments(&mut self, id: i64) -> Result<Vec<Comment>> {
        tickets::get(&self.store.conn, id)?;
        comments::of(&self.store.conn, id)
    }

    fn complete(&mut self, id: i64) -> Result<()> {
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            if let Actor::Attempt { ticket: own, .. } = actor {
                if *own != id {
                    actor.must_own(id, "", "complete")?;
                }
                // An agent's word is a claim, not evidence: what counts is what it hands in.
                return events::append(tx, actor, Some(id), "completed", None);
            }
            actor.must_be_human("complete a ticket")?;
            ticket.status.after(Move::Submit)?;
            attempts::end_from_outside(tx, actor, id, Outcome::NeedsReview, "completed by hand")?;
            tickets::apply(tx, id, Move::Submit)?;
            events::append(tx, actor, Some(id), "completed", None)
        })
    }

    fn mark_done(&mut self, id: i64, resolution: Option<Resolution>) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("mark a ticket as done")?;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            finish(
                tx,
                actor,
                id,
                resolution.unwrap_or_else(|| Resolution::by_hand(ticket.kind)),
            )
        })
    }

    fn unclaim(&mut self, id: i64) -> Result<()> {
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            if let Actor::Attempt { ticket: own, .. } = actor
                && *own != id
            {
                actor.must_own(id, "", "release")?;
            }
            if matches!(actor, Actor::Proposer { .. }) {
                actor.must_be_human("release a ticket")?;
            }
            ticket.status.after(Move::Release)?;
            attempts::end_from_outside(
                tx,
                actor,
                id,
                Outcome::Released,
                &format!("released by {}", actor.name()),
            )?;
            tickets::apply(tx, id, Move::Release)?;
            events::append(tx, actor, Some(id), "unclaimed", None)
        })
    }

    fn block(&mut self, id: i64, by: i64) -> Result<()> {
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            tickets::get(tx, by)?;
            actor.must_own(id, &ticket.created_by, "block")?;
            ticket.status.after(Move::Release)?;
            blockers::must_not_cycle(tx, id, by)?;
            if !blockers::insert(tx, id, by)? {
                return Err(Error::Refused(format!(
                    "ticket {id} is already blocked by ticket {by}"
                )));
            }
            events::append(tx, actor, Some(id), "blocker_added", Some(&by.to_string()))?;
            attempts::release_for_blocker(tx, actor, &ticket, by)
        })
    }

    fn unblock(&mut self, id: i64, by: i64) -> Result<()> {
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            tickets::get(tx, by)?;
            actor.must_own(id, &ticket.created_by, "unblock")?;
            if !blockers::remove(tx, id, by)? {
                return Err(Error::Refused(format!(
                    "ticket {id} is not blocked by ticket {by}"
                )));
            }
            events::append(
                tx,
                actor,
                Some(id),
                "blocker_removed",
                Some(&by.to_string()),
            )
        })
    }

    fn log(&mut self, limit: u32) -> Result<Vec<Event>> {
        self.store.latest_events(limit)
    }

    fn answer(&mut self, id: i64, body: &str) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("answer a question")?;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            if ticket.kind != TicketType::Question && ticket.assigned_to.as_deref() != Some(HUMAN) {
                return Err(Error::Refused(format!(
                    "ticket {id} is a {} and does not wait for you: use 'ticket comment'",
                    ticket.kind
                )));
            }
            comments::add(tx, actor, id, HUMAN, body)?;
            finish(tx, actor, id, Resolution::Answered)
        })
    }

    fn approve(&mut self, id: i64) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("approve anything")?;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            if let Some(landing) = landings::live(tx, id)? {
                return landings::approve(tx, actor, &landing);
            }
            must_be_proposal(&ticket, "approve")?;
            tx.execute(
                "UPDATE tickets SET type = 'task', status = 'open', assigned_to = NULL,
                        updated_at = datetime('now')
                 WHERE id = ?1",
                [id],
            )?;
            events::append(tx, actor, Some(id), "approved", None)
        })
    }

    fn reject(&mut self, id: i64, reason: &str) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("reject anything")?;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            if let Some(landing) = landings::live(tx, id)? {
                return landings::bounce(tx, actor, &landing, reason, None);
            }
            must_be_proposal(&ticket, "reject")?;
            comments::add(tx, actor, id, HUMAN, reason)?;
            finish(tx, actor, id, Resolution::Rejected)
        })
    }
}

/// Finishes a ticket by hand, together with whatever was under way on it.
fn finish(tx: &Write<'_>, actor: &Actor, id: i64, resolution: Resolution) -> Result<()> {
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

/// Applies `--assign` and `--status`; a running attempt ends when its ticket goes to somebody else.
fn reassign(tx: &Write<'_>, actor: &Actor, before: &Ticket, change: &TicketChange) -> Result<()> {
    let goes_away = change.assign.is_some() && change.assign != before.assigned_to;
    if goes_away || change.status.is_some_and(|s| s != before.status) {
        attempts::end_from_outside(
            tx,
            actor,
            before.id,
            Outcome::Released,
            "the human took the ticket away",
        )?;
    }
    if let Some(target) = change.status.filter(|s| *s != before.status) {
        let what = before.status.move_to(target).ok_or_else(|| {
            Error::Invalid(
                "'update' cannot set the status to done: use 'ticket mark-done ID'".into(),
            )
        })?;
        tickets::apply(tx, before.id, what)?;
    }
    match &change.assign {
        None => Ok(()),
        Some(who) => tickets::assign(tx, before.id, Some(who.as_str()).filter(|w| !w.is_empty())),
    }
}

fn must_be_proposal(ticket: &Ticket, what: &str) -> Result<()> {
    if ticket.kind == TicketType::Proposal && ticket.status != crate::Status::Done {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "cannot {what} ticket {}: it is a {} that is {}, not an open proposal or a held landing",
        ticket.id, ticket.kind, ticket.status
    )))
}

fn fields_of(change: &TicketChange) -> String {
    let fields = [
        ("title", change.title.is_some()),
        ("description", change.description.is_some()),
        ("assign", change.assign.is_some()),
        ("status", change.status.is_some()),
        ("type", change.kind.is_some()),
        ("priority", change.priority.is_some()),
    ];
    let named: Vec<&str> = fields
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| name)
        .collect();
    named.join(", ")
}
