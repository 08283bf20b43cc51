//! What anyone may ask of the queue. Two implementations: the file and the hub.

use crate::error::Result;
use crate::event::Event;
use crate::ticket::{Comment, Filter, NewTicket, Resolution, Ticket, TicketChange, TicketDetail};
use crate::wire::Claimed;

/// The queue, whichever door leads to it. Unknown ids give [`crate::Error::NotFound`].
pub trait Queue {
    /// Makes a ticket; returns its id.
    fn create(&mut self, new: &NewTicket) -> Result<i64>;
    /// Changes fields; `done` is refused.
    fn update(&mut self, id: i64, change: &TicketChange) -> Result<()>;
    /// Tickets by id.
    fn list(&mut self, filter: &Filter) -> Result<Vec<Ticket>>;
    /// How many tickets `list` would give.
    fn count(&mut self, filter: &Filter) -> Result<u64>;
    /// One ticket with all that hangs on it.
    fn show(&mut self, id: i64) -> Result<TicketDetail>;
    /// Takes the next claimable ticket for `agent`, or none.
    fn claim_next(&mut self, agent: &str) -> Result<Option<Claimed>>;
    /// Says something about a ticket.
    fn comment(&mut self, id: i64, body: &str, author: Option<&str>) -> Result<()>;
    /// What was said about a ticket, oldest first.
    fn comments(&mut self, id: i64) -> Result<Vec<Comment>>;
    /// The work on it is complete: status `ready`.
    fn complete(&mut self, id: i64) -> Result<()>;
    /// Finishes a ticket and frees its dependents.
    fn mark_done(&mut self, id: i64, resolution: Option<Resolution>) -> Result<()>;
    /// Gives a ticket back: status `open`, nobody assigned.
    fn unclaim(&mut self, id: i64) -> Result<()>;
    /// `id` waits for `by`.
    fn block(&mut self, id: i64, by: i64) -> Result<()>;
    /// `id` no longer waits for `by`.
    fn unblock(&mut self, id: i64, by: i64) -> Result<()>;
    /// The newest rows of the activity log, newest first.
    fn log(&mut self, limit: u32) -> Result<Vec<Event>>;
    /// Answers a question: a comment, and done.
    fn answer(&mut self, id: i64, body: &str) -> Result<()>;
    /// A proposal becomes an open task; a held landing may land.
    fn approve(&mut self, id: i64) -> Result<()>;
    /// A proposal is turned down; a held landing goes back.
    fn reject(&mut self, id: i64, reason: &str) -> Result<()>;
}
