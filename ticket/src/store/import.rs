//! Takes in the lines of an export, or of a file written by hand, inside one transaction.
//!
//! A database without tickets gets everything exactly as it was, attempts that were under way too:
//! that is what a restore means. In one with tickets the new ones get new numbers, whatever points
//! to them follows, and an attempt that was under way is ended: nobody here works on it. A file
//! without a header was written by hand: its tickets are made here, and the log says so.

mod rules;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, Read};

use rusqlite::{OptionalExtension, named_params};

use super::{Write, attempts, events, labels, tickets};
use crate::actor::Actor;
use crate::attempt::Outcome;
use crate::circle;
use crate::error::{Error, Result};
use crate::learning::GENERAL;
use crate::status::{Move, Status};
use crate::ticket::{HUMAN, NewTicket, Resolution};
use crate::transfer::{
    AttemptRecord, CommentRecord, Counts, EventRecord, FORMAT, Header, Imported, LandingRecord,
    LearningRecord, MAX_LINE, NewId, Record, TicketRecord,
};

pub use rules::ticket as check_ticket;

/// Reads all of it, or fails and names the line.
pub fn run(tx: &Write<'_>, actor: &Actor, from: impl Read) -> Result<Imported> {
    let mut import = Import::new(tx, actor)?;
    let mut lines = Lines::of(from);
    while let Some(line) = lines.next()? {
        let number = line.number;
        let record = Record::read(line.text).map_err(|e| at(number, e))?;
        import.take(number, record).map_err(|e| at(number, e))?;
    }
    import.end()
}

/// An import under way.
struct Import<'a> {
    tx: &'a Write<'a>,
    actor: &'a Actor,
    header: Option<Header>,
    /// No ticket was here before: numbers stay as they are.
    keeps_ids: bool,
    keeps_learning_ids: bool,
    keeps_event_ids: bool,
    begun: bool,
    /// Where each ticket's number in the file leads to.
    ids: HashMap<i64, i64>,
    /// What could not be written while tickets further down were missing.
    relations: Vec<Relation>,
    related: bool,
    under_way: Vec<i64>,
    read: Counts,
    done: Imported,
}

/// What a ticket of the file points to, in the numbers of the file.
struct Relation {
    line: u64,
    file_id: Option<i64>,
    id: i64,
    parent: Option<i64>,
    blocked_by: Vec<i64>,
    unfinished: bool,
    waits_for_children: bool,
}

impl<'a> Import<'a> {
    fn new(tx: &'a Write<'a>, actor: &'a Actor) -> Result<Import<'a>> {
        let is_empty = |table: &str| -> Result<bool> {
            let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {table})");
            Ok(tx.query_row(&sql, [], |row| row.get(0))?)
        };
        Ok(Import {
            tx,
            actor,
            header: None,
            keeps_ids: is_empty("tickets")?,
            keeps_learning_ids: is_empty("learnings")?,
            keeps_event_ids: is_empty("activity_log")?,
            begun: false,
            ids: HashMap::new(),
            relations: Vec::new(),
            related: false,
            under_way: Vec::new(),
            read: Counts::default(),
            done: Imported::default(),
        })
    }

    fn take(&mut self, line: u64, record: Record) -> Result<()> {
        let first = !std::mem::replace(&mut self.begun, true);
        match record {
            Record::Header(_) if !first => invalid("a header stands only in the first line"),
            Record::Header(header) => self.begin(header),
            Record::Ticket(_) if self.related => {
                invalid("tickets come before learnings and events")
            }
            Record::Ticket(ticket) => self.ticket(line, *ticket),
            Record::Learning(learning) => {
                self.relate()?;
                self.learning(&learning)
            }
            Record::Event(event) => {
                self.relate()?;
                self.event(&event)
            }
        }
    }

    fn begin(&mut self, header: Header) -> Result<()> {
        if header.format != FORMAT {
            return invalid(&format!(
                "format: this file has format {}, and this program reads {FORMAT}: use a newer ticket",
                header.format
            ));
        }
        self.header = Some(header);
        Ok(())
    }

    /// True when the file was written by hand.
    fn is_plain(&self) -> bool {
        self.header.is_none()
    }

    /// True when everything is to be as it was where it was exported.
    fn restores(&self) -> bool {
        self.keeps_ids && !self.is_plain()
    }

    fn ticket(&mut self, line: u64, t: TicketRecord) -> Result<()> {
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
                     created_at, updated_at, priority, resolution, not_before, attempt, failures,
                     wait_for_children)
                 VALUES (:id, :title, :description, :status, :type, :assigned_to, :created_by,
                     coalesce(:created_at, datetime('now')),
                     coalesce(:updated_at, :created_at, datetime('now')), :priority, :resolution,
                     :not_before, :attempt, :failures, :waits)
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
                    ":not_before": t.not_before,
                    ":attempt": t.attempts.last().map_or(0, |a| a.number),
                    ":failures": t.failures, ":waits": t.wait_for_children,
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

