//! What the agent CLI is told. The templates come from the project; the first line, which says what
//! kind of prompt it is, comes from here. Texts that others wrote are fenced with a tag that they
//! cannot know, so that they cannot pass for the runner's own words.

mod check;
mod fault;
mod preview;
mod render;
mod sample;
mod subject;
mod templates;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use check::variables;
pub use fault::Fault;
pub use preview::{Material, Place, Preview, Wanted, preview, withheld};
pub use render::Prompts;
pub use subject::{Background, Subject};
pub use templates::Templates;

use crate::words::one_of;

/// What the agent is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = PromptKind)]
pub enum Kind {
    /// The ticket itself.
    #[default]
    Work,
    /// To mend what the gate found.
    VerifyFailed,
    /// To resolve a conflict with main.
    Conflict,
    /// To mend what kept its work from landing.
    Bounced,
    /// An idea.
    Propose,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [
        Kind::Work,
        Kind::VerifyFailed,
        Kind::Conflict,
        Kind::Bounced,
        Kind::Propose,
    ];

    /// The template's name, and the word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Work => "work",
            Kind::VerifyFailed => "verify-failed",
            Kind::Conflict => "conflict",
            Kind::Bounced => "bounced",
            Kind::Propose => "propose",
        }
    }

    fn first_line(self) -> String {
        format!("swarm: {}", self.as_str().replace('-', " "))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("kind of prompt", word, &Kind::ALL, Kind::as_str)
    }
}

/// Where the work begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "from", rename_all = "kebab-case")]
#[schema(as = PromptStart)]
pub enum Start {
    /// Main.
    Main,
    /// What an earlier attempt left, with main merged in.
    Snapshot {
        /// Its commit.
        commit: String,
    },
    /// Main, because what an earlier attempt left does not merge with it; it can be looked at.
    MainBesideSnapshot {
        /// Its commit.
        commit: String,
    },
    /// Main, because what an earlier attempt left could not be fetched.
    MainWithoutSnapshot,
}

/// What came back, for the prompts that hand work back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// The log that shows it.
    pub log: Option<String>,
    /// The files it is about.
    pub files: Vec<String>,
    /// How often the work may still come back after this.
    pub retries_left: u32,
}

#[cfg(test)]
mod tests;
