//! Tests of the queue on real files: the store's rules, the schema, and the command from outside.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod attempts;
mod backup;
mod budgets;
mod claims;
mod cli;
mod clock;
mod diffs;
mod doctor;
mod full;
mod fulltext;
mod graphs;
mod halts;
mod knowledge;
mod landings;
mod migrations;
mod outbox;
mod permissions;
mod programs;
mod proposals;
mod replies;
mod reviews;
mod support;
mod transfer;
mod usage;
mod wander;
