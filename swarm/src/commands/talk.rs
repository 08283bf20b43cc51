//! How much a command says beside its result: nothing with `--quiet`; with `--verbose` also the steps on
//! the way, which are `tracing` events of the level debug.

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
    if LEVEL.set(level).is_ok() && level == Level::Verbose {
        tracing_subscriber::fmt()
            .with_env_filter("swarm=debug")
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_level(false)
            .with_target(false)
            .without_time()
            .init();
    }
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
