//! Takes in the lines of an export, or of a file written by hand, inside one transaction.
//!
//! A database without tickets gets everything exactly as it was, attempts that were under way too:
//! that is what a restore means. In one with tickets the new ones get new numbers, whatever points
//! to them follows, and an attempt that was under way is ended: nobody here works on it. A file
//! without a header was written by hand: its tickets are made here, and the log says so.

mod lines;
mod rows;
mod rules;

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use rusqlite::named_params;

use self::lines::Lines;
use super::{Write, attempts, budgets, events, tickets};
use crate::actor::Actor;
use crate::attempt::Outcome;
use crate::circle;
use crate::error::{Error, Result};
use crate::status::Move;
use crate::transfer::{Counts, FORMAT, Header, Imported, Record};

pub use rules::{event as check_event, learning as check_learning, ticket as check_ticket};

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
        budgets::count_anew(self.tx)?;
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
        for (table, last, kept) in [
            ("tickets", last.tickets, true),
            ("comments", last.comments, true),
            ("landings", last.landings, true),
            ("learnings", last.learnings, self.keeps_learning_ids),
            ("activity_log", last.activity_log, self.keeps_event_ids),
        ] {
            rules::last_id(last)?;
            if !kept {
                continue;
            }
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
            for by in &relation.blocked_by {
                if unfinished.contains_key(by) {
                    waits.entry(id).or_default().push(*by);
                }
            }
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
