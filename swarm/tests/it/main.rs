//! Black-box tests of the `swarm` program in real folders, and of the fleet on a real engine.

mod fleet;
mod init;
mod pull;
mod refusals;
mod support;
