//! Which transcripts go: those that are too old, then the oldest of those that are too many. Pure.

use swarm::config;
use ticket::moment;
use ticket::transcript::{Entry, Of};

/// What may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long after its end, in seconds.
    pub seconds: i64,
    /// How much in all.
    pub bytes: u64,
}

impl Limits {
    /// As it is configured.
    pub fn of(settings: &config::Transcripts) -> Limits {
        Limits {
            seconds: settings.keep_days * 24 * 60 * 60,
            bytes: settings.max_size.0,
        }
    }
}

/// The numbers of those that go, of all there are, oldest first. Never one that is open; for their
/// size those of unfinished tickets go last.
pub fn choose(
    entries: &[&Entry],
    limits: &Limits,
    now: i64,
    unfinished: &dyn Fn(i64) -> bool,
) -> Vec<u64> {
    let is_old = |entry: &Entry| {
        let ended = entry.ended_at.as_deref().map(|at| moment::parse(at, now));
        matches!(ended, Some(Ok(ended)) if now - ended > limits.seconds)
    };
    let closed = entries.iter().filter(|entry| !entry.is_open());
    let (old, young): (Vec<&Entry>, Vec<&Entry>) = closed.partition(|entry| is_old(entry));
    let mut doomed: Vec<u64> = old.iter().map(|entry| entry.id).collect();

    let all: u64 = entries.iter().map(|entry| entry.size()).sum();
    let mut left = all - old.iter().map(|entry| entry.size()).sum::<u64>();
    if left <= limits.bytes {
        return doomed;
    }
    let goes_last = |entry: &Entry| match entry.key.of {
        Of::Attempt { ticket, .. } => unfinished(ticket),
        Of::Proposal { .. } => false,
    };
    let (last, first): (Vec<&Entry>, Vec<&Entry>) = young.into_iter().partition(|e| goes_last(e));
    for entry in first.into_iter().chain(last) {
        if left <= limits.bytes {
            break;
        }
        left -= entry.size();
        doomed.push(entry.id);
    }
    doomed
}

#[cfg(test)]
mod tests {
    use ticket::transcript::Key;

    use super::*;

    const NOW: i64 = 100 * 24 * 60 * 60;

    /// Of ticket `ticket`, ended so many days ago, or open.
    fn entry(id: u64, ticket: i64, days: Option<i64>, bytes: u64) -> Entry {
        let ended = |days: i64| moment::text(NOW - days * 24 * 60 * 60 - 1).unwrap();
        let of = match ticket {
            0 => Of::Proposal { proposal: 1 },
            ticket => Of::Attempt { ticket, attempt: 1 },
        };
        Entry {
            id,
            key: Key { of, run: 1 },
            agent: "agent-1".into(),
            phase: String::new(),
            backend: String::new(),
            model: None,
            session: None,
            started_at: String::new(),
            ended_at: days.map(ended),
            ending: None,
            bytes,
            text_bytes: 1,
        }
    }

    fn chosen(entries: &[Entry], bytes: u64) -> Vec<u64> {
        let limits = Limits {
            seconds: 30 * 24 * 60 * 60,
            bytes,
        };
        let all: Vec<&Entry> = entries.iter().collect();
        choose(&all, &limits, NOW, &|ticket| ticket == 9)
    }

    #[test]
    fn what_ended_too_long_ago_goes_whatever_its_ticket() {
        let entries = [
            entry(1, 1, Some(30), 1),
            entry(2, 9, Some(30), 1),
            entry(3, 1, Some(29), 1),
            entry(4, 1, None, 1),
        ];
        assert_eq!(chosen(&entries, 1000), [1, 2]);
    }

    #[test]
    fn the_oldest_goes_first_when_it_is_too_much_and_unfinished_tickets_last() {
        let entries = [
            entry(1, 9, Some(5), 9),
            entry(2, 1, None, 9),
            entry(3, 1, Some(4), 9),
            entry(4, 0, Some(3), 9),
            entry(5, 9, Some(2), 9),
            entry(6, 2, Some(1), 9),
        ];
        for (bytes, expected) in [
            (60, &[][..]),
            (59, &[3]),
            (45, &[3, 4]),
            (30, &[3, 4, 6]),
            (20, &[3, 4, 6, 1]),
            (0, &[3, 4, 6, 1, 5]),
        ] {
            assert_eq!(chosen(&entries, bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn what_is_old_makes_room_before_anything_else_goes() {
        let entries = [entry(1, 1, Some(40), 50), entry(2, 1, Some(1), 50)];
        assert_eq!(chosen(&entries, 60), [1]);
    }
}
