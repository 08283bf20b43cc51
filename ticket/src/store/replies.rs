//! Codes by which the human answers from a phone. A code is kept as its hash, is good for one action on
//! one ticket, once, until it expires or the ticket changes. Using it and what it does are one
//! transaction.

use rusqlite::{Connection, named_params};
use subtle::ConstantTimeEq;

use super::{Store, Write, comments, events, review, session, tickets};
use crate::actor::Actor;
use crate::comment::NewComment;
use crate::error::{Error, Result};
use crate::reply::{Action, Outcome, Refused, Reply, Text};
use crate::secret;
use crate::ticket::HUMAN;

/// After so many wrong codes for a ticket all its codes are void.
const MOST_WRONG: i64 = 5;
/// How long codes that are no longer good are told from wrong ones, in seconds.
const REMEMBERED_SECONDS: i64 = 14 * 24 * 60 * 60;
/// The reason of a ticket that was rejected by a button, which has no place to write one.
const NO_REASON: &str = "Rejected from the phone, without a reason.";

struct Row {
    id: i64,
    action: Action,
    hash: String,
    version: i64,
    state: String,
    wrong: i64,
    expires_at: i64,
}

impl Store {
    /// Makes one code for each action on a ticket as it was at `version`. Those that were made for
    /// it before are void. The answer is the only place where a code can be read.
    pub fn new_reply_codes(
        &mut self,
        ticket: i64,
        version: i64,
        actions: &[Action],
        expires_at: i64,
        now: i64,
    ) -> Result<Vec<(Action, String)>> {
        self.write(|tx| {
            make_void(tx, ticket, now)?;
            tx.prepare_cached("DELETE FROM reply_codes WHERE ended_at < :long_ago")?
                .execute(named_params! { ":long_ago": now - REMEMBERED_SECONDS })?;
            actions
                .iter()
                .map(|action| {
                    let code = secret::new_code();
                    tx.prepare_cached(
                        "INSERT INTO reply_codes (ticket_id, action, code_hash, version, expires_at)
                         VALUES (:ticket, :action, :hash, :version, :expires_at)",
                    )?
                    .execute(named_params! {
                        ":ticket": ticket, ":action": action.as_str(),
                        ":hash": secret::hash(&code), ":version": version,
                        ":expires_at": expires_at,
                    })?;
                    Ok((*action, code))
                })
                .collect()
        })
    }

    /// No code is good any more: nobody listens for answers.
    pub fn close_replies(&mut self, now: i64) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE reply_codes SET state = 'void', ended_at = :now WHERE state = 'open'",
                named_params! { ":now": now },
            )?;
            Ok(())
        })
    }

    /// Does what an answer from a phone says, as the human, when its code is good.
    pub fn reply(&mut self, reply: &Reply, now: i64) -> Result<Outcome> {
        let done = self.write(|tx| {
            let row = match check(tx, reply, now)? {
                Ok(row) => row,
                Err(outcome) => return Ok(outcome),
            };
            tx.prepare_cached(
                "UPDATE reply_codes SET state = 'used', ended_at = :now WHERE id = :id",
            )?
            .execute(named_params! { ":id": row.id, ":now": now })?;
            make_void(tx, reply.ticket, now)?;
            let by_phone = format!("{} by phone", row.action.as_str());
            events::append(
                tx,
                &Actor::Human,
                Some(reply.ticket),
                "replied",
                Some(&by_phone),
            )?;
            act(tx, row.action, reply)?;
            Ok(Outcome::Done(row.action))
        });
        match done {
            // The queue's own no rolled the use of the code back too.
            Err(
                error @ (Error::Refused(_)
                | Error::Invalid(_)
                | Error::NotFound(_)
                | Error::Stale(_)),
            ) => Ok(Outcome::Refused(Refused::ByQueue(error.to_string()))),
            other => other,
        }
    }
}

