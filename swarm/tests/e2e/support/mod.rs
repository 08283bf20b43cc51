//! What end-to-end tests share.

pub mod canary;
pub mod command;
pub mod engine;
pub mod leaks;
pub mod messages_api;
pub mod published;
pub mod puppet;
pub mod small_engine;
pub mod swarm;
