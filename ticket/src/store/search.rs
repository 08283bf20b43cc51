//! Full-text search. The newest tickets come first: to rank by likeness, every match would have to
//! be read, and a word that a million tickets share would cost a second.

use std::collections::{BTreeMap, HashSet};

use rusqlite::named_params;

use super::fulltext::FullText;
use crate::error::{Error, Result};
use crate::filter::Search;

/// How many words of text an excerpt has.
const EXCERPT_WORDS: i64 = 12;

/// A ticket that was found.
pub struct Found {
    /// Its number.
    pub id: i64,
    /// `ticket` or `comment`.
    pub place: &'static str,
    /// The words around the match.
    pub excerpt: String,
}

/// The tickets that `search` finds, the newest first.
pub fn find(index: &FullText, search: &Search) -> Result<Vec<Found>> {
    let words = expression(&search.words)?;
    let statuses = super::json(&search.statuses()?)?;
    let limit = search.limit() as usize;
    let mut found: BTreeMap<i64, Found> = BTreeMap::new();
    for (place, sql) in [("comment", IN_COMMENTS), ("ticket", IN_TICKETS)] {
        let mut query = index.conn().prepare_cached(sql)?;
        let rows = query.query_map(
            named_params! {
                ":words": words, ":statuses": statuses, ":length": EXCERPT_WORDS,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut here = HashSet::new();
        for row in rows {
            let (id, excerpt) = row?;
            found.insert(id, Found { id, place, excerpt });
            here.insert(id);
            if here.len() >= limit {
                break;
            }
        }
    }
    Ok(found.into_values().rev().take(limit).collect())
}

const IN_TICKETS: &str = "
    SELECT f.rowid, snippet(tickets_fts, -1, '[', ']', '…', :length)
    FROM tickets_fts f CROSS JOIN queue.tickets t ON t.id = f.rowid
    WHERE tickets_fts MATCH :words AND t.status IN (SELECT value FROM json_each(:statuses))
    ORDER BY f.rowid DESC";

const IN_COMMENTS: &str = "
    SELECT c.ticket_id, snippet(comments_fts, 0, '[', ']', '…', :length)
    FROM comments_fts f CROSS JOIN queue.comments c ON c.id = f.rowid CROSS JOIN queue.tickets t ON t.id = c.ticket_id
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
