//! The git side of the hub with real bare repositories, a real database, real listeners on port 0,
//! and the real git client.

// Clippy lets tests unwrap, and the functions that only tests call are tests too.
#![allow(clippy::unwrap_used)]

mod candidates;
mod fetches;
mod fixture;
mod landings;
mod protocol;
mod pushes;
mod reconcile;
mod repository;
mod verifications;