/// The row of a code that is good, or what to answer.
fn check(tx: &Write<'_>, reply: &Reply, now: i64) -> Result<Result<Row, Outcome>> {
    let mut rows = of(tx, reply.ticket)?;
    let hash = secret::hash(&reply.code);
    // All are compared, whichever it is.
    let found = rows.iter().enumerate().fold(None, |found, (place, row)| {
        let is_it: bool = row.hash.as_bytes().ct_eq(hash.as_bytes()).into();
        if is_it { Some(place) } else { found }
    });
    let Some(place) = found else {
        return guessed(tx, reply.ticket, &rows, now).map(|void| Err(Outcome::Unknown(void)));
    };
    let row = rows.swap_remove(place);
    let refused = match row.state.as_str() {
        "used" => Some(Refused::Used),
        "void" => Some(Refused::Void),
        _ if row.expires_at <= now => Some(Refused::Expired),
        _ if events::last_of(tx, reply.ticket)? != row.version => {
            make_void(tx, reply.ticket, now)?;
            Some(Refused::Changed)
        }
        _ => match (row.action.text(), &reply.text) {
            (Text::Needed, None) => Some(Refused::WithoutText),
            (Text::None, Some(_)) => Some(Refused::WithText),
            _ => None,
        },
    };
    Ok(match refused {
        Some(why) => Err(Outcome::Refused(why)),
        None => Ok(row),
    })
}

/// A wrong code came in; true when that made the ticket's codes void.
fn guessed(tx: &Write<'_>, ticket: i64, rows: &[Row], now: i64) -> Result<bool> {
    let is_open = |row: &&Row| row.state == "open" && row.expires_at > now;
    let Some(wrong) = rows.iter().filter(is_open).map(|row| row.wrong).max() else {
        return Ok(false);
    };
    tx.prepare_cached(
        "UPDATE reply_codes SET wrong = wrong + 1 WHERE ticket_id = :ticket AND state = 'open'",
    )?
    .execute(named_params! { ":ticket": ticket })?;
    if wrong + 1 < MOST_WRONG {
        return Ok(false);
    }
    make_void(tx, ticket, now)?;
    Ok(true)
}

fn act(tx: &Write<'_>, action: Action, reply: &Reply) -> Result<()> {
    let (actor, id) = (&Actor::Human, reply.ticket);
    let text = reply.text.as_deref();
    match action {
        Action::Answer => review::answer(tx, actor, id, text.unwrap_or_default()),
        Action::Approve => review::approve(tx, actor, id),
        Action::Reject => review::reject(tx, actor, id, text.unwrap_or(NO_REASON)),
        Action::Pass => review::pass(tx, actor, id, text),
        Action::Fail => review::fail(tx, actor, id, text.unwrap_or_default()).map(drop),
        Action::Retry => {
            if let Some(text) = text {
                comments::add(tx, actor, id, HUMAN, &NewComment::new(text))?;
            }
            session::release(tx, actor, id)
        }
    }
}

fn make_void(tx: &Write<'_>, ticket: i64, now: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE reply_codes SET state = 'void', ended_at = :now
         WHERE ticket_id = :ticket AND state = 'open'",
    )?
    .execute(named_params! { ":ticket": ticket, ":now": now })?;
    Ok(())
}

fn of(conn: &Connection, ticket: i64) -> Result<Vec<Row>> {
    let mut query = conn.prepare_cached(
        "SELECT id, action, code_hash, version, state, wrong, expires_at FROM reply_codes
         WHERE ticket_id = :ticket ORDER BY id",
    )?;
    let rows = query.query_map(named_params! { ":ticket": ticket }, |row| {
        Ok(Row {
            id: row.get("id")?,
            action: tickets::parsed(row, "action")?,
            hash: row.get("code_hash")?,
            version: row.get("version")?,
            state: row.get("state")?,
            wrong: row.get("wrong")?,
            expires_at: row.get("expires_at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
