//! What anyone may ask of the queue. Two implementations: the file and the hub.

use std::io::{Read, Write};
use std::path::Path;

use crate::attempt::Attempt;
use crate::comment::{Comment, NewComment};
use crate::cost::{Cost, CostFilter};
use crate::diagnosis::Diagnosis;
use crate::error::Result;
use crate::event::Event;
use crate::filter::{ClaimFilter, Filter, Hit, LogFilter, Search};
use crate::learning::{Learning, LearningFilter, NewLearning};
use crate::prompt::{Preview, Wanted};
use crate::ticket::{NewTicket, Resolution, Ticket, TicketChange, TicketDetail};
use crate::transfer::Imported;
use crate::wire::{Claimed, Failed};

/// The queue, whichever door leads to it. Unknown ids give [`crate::Error::NotFound`].
pub trait Queue {
    /// Makes a ticket; returns its id.
    fn create(&mut self, new: &NewTicket) -> Result<i64>;
    /// Makes all of these or none, in one transaction; returns their ids in the same order. A
    /// reference to `-k` means the `k`-th of them.
    fn create_all(&mut self, new: &[NewTicket]) -> Result<Vec<i64>>;
    /// Changes fields; `done` is refused.
    fn update(&mut self, id: i64, change: &TicketChange) -> Result<()>;
    /// Tickets by id.
    fn list(&mut self, filter: &Filter) -> Result<Vec<Ticket>>;
    /// How many tickets `list` would give without a limit.
    fn count(&mut self, filter: &Filter) -> Result<u64>;
    /// Tickets whose title, description or comments have all the words; the newest first.
    fn search(&mut self, search: &Search) -> Result<Vec<Hit>>;
    /// One ticket with all that hangs on it.
    fn show(&mut self, id: i64) -> Result<TicketDetail>;
    /// Takes the next claimable ticket for `agent`, or none.
    fn claim_next(&mut self, agent: &str, filter: &ClaimFilter) -> Result<Option<Claimed>>;
    /// Says something about a ticket; returns the comment's id.
    fn comment(&mut self, id: i64, new: &NewComment) -> Result<i64>;
    /// What was said about a ticket, oldest first.
    fn comments(&mut self, id: i64) -> Result<Vec<Comment>>;
    /// The work on it is complete: status `ready`.
    fn complete(&mut self, id: i64) -> Result<()>;
    /// Nothing has to change, for this reason: the attempt ends, and the human says whether that is so.
    fn no_change(&mut self, id: i64, reason: &str) -> Result<()>;
    /// Finishes a ticket and frees its dependents.
    fn mark_done(&mut self, id: i64, resolution: Option<Resolution>) -> Result<()>;
    /// Gives a ticket back: status `open`, nobody assigned.
    fn unclaim(&mut self, id: i64) -> Result<()>;
    /// A task at which agents failed may be claimed at once, and its failures are forgotten.
    fn retry(&mut self, id: i64) -> Result<()>;
    /// Nobody needs it any more: done as cancelled, with the reason as a comment.
    fn cancel(&mut self, id: i64, reason: Option<&str>) -> Result<()>;
    /// A done ticket was not done after all: makes one that goes on with it and says why; returns its
    /// id. The old one stays done for those that waited for it.
    fn reopen(&mut self, id: i64, reason: &str) -> Result<i64>;
    /// `id` waits for `by`.
    fn block(&mut self, id: i64, by: i64) -> Result<()>;
    /// `id` no longer waits for `by`.
    fn unblock(&mut self, id: i64, by: i64) -> Result<()>;
    /// The newest rows of the activity log, newest first.
    fn log(&mut self, filter: &LogFilter) -> Result<Vec<Event>>;
    /// Calls `each` for every row after `after` and then for each as it comes; without `after`, for
    /// what comes from now on. Returns when `each` fails, or the queue cannot be read on.
    fn follow(
        &mut self,
        after: Option<i64>,
        each: &mut dyn FnMut(&Event) -> Result<()>,
    ) -> Result<()>;
    /// Answers a question: a comment, and done.
    fn answer(&mut self, id: i64, body: &str) -> Result<()>;
    /// A proposal becomes an open, unassigned task; a held landing may land.
    fn approve(&mut self, id: i64) -> Result<()>;
    /// A proposal is turned down; a held landing goes back.
    fn reject(&mut self, id: i64, reason: &str) -> Result<()>;
    /// A check found nothing wrong: done.
    fn pass(&mut self, id: i64, comment: Option<&str>) -> Result<()>;
    /// A check found something wrong: done, with a ticket for the fix and one to check again that
    /// waits for it. What waited for this check waits for the new one too.
    fn fail(&mut self, id: i64, reason: &str) -> Result<Failed>;
    /// Who had a ticket, oldest first.
    fn attempts(&mut self, id: i64) -> Result<Vec<Attempt>>;
    /// What an attempt changed, as a patch; without a number the latest that left a tree.
    fn diff(&mut self, id: i64, attempt: Option<i64>) -> Result<Vec<u8>>;
    /// What an agent would be told that claimed a ticket now.
    fn prompt(&mut self, wanted: &Wanted) -> Result<Preview>;
    /// Keeps what was found out; returns its id. What is known already keeps its id.
    fn learn(&mut self, new: &NewLearning) -> Result<i64>;
    /// What was found out, oldest first.
    fn learnings(&mut self, filter: &LearningFilter) -> Result<Vec<Learning>>;
    /// What agents cost.
    fn cost(&mut self, filter: &CostFilter) -> Result<Cost>;
    /// Withholds claims until [`Queue::resume`], and has agents that a hub runs stand still.
    fn pause(&mut self, reason: &str) -> Result<()>;
    /// Withholds claims until [`Queue::resume`]; what runs is finished.
    fn drain(&mut self, reason: &str) -> Result<()>;
    /// Lets claims happen again and work go on; returns false when claims were not withheld.
    fn resume(&mut self) -> Result<bool>;
    /// Why claims are withheld; none when they are not.
    fn paused(&mut self) -> Result<Option<String>>;
    /// Writes everything that people may take with them as JSON lines: see [`crate::transfer`]. All
    /// of it is of one moment.
    fn export(&mut self, to: &mut dyn Write) -> Result<()>;
    /// Takes in the lines of an export, or of a file written by hand: all of them or none.
    fn import(&mut self, from: Box<dyn Read + Send>) -> Result<Imported>;
    /// Writes a copy of the database, of one moment, to an empty file.
    fn backup(&mut self, to: &Path) -> Result<()>;
    /// Looks everything over; with `repair` it first mends what the rest determines.
    fn doctor(&mut self, repair: bool) -> Result<Diagnosis>;
}