    /// Writes down parents and blockers, now that every ticket is there.
    fn relate(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.related, true) {
            return Ok(());
        }
        let relations = std::mem::take(&mut self.relations);
        must_be_acyclic(&relations)?;
        for relation in &relations {
            self.relate_one(relation)
                .map_err(|e| at(relation.line, e))?;
        }
        Ok(())
    }

    fn relate_one(&self, relation: &Relation) -> Result<()> {
        if let Some(parent) = relation.parent {
            let parent = self.here("parent_id", parent)?;
            self.tx
                .prepare_cached("UPDATE tickets SET parent_id = :parent WHERE id = :id")?
                .execute(named_params! { ":id": relation.id, ":parent": parent })?;
        }
        for by in &relation.blocked_by {
            let by = self.here("blocked_by", *by)?;
            super::blockers::insert(self.tx, relation.id, by)?;
        }
        Ok(())
    }

    /// The number here of a ticket of the file.
    fn here(&self, field: &str, id: i64) -> Result<i64> {
        self.ids.get(&id).copied().ok_or_else(|| {
            Error::Invalid(format!("{field}: no ticket of this file is number {id}"))
        })
    }

    fn learning(&mut self, l: &LearningRecord) -> Result<()> {
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

    fn event(&mut self, e: &EventRecord) -> Result<()> {
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

    fn end(mut self) -> Result<Imported> {
        if !self.begun {
            return invalid("there is nothing to import: the file is empty");
        }
        self.relate()?;
        if let Some(header) = &self.header
            && header.counts != self.read
        {
            return invalid(&format!(
                "the file is not whole: its first line announces {}, but it has {}",
                header.counts, self.read
            ));
        }
        for id in &self.under_way {
            end_what_goes_on(self.tx, self.actor, *id)?;
        }
        self.done.ended = self.under_way.len() as u64;
        self.done.renumbered = !self.keeps_ids;
        self.done.counts = self.read;
        self.done.counts.learnings -= self.done.known_learnings;
        if self.restores() {
            self.restore_last_ids()?;
        } else {
            let detail = self.done.counts.to_string();
            events::append(self.tx, self.actor, None, "imported", Some(&detail))?;
        }
        Ok(self.done)
    }

    /// Numbers that were given out and are gone are not given out again.
    fn restore_last_ids(&self) -> Result<()> {
        let Some(last) = self.header.as_ref().map(|h| h.last_ids) else {
            return Ok(());
        };
        for (table, last) in [
            ("tickets", last.tickets),
            ("comments", last.comments),
            ("landings", last.landings),
            ("learnings", last.learnings),
            ("activity_log", last.activity_log),
        ] {
            rules::last_id(last)?;
            let known = self.tx.execute(
                "UPDATE sqlite_sequence SET seq = max(seq, :last) WHERE name = :table",
                named_params! { ":table": table, ":last": last },
            )?;
            if known == 0 && last > 0 {
                self.tx.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)",
                    named_params! { ":table": table, ":last": last },
                )?;
            }
        }
        Ok(())
    }
}

/// Nobody here works on it: the attempt is over, and the ticket waits.
fn end_what_goes_on(tx: &Write<'_>, actor: &Actor, id: i64) -> Result<()> {
    let why = "it was imported while it went on elsewhere";
    attempts::end_from_outside(tx, actor, id, Outcome::Released, why)?;
    tickets::apply(tx, id, Move::Release)?;
    events::append(tx, actor, Some(id), "unclaimed", None)
}

/// Refuses circles of blockers and of parents within the file, and shows the one it found.
fn must_be_acyclic(relations: &[Relation]) -> Result<()> {
    let unfinished: HashMap<i64, bool> = relations
        .iter()
        .filter(|r| r.unfinished)
        .filter_map(|r| Some((r.file_id?, r.waits_for_children)))
        .collect();
    let (mut waits, mut parents) = (BTreeMap::<i64, Vec<i64>>::new(), BTreeMap::new());
    for relation in relations {
        let Some(id) = relation.file_id else { continue };
        if let Some(parent) = relation.parent {
            parents.insert(id, vec![parent]);
            if relation.unfinished && unfinished.get(&parent) == Some(&true) {
                waits.entry(parent).or_default().push(id);
            }
        }
        if relation.unfinished {
            let open = relation.blocked_by.iter().copied();
            let open = open.filter(|by| unfinished.contains_key(by));
            waits.entry(id).or_default().extend(open);
        }
    }
    for (what, relation, edges) in [
        ("blockers", "waits for", &waits),
        ("parents", "is a part of", &parents),
    ] {
        if let Some(found) = circle::find(edges) {
            return Err(Error::Refused(format!(
                "the file has a circle of {what}: {}",
                circle::say(&found, relation)
            )));
        }
    }
    Ok(())
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

/// A refusal that names the line; what is the machine's fault stays what it is.
fn at(line: u64, error: Error) -> Error {
    match error {
        Error::Sqlite(_) | Error::Io(..) | Error::Unavailable(_) => error,
        refused => Error::Invalid(format!("line {line}: {refused}")),
    }
}

fn invalid<T>(sentence: &str) -> Result<T> {
    Err(Error::Invalid(sentence.to_owned()))
}

/// The lines of a file, blank ones passed over, none longer than [`MAX_LINE`].
struct Lines<R> {
    from: std::io::BufReader<R>,
    number: u64,
    text: Vec<u8>,
}

struct Line<'a> {
    number: u64,
    text: &'a [u8],
}

impl<R: Read> Lines<R> {
    fn of(from: R) -> Lines<R> {
        Lines {
            from: std::io::BufReader::with_capacity(1 << 16, from),
            number: 0,
            text: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.text.clear();
            self.number += 1;
            let read = (&mut self.from)
                .take(MAX_LINE as u64 + 1)
                .read_until(b'\n', &mut self.text)
                .map_err(|e| Error::Io("the import cannot be read".into(), e))?;
            if read > MAX_LINE {
                return invalid(&format!(
                    "line {}: it has more than {MAX_LINE} bytes",
                    self.number
                ));
            }
            if read == 0 {
                return Ok(None);
            }
            if self.number == 1 && self.text.starts_with(b"\xEF\xBB\xBF") {
                self.text.drain(..3);
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some(Line {
            number: self.number,
            text: self.text.trim_ascii(),
        }))
    }
}
