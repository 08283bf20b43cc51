//! What an agent CLI used of its account: tokens by model, and money where it is known.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::usd::Usd;
use crate::words::one_of;

/// The largest number of tokens, or millionths of a dollar, that one report may name.
const MOST: u64 = 1 << 50;
/// The longest name of a model or backend that is kept, in characters.
const NAME: usize = 100;
/// How many models one run may name; what further ones used is counted as the last one's.
const MODELS: usize = 16;
/// How many runs of an agent CLI one attempt may report.
pub const MAX_RUNS: i64 = 10_000;

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

impl Usage {
    /// This and `other` together; the cost is known when both are.
    #[must_use]
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cache_read_tokens: self
                .cache_read_tokens
                .saturating_add(other.cache_read_tokens),
            cache_write_tokens: self
                .cache_write_tokens
                .saturating_add(other.cache_write_tokens),
            cost_microusd: self
                .cost_microusd
                .zip(other.cost_microusd)
                .map(|(one, other)| one.saturating_add(other)),
        }
    }

    /// True when nothing was used.
    pub fn is_nothing(&self) -> bool {
        self.tokens() == 0 && self.cost_microusd.unwrap_or(0) == 0
    }

    /// All tokens together.
    pub fn tokens(&self) -> u64 {
        [
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
        ]
        .into_iter()
        .fold(self.input_tokens, u64::saturating_add)
    }

    fn capped(self) -> Usage {
        Usage {
            input_tokens: self.input_tokens.min(MOST),
            output_tokens: self.output_tokens.min(MOST),
            cache_read_tokens: self.cache_read_tokens.min(MOST),
            cache_write_tokens: self.cache_write_tokens.min(MOST),
            cost_microusd: self.cost_microusd.map(|cost| cost.min(MOST)),
        }
    }
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

/// What an agent CLI was run for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The ticket.
    #[default]
    Work,
    /// To mend what the gate found.
    VerifyFailed,
    /// To resolve a conflict.
    Conflict,
    /// To mend what kept the work from landing.
    Bounced,
    /// To propose something.
    Propose,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Phase; 5] = [
        Phase::Work,
        Phase::VerifyFailed,
        Phase::Conflict,
        Phase::Bounced,
        Phase::Propose,
    ];

    /// The word in the database and the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Work => "work",
            Phase::VerifyFailed => "verify-failed",
            Phase::Conflict => "conflict",
            Phase::Bounced => "bounced",
            Phase::Propose => "propose",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("phase", word, &Phase::ALL, Phase::as_str)
    }
}

/// What one run of an agent CLI used so far. A later report of the same run takes the place of an
/// earlier one, so that one that is sent twice counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunUsage {
    /// Which run of the attempt or proposal run: 1 for the first.
    pub run: i64,
    /// What it was run for.
    pub phase: Phase,
    /// Which agent CLI.
    pub backend: String,
    /// What it used, by model.
    pub models: Vec<ModelUsage>,
    /// The run is over and this its last word: no report without it comes after it.
    #[serde(default)]
    pub is_last: bool,
}

impl RunUsage {
    /// Puts a report among others, in place of an earlier one of the same run.
    pub fn put(reports: &mut Vec<RunUsage>, run: RunUsage) {
        match reports.iter_mut().find(|known| known.run == run.run) {
            Some(known) => *known = run,
            None => reports.push(run),
        }
    }

    /// The same within bounds: what an agent CLI prints may be anything.
    #[must_use]
    pub fn capped(self) -> RunUsage {
        let mut models: Vec<ModelUsage> = Vec::new();
        for ModelUsage { model, usage } in self.models {
            let model = name(&model);
            let usage = usage.capped();
            let full = models.len() >= MODELS;
            let known = models.iter().position(|known| known.model == model);
            match known.or(full.then_some(MODELS - 1)) {
                Some(place) => models[place].usage = models[place].usage.plus(usage).capped(),
                None => models.push(ModelUsage { model, usage }),
            }
        }
        RunUsage {
            backend: name(&self.backend),
            models,
            ..self
        }
    }
}

fn name(said: &str) -> String {
    crate::text::one_line(said).chars().take(NAME).collect()
}

/// What was used, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spent {
    /// Tokens that were sent and came from no cache.
    pub input_tokens: i64,
    /// Tokens that models wrote.
    pub output_tokens: i64,
    /// Tokens that were sent and read from a cache.
    pub cache_read_tokens: i64,
    /// Tokens that were sent and written to a cache.
    pub cache_write_tokens: i64,
    /// What it cost in US dollars, as far as that is known: an estimate at list prices.
    #[schema(value_type = f64)]
    pub cost_usd: Usd,
    /// False when the cost of a part is not known: then it cost at least this.
    pub is_cost_known: bool,
}

