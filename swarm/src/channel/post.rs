//! One HTTP request that carries a message, and what its answer means. No redirect is followed: what is
//! secret about a request is for this server and no other.

use std::time::Duration;

use serde::Serialize;
use ureq::http::header::RETRY_AFTER;
use ureq::tls::{RootCerts, TlsConfig};

/// How long one message may take to be taken.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// How much of a server's answer is shown, in characters.
const ANSWER_SHOWN: usize = 160;
/// How much of it is read, in bytes.
const ANSWER_READ: u64 = 4096;
/// What takes the place of a secret.
const HIDDEN: &str = "…";

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The server has it.
    Taken,
    /// The server has had enough for now; it may say for how long.
    Busy(Option<Duration>),
    /// The server is away or broken: for the same message later.
    Away(String),
    /// The server will not take anything from us as things are: address, topic, token.
    Denied(String),
    /// The server does not take this message.
    Refused(String),
}

/// A client of one server.
#[derive(Clone)]
pub struct Post {
    pub agent: ureq::Agent,
    /// Never part of what a server is quoted with.
    secrets: Vec<String>,
}

impl Post {
    /// A client that hides `secrets` in what a server says.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Post {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(DEADLINE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("swarm/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Post {
            agent,
            secrets: secrets.into_iter().filter(|s| !s.is_empty()).collect(),
        }
    }

    /// Posts `body` as JSON. Blocks for 15 seconds at most.
    pub fn json(&self, url: &str, headers: &[(&str, String)], body: &impl Serialize) -> Published {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.bytes(url, headers, &bytes),
            Err(error) => Published::Refused(error.to_string()),
        }
    }

    /// Posts JSON that is written already.
    pub fn bytes(&self, url: &str, headers: &[(&str, String)], body: &[u8]) -> Published {
        let mut request = self.agent.post(url).content_type("application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        match request.send(body) {
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

    /// What an answer means.
    pub fn published(&self, status: u16, wait: Option<Duration>, said: &str) -> Published {
        let words = match self.clean(said) {
            empty if empty.is_empty() => format!("it answered {status}"),
            said => format!("it answered {status}: {said}"),
        };
        match status {
            200..=299 => Published::Taken,
            429 => Published::Busy(wait.map(|wait| wait.min(LONGEST_WAIT))),
            401 | 403 | 404 | 410 | 300..=399 => Published::Denied(words),
            400 | 413 | 422 => Published::Refused(words),
            _ => Published::Away(words),
        }
    }

    /// What a server said, fit for a log: short, plain, without secrets.
    pub fn clean(&self, said: &str) -> String {
        let mut said = ticket::text::one_line(said).trim().to_owned();
        for secret in &self.secrets {
            said = said.replace(secret.as_str(), HIDDEN);
        }
        said.chars().take(ANSWER_SHOWN).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_to_do_next() {
        let post = Post::new([]);
        let hour = Duration::from_secs(3600);
        for (status, wait, expected) in [
            (200, None, Published::Taken),
            (204, None, Published::Taken),
            (429, None, Published::Busy(None)),
            (429, Some(hour * 9), Published::Busy(Some(hour))),
            (403, None, Published::Denied("it answered 403".into())),
            (302, None, Published::Denied("it answered 302".into())),
            (413, None, Published::Refused("it answered 413".into())),
            (503, None, Published::Away("it answered 503".into())),
        ] {
            assert_eq!(post.published(status, wait, ""), expected, "{status}");
        }
    }

    #[test]
    fn what_a_server_says_holds_no_secret_and_no_control_characters() {
        let post = Post::new(["tk_secret".to_owned(), "topic1".into(), String::new()]);
        let said = post.clean("no\x1b[31m tk_secret for topic1\n");
        assert_eq!(said, "no[31m … for …");
    }
}
