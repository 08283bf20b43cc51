//! Counting what a run uses, from the lines of its stream. Results say it exactly, at the end; until
//! then the messages do, save for what the model wrote: their lines carry what was known when the
//! message began, so its length stands in for it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use ticket::usage::{ModelUsage, Usage};

use super::{blocks, word};

/// About so many bytes of text make a token.
const BYTES_PER_TOKEN: u64 = 4;
/// So many messages are told apart; when there are more, what came before is only added up.
const MESSAGES: usize = 4096;
/// The longest id of a message, in bytes.
const LONGEST_ID: usize = 200;
/// What the CLI says in the model's place.
pub const SYNTHETIC: &str = "<synthetic>";

/// What a run used so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// What its results said, by model.
    settled: BTreeMap<String, Usage>,
    /// What came after the last result, by message.
    pending: HashMap<String, Message>,
    /// The same of messages that are not told apart any more, by model.
    added_up: BTreeMap<String, Usage>,
    has_result: bool,
}

/// One answer of the model.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The model.
    pub model: String,
    /// What it used.
    pub usage: Usage,
    /// How much of it was seen, in bytes.
    written: u64,
}

impl Tally {
    /// Takes note of a line of a message; one message may have several.
    pub fn assistant(&mut self, line: &Value) {
        let Some((id, message)) = message(line) else {
            return;
        };
        if self.pending.len() >= MESSAGES && !self.pending.contains_key(&id) {
            for (_, message) in self.pending.drain() {
                add(&mut self.added_up, message.model, message.usage);
            }
        }
        let known = self.pending.entry(id).or_default();
        known.model = message.model;
        known.written += blocks(line).map(length).sum::<u64>();
        let estimate = Usage {
            output_tokens: known.written / BYTES_PER_TOKEN,
            ..message.usage
        };
        known.usage = most(most(known.usage, message.usage), estimate);
    }

    /// Takes note of a result. It says what was used since the one before; older versions say what
    /// the whole run used.
    pub fn result(&mut self, result: &Value) {
        self.has_result = true;
        let since = models(&result["model_usage_since_last_result"]);
        let whole = models(&result["modelUsage"]);
        match (since.is_empty(), whole.is_empty()) {
            (false, _) => {
                for (model, usage) in since {
                    add(&mut self.settled, model, usage);
                }
            }
            (true, false) if result.get("model_usage_since_last_result").is_none() => {
                self.settled = whole;
            }
            _ => return,
        }
        self.pending.clear();
        self.added_up.clear();
    }

    /// True when no result told of what came last.
    pub fn is_cut(&self) -> bool {
        !self.pending.is_empty() || !self.has_result
    }

    /// What the agent CLI wrote down of messages is exact: it takes the place of what was guessed.
    /// Whatever is not in the stream counts too, unless a result may have told of it.
    pub fn correct(&mut self, id: &str, written: &Message) {
        let has_room = !self.has_result && self.pending.len() < MESSAGES;
        match self.pending.get_mut(id) {
            Some(known) => {
                known.model.clone_from(&written.model);
                // The guess at what was written gives way; what was sent is right in both.
                let sent = Usage {
                    output_tokens: 0,
                    ..known.usage
                };
                known.usage = most(sent, written.usage);
            }
            None if has_room => {
                self.pending.insert(id.to_owned(), written.clone());
            }
            None => {}
        }
    }

    /// All of it, by model. What is only guessed has no cost.
    pub fn usage(&self) -> Vec<ModelUsage> {
        let mut all = self.settled.clone();
        for (model, usage) in &self.added_up {
            add(&mut all, model.clone(), *usage);
        }
        for message in self.pending.values() {
            add(&mut all, message.model.clone(), message.usage);
        }
        let used = all.into_iter().filter(|(_, usage)| !usage.is_nothing());
        used.map(|(model, usage)| ModelUsage { model, usage })
            .collect()
    }
}

/// The id of an assistant line's message and what it says that it used; none of what the service did
/// not answer.
pub fn message(line: &Value) -> Option<(String, Message)> {
    let message = &line["message"];
    let (id, model) = (word(message, "id"), word(message, "model"));
    if id.is_empty() || id.len() > LONGEST_ID || model == SYNTHETIC {
        return None;
    }
    let used = &message["usage"];
    let number = |key: &str| used[key].as_u64().unwrap_or(0);
    let message = Message {
        model: model.to_owned(),
        usage: Usage {
            input_tokens: number("input_tokens"),
            output_tokens: number("output_tokens"),
            cache_read_tokens: number("cache_read_input_tokens"),
            cache_write_tokens: number("cache_creation_input_tokens"),
            cost_microusd: None,
        },
        written: 0,
    };
    Some((id.to_owned(), message))
}

/// `modelUsage` and its like.
fn models(value: &Value) -> BTreeMap<String, Usage> {
    let models = value.as_object().into_iter().flatten();
    models
        .map(|(model, used)| {
            let number = |key: &str| used[key].as_u64().unwrap_or(0);
            let usage = Usage {
                input_tokens: number("inputTokens"),
                output_tokens: number("outputTokens"),
                cache_read_tokens: number("cacheReadInputTokens"),
                cache_write_tokens: number("cacheCreationInputTokens"),
                cost_microusd: cost(used),
            };
            (model.clone(), usage)
        })
        .collect()
}

/// In millionths of a dollar. For a model whose price it does not know the CLI makes one up, and says
/// so.
fn cost(used: &Value) -> Option<u64> {
    let known = word(used, "costBasis") != "unknown";
    let dollars = used["costUSD"].as_f64().filter(|_| known)?;
    let cost = ticket::usd::Usd::from_dollars(dollars)?;
    u64::try_from(cost.0).ok()
}

fn add(all: &mut BTreeMap<String, Usage>, model: String, usage: Usage) {
    all.entry(model)
        .and_modify(|known| *known = known.plus(usage))
        .or_insert(usage);
}

/// The larger of each.
fn most(one: Usage, other: Usage) -> Usage {
    Usage {
        input_tokens: one.input_tokens.max(other.input_tokens),
        output_tokens: one.output_tokens.max(other.output_tokens),
        cache_read_tokens: one.cache_read_tokens.max(other.cache_read_tokens),
        cache_write_tokens: one.cache_write_tokens.max(other.cache_write_tokens),
        cost_microusd: None,
    }
}

fn length(block: &Value) -> u64 {
    let bytes = match word(block, "type") {
        "text" => word(block, "text").len(),
        "thinking" => word(block, "thinking").len(),
        "tool_use" => block["input"].to_string().len(),
        _ => 0,
    };
    bytes as u64
}
