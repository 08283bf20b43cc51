//! What models cost, for agent CLIs that do not say so themselves. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ticket::usage::{RunUsage, Usage};

/// The built-in prices.
const BUILT_IN: &str = include_str!("../../templates/prices.toml");

/// What one model costs, in US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Sent, and from no cache, in US dollars.
    #[schemars(range(min = 0, max = 100_000))]
    pub input: f64,
    /// Written by the model, in US dollars.
    #[schemars(range(min = 0, max = 100_000))]
    pub output: f64,
    /// Sent, and read from a cache, in US dollars; as 'input' when left out.
    #[schemars(range(min = 0, max = 100_000))]
    pub cache_read: Option<f64>,
    /// Sent, and written to a cache, in US dollars; as 'input' when left out.
    #[schemars(range(min = 0, max = 100_000))]
    pub cache_write: Option<f64>,
}

impl Price {
    /// What this usage costs, in millionths of a dollar.
    fn of(&self, usage: &Usage) -> u64 {
        let parts = [
            (usage.input_tokens, self.input),
            (usage.output_tokens, self.output),
            (
                usage.cache_read_tokens,
                self.cache_read.unwrap_or(self.input),
            ),
            (
                usage.cache_write_tokens,
                self.cache_write.unwrap_or(self.input),
            ),
        ];
        // A dollar per million tokens is a millionth of a dollar per token.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "neither is negative, and a cast saturates"
        )]
        let cost = parts
            .iter()
            .map(|(tokens, price)| *tokens as f64 * price)
            .sum::<f64>()
            .round() as u64;
        cost
    }
}

/// Prices by the name of the model, with `*` for any text.
#[derive(Clone, Debug)]
pub struct Prices {
    own: BTreeMap<String, Price>,
    built_in: BTreeMap<String, Price>,
}

impl Prices {
    /// The built-in ones, with `own` before them.
    pub fn with(own: BTreeMap<String, Price>) -> anyhow::Result<Prices> {
        Ok(Prices {
            own,
            built_in: toml::from_str(BUILT_IN)?,
        })
    }

    /// Adds the cost of what models cost that the agent CLI did not say; of a model that nobody knows
    /// it stays unknown.
    pub fn add_to(&self, runs: &mut [RunUsage]) {
        for used in runs.iter_mut().flat_map(|run| &mut run.models) {
            if used.usage.cost_microusd.is_none() {
                let price = self.of(&used.model);
                used.usage.cost_microusd = price.map(|price| price.of(&used.usage));
            }
        }
    }

    fn of(&self, model: &str) -> Option<&Price> {
        best(&self.own, model).or_else(|| best(&self.built_in, model))
    }
}

/// The longest key that fits.
fn best<'a>(prices: &'a BTreeMap<String, Price>, model: &str) -> Option<&'a Price> {
    let fitting = prices.iter().filter(|(key, _)| fits(key, model));
    fitting
        .max_by_key(|(key, _)| key.len())
        .map(|(_, price)| price)
}

/// Whether `key`, in which `*` stands for any text, is a name for `model`.
fn fits(key: &str, model: &str) -> bool {
    match key.split_once('*') {
        None => key == model,
        Some((begin, rest)) => model.strip_prefix(begin).is_some_and(|model| {
            let starts = model.char_indices().map(|(at, _)| at).chain([model.len()]);
            let mut ends = starts.map(|at| &model[at..]);
            rest.is_empty() || ends.any(|end| fits(rest, end))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ticket::usage::ModelUsage;

    fn cost(prices: &Prices, model: &str, tokens: [u64; 4], said: Option<u64>) -> Option<u64> {
        let [
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
        ] = tokens;
        let mut runs = [RunUsage {
            models: vec![ModelUsage {
                model: model.into(),
                usage: Usage {
                    input_tokens,
                    output_tokens,
                    cache_read_tokens,
                    cache_write_tokens,
                    cost_microusd: said,
                },
            }],
            ..RunUsage::default()
        }];
        prices.add_to(&mut runs);
        runs[0].models[0].usage.cost_microusd
    }

    #[test]
    fn a_cost_follows_from_tokens_where_the_agent_cli_says_none() {
        let own = "[\"house-*\"]\ninput = 1\noutput = 2.5\n[\"*claude-opus-5-5*\"]\ninput = 0\noutput = 0";
        let (own, plain) = (toml::from_str(own).unwrap(), BTreeMap::new());
        let (own, plain) = (Prices::with(own).unwrap(), Prices::with(plain).unwrap());
        for (prices, model, tokens, said, expected) in [
            // As the CLI itself counted it: 0.0037292 dollars.
            (
                &plain,
                "claude-opus-5-5",
                [84, 127, 4266, 0],
                None,
                Some(3729),
            ),
            (
                &plain,
                "claude-opus-5-5",
                [84, 127, 4266, 0],
                Some(5),
                Some(5),
            ),
            (
                &plain,
                "claude-opus-5-5[1m]",
                [1_000_000, 0, 0, 0],
                None,
                Some(4_000_000),
            ),
            (
                &plain,
                "anthropic/claude-haiku-5-5",
                [0, 0, 0, 8],
                None,
                Some(1),
            ),
            (
                &plain,
                "claude-opus-5",
                [1_000_000, 0, 0, 0],
                None,
                Some(5_000_000),
            ),
            (
                &plain,
                "gpt-5.4",
                [0, 0, 0, 1_000_000],
                None,
                Some(2_500_000),
            ),
            (
                &plain,
                "gpt-5.4-mini",
                [1_000_000, 0, 0, 0],
                None,
                Some(750_000),
            ),
            (&plain, "nobody-knows", [1, 1, 1, 1], None, None),
            (&plain, "", [1, 1, 1, 1], None, None),
            (&own, "house-9", [10, 10, 10, 10], None, Some(55)),
            (&own, "claude-opus-5-5", [84, 127, 4266, 0], None, Some(0)),
            (
                &own,
                "claude-sonnet-5-5",
                [1_000_000, 0, 0, 0],
                None,
                Some(2_000_000),
            ),
        ] {
            assert_eq!(cost(prices, model, tokens, said), expected, "{model}");
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (key, model, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("*b*", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("*ä", "xä", true),
            ("*", "", true),
        ] {
            assert_eq!(fits(key, model), expected, "{key} for {model}");
        }
    }

    #[test]
    fn the_built_in_prices_are_prices() {
        let prices = Prices::with(BTreeMap::new()).unwrap();
        assert!(prices.built_in.len() > 10);
        let sound = |price: &Price| {
            let parts = [
                Some(price.input),
                Some(price.output),
                price.cache_read,
                price.cache_write,
            ];
            let mut given = parts.into_iter().flatten();
            given.all(|part| (0.0..=1_000.0).contains(&part))
        };
        assert!(prices.built_in.values().all(sound));
    }
}
