//! Reads a request: which prompt the model answers, and how far it has got with it. Pure.
//!
//! A prompt is a user's text whose first line is `swarm: KIND`; what the program puts beside it in
//! the same message (its notes on the folder, the latest commits) is none. Every answer since then is
//! one step, so the same conversation always gets the same answer, whoever asks and how often.

use serde_json::Value;

/// What the first line of every prompt starts with.
const PROMPT: &str = "swarm: ";
/// What the program says about its folder.
const FOLDER: &str = "Primary working directory: ";

/// The part of a request that the answer depends on.
pub struct Conversation<'a> {
    messages: &'a [Value],
    /// Where the last prompt is.
    prompt: usize,
}

impl<'a> Conversation<'a> {
    /// The conversation in a request's body; `None` when no prompt is in it.
    pub fn read(request: &'a Value) -> Option<Conversation<'a>> {
        let messages = request["messages"].as_array()?;
        let prompt = messages.iter().rposition(|m| kind(m).is_some())?;
        Some(Conversation { messages, prompt })
    }

    /// The kind of the last prompt: `work`, `conflict` …
    pub fn kind(&self) -> &'a str {
        kind(&self.messages[self.prompt]).unwrap_or_default()
    }

    /// How many answers the last prompt already got.
    pub fn step(&self) -> usize {
        let since = &self.messages[self.prompt..];
        since.iter().filter(|m| m["role"] == "assistant").count()
    }

    /// Where `marker` stands in the newest prompt that has it: `(age, position)`, so that the
    /// smallest is what the conversation is about.
    pub fn mentions(&self, marker: &str) -> Option<(usize, usize)> {
        let prompts = self.messages.iter().rev().filter_map(prompt);
        prompts
            .enumerate()
            .find_map(|(age, text)| Some((age, text.find(marker)?)))
    }

    /// The folder that the program works in.
    pub fn folder(&self) -> Option<String> {
        let texts = self.messages.iter().flat_map(texts);
        let mut folders = texts.filter_map(|t| {
            let (_, rest) = t.split_once(FOLDER)?;
            Some(rest.lines().next()?.trim().to_string())
        });
        folders.next()
    }

    /// What tools said in the last message when they failed.
    pub fn tool_errors(&self) -> Vec<String> {
        let last = self.messages.last();
        let blocks = last.and_then(|m| m["content"].as_array());
        let failed = blocks
            .into_iter()
            .flatten()
            .filter(|b| b["type"] == "tool_result" && b["is_error"] == true);
        failed.map(|b| b["content"].to_string()).collect()
    }
}

fn kind(message: &Value) -> Option<&str> {
    Some(prompt(message)?.lines().next()?[PROMPT.len()..].trim())
}

/// The prompt in a message.
fn prompt(message: &Value) -> Option<&str> {
    let mut texts = texts(message).filter(|_| message["role"] == "user");
    texts.find(|text| text.starts_with(PROMPT))
}

fn texts(message: &Value) -> impl Iterator<Item = &str> {
    let whole = message["content"].as_str();
    let blocks = message["content"].as_array();
    let blocks = blocks.into_iter().flatten().filter(|b| b["type"] == "text");
    whole
        .into_iter()
        .chain(blocks.filter_map(|b| b["text"].as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn worked() -> Value {
        json!({"messages": [
            {"role": "system", "content": "Primary working directory: /srv/tree\nOther: x"},
            {"role": "user", "content": [
                {"type": "text", "text": "<note>swarm: not this, nor Sand it</note>"},
                {"type": "text", "text": "swarm: work\nTicket 7: Paint it\nlater: Sand it"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Bash"}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": "no"}]},
        ]})
    }

    #[test]
    fn the_last_prompt_counts_and_answers_since_then() {
        let mut request = worked();
        let read = Conversation::read(&request).unwrap();
        assert_eq!((read.kind(), read.step()), ("work", 1));
        assert_eq!(read.folder().as_deref(), Some("/srv/tree"));
        assert_eq!(read.tool_errors(), ["\"no\""]);

        let more = json!({"role": "user", "content": "swarm: conflict\nin a file"});
        request["messages"].as_array_mut().unwrap().push(more);
        let read = Conversation::read(&request).unwrap();
        assert_eq!((read.kind(), read.step()), ("conflict", 0));
    }

    #[test]
    fn what_a_prompt_mentions_first_is_what_it_is_about() {
        let request = worked();
        let read = Conversation::read(&request).unwrap();
        assert!(read.mentions("Paint it") < read.mentions("Sand it"));
        assert_eq!(read.mentions("Burn it"), None);
    }

    #[test]
    fn a_request_without_a_prompt_is_not_a_conversation() {
        assert!(
            Conversation::read(&json!({"messages": [{"role": "user", "content": "hi"}]})).is_none()
        );
    }
}
