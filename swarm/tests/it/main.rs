//! Black-box tests of the library against a real engine, and of the `swarm` program in real folders.

mod fleet;
