//! The queue under contention, kills and a full disk: real processes on one real file. Each test
//! ends with an audit of the file and of its log against what the processes were told.
//!
//! The numbers are small enough for `cargo test`; `make chaos` runs a release build with those that
//! are promised. `TICKET_STRESS_PROCESSES` and `TICKET_STRESS_TICKETS`: who drains what (64 and
//! 1,500). `TICKET_STRESS_KILLS`: kills under load (200). `TICKET_STRESS_OPERATIONS`: how many go
//! through one process (20,000).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod audit;
mod blocks;
mod contention;
mod disk;
mod kills;
mod migration;
#[path = "../it/programs.rs"]
mod programs;
mod volume;
mod worker;

/// A number from the environment, or the one for `cargo test`.
fn number(name: &str, usual: usize) -> usize {
    match std::env::var(name) {
        Ok(given) => given.parse().unwrap(),
        Err(_) => usual,
    }
}
