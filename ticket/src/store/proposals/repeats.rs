//! Whether a proposal repeats one that is open or was turned down, or an open ticket. The full-text
//! index finds what may be alike, at a bounded cost however many tickets there are;
//! [`crate::likeness`] decides.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Params, Row, named_params};

use super::OPEN;
use crate::error::Result;
use crate::likeness::{REPEATS, Words, likeness};
use crate::store::fulltext::FullText;
use crate::store::json;
use crate::ticket::NewTicket;

/// How many of the newest tickets with one word are looked at, and how many of the proposals.
const NEWEST: i64 = 250;
/// How many words of a title are looked up.
const WORDS: usize = 12;

/// What a candidate is read as. A description is compared by its beginning.
const COLUMNS: &str = "t.id, t.title, substr(t.description, 1, 4000), t.status = 'done'";

/// A ticket that says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// True for a proposal that was turned down; the others are open.
    pub rejected: bool,
}

struct Candidate {
    ticket: Repeated,
    words: Words,
}

/// What the full-text index says before the proposal's transaction begins.
pub struct Alike {
    /// Tickets that may say the same.
    tickets: BTreeSet<i64>,
    /// The last ticket that was looked at.
    last: i64,
}

/// The newest tickets that have one of the title's words, and the newest that have every word but
/// one.
pub fn look_up(index: &FullText, new: &NewTicket) -> Result<Alike> {
    let words = Words::of(&new.title, None);
    // No word can hold a quote: they are letters and digits.
    let terms: Vec<String> = words
        .title()
        .iter()
        .take(WORDS)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    let all_but_one = (0..terms.len())
        .filter(|_| terms.len() > 2)
        .map(|left_out| {
            let others = terms.iter().enumerate().filter(|(at, _)| *at != left_out);
            let others: Vec<&str> = others.map(|(_, term)| term.as_str()).collect();
            others.join(" ")
        });
    let mut query = index.conn().prepare_cached(
        "SELECT rowid FROM tickets_fts WHERE tickets_fts MATCH :words
         ORDER BY rowid DESC LIMIT :newest",
    )?;
    let mut tickets = BTreeSet::new();
    for words in terms.iter().cloned().chain(all_but_one) {
        let params = named_params! { ":words": words, ":newest": NEWEST };
        for id in query.query_map(params, |row| row.get(0))? {
            tickets.insert(id?);
        }
    }
    Ok(Alike {
        tickets,
        last: index.last_ticket()?,
    })
}

/// The ticket that `new` repeats most, if it repeats one.
pub fn find(conn: &Connection, new: &NewTicket, alike: &Alike) -> Result<Option<Repeated>> {
    let words = Words::of(&new.title, new.description.as_deref());
    let alike = candidates(conn, alike)?.into_values().map(|candidate| {
        let like = likeness(&words, &candidate.words);
        (like, candidate.ticket)
    });
    let most = alike.max_by(|a, b| a.0.total_cmp(&b.0));
    Ok(most.filter(|(like, _)| *like >= REPEATS).map(|(_, t)| t))
}

/// The newest proposals, those that the index named, and the tickets that are newer than it.
fn candidates(conn: &Connection, alike: &Alike) -> Result<BTreeMap<i64, Candidate>> {
    let mut found = BTreeMap::new();
    let proposals =
        format!("SELECT {COLUMNS} FROM tickets t WHERE {OPEN} ORDER BY t.id DESC LIMIT :newest");
    collect(
        conn,
        &proposals,
        named_params! { ":newest": NEWEST },
        &mut found,
    )?;
    let named = format!(
        "SELECT {COLUMNS} FROM tickets t
         WHERE (t.id IN (SELECT value FROM json_each(:named)) OR t.id > :last)
           AND (t.status <> 'done' OR (t.type = 'proposal' AND t.resolution = 'rejected'))"
    );
    let ids: Vec<&i64> = alike.tickets.iter().collect();
    let ids = json(&ids)?;
    let params = named_params! { ":named": ids, ":last": alike.last };
    collect(conn, &named, params, &mut found)?;
    Ok(found)
}

fn collect(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    into: &mut BTreeMap<i64, Candidate>,
) -> Result<()> {
    let mut query = conn.prepare_cached(sql)?;
    for candidate in query.query_map(params, from_row)? {
        let candidate = candidate?;
        into.entry(candidate.ticket.id).or_insert(candidate);
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let title: String = row.get(1)?;
    let description: Option<String> = row.get(2)?;
    Ok(Candidate {
        words: Words::of(&title, description.as_deref()),
        ticket: Repeated {
            id: row.get(0)?,
            title,
            rejected: row.get(3)?,
        },
    })
}
