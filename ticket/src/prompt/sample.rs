//! Values to try a template with: one set in which everything is there, one in which nothing is that
//! may be absent.

use super::{Background, Finding, Start, Subject};
use crate::attempt::{Attempt, Outcome};
use crate::comment::Comment;
use crate::learning::Learning;
use crate::status::Status;
use crate::ticket::{HUMAN, Resolution, Ticket, TicketDetail, TicketType};
use crate::wire::KnownProposal;

const AGENT: &str = "agent-1";
const BRANCH: &str = "main";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TIME: &str = "2026-01-31 08:00:00";

/// A subject for each place to start from, first with everything, then with nothing.
pub fn subjects() -> Vec<Subject> {
    let starts = || {
        let commit = || COMMIT.to_owned();
        [
            Start::Main,
            Start::Snapshot { commit: commit() },
            Start::MainBesideSnapshot { commit: commit() },
            Start::MainWithoutSnapshot,
        ]
    };
    [everything(), nothing()]
        .iter()
        .flat_map(|known| starts().map(|start| Subject::new(known, AGENT, BRANCH, start)))
        .collect()
}

/// What came back, with everything and with nothing.
pub fn findings() -> [Finding; 2] {
    let full = Finding {
        reason: Some("why".to_owned()),
        log: Some("the log".to_owned()),
        files: vec!["src/main.py".to_owned()],
        retries_left: 2,
    };
    [full, Finding::default()]
}

/// Proposals that are known, some and none.
pub fn known() -> [Vec<KnownProposal>; 2] {
    let rejected = KnownProposal {
        title: "An idea".to_owned(),
        rejected: true,
        reason: Some("why not".to_owned()),
    };
    let open = KnownProposal {
        rejected: false,
        reason: None,
        ..rejected.clone()
    };
    [vec![rejected, open], Vec::new()]
}

fn everything() -> Background {
    let asked = Ticket {
        resolution: Some(Resolution::Answered),
        ..ticket(5, TicketType::Question)
    };
    let outcome = Attempt {
        ticket_id: 7,
        number: 1,
        agent: AGENT.to_owned(),
        lease_seconds: 120,
        phase: "verify".to_owned(),
        base_commit: Some(COMMIT.to_owned()),
        snapshot: Some(COMMIT.to_owned()),
        session_id: Some("session".to_owned()),
        outcome: Some(Outcome::VerifyRed),
        reason: Some("the gate stayed red".to_owned()),
        log_tail: Some("AssertionError".to_owned()),
        started_at: TIME.to_owned(),
        heartbeat_at: TIME.to_owned(),
        ended_at: Some(TIME.to_owned()),
        spent: crate::usage::Spent::default(),
    };
    Background {
        ticket: detail(ticket(7, TicketType::Task)),
        parent: Some(ticket(3, TicketType::Task)),
        resolved_blockers: vec![detail(asked)],
        history: vec![outcome],
        left: Some("src/main.py +1 -0".to_owned()),
        learnings: vec![Learning {
            id: 1,
            body: "what was found out".to_owned(),
            category: "build".to_owned(),
            author: AGENT.to_owned(),
            ticket_id: Some(3),
            created_at: TIME.to_owned(),
        }],
        learnings_left_out: 3,
    }
}

fn nothing() -> Background {
    let ticket = Ticket {
        description: None,
        parent_id: None,
        labels: Vec::new(),
        ..ticket(7, TicketType::Task)
    };
    Background {
        ticket: TicketDetail {
            comments: Vec::new(),
            ..detail(ticket)
        },
        parent: None,
        resolved_blockers: Vec::new(),
        history: Vec::new(),
        left: None,
        learnings: Vec::new(),
        learnings_left_out: 0,
    }
}

fn ticket(id: i64, kind: TicketType) -> Ticket {
    Ticket {
        id,
        title: "the title".to_owned(),
        description: Some("the description".to_owned()),
        status: Status::InProgress,
        kind,
        assigned_to: Some(AGENT.to_owned()),
        parent_id: Some(3),
        created_by: HUMAN.to_owned(),
        created_at: TIME.to_owned(),
        updated_at: TIME.to_owned(),
        priority: 2,
        resolution: None,
        not_before: 0,
        attempt: 2,
        failures: 1,
        labels: vec!["label".to_owned()],
        wait_for_children: false,
        max_budget_usd: None,
        spent_usd: crate::usd::Usd(0),
    }
}

fn detail(ticket: Ticket) -> TicketDetail {
    let comment = Comment {
        id: 1,
        ticket_id: ticket.id,
        author: HUMAN.to_owned(),
        body: "what was said".to_owned(),
        created_at: TIME.to_owned(),
        reply_to: Some(1),
    };
    TicketDetail {
        ticket,
        blocked_by: Vec::new(),
        blocks: Vec::new(),
        children: Vec::new(),
        comments: vec![comment],
        attempts: Vec::new(),
    }
}
