//! The clock was set back: what would then wait longer than it was meant to, or can at all, is
//! shortened. Moments that somebody wished for (`--not-before`) stay. A claim looks at none of this:
//! the hub asks for it when it starts and when it sees the clock jump, and a claim by hand does when
//! it finds nothing.

use rusqlite::named_params;

use super::{Store, Write, budgets, events, halts, shift};
use crate::actor::Actor;
use crate::error::Result;

/// Clocks that are kept right differ by this much, in seconds.
const SLACK_SECONDS: i64 = 5;
/// The event that tells of it.
const EVENT: &str = "clock_jumped";

/// Which tickets are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// Those that could be claimed, as far as their index tells.
    Claimable,
    /// All that are not done.
    Unfinished,
}

impl Store {
    /// Sets right what waits too long at `now`, in Unix seconds, in one transaction. `jumped` is how
    /// far the clock was seen to go, in seconds: then the log hears of it, and messages that wait
    /// become neither older nor younger by it. Without it a clock that was set back while nobody
    /// looked is noticed by what it left. `reply_seconds`: for how long a message can be answered.
    /// Returns what was set right, in words.
    pub fn mend_clock(
        &mut self,
        jumped: Option<i64>,
        now: i64,
        reply_seconds: i64,
    ) -> Result<Vec<String>> {
        self.write(|tx| {
            let tickets = shorten_waits(tx, Which::Unfinished, now)?;
            let halt = halts::shorten(tx, now)?;
            let day = budgets::return_to_today(tx, now)?;
            let codes = tx.execute(
                "UPDATE reply_codes SET expires_at = :latest
                 WHERE state = 'open' AND expires_at > :latest + :slack",
                named_params! { ":latest": now + reply_seconds, ":slack": SLACK_SECONDS },
            )?;
            tx.execute(
                "UPDATE outbox SET created_at = min(created_at + :jumped, :now)
                 WHERE state = 'waiting' AND (:jumped <> 0 OR created_at > :now)",
                named_params! { ":jumped": jumped.unwrap_or(0), ":now": now },
            )?;
            shift::not_started_after(tx, now)?;
            let mended: Vec<String> = [
                (tickets > 0)
                    .then(|| format!("tickets that wait no longer than they should: {tickets}")),
                halt.then(|| "so does the halt of all claims".to_owned()),
                day.then(|| "the day's costs are today's again".to_owned()),
                (codes > 0)
                    .then(|| format!("answers that are taken no longer than they should: {codes}")),
            ]
            .into_iter()
            .flatten()
            .collect();
            let what = jumped.map(|seconds| match seconds {
                ..0 => format!("the clock went back by {} s", seconds.unsigned_abs()),
                0.. => format!("the clock went ahead by {seconds} s"),
            });
            let sentence: Vec<&str> = what.iter().chain(&mended).map(String::as_str).collect();
            if !sentence.is_empty() {
                events::append(tx, &Actor::Hub, None, EVENT, Some(&sentence.join("; ")))?;
            }
            Ok(mended)
        })
    }
}

/// For a claim by hand that found nothing: shortens what would keep it from claiming. Returns whether
/// there was anything.
pub fn mend_for_claim(tx: &Write<'_>, now: i64) -> Result<bool> {
    let tickets = shorten_waits(tx, Which::Claimable, now)?;
    let halt = halts::shorten(tx, now)?;
    let day = budgets::return_to_today(tx, now)?;
    let mended = tickets > 0 || halt || day;
    if mended {
        let what = "the clock was set back; what waited too long waits no longer than it should";
        events::append(tx, &Actor::Hub, None, EVENT, Some(what))?;
    }
    Ok(mended)
}

/// The queue's own waits, each at most as long as it was made.
fn shorten_waits(tx: &Write<'_>, which: Which, now: i64) -> Result<usize> {
    let of = match which {
        Which::Claimable => "status = 'open' AND assigned_to IS NULL AND open_blockers = 0",
        Which::Unfinished => "status <> 'done'",
    };
    let sql = format!(
        "UPDATE tickets SET not_before = :now + wait_seconds
         WHERE {of} AND not_before > :now AND wait_seconds > 0
           AND not_before > :now + wait_seconds + :slack"
    );
    let mut update = tx.prepare_cached(&sql)?;
    Ok(update.execute(named_params! { ":now": now, ":slack": SLACK_SECONDS })?)
}
