//! A channel of Slack, by an incoming webhook. Its address is a secret. Nothing in a message is
//! interpreted: no mention, no link behind words, no markup.

use serde_json::{Value, json};

use super::Message;
use super::post::{Post, Published};

/// The name of this way.
pub const NAME: &str = "slack";

/// An incoming webhook.
#[derive(Clone)]
pub struct Slack {
    post: Post,
    address: String,
}

impl Slack {
    /// The webhook at this address.
    pub fn new(address: String) -> Slack {
        Slack {
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
    let mut text = format!("{}\n\n{}", escape(&message.title), escape(&message.text));
    if let Some(link) = &message.link {
        text.push_str("\n\n");
        text.push_str(&escape(link));
    }
    json!({ "text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false })
}

/// What Slack interprets even where markup is off: `<!channel>`, `<@U123>`, `<https://…|words>`.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn nothing_is_a_mention_or_a_link() {
        let message = sample("<!channel> & <@U1>", "*a* <http://evil|bank>");
        let body = body(&message);
        assert_eq!(
            body["text"],
            "&lt;!channel&gt; &amp; &lt;@U1&gt;\n\n*a* &lt;http://evil|bank&gt;\n\nhttp://127.0.0.1:3000/tickets/7"
        );
        assert_eq!(body["mrkdwn"], false);
    }
}
