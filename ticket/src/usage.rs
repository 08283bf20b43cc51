//! What an agent CLI used of its account: tokens by model, and money where it is known.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Usage {
    /// Tokens that were sent and came from no cache.
    pub input_tokens: u64,
    /// Tokens that the model wrote, its thinking among them.
    pub output_tokens: u64,
    /// Tokens that were sent and read from a cache.
    pub cache_read_tokens: u64,
    /// Tokens that were sent and written to a cache.
    pub cache_write_tokens: u64,
    /// What it cost in millionths of a US dollar, where the agent CLI says so: an estimate at list
    /// prices.
    pub cost_microusd: Option<u64>,
}

/// What one model used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelUsage {
    /// The model, as the agent CLI names it; empty when it does not say.
    pub model: String,
    /// What it used.
    #[serde(flatten)]
    pub usage: Usage,
}
