//! The project on the host: its files and configuration, the credentials, the images, the fleet of
//! containers, and the hub's container. The `swarm` CLI and the hub are built on it.

pub mod bare;
pub mod channel;
pub mod config;
pub mod credentials;
pub mod doctor;
pub mod fleet;
pub mod follow;
pub mod hub;
pub mod image;
pub mod init;
pub mod interview;
pub mod place;
pub mod prices;
pub mod project;
pub mod pull;
pub mod transcripts;
pub mod tree_name;

pub use config::Config;
pub use project::Project;
