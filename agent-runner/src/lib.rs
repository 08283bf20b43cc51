//! The loop inside an agent's container: claim, branch, agent CLI, gate, merge, hand in. A verifier
//! is the same program with another role.
//!
//! Threads, no async: one does the work, one beats the heart of the current attempt, one waits for
//! signals, and each pipe of a child has its reader.

pub mod agent;
pub mod attempt;
pub mod backoff;
pub mod console;
pub mod disarm;
pub mod disk;
pub mod environment;
pub mod exit;
pub mod freeze;
pub mod gate;
pub mod git;
pub mod guard;
pub mod interrupt;
pub mod layout;
pub mod lines;
pub mod markers;
pub mod memory;
pub mod merge;
pub mod patience;
pub mod probe;
pub mod process;
pub mod proposal;
pub mod pulse;
pub mod push;
pub mod reach;
pub mod recorder;
pub mod recovery;
pub mod runner;
pub mod snapshot;
pub mod stop;
pub mod verifier;
pub mod worker;
pub mod worktree;
