//! The rows that an import writes, each from its line, in numbers of this database.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, named_params};

use super::{Import, Relation, invalid, rules};
use crate::attempt::Outcome;
use crate::error::{Error, Result};
use crate::learning::GENERAL;
use crate::status::Status;
use crate::store::{events, labels};
use crate::ticket::{HUMAN, NewTicket, Resolution};
use crate::transfer::{
    AttemptRecord, CommentRecord, EventRecord, LandingRecord, LearningRecord, NewId, TicketRecord,
    UsageRecord,
};

impl Import<'_> {
    pub fn ticket(&mut self, line: u64, t: TicketRecord) -> Result<()> {
        rules::ticket(&t)?;
        if self.is_plain() && !(t.attempts.is_empty() && t.landings.is_empty()) {
            return invalid("attempts: they come only in an export, which begins with a header");
        }
        let id = self.insert(&t)?;
        if let Some(from) = t.id
            && self.ids.insert(from, id).is_some()
        {
            return invalid(&format!("id: another ticket of this file is number {from}"));
        }
        labels::add(self.tx, id, &t.labels)?;
        if self.is_plain() {
            self.log_made(id, &t)?;
        }
        self.comments(id, &t.comments)?;
        for attempt in &t.attempts {
            self.attempt(id, attempt)?;
        }
        for landing in &t.landings {
            self.landing(id, landing)?;
        }
        if !self.restores() && rules::goes_on(&t) {
            self.under_way.push(id);
        }
        self.read.tickets += 1;
        self.done.ids.push(NewId { from: t.id, to: id });
        self.relations.push(Relation {
            line,
            file_id: t.id,
            id,
            parent: t.parent_id,
            blocked_by: t.blocked_by,
            unfinished: t.status != Some(Status::Done),
            waits_for_children: t.wait_for_children,
        });
        Ok(())
    }

    /// Inserts the row of a ticket, for now without parent.
    fn insert(&self, t: &TicketRecord) -> Result<i64> {
        let kind = t.ticket_type.unwrap_or_else(|| implied(t).kind());
        let status = t.status.unwrap_or(Status::Open);
        let resolution = match (status, t.resolution) {
            (Status::Done, None) => Some(Resolution::by_hand(kind)),
            (_, given) => given,
        };
        let inserted = self
            .tx
            .prepare_cached(
                "INSERT INTO tickets (id, title, description, status, type, assigned_to, created_by,
                     created_at, updated_at, priority, resolution, not_before,
                     wait_seconds, attempt, failures, wait_for_children, max_budget_microusd)
                 VALUES (:id, :title, :description, :status, :type, :assigned_to, :created_by,
                     coalesce(:created_at, datetime('now')),
                     coalesce(:updated_at, :created_at, datetime('now')), :priority, :resolution,
                     :not_before, :wait_seconds, :attempt, :failures, :waits, :budget)
                 RETURNING id",
            )?
            .query_row(
                named_params! {
                    ":id": t.id.filter(|_| self.keeps_ids), ":title": t.title,
                    ":description": t.description, ":status": status.as_str(),
                    ":type": kind.as_str(), ":assigned_to": t.assigned_to,
                    ":created_by": t.created_by.as_deref().unwrap_or(HUMAN),
                    ":created_at": t.created_at, ":updated_at": t.updated_at,
                    ":priority": t.priority.unwrap_or(2),
                    ":resolution": resolution.map(Resolution::as_str),
                    ":not_before": t.not_before, ":wait_seconds": t.wait_seconds,
                    ":attempt": t.attempts.last().map_or(0, |a| a.number),
                    ":failures": t.failures, ":waits": t.wait_for_children,
                    ":budget": t.max_budget_usd.map(|budget| budget.0),
                },
                |row| row.get(0),
            );
        unique(inserted, "id", t.id)
    }

    /// What the log says of a ticket that is made here.
    fn log_made(&self, id: i64, t: &TicketRecord) -> Result<()> {
        let by = t.created_by.as_deref().unwrap_or(HUMAN);
        events::append_as(self.tx, by, Some(id), "created", Some(&t.title))?;
        let log = |action, detail| events::append(self.tx, self.actor, Some(id), action, detail);
        match t.status.unwrap_or(Status::Open) {
            Status::Open => Ok(()),
            Status::InProgress => log("updated", Some("status")),
            Status::Ready => log("completed", None),
            Status::Done => {
                let kind = t.ticket_type.unwrap_or_else(|| implied(t).kind());
                let why = t.resolution.unwrap_or_else(|| Resolution::by_hand(kind));
                log("done", Some(why.as_str()))
            }
        }
    }

    /// A reply comes after what it answers, so its number is known by then.
    fn comments(&mut self, ticket: i64, all: &[CommentRecord]) -> Result<()> {
        let mut ids = HashMap::new();
        for (n, c) in all.iter().enumerate() {
            let reply_to = match c.reply_to {
                None => None,
                Some(to) => Some(*ids.get(&to).ok_or_else(|| {
                    Error::Invalid(format!(
                        "comments[{n}]: reply_to: no earlier comment of this ticket is number {to}"
                    ))
                })?),
            };
            let author = c.author.as_deref().unwrap_or(HUMAN);
            let inserted = self
                .tx
                .prepare_cached(
                    "INSERT INTO comments (id, ticket_id, author, body, created_at, reply_to)
                     VALUES (:id, :ticket, :author, :body, coalesce(:created_at, datetime('now')),
                             :reply_to)
                     RETURNING id",
                )?
                .query_row(
                    named_params! {
                        ":id": c.id.filter(|_| self.keeps_ids), ":ticket": ticket,
                        ":author": author, ":body": c.body, ":created_at": c.created_at,
                        ":reply_to": reply_to,
                    },
                    |row| row.get(0),
                );
            let id: i64 = unique(inserted, &format!("comments[{n}]: id"), c.id)?;
            if let Some(from) = c.id {
                ids.insert(from, id);
            }
            if self.is_plain() {
                let detail = events::first_line(&c.body);
                events::append_as(self.tx, author, Some(ticket), "commented", Some(&detail))?;
            }
            self.read.comments += 1;
        }
        Ok(())
    }

    fn attempt(&mut self, ticket: i64, a: &AttemptRecord) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO attempts (ticket_id, number, agent, lease_seconds, phase, base_commit,
                     snapshot, session_id, outcome, reason, log_tail, settled, started_at,
                     heartbeat_at, ended_at)
                 VALUES (:ticket, :number, :agent, :lease, :phase, :base, :snapshot, :session,
                     :outcome, :reason, :log_tail, :settled, :started_at, :heartbeat_at, :ended_at)",
            )?
            .execute(named_params! {
                ":ticket": ticket, ":number": a.number, ":agent": a.agent,
                ":lease": a.lease_seconds, ":phase": a.phase, ":base": a.base_commit,
                ":snapshot": a.snapshot, ":session": a.session_id,
                ":outcome": a.outcome.map(Outcome::as_str), ":reason": a.reason,
                ":log_tail": a.log_tail,
                // Elsewhere nobody will hand in the tree any more.
                ":settled": a.settled || (!self.restores() && a.outcome.is_some()),
                ":started_at": a.started_at, ":heartbeat_at": a.heartbeat_at,
                ":ended_at": a.ended_at,
            })?;
        self.read.attempts += 1;
        a.usage
            .iter()
            .try_for_each(|used| self.usage((ticket, a.number), &a.agent, used))
    }

    fn usage(&self, (ticket, attempt): (i64, i64), agent: &str, u: &UsageRecord) -> Result<()> {
        let inserted = self
            .tx
            .prepare_cached(
                "INSERT INTO usage (ticket_id, attempt, run, model, day, agent, backend, phase,
                     input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
                     cost_microusd, is_last, started_at, updated_at)
                 VALUES (:ticket, :attempt, :run, :model, :day, :agent, :backend, :phase, :input,
                     :output, :cache_read, :cache_write, :cost, :is_last, :started_at, :updated_at)",
            )?
            .execute(named_params! {
                ":ticket": ticket, ":attempt": attempt, ":run": u.run, ":model": u.model,
                ":day": u.day, ":agent": agent, ":backend": u.backend, ":phase": u.phase.as_str(),
                ":input": u.input_tokens, ":output": u.output_tokens,
                ":cache_read": u.cache_read_tokens, ":cache_write": u.cache_write_tokens,
                ":cost": u.cost_microusd, ":is_last": u.is_last, ":started_at": u.started_at,
                ":updated_at": u.updated_at,
            });
        unique(inserted, "usage: run", Some(u.run))?;
        self.tx
            .prepare_cached(
                "UPDATE tickets SET spent_microusd = spent_microusd + :cost WHERE id = :ticket",
            )?
            .execute(named_params! { ":ticket": ticket, ":cost": u.cost_microusd.unwrap_or(0) })?;
        Ok(())
    }

    fn landing(&mut self, ticket: i64, l: &LandingRecord) -> Result<()> {
        let inserted = self
            .tx
            .prepare_cached(
                "INSERT INTO landings (id, ticket_id, attempt, commit_id, candidate, state,
                     approved_by, summary, reason, log_tail, submitted_at, finished_at)
                 VALUES (:id, :ticket, :attempt, :commit, :candidate, :state, :approved_by, :summary,
                     :reason, :log_tail, :submitted_at, :finished_at)",
            )?
            .execute(named_params! {
                ":id": Some(l.id).filter(|_| self.keeps_ids), ":ticket": ticket,
                ":attempt": l.attempt, ":commit": l.commit_id, ":candidate": l.candidate,
                ":state": l.state.as_str(), ":approved_by": l.approved_by, ":summary": l.summary,
                ":reason": l.reason, ":log_tail": l.log_tail, ":submitted_at": l.submitted_at,
                ":finished_at": l.finished_at,
            });
        unique(inserted, "landings: id", Some(l.id))?;
        self.read.landings += 1;
        Ok(())
    }

    pub fn learning(&mut self, l: &LearningRecord) -> Result<()> {
        rules::learning(l)?;
        self.read.learnings += 1;
        let category = l.category.as_deref().unwrap_or(GENERAL);
        let ticket = match l.ticket_id {
            None => None,
            Some(id) => Some(self.here("ticket_id", id)?),
        };
        let author = l.author.as_deref().unwrap_or(HUMAN);
        let inserted = self
            .tx
            .prepare_cached(
                "INSERT INTO learnings (id, body, category, author, ticket_id, created_at)
                 VALUES (:id, :body, :category, :author, :ticket,
                         coalesce(:created_at, datetime('now')))
                 ON CONFLICT (category, body) DO NOTHING RETURNING id",
            )?
            .query_row(
                named_params! {
                    ":id": l.id.filter(|_| self.keeps_learning_ids), ":body": l.body,
                    ":category": category, ":author": author, ":ticket": ticket,
                    ":created_at": l.created_at,
                },
                |row| row.get::<_, i64>(0),
            )
            .optional();
        if unique(inserted, "id", l.id)?.is_none() {
            self.done.known_learnings += 1;
        } else if self.is_plain() {
            let detail = format!("{category}: {}", events::first_line(&l.body));
            events::append_as(self.tx, author, ticket, "learned", Some(&detail))?;
        }
        Ok(())
    }

    pub fn event(&mut self, e: &EventRecord) -> Result<()> {
        if self.is_plain() {
            return invalid("events come only in an export, which begins with a header");
        }
        rules::event(e)?;
        let here = |id: i64| match self.ids.get(&id) {
            Some(here) => Some(*here),
            // It was about a ticket that does not exist; here that may be another one's number.
            None => Some(id).filter(|_| self.keeps_ids),
        };
        let detail = match (e.action.as_str(), &e.detail) {
            ("blocker_added" | "blocker_removed", Some(by)) => Some(match by.parse().map(here) {
                Ok(Some(by)) => by.to_string(),
                _ => by.clone(),
            }),
            (_, detail) => detail.clone(),
        };
        let inserted = self
            .tx
            .prepare_cached(
                "INSERT INTO activity_log (id, ticket_id, agent_id, action, detail, created_at)
                 VALUES (:id, :ticket, :agent, :action, :detail, :created_at)",
            )?
            .execute(named_params! {
                ":id": Some(e.id).filter(|_| self.keeps_event_ids),
                ":ticket": e.ticket_id.and_then(here), ":agent": e.agent_id, ":action": e.action,
                ":detail": detail, ":created_at": e.created_at,
            });
        unique(inserted, "id", Some(e.id))?;
        self.read.events += 1;
        Ok(())
    }
}

/// The ticket as `create` would get it, as far as its type depends on it.
fn implied(t: &TicketRecord) -> NewTicket {
    NewTicket {
        assign: t.assigned_to.clone(),
        blocked_by: t.blocked_by.clone(),
        ..NewTicket::default()
    }
}

/// Says which number was taken, when the database refused a row because of that.
fn unique<T>(inserted: rusqlite::Result<T>, field: &str, id: Option<i64>) -> Result<T> {
    inserted.map_err(|error| match (error.sqlite_error_code(), id) {
        (Some(rusqlite::ErrorCode::ConstraintViolation), Some(id)) => {
            Error::Invalid(format!("{field}: number {id} is taken: {error}"))
        }
        _ => error.into(),
    })
}
