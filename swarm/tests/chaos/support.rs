//! The fixture of the end-to-end tests, as far as it is needed here.
#![allow(dead_code, reason = "the end-to-end tests use the rest")]

#[path = "../e2e/support/command.rs"]
pub mod command;
#[path = "../e2e/support/engine.rs"]
pub mod engine;
#[path = "../e2e/support/swarm.rs"]
pub mod swarm;
