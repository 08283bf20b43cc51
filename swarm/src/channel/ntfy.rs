//! A topic on an ntfy server, ntfy.sh or one's own: publishes messages by the documented JSON
//! interface, and listens to what others publish. Knows nothing of tickets. Neither the topic, which is
//! as good as a password, nor the token is ever part of an error.

pub mod button;
pub mod replies;
pub mod stream;

use std::fmt;

use serde::Serialize;
use ticket::notice::Kind;
use ureq::http::Uri;

use self::button::Button;
use super::Message;
use super::post::{Post, Published};
use super::secret::Secret;
use crate::config::Config;
use crate::project::Project;

/// The name of this way.
pub const NAME: &str = "ntfy";

/// A topic on a server.
#[derive(Clone)]
pub struct Ntfy {
    post: Post,
    server: String,
    topic: String,
    token: Option<String>,
}

/// ntfy's own form of a message.
#[derive(Serialize)]
struct Body<'a> {
    topic: &'a str,
    title: &'a str,
    message: &'a str,
    priority: u8,
    /// Short words; some of them are shown as pictures.
    tags: [&'a str; 1],
    /// What a tap opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<&'a str>,
    /// A second message with the same one takes the place of the first.
    sequence_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<&'a Button>,
}

impl Ntfy {
    /// A topic by its address, such as `https://ntfy.sh/TOPIC`; an error is what is wrong with that.
    pub fn new(address: &str, token: Option<String>) -> Result<Ntfy, String> {
        let (server, topic) = split(address)?;
        Ok(Ntfy::at(server, topic, token))
    }

    fn at(server: String, topic: String, token: Option<String>) -> Ntfy {
        Ntfy {
            post: Post::new(token.iter().cloned().chain([topic.clone()])),
            server,
            topic,
            token,
        }
    }

    /// Another topic on the same server.
    pub fn beside(&self, topic: &str) -> Ntfy {
        Ntfy::at(self.server.clone(), topic.to_owned(), self.token.clone())
    }

    /// The server, without the topic.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The server with the topic, as a browser opens it: as good as a password.
    pub fn address(&self) -> String {
        format!("{}{}", self.server, self.topic)
    }

    /// Sends one message. Blocks for half a minute at most.
    pub fn publish(&self, message: &Message) -> Published {
        let published = self.publish_with(message, &|_| true);
        // Servers from before 2026 take no message with a button that copies.
        let copies = message.buttons.iter().any(Button::copies);
        match published {
            Published::Refused(_) if copies => self.publish_with(message, &|b| !b.copies()),
            published => published,
        }
    }

    fn publish_with(&self, message: &Message, fits: &dyn Fn(&Button) -> bool) -> Published {
        let body = Body {
            topic: &self.topic,
            title: &message.title,
            message: &message.text,
            priority: message.priority,
            tags: [tag(message.kind)],
            click: message.link.as_deref(),
            sequence_id: &message.id,
            actions: message.buttons.iter().filter(|b| fits(b)).collect(),
        };
        let headers: Vec<(&str, String)> = self.authorization().into_iter().collect();
        self.post.json(&self.server, &headers, &body)
    }

    fn authorization(&self) -> Option<(&'static str, String)> {
        let token = self.token.as_ref()?;
        Some(("authorization", format!("Bearer {token}")))
    }
}

impl fmt::Debug for Ntfy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ntfy(a topic at {})", self.server)
    }
}

/// The server's address and the topic.
fn split(address: &str) -> Result<(String, String), String> {
    let wrong = || "expected an address such as \"https://ntfy.sh/TOPIC\"".to_owned();
    let uri: Uri = address.trim().parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong());
    };
    if authority.as_str().contains('@') {
        return Err("expected an address without a password: a token goes into the variable SWARM_NTFY_TOKEN at 'swarm start'".into());
    }
    let path = uri.path().trim_end_matches('/');
    let (folder, topic) = path.rsplit_once('/').ok_or_else(wrong)?;
    if !matches!(scheme, "http" | "https") || !is_topic(topic) || uri.query().is_some() {
        return Err(wrong());
    }
    Ok((format!("{scheme}://{authority}{folder}/"), topic.to_owned()))
}

/// Whether a topic may be called so.
fn is_topic(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// The topic that the project's configuration names, with the token that was kept.
pub fn of(project: &Project, config: &Config) -> anyhow::Result<Option<Ntfy>> {
    let Some(address) = &config.notify.ntfy else {
        return Ok(None);
    };
    let ntfy = Ntfy::new(address, Secret::NtfyToken.read(project)?);
    ntfy.map(Some)
        .map_err(|expected| anyhow::anyhow!("notify.ntfy: {expected}"))
}

/// Whether `address` is one that messages can be sent to; what is wrong with it, if not.
pub fn check(address: &str) -> Result<(), String> {
    split(address).map(|_| ())
}

/// ntfy's picture for a kind.
fn tag(kind: Kind) -> &'static str {
    match kind {
        Kind::Question => "question",
        Kind::Proposal => "bulb",
        Kind::Verify => "mag",
        Kind::Held => "lock",
        Kind::Quarantine => "no_entry",
        Kind::Limit => "hourglass",
        Kind::Login => "key",
        Kind::Service => "cloud",
        Kind::Budget => "moneybag",
        Kind::Main => "rotating_light",
        Kind::Agents => "skull",
        Kind::Idle => "checkered_flag",
        Kind::Reply => "leftwards_arrow_with_hook",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_server_and_a_topic() {
        for (address, expected) in [
            (
                "https://ntfy.sh/abc_D-1",
                Some(("https://ntfy.sh/", "abc_D-1")),
            ),
            (
                "http://10.0.0.1:8080/x/",
                Some(("http://10.0.0.1:8080/", "x")),
            ),
            (
                "https://example.org/ntfy/x",
                Some(("https://example.org/ntfy/", "x")),
            ),
            ("https://ntfy.sh", None),
            ("https://ntfy.sh/", None),
            ("ntfy.sh/x", None),
            ("ftp://ntfy.sh/x", None),
            ("https://ntfy.sh/a b", None),
            ("https://ntfy.sh/x?auth=y", None),
            ("https://me:secret@ntfy.sh/x", None),
        ] {
            let found = split(address).ok();
            let found = found.as_ref().map(|(s, t)| (s.as_str(), t.as_str()));
            assert_eq!(found, expected, "{address}");
        }
    }

    #[test]
    fn neither_topic_nor_token_is_in_what_is_printed() {
        let ntfy = Ntfy::new("https://ntfy.sh/topic1", Some("tk_secret".into())).unwrap();
        let beside = ntfy.beside("topic2");
        let said = beside.post.clean("tk_secret may not read topic2");
        assert_eq!(said, "… may not read …");
        let printed = format!("{ntfy:?} {beside:?}");
        assert!(
            !printed.contains("topic1") && !printed.contains("topic2"),
            "{printed}"
        );
        assert_eq!(beside.address(), "https://ntfy.sh/topic2");
    }
}
