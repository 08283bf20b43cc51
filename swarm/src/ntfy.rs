//! Publishes messages to an ntfy server, ntfy.sh or one's own, by its documented JSON interface.
//! Knows nothing of tickets. Neither the topic, which is as good as a password, nor the token is ever
//! part of an error.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use ureq::http::Uri;
use ureq::http::header::RETRY_AFTER;
use ureq::tls::{RootCerts, TlsConfig};

use crate::config::Config;
use crate::credentials::write_private;
use crate::project::Project;

/// How long one message may take to be taken.
const DEADLINE: Duration = Duration::from_secs(15);
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// How much of a server's answer is shown, in characters.
const ANSWER_SHOWN: usize = 160;
/// How much of it is read, in bytes.
const ANSWER_READ: u64 = 4096;

/// What people see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Push {
    /// One line.
    pub title: String,
    /// Plain text.
    pub message: String,
    /// 1 (least) to 5 (most urgent).
    pub priority: u8,
    /// Short words; some of them are shown as pictures.
    pub tags: Vec<String>,
    /// What a tap opens.
    pub click: Option<String>,
    /// A second message with the same one takes the place of the first.
    pub sequence_id: String,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The server has it.
    Taken,
    /// The server has had enough for now; it may say for how long.
    Busy(Option<Duration>),
    /// The server is away or broken: for the same message later.
    Away(String),
    /// The server will not take anything from us as things are: topic, token.
    Denied(String),
    /// The server does not take this message.
    Refused(String),
}

/// A topic on a server.
#[derive(Clone)]
pub struct Ntfy {
    agent: ureq::Agent,
    server: String,
    topic: String,
    token: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    topic: &'a str,
    #[serde(flatten)]
    push: &'a Push,
}

impl Ntfy {
    /// A topic by its address, such as `https://ntfy.sh/TOPIC`; an error is what is wrong with that.
    pub fn new(address: &str, token: Option<String>) -> Result<Ntfy, String> {
        let (server, topic) = split(address)?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(DEADLINE))
            .http_status_as_error(false)
            // The token is for this server and no other.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("swarm/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Ntfy {
            agent,
            server,
            topic,
            token,
        })
    }

    /// The server, without the topic.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Sends one message. Blocks for 15 seconds at most.
    pub fn publish(&self, push: &Push) -> Published {
        let mut request = self.agent.post(&self.server);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = Body {
            topic: &self.topic,
            push,
        };
        match request.send_json(&body) {
            Ok(mut answer) => {
                let asked = answer.headers().get(RETRY_AFTER);
                let wait = asked.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                let status = answer.status().as_u16();
                let read = answer.body_mut().with_config().limit(ANSWER_READ);
                let said = read.lossy_utf8(true).read_to_string().unwrap_or_default();
                self.published(status, wait.map(Duration::from_secs), &said)
            }
            Err(error) => Published::Away(self.clean(&error.to_string())),
        }
    }

    fn published(&self, status: u16, wait: Option<Duration>, said: &str) -> Published {
        let words = match self.clean(said) {
            empty if empty.is_empty() => format!("it answered {status}"),
            said => format!("it answered {status}: {said}"),
        };
        match status {
            200..=299 => Published::Taken,
            429 => Published::Busy(wait.map(|wait| wait.min(LONGEST_WAIT))),
            401 | 403 | 404 | 300..=399 => Published::Denied(words),
            400 | 413 | 422 => Published::Refused(words),
            _ => Published::Away(words),
        }
    }

    /// What a server said, fit for a log: short, plain, without topic and token.
    fn clean(&self, said: &str) -> String {
        let mut said = ticket::text::one_line(said).trim().to_owned();
        for secret in self.token.iter().chain([&self.topic]) {
            said = said.replace(secret.as_str(), "…");
        }
        said.chars().take(ANSWER_SHOWN).collect()
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
    let is_topic = (1..=64).contains(&topic.len())
        && topic
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !matches!(scheme, "http" | "https") || !is_topic || uri.query().is_some() {
        return Err(wrong());
    }
    Ok((format!("{scheme}://{authority}{folder}/"), topic.to_owned()))
}

