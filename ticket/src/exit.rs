//! Exit codes of the `ticket` and `swarm` commands, the same words in both.

/// Done.
pub const OK: u8 = 0;
/// Not found, nothing to claim, or refused.
pub const REFUSED: u8 = 1;
/// The command line could not be used: no command, an unknown flag, nothing to update.
pub const USAGE: u8 = 2;
