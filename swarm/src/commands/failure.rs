//! What went wrong, as it is told: the error, its causes, what to do, and the exit code. The only place
//! that knows which error has which code.

use std::fmt;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use swarm::config::ConfigError;
use swarm::fleet::FleetError;
use swarm::hub::NotRunning;
use swarm::project::ProjectError;
use ticket::text::plain;

use crate::exit;

/// An error with a code of its own.
#[derive(Debug)]
pub struct Refusal {
    /// The exit code.
    pub code: u8,
    /// What went wrong.
    pub what: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refusal {}

/// Prints the error on standard error; returns the exit code.
pub fn tell(error: &anyhow::Error) -> u8 {
    let (what, help) = parted(error);
    let mut out = anstream::stderr().lock();
    let red = AnsiColor::Red.on_default().bold();
    line(&mut out, red, "error", &what);
    let mut said = what;
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Some errors repeat their cause.
        if !said.contains(&cause) {
            line(&mut out, AnsiColor::Yellow.on_default(), "cause", &cause);
            said.push_str(&cause);
        }
    }
    if let Some(help) = help {
        line(&mut out, AnsiColor::Cyan.on_default(), "help", &help);
    }
    code(error)
}

/// What is worth a word and is no error.
pub fn note(words: &str) {
    let mut out = anstream::stderr().lock();
    line(&mut out, AnsiColor::Yellow.on_default(), "note", words);
}

fn line(out: &mut impl Write, style: Style, mark: &str, words: &str) {
    // Nobody reads it: then there is nobody to tell.
    let _ = writeln!(out, "{style}{mark}:{style:#} {}", plain(words));
}

/// The exit code of an error.
fn code(error: &anyhow::Error) -> u8 {
    let mut codes = error.chain().map(|cause| {
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            return Some(refusal.code);
        }
        if cause.downcast_ref::<ProjectError>().is_some() {
            return Some(exit::NO_PROJECT);
        }
        if cause.downcast_ref::<ConfigError>().is_some() {
            return Some(exit::BAD_CONFIG);
        }
        if cause.downcast_ref::<NotRunning>().is_some() {
            return Some(exit::NOT_RUNNING);
        }
        let fleet = cause.downcast_ref::<FleetError>()?;
        fleet.is_no_engine().then_some(exit::NO_ENGINE)
    });
    codes.find_map(|code| code).unwrap_or(exit::REFUSED)
}

/// The error's own words, with what to do apart where that is known.
fn parted(error: &anyhow::Error) -> (String, Option<String>) {
    let what = error.to_string();
    let remedy = error.chain().find_map(|cause| {
        let of_project = cause.downcast_ref::<ProjectError>();
        let of_fleet = cause.downcast_ref::<FleetError>();
        let of_hub = cause.downcast_ref::<NotRunning>();
        of_project
            .and_then(ProjectError::remedy)
            .or_else(|| of_fleet.and_then(FleetError::remedy).map(str::to_owned))
            .or_else(|| of_hub.map(|_| swarm::hub::START.to_owned()))
    });
    let Some(remedy) = remedy else {
        return (what, None);
    };
    let alone = what.strip_suffix(&format!(": {remedy}"));
    (alone.map_or(what.clone(), str::to_owned), Some(remedy))
}
