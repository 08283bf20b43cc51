//! How `agent-runner` exits. The hub reads these from the container and decides whether to start
//! another one.

/// It ended as it was asked to: a signal, the hub's word, or the one verification is done.
pub const OK: u8 = 0;
/// Something on this side failed; the reason is on standard error.
pub const FAILED: u8 = 1;
/// It was started wrongly: a variable is missing, or an argument unknown.
pub const USAGE: u8 = 2;
/// The hub knows this agent no longer, or does not accept its code.
pub const REFUSED: u8 = 3;
/// The hub could not be reached for minutes, before there was anything to keep.
pub const NO_HUB: u8 = 4;
