//! How much a command says beside its result: nothing with `--quiet`, more with `--verbose`.

use std::fmt::Display;
use std::sync::OnceLock;

static LEVEL: OnceLock<Level> = OnceLock::new();

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Results and errors.
    Quiet,
    /// What was done, too.
    Usual,
    /// Every step, too.
    Verbose,
}

/// Says how much; counts once.
pub fn set(level: Level) {
    let _ = LEVEL.set(level);
}

/// How much is said.
pub fn level() -> Level {
    LEVEL.get().copied().unwrap_or(Level::Usual)
}

/// What was done, on standard output; nothing with `--quiet`.
pub fn say(words: impl Display) {
    if level() >= Level::Usual {
        println!("{words}");
    }
}

/// A step on the way, on standard error; only with `--verbose`.
pub fn detail(words: impl Display) {
    if level() >= Level::Verbose {
        eprintln!("{words}");
    }
}
