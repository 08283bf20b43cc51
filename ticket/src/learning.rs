//! What somebody found out while working, for those who come after: it reaches the prompt of the
//! next agent.

mod choice;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Error, Result};

pub use choice::choose;

/// The longest learning, in bytes: it has to fit into a prompt beside many others.
pub const MAX_LEARNING: usize = 4 * 1024;
/// How many bytes of learnings a prompt gets.
pub const IN_PROMPT: usize = 16 * 1024;
/// The category of a learning that names none.
pub const GENERAL: &str = "general";

/// One thing that somebody found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Learning {
    /// Its number.
    pub id: i64,
    /// What was found out.
    pub body: String,
    /// What it is about, in one word.
    pub category: String,
    /// Who found it out.
    pub author: String,
    /// The ticket that it came from.
    pub ticket_id: Option<i64>,
    /// When, in UTC.
    pub created_at: String,
}

/// What `learn` needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewLearning {
    /// What was found out; not blank.
    pub body: String,
    /// What it is about, in one word; `general` when absent.
    pub category: Option<String>,
    /// Who found it out; an agent's own name wins over this.
    pub author: Option<String>,
    /// The ticket that it came from; an agent's own ticket wins over this.
    pub ticket: Option<i64>,
}

impl NewLearning {
    /// What it is about.
    pub fn category(&self) -> &str {
        self.category.as_deref().unwrap_or(GENERAL)
    }

    /// Refuses what no learning may be.
    pub fn check(&self) -> Result<()> {
        if self.body.trim().is_empty() {
            return Err(Error::Invalid("a learning cannot be empty".into()));
        }
        if self.body.len() > MAX_LEARNING {
            return Err(Error::Invalid(format!(
                "the learning has {} bytes: at most {MAX_LEARNING}, for it has to fit into a prompt",
                self.body.len()
            )));
        }
        crate::ticket::check_label(self.category()).map_err(|_| {
            Error::Invalid(format!(
                "'{}' is not a category: use one word of at most 64 letters, digits, '-', '_', '.', '/' or ':'",
                crate::text::one_line(self.category())
            ))
        })
    }
}

/// Which learnings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LearningFilter {
    /// Only this category's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Only those with all of these words, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only those with a lower number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// At most so many, the newest; a hub gives 1000 at most, and says where the others are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
