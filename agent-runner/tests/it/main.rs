//! The runner's parts on real repositories and real processes. No hub is needed here.

#![allow(
    clippy::unwrap_used,
    reason = "a failed step is a failed test, also in what tests share"
)]

mod agent_run;
mod budget;
mod fixture;
mod gate;
mod merge;
mod program;
#[path = "../../../ticket/tests/it/programs.rs"]
mod programs;
mod snapshot;
mod sweep;
mod worktree;
