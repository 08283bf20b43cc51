//! The queue as one actor may use it, on the database file.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::pauses::Running;
use super::{
    ClaimPolicy, Store, Write, attempts, backup, blockers, budgets, claim, clock, comments, cost,
    doctor, events, export, halts, import, labels, learnings, pauses, proposals, review, search,
    tickets,
};
use crate::actor::Actor;
use crate::attempt::{Attempt, Outcome};
use crate::comment::{Comment, NewComment};
use crate::cost::{Cost, CostFilter};
use crate::diagnosis::Diagnosis;
use crate::diff;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::filter::{ClaimFilter, Filter, Hit, LogFilter, Search};
use crate::learning::{Learning, LearningFilter, NewLearning};
use crate::prompt::{self, Place, Preview, Wanted};
use crate::queue::Queue;
use crate::status::{Move, Status};
use crate::ticket::{HUMAN, NewTicket, Resolution, Ticket, TicketChange, TicketDetail, TicketType};
use crate::transfer::Imported;
use crate::wire::{Claimed, Failed};

/// How often a follower of the log looks whether another process wrote.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);
/// How many rows of the log are read at once.
const PAGE: u32 = 500;
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
        may_spend(actor, new)?;
        if let Actor::Proposer { run, .. } = actor {
            let alike = self.store.look_up(|index| proposals::look_up(index, new))?;
            return self
                .store
                .write(|tx| proposals::make(tx, actor, *run, new, &alike))?;
        }
        self.store.write(|tx| {
            may_create(tx, actor, new)?;
            let id = tickets::insert(tx, actor, new, new.kind())?;
            if !new.block_dependents_of.is_empty() {
                blockers::log_dependents(tx, actor, id)?;
            }
            Ok(id)
        })
    }

    fn create_all(&mut self, new: &[NewTicket]) -> Result<Vec<i64>> {
        let actor = &self.actor;
        if matches!(actor, Actor::Proposer { .. }) {
            actor.must_be_human("make several tickets at once")?;
        }
        new.iter().try_for_each(NewTicket::check)?;
        new.iter().try_for_each(|ticket| may_spend(actor, ticket))?;
        self.store.write(|tx| {
            let ids = new
                .iter()
                .map(|ticket| tickets::insert_alone(tx, actor, ticket, ticket.kind()))
                .collect::<Result<Vec<i64>>>()?;
            let mut late = Vec::new();
            for (id, ticket) in ids.iter().zip(new) {
                let mut ticket = ticket.resolved(&ids)?;
                may_create(tx, actor, &ticket)?;
                late.push(std::mem::take(&mut ticket.block_dependents_of));
                tickets::relate(tx, *id, &ticket)?;
            }
            // Who depends on a ticket of the graph is known when all others are related.
            for (id, block_dependents_of) in ids.iter().zip(late) {
                if block_dependents_of.is_empty() {
                    continue;
                }
                let only = NewTicket {
                    block_dependents_of,
                    ..NewTicket::default()
                };
                tickets::relate(tx, *id, &only)?;
                blockers::log_dependents(tx, actor, *id)?;
            }
            blockers::must_be_acyclic(tx, &ids)?;
            Ok(ids)
        })
    }

    fn update(&mut self, id: i64, change: &TicketChange) -> Result<()> {
        if change.is_empty() {
            return Err(Error::Usage(
                "nothing to update: name at least one of --title, --description, --assign, --status, --type, --priority, --parent, --label, --remove-label, --not-before, --max-budget-usd".into(),
            ));
        }
        change.check()?;
        let actor = &self.actor;
        self.store.write(|tx| {
            let before = tickets::get(tx, id)?;
            actor.must_own(id, &before.created_by, "update")?;
            if change.max_budget_usd.is_some() {
                actor.must_be_human("change the budget of a ticket")?;
            }
            if change.assign.is_some() || change.status.is_some() {
                actor.must_be_human("change the assignee or status of a ticket")?;
                reassign(tx, actor, &before, change)?;
            }
            tx.execute(
                "UPDATE tickets SET title = coalesce(?2, title), description = coalesce(?3, description),
                        type = coalesce(?4, type), priority = coalesce(?5, priority),
                        not_before = coalesce(?6, not_before),
                        wait_seconds = CASE WHEN ?6 IS NULL THEN wait_seconds ELSE 0 END,
                        max_budget_microusd = CASE WHEN ?7 IS NULL THEN max_budget_microusd
                                                   ELSE nullif(?7, 0) END,
                        updated_at = datetime('now')
                 WHERE id = ?1",
                rusqlite::params![
                    id, change.title, change.description,
                    change.kind.map(TicketType::as_str), change.priority, change.not_before,
                    change.max_budget_usd.map(|budget| budget.0),
                ],
            )?;
            let addressee = change.kind.and_then(|kind| actor.addressee(kind));
            if let Some(who) = addressee.filter(|_| before.assigned_to.is_none()) {
                tickets::assign(tx, id, Some(who))?;
            }
            if change.max_budget_usd.is_some() {
                budgets::hand_over(tx, id)?;
            }
            if change.assign.as_deref() == Some("") {
                budgets::must_have_some_left(tx, id)?;
            }
            labels::add(tx, id, &change.add_labels)?;
            labels::remove(tx, id, &change.remove_labels)?;
            if let Some(parent) = change.parent {
                tickets::set_parent(tx, id, Some(parent).filter(|p| *p != 0))?;
                blockers::must_be_acyclic(tx, &[id])?;
            }
            events::append(tx, actor, Some(id), "updated", Some(&fields_of(change)))
        })
    }

    fn list(&mut self, filter: &Filter) -> Result<Vec<Ticket>> {
        tickets::list(&self.store.conn, filter)
    }

    fn count(&mut self, filter: &Filter) -> Result<u64> {
        tickets::count(&self.store.conn, filter)
    }

    fn search(&mut self, search: &Search) -> Result<Vec<Hit>> {
        let found = self.store.look_up(|index| search::find(index, search))?;
        self.store.read(|conn| {
            let hits = found.into_iter().map(|found| {
                Ok(Hit {
                    ticket: tickets::get(conn, found.id)?,
                    found_in: found.place.to_owned(),
                    excerpt: found.excerpt,
                })
            });
            hits.collect()
        })
    }

    fn show(&mut self, id: i64) -> Result<TicketDetail> {
        self.store.read(|conn| tickets::detail(conn, id))
    }

    fn claim_next(&mut self, agent: &str, filter: &ClaimFilter) -> Result<Option<Claimed>> {
        self.actor.must_be_human("claim a ticket")?;
        tickets::check_name("--agent", agent)?;
        let policy = ClaimPolicy {
            lease_seconds: CLI_LEASE_SECONDS,
            max_attempts: i64::MAX,
        };
        self.store.write(|tx| {
            let mut claimed = claim::claim(tx, agent, policy, None, filter)?;
            // Without a hub nobody else sets right what a wrong clock left.
            if claimed.is_none() && clock::mend_for_claim(tx, super::now())? {
                claimed = claim::claim(tx, agent, policy, None, filter)?;
            }
            claimed
                .map(|(ticket, attempts)| {
                    Ok(Claimed {
                        detail: tickets::with_all(tx, ticket, attempts)?,
                        lease_seconds: policy.lease_seconds,
                    })
                })
                .transpose()
        })
    }

    fn comment(&mut self, id: i64, new: &NewComment) -> Result<i64> {
        new.check()?;
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            actor.must_own(id, &ticket.created_by, "comment on")?;
            comments::add(tx, actor, id, actor.signs(new.author.as_deref()), new)
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

    fn no_change(&mut self, id: i64, reason: &str) -> Result<()> {
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            match actor {
                Actor::Attempt { ticket: own, .. } if *own == id => {}
                Actor::Human | Actor::Hub => {
                    return Err(Error::Refused(format!(
                        "nobody has to be asked about your own word: use 'ticket mark-done {id} --resolution no-change'"
                    )));
                }
                Actor::Attempt { .. } | Actor::Proposer { .. } => {
                    actor.must_own(id, "", "complete")?;
                }
            }
            let reason = reason.trim();
            if reason.is_empty() {
                return Err(Error::Invalid(
                    "the reason cannot be empty: say why nothing has to change".into(),
                ));
            }
            ticket.status.after(Move::Submit)?;
            let comment = NewComment::new(&format!("Nothing has to change: {reason}"));
            comments::add(tx, actor, id, actor.name(), &comment)?;
            attempts::end_from_outside(tx, actor, id, Outcome::NoChange, reason)?;
            tickets::apply(tx, id, Move::Submit)?;
            tickets::assign(tx, id, Some(HUMAN))?;
            events::append(tx, actor, Some(id), "completed", None)
        })
    }

    fn mark_done(&mut self, id: i64, resolution: Option<Resolution>) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("mark a ticket as done")?;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            review::finish(
                tx,
                actor,
                id,
                resolution.unwrap_or_else(|| Resolution::by_hand(ticket.kind)),
            )
        })
    }

    fn unclaim(&mut self, id: i64) -> Result<()> {
        let actor = &self.actor;
        self.store.write(|tx| release(tx, actor, id))
    }

    fn retry(&mut self, id: i64) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("have a ticket tried again")?;
        self.store.write(|tx| {
            review::must_be_retriable(&tickets::get(tx, id)?)?;
            release(tx, actor, id)
        })
    }

    fn cancel(&mut self, id: i64, reason: Option<&str>) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("cancel a ticket")?;
        self.store.write(|tx| review::cancel(tx, actor, id, reason))
    }

    fn reopen(&mut self, id: i64, reason: &str) -> Result<i64> {
        let actor = &self.actor;
        actor.must_be_human("reopen a ticket")?;
        self.store.write(|tx| review::reopen(tx, actor, id, reason))
    }

    fn block(&mut self, id: i64, by: i64) -> Result<()> {
        let actor = &self.actor;
        self.store.write(|tx| {
            let ticket = tickets::get(tx, id)?;
            tickets::get(tx, by)?;
            actor.must_own(id, &ticket.created_by, "block")?;
            ticket.status.after(Move::Release)?;
            if id == by {
                return Err(Error::Refused(format!(
                    "ticket {id} cannot wait for itself"
                )));
            }
            if !blockers::insert(tx, id, by)? {
                return Err(Error::Refused(format!(
                    "ticket {id} is already blocked by ticket {by}"
                )));
            }
            blockers::must_be_acyclic(tx, &[id])?;
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

    fn log(&mut self, filter: &LogFilter) -> Result<Vec<Event>> {
        self.store.latest_events(filter.limit(), filter.ticket)
    }

    fn follow(
        &mut self,
        after: Option<i64>,
        each: &mut dyn FnMut(&Event) -> Result<()>,
    ) -> Result<()> {
        let mut cursor = match after {
            Some(cursor) => cursor,
            None => self.store.last_event_id()?,
        };
        loop {
            let events = self.store.events_after(cursor, PAGE)?;
            for event in &events {
                each(event)?;
                cursor = event.id;
            }
            if events.is_empty() {
                std::thread::sleep(FOLLOW_INTERVAL);
            }
        }
    }

    fn answer(&mut self, id: i64, body: &str) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("answer a question")?;
        self.store.write(|tx| review::answer(tx, actor, id, body))
    }

    fn approve(&mut self, id: i64) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("approve anything")?;
        self.store.write(|tx| review::approve(tx, actor, id))
    }

    fn reject(&mut self, id: i64, reason: &str) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("reject anything")?;
        self.store.write(|tx| review::reject(tx, actor, id, reason))
    }

    fn pass(&mut self, id: i64, comment: Option<&str>) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("pass a check")?;
        self.store.write(|tx| review::pass(tx, actor, id, comment))
    }

    fn fail(&mut self, id: i64, reason: &str) -> Result<Failed> {
        let actor = &self.actor;
        actor.must_be_human("fail a check")?;
        self.store.write(|tx| review::fail(tx, actor, id, reason))
    }

    fn attempts(&mut self, id: i64) -> Result<Vec<Attempt>> {
        tickets::must_exist(&self.store.conn, id)?;
        self.store.read(|conn| attempts::with_spending(conn, id))
    }

    fn diff(&mut self, id: i64, attempt: Option<i64>) -> Result<Vec<u8>> {
        let subject = self.store.diff_subject(id, attempt)?;
        diff::of(&diff::repository(self.store.path())?, &subject)
    }

    fn prompt(&mut self, wanted: &Wanted) -> Result<Preview> {
        let material = self.store.prompt_material(wanted)?;
        prompt::preview(&Place::beside(self.store.path()), wanted, material)
    }

    fn learn(&mut self, new: &NewLearning) -> Result<i64> {
        new.check()?;
        let actor = &self.actor;
        if matches!(actor, Actor::Proposer { .. }) {
            actor.must_be_human("keep a learning while it proposes")?;
        }
        self.store.write(|tx| {
            let ticket = match actor {
                Actor::Attempt { ticket, .. } => Some(*ticket),
                _ => new.ticket,
            };
            ticket.map_or(Ok(()), |id| tickets::must_exist(tx, id))?;
            let author = actor.signs(new.author.as_deref());
            tickets::check_name("--author", author)?;
            learnings::add(tx, author, ticket, new)
        })
    }

    fn learnings(&mut self, filter: &LearningFilter) -> Result<Vec<Learning>> {
        learnings::list(&self.store.conn, filter)
    }

    fn cost(&mut self, filter: &CostFilter) -> Result<Cost> {
        self.store.read(|conn| cost::report(conn, filter))
    }

    fn pause(&mut self, reason: &str) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("pause the swarm")?;
        self.store
            .write(|tx| pauses::begin(tx, actor, reason, Running::Freezes))
    }

    fn drain(&mut self, reason: &str) -> Result<()> {
        let actor = &self.actor;
        actor.must_be_human("drain the swarm")?;
        self.store
            .write(|tx| pauses::begin(tx, actor, reason, Running::GoesOn))
    }

    fn resume(&mut self) -> Result<bool> {
        let actor = &self.actor;
        actor.must_be_human("resume claims")?;
        self.store.write(|tx| {
            let halted = halts::end(tx, actor)?;
            let over_budget = budgets::waive(tx, actor)?;
            Ok(pauses::end(tx, actor)? || halted || over_budget)
        })
    }

    fn paused(&mut self) -> Result<Option<String>> {
        let paused = self.store.setting(pauses::KEY)?;
        let halts = halts::all(&self.store.conn)?;
        let halted: Vec<String> = halts.iter().map(halts::sentence).collect();
        Ok(paused.or_else(|| Some(halted.join("; and ")).filter(|_| !halted.is_empty())))
    }

    fn export(&mut self, to: &mut dyn std::io::Write) -> Result<()> {
        self.actor.must_be_human("export the queue")?;
        self.store.read(|conn| export::run(conn, to))
    }

    fn import(&mut self, from: Box<dyn Read + Send>) -> Result<Imported> {
        let actor = &self.actor;
        actor.must_be_human("import tickets")?;
        self.store.write(|tx| import::run(tx, actor, from))
    }

    fn backup(&mut self, to: &Path) -> Result<()> {
        self.actor.must_be_human("copy the database")?;
        backup::copy(self.store.path(), to)
    }

    fn doctor(&mut self, repair: bool) -> Result<Diagnosis> {
        self.actor.must_be_human("look the database over")?;
        let repaired = match repair {
            true => self.store.repair(&self.actor),
            false => Ok(Vec::new()),
        };
        let mut diagnosis = doctor::examine(self.store.path())?;
        diagnosis.note_repair(repaired);
        Ok(diagnosis)
    }
}

