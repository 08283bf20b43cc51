//! The contract of the `ticket` command, from outside: the real program, run by its words and read by
//! its output and exit code. Every case runs on each door: on the file, through a hub that the
//! environment names, and through the hub that `.swarm/hub.json` names.

// Clippy lets tests unwrap, and the functions that only tests call are tests too.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod place;

mod activity;
mod again;
mod attempts;
mod blockers;
mod comments;
#[path = "../it/document.rs"]
mod document;
mod exit_codes;
mod filters;
mod finding;
#[allow(dead_code, reason = "the hub's own tests use the rest of it")]
#[path = "../it/fixture.rs"]
mod fixture;
mod follow;
mod graphs;
mod hub_door;
mod json;
mod knowledge;
mod life;
#[path = "../../../ticket/tests/it/programs.rs"]
mod programs;
mod prompts;
mod reviews;
mod schema;
mod scripts;
mod texts;
mod words;
