//! The life of a ticket: four statuses and the moves between them. Pure; the schema's trigger says
//! the same and a test compares the two.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words::one_of;

/// Where a ticket stands. Blocked, deferred and queued-for-landing are derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for an agent.
    Open,
    /// An attempt is under way.
    InProgress,
    /// The work is submitted and waits for review or landing.
    Ready,
    /// Finished, with a resolution. Final.
    Done,
}

/// What can happen to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// An agent takes it.
    Claim,
    /// The attempt ends without a result; the ticket waits again.
    Release,
    /// The work is handed in.
    Submit,
    /// What was handed in is refused and goes back to the same attempt.
    Bounce,
    /// It gets its resolution.
    Finish,
}

/// A move that the status does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket that is {from} cannot {what}", what = self.what.verb())]
pub struct IllegalMove {
    /// The status it has.
    pub from: Status,
    /// What was asked of it.
    pub what: Move,
}

impl Status {
    /// Every status, in the order of a ticket's life.
    pub const ALL: [Status; 4] = [
        Status::Open,
        Status::InProgress,
        Status::Ready,
        Status::Done,
    ];

    /// The status after `what`, or why there is none.
    pub fn after(self, what: Move) -> Result<Status, IllegalMove> {
        let refused = Err(IllegalMove { from: self, what });
        match (self, what) {
            (Status::Open, Move::Claim) => Ok(Status::InProgress),
            (Status::Open, Move::Submit) => Ok(Status::Ready),
            (Status::Open, Move::Release) => Ok(Status::Open),
            (Status::Open, Move::Finish) => Ok(Status::Done),
            (Status::Open, Move::Bounce) => refused,
            (Status::InProgress, Move::Release) => Ok(Status::Open),
            (Status::InProgress, Move::Submit) => Ok(Status::Ready),
            (Status::InProgress, Move::Finish) => Ok(Status::Done),
            (Status::InProgress, Move::Claim | Move::Bounce) => refused,
            (Status::Ready, Move::Release) => Ok(Status::Open),
            (Status::Ready, Move::Bounce) => Ok(Status::InProgress),
            (Status::Ready, Move::Finish) => Ok(Status::Done),
            (Status::Ready, Move::Submit) => Ok(Status::Ready),
            (Status::Ready, Move::Claim) => refused,
            (
                Status::Done,
                Move::Claim | Move::Release | Move::Submit | Move::Bounce | Move::Finish,
            ) => refused,
        }
    }

    /// The move that `ticket update --status` means by naming `target`; none leads to done.
    pub fn move_to(self, target: Status) -> Option<Move> {
        match (self, target) {
            (_, Status::Done) => None,
            (_, Status::Open) => Some(Move::Release),
            (_, Status::Ready) => Some(Move::Submit),
            (Status::Ready, Status::InProgress) => Some(Move::Bounce),
            (_, Status::InProgress) => Some(Move::Claim),
        }
    }

    /// The word in the database, the JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::InProgress => "in_progress",
            Status::Ready => "ready",
            Status::Done => "done",
        }
    }
}

impl Move {
    fn verb(self) -> &'static str {
        match self {
            Move::Claim => "be claimed",
            Move::Release => "be released",
            Move::Submit => "be completed",
            Move::Bounce => "go back to its agent",
            Move::Finish => "be finished",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("status", word, &Status::ALL, Status::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVES: [Move; 5] = [
        Move::Claim,
        Move::Release,
        Move::Submit,
        Move::Bounce,
        Move::Finish,
    ];

    #[test]
    fn done_is_final() {
        for what in MOVES {
            assert!(Status::Done.after(what).is_err());
        }
    }

    #[test]
    fn only_an_open_ticket_can_be_claimed() {
        for from in Status::ALL {
            assert_eq!(from.after(Move::Claim).is_ok(), from == Status::Open);
        }
    }

    #[test]
    fn words_round_trip() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("closed".parse::<Status>().is_err());
    }
}
