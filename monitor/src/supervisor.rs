//! The lease reaper. Each live attempt has a deadline on the monotonic clock: from the moment this
//! hub first knew of it, moved on by every sign of life. Work in the landing queue has none.
//!
//! A lease that ran while the hub was down runs anew from its start, and one of a bounced attempt
//! from the bounce, because both become known then. The reaper sleeps until the nearest deadline or
//! the next event; a renewed deadline needs no wake-up, it is seen when the old one comes.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ticket::attempt::Attempt;
use tokio::time::Instant;

use crate::hub::{Shared, at};
use crate::pace::Paced;

/// The pause before the reaper tries again what the database refused.
const RETRY: Duration = Duration::from_secs(5);
/// How late the reaper may hear of a new attempt. Its lease begins so much later.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// How long a proposal run may go on unheard.
const PROPOSAL_LEASE: Duration = Duration::from_secs(120);
/// Stands for the ticket of a proposal run, which has none.
pub const PROPOSAL: i64 = 0;

/// A ticket's id and the number of its attempt, or [`PROPOSAL`] and that of the run.
type Key = (i64, i64);

/// When each live attempt will have been silent for too long.
#[derive(Debug, Default)]
pub struct Leases(Mutex<HashMap<Key, Lease>>);

#[derive(Clone, Copy, Debug)]
struct Lease {
    length: Duration,
    over_at: Instant,
}

impl Leases {
    /// A sign of life: the lease runs anew.
    pub fn renew(&self, ticket: i64, attempt: i64) {
        self.renew_at((ticket, attempt), Instant::now());
    }

    fn renew_at(&self, key: Key, now: Instant) {
        if let Some(lease) = self.lock().get_mut(&key) {
            lease.over_at = now + lease.length;
        }
    }

    /// Takes note of exactly these leases: new ones run from now, known ones go on.
    fn follow(&self, leases: &[(Key, Duration)], now: Instant) {
        let mut known = self.lock();
        let current: HashSet<Key> = leases.iter().map(|(key, _)| *key).collect();
        known.retain(|key, _| current.contains(key));
        for (key, length) in leases {
            known.entry(*key).or_insert(Lease {
                length: *length,
                over_at: now + *length,
            });
        }
    }

    /// The attempts whose lease is over.
    fn overdue(&self, now: Instant) -> Vec<Key> {
        let known = self.lock();
        let over = known.iter().filter(|(_, lease)| lease.over_at <= now);
        over.map(|(key, _)| *key).collect()
    }

    /// The nearest moment at which a lease may be over.
    fn next(&self) -> Option<Instant> {
        self.lock().values().map(|lease| lease.over_at).min()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Releases the tickets of attempts that are not heard of any more, until the hub ends.
pub async fn run(hub: Shared) {
    let mut events = Paced::new(hub.database.last_event(), LONGEST_REST);
    loop {
        events.look();
        let next = match reap(&hub).await {
            Ok(()) => hub.leases.next(),
            Err(error) => {
                tracing::warn!("leases could not be looked at: {error}");
                Some(Instant::now() + RETRY)
            }
        };
        tokio::select! {
            () = hub.closing.cancelled() => return,
            _ = events.changed() => (),
            () = at(next) => (),
        }
    }
}

async fn reap(hub: &Shared) -> ticket::Result<()> {
    let (attempts, queue, proposals) = hub
        .database
        .read(|store| {
            let proposals = store.live_proposals()?;
            Ok((store.live_attempts()?, store.landing_queue()?, proposals))
        })
        .await?;
    let submitted: HashSet<i64> = queue.iter().map(|landing| landing.ticket_id).collect();
    let mut leases = running(&attempts, &submitted);
    leases.extend(
        proposals
            .into_iter()
            .map(|run| ((PROPOSAL, run), PROPOSAL_LEASE)),
    );
    hub.leases.follow(&leases, Instant::now());
    for (ticket, attempt) in hub.leases.overdue(Instant::now()) {
        let max_attempts = hub.config().queue.max_attempts;
        let expired = hub
            .database
            .call(move |store| match ticket {
                PROPOSAL => store.expire_proposal(attempt, PROPOSAL_LEASE.as_secs()),
                ticket => store.expire(ticket, attempt, max_attempts),
            })
            .await?;
        if expired {
            tracing::info!(ticket, attempt, "a lease is over");
        }
        hub.leases.lock().remove(&(ticket, attempt));
    }
    Ok(())
}

/// The attempts that have a lease: all that are live, but those whose ticket waits to land.
fn running(attempts: &[Attempt], submitted: &HashSet<i64>) -> Vec<(Key, Duration)> {
    let unsubmitted = attempts
        .iter()
        .filter(|a| !submitted.contains(&a.ticket_id));
    unsubmitted
        .map(|a| {
            let length = Duration::from_secs(a.lease_seconds.unsigned_abs());
            ((a.ticket_id, a.number), length)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Key = (1, 1);
    const B: Key = (2, 1);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_lease_runs_from_when_it_is_first_known() {
        let (leases, start) = (Leases::default(), Instant::now());
        leases.follow(&[(A, seconds(10))], start);
        leases.follow(&[(A, seconds(10)), (B, seconds(10))], start + seconds(5));
        assert_eq!(leases.next(), Some(start + seconds(10)));
        assert_eq!(leases.overdue(start + seconds(9)), []);
        assert_eq!(leases.overdue(start + seconds(10)), [A]);
    }

    #[test]
    fn a_sign_of_life_moves_it_on() {
        let (leases, start) = (Leases::default(), Instant::now());
        leases.follow(&[(A, seconds(10))], start);
        leases.renew_at(A, start + seconds(8));
        assert_eq!(leases.overdue(start + seconds(17)), []);
        assert_eq!(leases.overdue(start + seconds(18)), [A]);
        leases.renew_at(B, start);
        assert_eq!(leases.next(), Some(start + seconds(18)));
    }

    #[test]
    fn submitted_work_has_none_and_runs_anew_after_a_bounce() {
        let (leases, start) = (Leases::default(), Instant::now());
        leases.follow(&[(A, seconds(10))], start);
        leases.follow(&[], start + seconds(5));
        assert_eq!(leases.next(), None);
        leases.follow(&[(A, seconds(10))], start + seconds(60));
        assert_eq!(leases.next(), Some(start + seconds(70)));
    }
}
