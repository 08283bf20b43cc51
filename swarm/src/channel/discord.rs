//! A channel of Discord, by a webhook. Its address is a secret. Nobody is mentioned by a message, and
//! its markup is shown, not followed.

use serde_json::{Value, json};
use ticket::text::beginning;

use super::Message;
use super::post::{Post, Published};

/// The name of this way.
pub const NAME: &str = "discord";
/// How much is sent, in characters: Discord takes 2000, and each may have to be escaped.
const MOST: usize = 900;
/// No pictures of what an address leads to.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// A webhook.
#[derive(Clone)]
pub struct Discord {
    post: Post,
    address: String,
}

impl Discord {
    /// The webhook at this address.
    pub fn new(address: String) -> Discord {
        Discord {
            post: Post::new(super::parts_of(&address)),
            address,
        }
    }

    /// Sends one message.
    pub fn publish(&self, message: &Message) -> Published {
        self.post.json(&self.address, &[], &body(message))
    }
}

fn body(message: &Message) -> Value {
    let text = format!("{}\n\n{}", message.title, message.text);
    let mut content = escape(&beginning(&text, MOST));
    if let Some(link) = message.link.as_ref().filter(|link| link.len() < 200) {
        content.push_str(&format!("\n\n{link}"));
    }
    json!({
        "content": content,
        "allowed_mentions": { "parse": [] },
        "flags": SUPPRESS_EMBEDS,
    })
}

/// Takes the meaning from everything that Discord's markup knows.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if "\\*_~`|<>#[]()@:-".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn nobody_is_mentioned_and_markup_is_shown() {
        let body = body(&sample("@everyone <@1>", "[bank](http://evil) **b** `c`"));
        assert_eq!(
            body["content"],
            "\\@everyone \\<\\@1\\>\n\n\\[bank\\]\\(http\\://evil\\) \\*\\*b\\*\\* \\`c\\`\n\nhttp://127.0.0.1:3000/tickets/7"
        );
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    }

    #[test]
    fn a_message_is_never_longer_than_discord_takes() {
        let body = body(&sample(&"*".repeat(500), &"_".repeat(5000)));
        assert!(body["content"].as_str().unwrap().chars().count() <= 2000);
    }
}
