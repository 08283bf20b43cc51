//! E-mail, by a server that takes mail for others (SMTP): always encrypted, save on this machine.

use std::fmt;
use std::time::Duration;

use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{SmtpTransport, Transport};
use ticket::text::one_line;

use super::Message;
use super::post::{Post, Published};
use crate::config::{Mail as Section, Security};

/// The name of this way.
pub const NAME: &str = "mail";
/// How long the server may take for each of its answers.
const DEADLINE: Duration = Duration::from_secs(15);
/// The server does not take what the message says; every other refusal for good is about us.
const CONTENT: [u16; 2] = [552, 554];

/// A server, and who gets mail by it.
#[derive(Clone)]
pub struct Mail {
    transport: SmtpTransport,
    server: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// For what the server says.
    post: Post,
}

impl Mail {
    /// Mail as the configuration says, with the password that was kept; an error is what is wrong.
    pub fn new(section: &Section, password: Option<String>) -> Result<Mail, String> {
        let (host, port) = server(&section.server)?;
        let builder = match section.security {
            Security::Tls => SmtpTransport::relay(&host),
            Security::Starttls => SmtpTransport::starttls_relay(&host),
            Security::None if is_here(&host) => Ok(SmtpTransport::builder_dangerous(&host)),
            Security::None => {
                return Err(
                    "expected security = \"tls\" or \"starttls\": mail goes in the open to this machine alone"
                        .into(),
                );
            }
        };
        let mut builder = builder
            .map_err(|error| format!("this server cannot be used: {error}"))?
            .timeout(Some(DEADLINE));
        if let Some(port) = port {
            builder = builder.port(port);
        }
        let hidden: Vec<String> = password.iter().cloned().collect();
        if let Some(user) = &section.user {
            let password = password.ok_or("a user needs a password in SWARM_SMTP_PASSWORD")?;
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        let to: Result<Vec<Mailbox>, String> = section.to.iter().map(|to| mailbox(to)).collect();
        Ok(Mail {
            transport: builder.build(),
            server: section.server.clone(),
            from: mailbox(&section.from)?,
            to: to?,
            post: Post::new(hidden),
        })
    }

    /// The server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Sends one message.
    pub fn publish(&self, message: &Message) -> Published {
        let mail = match self.mail(message) {
            Ok(mail) => mail,
            Err(error) => return Published::Refused(error.to_string()),
        };
        let error = match self.transport.send(&mail) {
            Ok(_) => return Published::Taken,
            Err(error) => error,
        };
        let why = self.post.clean(&chain(&error));
        match error.status().map(u16::from) {
            Some(code) if CONTENT.contains(&code) => Published::Refused(why),
            Some(_) if error.is_permanent() => Published::Denied(why),
            _ => Published::Away(why),
        }
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(one_line(&message.title));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let mut text = message.text.clone();
        if let Some(link) = &message.link {
            text.push_str("\n\n");
            text.push_str(link);
        }
        builder.singlepart(SinglePart::plain(text))
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail(by {})", self.server)
    }
}

/// An error with what is behind it, which names the server's own words.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// What is wrong with the section, if anything; the password is another matter.
pub fn check(section: &Section) -> Result<(), String> {
    if section.to.is_empty() {
        return Err("expected to = [\"you@example.org\"]".into());
    }
    let password = section.user.as_ref().map(|_| String::new());
    Mail::new(section, password).map(drop)
}

/// The host and, where one is named, the port.
fn server(text: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || "expected server = \"smtp.example.org\" or \"smtp.example.org:587\"".to_owned();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    is_host
        .then(|| (host.to_owned(), port.filter(|port| *port != 0)))
        .ok_or_else(wrong)
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.")
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    let named = |_| {
        format!(
            "'{}' is not an address: expected you@example.org",
            one_line(text)
        )
    };
    text.parse().map_err(named)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn section() -> Section {
        Section {
            server: "localhost:2525".into(),
            security: Security::None,
            from: "Swarm <swarm@example.org>".into(),
            to: vec!["me@example.org".into()],
            user: None,
        }
    }

    #[test]
    fn a_subject_holds_no_header_and_the_text_is_plain() {
        let mail = Mail::new(&section(), None).unwrap();
        let message = sample(
            "Hello\r\nBcc: everybody@example.org\r\n\r\nbody",
            "<b>\u{fc}ber</b>\r\n.\r\nRCPT TO:<x@example.org>",
        );
        let formatted = mail.mail(&message).unwrap().formatted();
        let text = String::from_utf8(formatted).unwrap();
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            !headers.lines().any(|l| l.to_lowercase().starts_with("bcc")),
            "{headers}"
        );
        assert!(
            headers.contains("Content-Type: text/plain; charset=utf-8"),
            "{headers}"
        );
        let to: Vec<&str> = headers.lines().filter(|l| l.starts_with("To:")).collect();
        assert_eq!(to, ["To: me@example.org"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let with = |change: &dyn Fn(&mut Section)| {
            let mut section = section();
            change(&mut section);
            check(&section)
        };
        assert_eq!(with(&|_| ()), Ok(()));
        for (what, change) in [
            (
                "tls",
                &(|s: &mut Section| s.server = "mail.example.org".into()) as &dyn Fn(&mut Section),
            ),
            ("server", &|s| s.server = "".into()),
            ("server", &|s| s.server = "smtp://x".into()),
            ("server", &|s| s.server = "x:99999".into()),
            ("to", &|s| s.to.clear()),
            ("address", &|s| s.to = vec!["nobody".into()]),
            ("address", &|s| s.from = "a@b.c\r\nBcc: x@y.z".into()),
        ] {
            let said = with(change).unwrap_err();
            assert!(said.contains(what), "{what}: {said}");
        }
    }
}