/// Gives a ticket back to the queue; by the human's hand its failures are forgotten.
pub(super) fn release(tx: &Write<'_>, actor: &Actor, id: i64) -> Result<()> {
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
    if matches!(actor, Actor::Human) {
        if ticket.status == Status::Open {
            budgets::must_have_some_left(tx, id)?;
        }
        tickets::forgive(tx, id)?;
    }
    events::append(tx, actor, Some(id), "unclaimed", None)
}

/// What a ticket may cost is the human's to say.
fn may_spend(actor: &Actor, new: &NewTicket) -> Result<()> {
    match new.max_budget_usd {
        Some(_) => actor.must_be_human("give a ticket a budget"),
        None => Ok(()),
    }
}

/// Refuses what this actor may not make.
fn may_create(tx: &Write<'_>, actor: &Actor, new: &NewTicket) -> Result<()> {
    let assign = new.assign.as_deref();
    if let Some(who) = assign.filter(|w| *w != HUMAN && !w.is_empty()) {
        actor.must_be_human(&format!("assign a ticket to {who}"))?;
    }
    for of in &new.block_dependents_of {
        let of = tickets::get(tx, *of)?;
        actor.must_own(of.id, &of.created_by, "block the dependents of")?;
    }
    Ok(())
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
        Some(who) if who.is_empty() => {
            tickets::assign(tx, before.id, None)?;
            tickets::forgive(tx, before.id)
        }
        Some(who) => tickets::assign(tx, before.id, Some(who)),
    }
}

fn fields_of(change: &TicketChange) -> String {
    let fields = [
        ("title", change.title.is_some()),
        ("description", change.description.is_some()),
        ("assign", change.assign.is_some()),
        ("status", change.status.is_some()),
        ("type", change.kind.is_some()),
        ("priority", change.priority.is_some()),
        ("parent", change.parent.is_some()),
        (
            "labels",
            !change.add_labels.is_empty() || !change.remove_labels.is_empty(),
        ),
        ("not_before", change.not_before.is_some()),
        ("max_budget_usd", change.max_budget_usd.is_some()),
    ];
    let named: Vec<&str> = fields
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| name)
        .collect();
    named.join(", ")
}
