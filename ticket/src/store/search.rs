//! Full-text search. The newest tickets come first: to rank by likeness, every match would have to
//! be read, and a word that a million tickets share would cost a second.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, named_params};

use super::tickets;
use crate::error::{Error, Result};
use crate::filter::{Hit, Search};

/// How many words of text an excerpt has.
const EXCERPT_WORDS: i64 = 12;

/// The tickets that `search` finds, the newest first.
pub fn run(conn: &Connection, search: &Search) -> Result<Vec<Hit>> {
    let words = expression(&search.words)?;
    let statuses = super::json(&search.statuses()?)?;
    let limit = search.limit() as usize;
    let mut found: BTreeMap<i64, (&str, String)> = BTreeMap::new();
    for (place, sql) in [("comment", IN_COMMENTS), ("ticket", IN_TICKETS)] {
        let mut query = conn.prepare_cached(sql)?;
        let rows = query.query_map(
            named_params! {
                ":words": words, ":statuses": statuses, ":length": EXCERPT_WORDS,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut here = HashSet::new();
        for row in rows {
            let (id, excerpt) = row?;
            found.insert(id, (place, excerpt));
            here.insert(id);
            if here.len() >= limit {
                break;
            }
        }
    }
    found
        .into_iter()
        .rev()
        .take(limit)
        .map(|(id, (place, excerpt))| {
            Ok(Hit {
                ticket: tickets::get(conn, id)?,
                found_in: place.to_owned(),
                excerpt,
            })
        })
        .collect()
}

const IN_TICKETS: &str = "
    SELECT f.rowid, snippet(tickets_fts, -1, '[', ']', '…', :length)
    FROM tickets_fts f CROSS JOIN tickets t ON t.id = f.rowid
    WHERE tickets_fts MATCH :words AND t.status IN (SELECT value FROM json_each(:statuses))
    ORDER BY f.rowid DESC";

const IN_COMMENTS: &str = "
    SELECT c.ticket_id, snippet(comments_fts, 0, '[', ']', '…', :length)
    FROM comments_fts f CROSS JOIN comments c ON c.id = f.rowid CROSS JOIN tickets t ON t.id = c.ticket_id
    WHERE comments_fts MATCH :words AND t.status IN (SELECT value FROM json_each(:statuses))
    ORDER BY f.rowid DESC";

/// What FTS5 calls a query, with every word quoted: no word of a user is an operator.
fn expression(words: &str) -> Result<String> {
    let mut terms = Vec::new();
    for (index, part) in words.split('"').enumerate() {
        if index % 2 == 1 {
            terms.extend(term(part, false));
            continue;
        }
        for word in part.split_whitespace() {
            let begins = word.strip_suffix('*');
            terms.extend(term(begins.unwrap_or(word), begins.is_some()));
        }
    }
    if terms.is_empty() {
        return Err(Error::Invalid(
            "there is no word to search for: name at least one letter or digit".into(),
        ));
    }
    Ok(terms.join(" "))
}

/// A quoted word; none when there is nothing in it that the index knows.
fn term(word: &str, begins: bool) -> Option<String> {
    let star = if begins { "*" } else { "" };
    word.chars()
        .any(char::is_alphanumeric)
        .then(|| format!("\"{}\"{star}", word.replace('\0', " ")))
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn no_word_is_an_operator() {
        assert_eq!(expression("a OR b").unwrap(), "\"a\" \"OR\" \"b\"");
        assert_eq!(
            expression("\"exact words\" beg* - x").unwrap(),
            "\"exact words\" \"beg\"* \"x\""
        );
        assert!(expression(" * \"\" -").is_err());
    }
}