/// What to say when no topic is configured.
pub const NONE: &str = "no topic is set: write ntfy = \"https://ntfy.sh/TOPIC\" under [notify] in \
                        .swarm/config.toml, then run 'swarm stop' and 'swarm start'";

/// The variable that holds the token at `swarm start`.
const TOKEN: &str = "SWARM_NTFY_TOKEN";

/// The topic that the project's configuration names, with the token that was kept.
pub fn of(project: &Project, config: &Config) -> anyhow::Result<Option<Ntfy>> {
    let Some(address) = &config.notify.ntfy else {
        return Ok(None);
    };
    let ntfy = Ntfy::new(address, token(project)?);
    ntfy.map(Some)
        .map_err(|expected| anyhow::anyhow!("notify.ntfy: {expected}"))
}

/// The token that was kept, if any.
pub fn token(project: &Project) -> anyhow::Result<Option<String>> {
    let file = project.ntfy_token_file();
    match fs::read_to_string(&file) {
        Ok(token) => Ok(Some(token.trim().to_owned()).filter(|token| !token.is_empty())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Keeps the token that is in the environment for the hub, readable by the owner alone. Without the
/// variable the last one stays; an empty one takes it away.
pub fn keep_token(project: &Project) -> anyhow::Result<()> {
    let Some(token) = std::env::var_os(TOKEN) else {
        return Ok(());
    };
    let token = token.to_string_lossy();
    let token = token.trim();
    let is_fit = token.len() <= 512 && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_fit {
        anyhow::bail!("{TOKEN} is not a token: expected one word such as tk_…");
    }
    let file = project.ntfy_token_file();
    write_private(&file, token.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))
}

/// The message that shows whether messages arrive.
pub fn trial(project: &str, page: Option<String>) -> Push {
    Push {
        title: format!("{}: a test", ticket::text::one_line(project)),
        message: "Messages of this swarm arrive here.".into(),
        priority: 3,
        tags: vec!["wave".into()],
        click: page,
        sequence_id: format!("test-{:016x}", rand::random::<u64>()),
    }
}

/// Why a message was not taken.
pub fn sentence(server: &str, not_taken: &Published) -> String {
    match not_taken {
        Published::Taken => format!("ntfy at {server} took the message"),
        Published::Busy(_) => format!("ntfy at {server} has had too many messages"),
        Published::Away(why) => format!("ntfy at {server} does not take messages: {why}"),
        Published::Denied(why) => format!(
            "ntfy at {server} takes no messages from us: {why}; check notify.ntfy and {TOKEN}"
        ),
        Published::Refused(why) => format!("ntfy at {server} does not take this message: {why}"),
    }
}

/// Whether `address` is one that messages can be sent to; what is wrong with it, if not.
pub fn check(address: &str) -> Result<(), String> {
    split(address).map(|_| ())
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
    fn an_answer_says_what_to_do_next() {
        let ntfy = Ntfy::new("https://ntfy.sh/topic1", Some("tk_secret".into())).unwrap();
        let hour = Duration::from_secs(3600);
        for (status, wait, expected) in [
            (200, None, Published::Taken),
            (429, None, Published::Busy(None)),
            (429, Some(hour * 9), Published::Busy(Some(hour))),
            (403, None, Published::Denied("it answered 403".into())),
            (302, None, Published::Denied("it answered 302".into())),
            (413, None, Published::Refused("it answered 413".into())),
            (503, None, Published::Away("it answered 503".into())),
        ] {
            assert_eq!(ntfy.published(status, wait, ""), expected, "{status}");
        }
    }

    #[test]
    fn errors_hold_no_secret_and_no_control_characters() {
        let ntfy = Ntfy::new("https://ntfy.sh/topic1", Some("tk_secret".into())).unwrap();
        let said = ntfy.clean("no\x1b[31m tk_secret for topic1\n");
        assert_eq!(said, "no[31m … for …");
        assert!(!format!("{ntfy:?}").contains("topic1"));
    }
}
