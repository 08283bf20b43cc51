//! The hub: the only door to the database and to main while the swarm runs.

pub mod database;
pub mod git;
pub mod lander;
pub mod reconcile;
pub mod verification;