impl Spent {
    /// Nothing, at no cost.
    pub fn nothing() -> Spent {
        Spent {
            is_cost_known: true,
            ..Spent::default()
        }
    }

    /// Adds what else was used; the cost is known when both are.
    pub fn add(&mut self, other: &Spent) {
        for (sum, more) in [
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cache_read_tokens, other.cache_read_tokens),
            (&mut self.cache_write_tokens, other.cache_write_tokens),
            (&mut self.cost_usd.0, other.cost_usd.0),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.is_cost_known &= other.is_cost_known;
    }

    /// The cost in words: `$1.20`, `at least $1.20`, or `unknown`.
    pub fn cost(&self) -> String {
        match (self.is_cost_known, self.cost_usd.0) {
            (true, _) => self.cost_usd.to_string(),
            (false, 0) => "unknown".to_owned(),
            (false, _) => format!("at least {}", self.cost_usd),
        }
    }

    /// True when nothing was used.
    pub fn is_nothing(&self) -> bool {
        let tokens = self.input_tokens + self.output_tokens;
        tokens + self.cache_read_tokens + self.cache_write_tokens == 0 && self.cost_usd.0 == 0
    }
}

/// In words: tokens sent, written, and read from and written to caches.
impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [input, output, read, written] = [
            self.input_tokens,
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
        ]
        .map(grouped);
        write!(
            f,
            "{} for {input} tokens in, {output} out, {read} from cache, {written} to cache",
            self.cost()
        )
    }
}

/// A number with its thousands set apart.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Which budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Budget {
    /// The ticket's.
    Ticket,
    /// The day's, of the whole swarm.
    Day,
}

/// What may be spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// On one ticket that has no budget of its own; none for any amount.
    pub max_usd_per_ticket: Option<Usd>,
    /// On one day, from midnight to midnight where the hub runs; none for any amount.
    pub max_usd_per_day: Option<Usd>,
}

/// What may still be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// In millionths of a US dollar.
    pub microusd: u64,
    /// Which budget leaves no more.
    pub budget: Budget,
}

impl Allowance {
    /// As an amount of money; never nothing, which no agent CLI takes for a budget.
    pub fn usd(self) -> Usd {
        Usd(i64::try_from(self.microusd).unwrap_or(i64::MAX).max(1))
    }

    /// What is left of it after so many millionths of a dollar.
    #[must_use]
    pub fn after(self, microusd: u64) -> Allowance {
        Allowance {
            microusd: self.microusd.saturating_sub(microusd),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(model: &str, input_tokens: u64) -> ModelUsage {
        ModelUsage {
            model: model.into(),
            usage: Usage {
                input_tokens,
                cost_microusd: Some(1),
                ..Usage::default()
            },
        }
    }

    #[test]
    fn a_cost_is_known_when_all_of_it_is() {
        let known = used("a", 1).usage;
        let unknown = Usage {
            cost_microusd: None,
            ..known
        };
        assert_eq!(known.plus(known).cost_microusd, Some(2));
        assert_eq!(known.plus(unknown).cost_microusd, None);
        assert_eq!(known.plus(unknown).input_tokens, 2);
        assert!(!known.is_nothing() && Usage::default().is_nothing());
    }

    #[test]
    fn what_was_used_is_said_in_words() {
        let spent = Spent {
            input_tokens: 1_234_567,
            output_tokens: -1000,
            cache_read_tokens: 999,
            cost_usd: Usd(1_500_000),
            is_cost_known: true,
            ..Spent::default()
        };
        assert_eq!(
            spent.to_string(),
            "$1.50 for 1,234,567 tokens in, -1,000 out, 999 from cache, 0 to cache"
        );
        let partly = Spent {
            is_cost_known: false,
            ..spent
        };
        assert_eq!(partly.cost(), "at least $1.50");
        assert_eq!(Spent::default().cost(), "unknown");
    }

    #[test]
    fn what_an_agent_cli_prints_is_kept_within_bounds() {
        let mut models: Vec<ModelUsage> = (0..40).map(|n| used(&format!("m{n}"), 1)).collect();
        models.push(used("m0", u64::MAX));
        models.push(used(&"\u{1b}[31mx".repeat(200), 1));
        let run = RunUsage {
            run: 1,
            models,
            ..RunUsage::default()
        };
        let run = run.capped();
        assert_eq!(run.models.len(), MODELS);
        assert_eq!(run.models[0].usage.input_tokens, MOST);
        assert_eq!(run.models[MODELS - 1].usage.input_tokens, 26);
        let one = RunUsage {
            models: vec![used(&"\u{1b}[31mx".repeat(200), 1)],
            ..RunUsage::default()
        };
        let name = &one.capped().models[0].model;
        assert!(
            name.chars().count() <= NAME && !name.contains('\u{1b}'),
            "{name}"
        );
    }
}
