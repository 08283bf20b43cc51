//! The git side of the hub with real bare repositories, a real database, real listeners on port 0,
//! and the real git client.

mod candidates;
mod fetches;
mod fixture;
mod landings;
mod protocol;
mod pushes;
mod reconcile;
mod repository;
mod verifications;
