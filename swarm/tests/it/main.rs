//! Black-box tests of the `swarm` program in real folders, and of the fleet on a real engine.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod config;
mod demo;
mod documents;
mod fleet;
mod fuzz;
mod hostile;
mod init;
mod interview;
mod login;
mod pull;
mod reference;
mod refusals;
mod several;
mod status;
mod support;
#[path = "../terminal/mod.rs"]
mod terminal;
mod witness;
