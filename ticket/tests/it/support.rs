//! A store in a folder of its own, and short words for what tests do to it.

use std::path::PathBuf;

use ticket::store::{ClaimPolicy, NewAttempt, Ration};
use ticket::ticket::{NewTicket, TicketDetail};
use ticket::usage::{ModelUsage, Phase, RunUsage, Usage};
use ticket::wire::{EndAttempt, Heartbeat, Submit};
use ticket::{Actor, Queue, Store};

pub const POLICY: ClaimPolicy = ClaimPolicy {
    lease_seconds: 60,
    max_attempts: 3,
};

pub struct Fixture {
    pub store: Store,
    pub path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Fixture {
    pub fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tickets.db");
        Store::migrate(&path, &mut |_| ()).unwrap();
        Fixture {
            store: Store::open(&path).unwrap(),
            path,
            _dir: dir,
        }
    }

    /// Makes a ticket that waits for `blocked_by`.
    pub fn ticket(&mut self, title: &str, blocked_by: &[i64]) -> i64 {
        let new = NewTicket {
            title: title.into(),
            blocked_by: blocked_by.into(),
            ..NewTicket::default()
        };
        self.human(|q| q.create(&new)).unwrap()
    }

    pub fn human<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Queue) -> ticket::Result<T>,
    ) -> ticket::Result<T> {
        work(&mut self.store.session(&Actor::Human))
    }

    pub fn claim(&mut self, agent: &str) -> Option<NewAttempt> {
        self.store.claim(agent, POLICY).unwrap()
    }

    pub fn show(&mut self, id: i64) -> TicketDetail {
        self.human(|q| q.show(id)).unwrap()
    }

    pub fn actions(&mut self) -> Vec<String> {
        let events = self.store.events_after(0, 1000).unwrap();
        events.into_iter().map(|e| e.action).collect()
    }
}

impl Drop for Fixture {
    /// Whatever a test did, the file is sound and every counter is right.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let conn = rusqlite::Connection::open(&self.path).unwrap();
        let sound: String = conn
            .query_row("PRAGMA integrity_check", [], |r| r.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
        let wrong: i64 = conn
            .query_row(
                "SELECT count(*) FROM tickets t WHERE open_blockers <>
                   (SELECT count(*) FROM blockers b JOIN tickets o ON o.id = b.blocked_by
                    WHERE b.ticket_id = t.id AND o.status <> 'done')
                   + t.wait_for_children *
                     (SELECT count(*) FROM tickets c WHERE c.parent_id = t.id AND c.status <> 'done')",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(wrong, 0, "a count of open blockers is wrong");
        let misplaced: i64 = conn
            .query_row(
                "SELECT count(*) FROM labels l JOIN tickets t ON t.id = l.ticket_id
                 WHERE l.rank IS NOT CASE WHEN t.status = 'open' AND t.assigned_to IS NULL
                                           AND t.open_blockers = 0 THEN t.priority END",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(misplaced, 0, "a label's rank is wrong");
        let miscounted: i64 = conn
            .query_row(
                "SELECT count(*) FROM tickets t WHERE spent_microusd <>
                   (SELECT coalesce(sum(cost_microusd), 0) FROM usage WHERE ticket_id = t.id)",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(miscounted, 0, "what a ticket cost is wrong");
        let orphans: i64 = conn
            .query_row(
                "SELECT count(*) FROM attempts a JOIN tickets t ON t.id = a.ticket_id
                 WHERE a.ended_at IS NULL AND t.status IN ('open', 'done')",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(orphans, 0, "a live attempt of a ticket that nobody has");
    }
}

/// What run `number` used of `model` so far.
pub fn used(number: i64, model: &str, input_tokens: u64, cost: Option<u64>) -> RunUsage {
    RunUsage {
        run: number,
        phase: Phase::Work,
        backend: "claude".into(),
        models: vec![ModelUsage {
            model: model.into(),
            usage: Usage {
                input_tokens,
                output_tokens: 2,
                cache_read_tokens: 3,
                cache_write_tokens: 4,
                cost_microusd: cost,
            },
        }],
        is_last: false,
    }
}

/// A heartbeat that says so.
pub fn beat(runs: &[RunUsage]) -> Heartbeat {
    Heartbeat {
        usage: runs.to_vec(),
        ..Heartbeat::default()
    }
}

pub fn end(outcome: ticket::attempt::Outcome) -> EndAttempt {
    EndAttempt::new(outcome, "because")
}

pub fn ration(max_open: i64, every_seconds: i64) -> Ration {
    Ration {
        max_open,
        every_seconds,
    }
}

pub fn submit(commit: &str) -> Submit {
    Submit {
        commit: commit.into(),
        summary: None,
    }
}
