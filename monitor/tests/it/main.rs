//! The hub from outside: real listeners on port 0, a real store on disk, a real bare repository,
//! plain HTTP.

// Clippy lets tests unwrap, and the functions that only tests call are tests too.
#![allow(clippy::unwrap_used)]

mod actions;
mod agents_door;
mod browser;
mod channels;
mod costs;
mod database;
mod document;
mod events;
mod fixture;
mod fleet;
mod hostile;
mod human_door;
mod keep;
mod leases;
mod lifetime;
mod limits;
mod lists;
mod login;
mod metrics;
mod notify;
mod ntfy;
mod openapi;
mod page;
mod pages;
#[path = "../../../ticket/tests/it/programs.rs"]
mod programs;
mod quarantine;
mod recorder;
mod replies;
mod sessions;
mod tickets;
mod transcripts;
mod transfer;
mod work;
