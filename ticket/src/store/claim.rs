//! The claim: one UPDATE over a partial index, whose cost does not grow with the table.

use rusqlite::{OptionalExtension, ToSql};

use super::conditions::of_kinds;
use super::{Store, Write, attempts, events, halts, now, prompts, tickets};
use crate::attempt::Attempt;
use crate::error::Result;
use crate::filter::ClaimFilter;
use crate::halt::Claims;
use crate::prompt::Background;
use crate::secret;
use crate::ticket::Ticket;

/// What a claim obeys.
#[derive(Clone, Copy, Debug)]
pub struct ClaimPolicy {
    /// How long the attempt may go on unheard.
    pub lease_seconds: i64,
    /// Tickets with so many failed attempts are left alone.
    pub max_attempts: i64,
}

/// A fresh claim. Only the store makes one.
#[derive(Debug)]
pub struct NewAttempt {
    /// The ticket and what is known around it, without what others found out.
    pub background: Background,
    /// The attempt's token, known only here.
    pub token: String,
    /// The last attempt's snapshot.
    pub start_from: Option<String>,
    /// The conversation to resume, when the last attempt was the same agent's.
    pub resume: Option<String>,
}

/// The next claimable ticket, by priority and then age: read from `tickets_claimable` alone. A filter
/// by type passes over the claimable tickets of other types.
fn next(kinds: Option<&str>) -> String {
    format!(
        "SELECT id FROM tickets
         WHERE status = 'open' AND assigned_to IS NULL AND open_blockers = 0
           AND not_before <= :now AND failures < :max_attempts
           AND spent_microusd < coalesce(max_budget_microusd, :max_ticket) {}
         ORDER BY priority, id LIMIT 1",
        and(kinds)
    )
}

/// The same among the tickets that have all of some labels: read along `labels_claimable`, from the
/// first label's claimable tickets.
fn next_with_labels(kinds: Option<&str>) -> String {
    format!(
        "SELECT l.ticket_id FROM labels l CROSS JOIN tickets t ON t.id = l.ticket_id
         WHERE l.label = :labels ->> 0 AND l.rank IS NOT NULL
           AND t.status = 'open' AND t.assigned_to IS NULL AND t.open_blockers = 0
           AND t.not_before <= :now AND t.failures < :max_attempts
           AND t.spent_microusd < coalesce(t.max_budget_microusd, :max_ticket) {}
           AND NOT EXISTS (SELECT 1 FROM json_each(:labels) other WHERE NOT EXISTS
                 (SELECT 1 FROM labels WHERE label = other.value AND ticket_id = t.id))
         ORDER BY l.rank, l.ticket_id LIMIT 1",
        and(kinds)
    )
}

fn and(condition: Option<&str>) -> String {
    condition.map_or(String::new(), |condition| format!("AND {condition}"))
}

/// Takes the next claimable ticket; gives it with its attempts. The new one's token is kept as a hash.
pub fn claim(
    tx: &Write<'_>,
    agent: &str,
    policy: ClaimPolicy,
    token: Option<&str>,
    filter: &ClaimFilter,
) -> Result<Option<(Ticket, Vec<Attempt>)>> {
    let terms = halts::terms(tx, agent)?;
    if terms.claims == Claims::Withheld {
        return Ok(None);
    }
    let labels = filter.labels()?;
    let kinds = of_kinds(&filter.kinds()?);
    let next = match labels.is_empty() {
        true => next(kinds.as_deref()),
        false => next_with_labels(kinds.as_deref()),
    };
    let sql = format!(
        "UPDATE tickets SET status = 'in_progress', assigned_to = :agent, attempt = attempt + 1,
                not_before = 0, updated_at = datetime('now')
         WHERE id = ({next})
         RETURNING {}",
        tickets::COLUMNS
    );
    let (now, labels_json) = (now(), super::json(&labels)?);
    let mut params: Vec<(&str, &dyn ToSql)> = vec![
        (":agent", &agent),
        (":now", &now),
        (":max_attempts", &policy.max_attempts),
        (":max_ticket", &terms.max_ticket_microusd),
    ];
    if !labels.is_empty() {
        params.push((":labels", &labels_json));
    }
    let claimed = tx
        .prepare_cached(&sql)?
        .query_row(&*params, tickets::from_row)
        .optional()?;
    let Some(ticket) = claimed else {
        return Ok(None);
    };
    let (id, number) = (ticket.id, ticket.attempt);
    let attempt = attempts::begin(tx, &ticket, agent, policy.lease_seconds, token)?;
    events::append_as(
        tx,
        agent,
        Some(id),
        "claimed",
        Some(&format!("attempt {number}")),
    )?;
    if terms.claims == Claims::Probe {
        halts::begin_probe(tx, agent, id, number)?;
    }
    let attempts = match number {
        1 => vec![attempt],
        _ => attempts::with_spending(tx, id)?,
    };
    Ok(Some((ticket, attempts)))
}

impl Store {
    /// Claims a ticket for a runner. `None` when nothing is claimable.
    pub fn claim(&mut self, agent: &str, policy: ClaimPolicy) -> Result<Option<NewAttempt>> {
        let token = secret::new_token();
        let claimed =
            self.write(|tx| claim(tx, agent, policy, Some(&token), &ClaimFilter::default()))?;
        let Some((ticket, attempts)) = claimed else {
            return Ok(None);
        };
        let ticket = tickets::with_all(&self.conn, ticket, attempts)?;
        let background = prompts::background(&self.conn, ticket)?;
        let (start_from, resume) = prompts::left_over(&background.history, agent);
        Ok(Some(NewAttempt {
            background,
            token,
            start_from,
            resume,
        }))
    }
}
