//! The hub: the only door to the database and to main while the swarm runs.

pub mod database;
