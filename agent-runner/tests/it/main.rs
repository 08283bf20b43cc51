//! The runner's parts on real repositories and real processes. No hub is needed here.

mod agent_run;
mod fixture;
mod gate;
mod merge;
mod program;
mod snapshot;
mod sweep;
mod worktree;
