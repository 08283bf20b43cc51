//! The ways to people who are away: one enum, one message, one list of what can become of it. What is
//! worth a message, and when it is sent, is the hub's to decide.
//!
//! No error holds a secret: not a token, not the name of a topic, not a webhook's address.

pub mod discord;
pub mod mail;
pub mod ntfy;
mod post;
pub mod secret;
pub mod slack;
pub mod webhook;

use std::fmt;

use anyhow::{Context, bail};
use ticket::notice::Kind;
use ticket::wire::Tried;
use ureq::http::Uri;

use crate::config::Config;
use crate::project::Project;

pub use discord::Discord;
pub use mail::Mail;
pub use ntfy::Ntfy;
pub use ntfy::button::Button;
pub use post::Published;
use secret::Secret;
pub use slack::Slack;
pub use webhook::Webhook;

/// The shortest secret that signs anything.
const SHORTEST_SECRET: usize = 16;

/// What people see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub title: String,
    /// Plain text.
    pub text: String,
    /// What it is about.
    pub kind: Kind,
    /// The ticket, when it is about one.
    pub ticket: Option<i64>,
    /// 1 (least) to 5 (most urgent).
    pub priority: u8,
    /// Where to read more.
    pub link: Option<String>,
    /// Tells it from every other message of this swarm.
    pub id: String,
    /// What can be done about it at a tap, where the way has buttons.
    pub buttons: Vec<Button>,
}

/// One way to people.
#[derive(Clone)]
pub enum Channel {
    /// A topic of an ntfy server.
    Ntfy(Ntfy),
    /// A channel of Slack.
    Slack(Slack),
    /// A channel of Discord.
    Discord(Discord),
    /// A server of one's own.
    Webhook(Webhook),
    /// E-mail.
    Mail(Box<Mail>),
}

impl Channel {
    /// The names of all ways.
    pub const NAMES: [&str; 5] = [
        ntfy::NAME,
        slack::NAME,
        discord::NAME,
        webhook::NAME,
        mail::NAME,
    ];

    /// The ways that the configuration sets, with the secrets that were kept for them; an error says
    /// which secret is missing.
    pub fn all(project: &Project, config: &Config) -> anyhow::Result<Vec<Channel>> {
        let notify = &config.notify;
        let mut all = Vec::new();
        all.extend(ntfy::of(project, config)?.map(Channel::Ntfy));
        if notify.slack {
            let address = address(project, "notify.slack", Secret::SlackWebhook)?;
            all.push(Channel::Slack(Slack::new(address)));
        }
        if notify.discord {
            let address = address(project, "notify.discord", Secret::DiscordWebhook)?;
            all.push(Channel::Discord(Discord::new(address)));
        }
        if let Some(address) = &notify.webhook {
            let secret = needed(project, "notify.webhook", Secret::WebhookSecret)?;
            if secret.len() < SHORTEST_SECRET {
                let variable = Secret::WebhookSecret.variable();
                bail!("{variable}: expected at least {SHORTEST_SECRET} characters");
            }
            all.push(Channel::Webhook(Webhook::new(address.clone(), secret)));
        }
        if let Some(section) = &notify.mail {
            let password = Secret::SmtpPassword.read(project)?;
            let mail = Mail::new(section, password)
                .map_err(|expected| anyhow::anyhow!("notify.mail: {expected}"))?;
            all.push(Channel::Mail(Box::new(mail)));
        }
        Ok(all)
    }

    /// Its name in the configuration and the database.
    pub fn name(&self) -> &'static str {
        match self {
            Channel::Ntfy(_) => ntfy::NAME,
            Channel::Slack(_) => slack::NAME,
            Channel::Discord(_) => discord::NAME,
            Channel::Webhook(_) => webhook::NAME,
            Channel::Mail(_) => mail::NAME,
        }
    }

    /// Who takes its messages, for people.
    pub fn place(&self) -> String {
        match self {
            Channel::Ntfy(ntfy) => format!("ntfy at {}", ntfy.server()),
            Channel::Slack(_) => "Slack".into(),
            Channel::Discord(_) => "Discord".into(),
            Channel::Webhook(_) => "the webhook".into(),
            Channel::Mail(mail) => format!("the mail server {}", mail.server()),
        }
    }

    /// Sends one message. Blocks for some seconds, and for some minutes where a server is very slow.
    pub fn publish(&self, message: &Message) -> Published {
        match self {
            Channel::Ntfy(ntfy) => ntfy.publish(message),
            Channel::Slack(slack) => slack.publish(message),
            Channel::Discord(discord) => discord.publish(message),
            Channel::Webhook(webhook) => webhook.publish(message),
            Channel::Mail(mail) => mail.publish(message),
        }
    }

    /// What became of a message, in one sentence.
    pub fn sentence(&self, published: &Published) -> String {
        let place = self.place();
        match published {
            Published::Taken => format!("{place} took the message"),
            Published::Busy(_) => format!("{place} has had too many messages"),
            Published::Away(why) => format!("{place} does not take messages: {why}"),
            Published::Denied(why) => {
                let check = self.check();
                format!("{place} takes no messages from us: {why}; check {check}")
            }
            Published::Refused(why) => format!("{place} does not take this message: {why}"),
        }
    }

    /// What came of a message that was a test.
    pub fn tried(&self, published: &Published) -> Tried {
        Tried {
            channel: self.name().to_owned(),
            taken: *published == Published::Taken,
            said: self.sentence(published),
        }
    }

    /// What is probably wrong when it takes nothing from us.
    fn check(&self) -> String {
        let (key, secret) = match self {
            Channel::Ntfy(_) => ("notify.ntfy and ", Secret::NtfyToken),
            Channel::Slack(_) => ("", Secret::SlackWebhook),
            Channel::Discord(_) => ("", Secret::DiscordWebhook),
            Channel::Webhook(_) => ("notify.webhook and ", Secret::WebhookSecret),
            Channel::Mail(_) => ("notify.mail and ", Secret::SmtpPassword),
        };
        format!("{key}{}", secret.variable())
    }
}

/// Addresses are secrets too.
impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.name())
    }
}

/// A secret without which a way that is set cannot be used.
fn needed(project: &Project, key: &str, secret: Secret) -> anyhow::Result<String> {
    secret.read(project)?.with_context(|| {
        format!(
            "{key} is set and {0} was never given: {0}=… swarm start",
            secret.variable()
        )
    })
}

/// As [`needed`], where the secret is an address.
fn address(project: &Project, key: &str, secret: Secret) -> anyhow::Result<String> {
    let address = needed(project, key, secret)?;
    if !is_address(&address) {
        bail!(
            "{}: expected an address such as \"https://…\"",
            secret.variable()
        );
    }
    Ok(address)
}

/// Whether messages can be posted there.
pub fn is_address(text: &str) -> bool {
    let uri: Result<Uri, _> = text.parse();
    uri.is_ok_and(|uri| {
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        is_http && uri.authority().is_some_and(|a| !a.as_str().contains('@'))
    })
}

/// What must not be quoted of an address: its path, and each longer part of that.
fn parts_of(address: &str) -> impl Iterator<Item = String> + use<> {
    let uri: Result<Uri, _> = address.parse();
    let path = uri
        .ok()
        .and_then(|uri| Some(uri.path_and_query()?.as_str().to_owned()))
        .filter(|path| path.len() > 1);
    let parts: Vec<String> = path
        .iter()
        .flat_map(|path| path.split('/'))
        .map(str::to_owned)
        .collect();
    path.into_iter()
        .chain(parts.into_iter().filter(|part| part.len() > 7))
}

/// Refuses ways that cannot be used as they are set, and makes the reply topic where one is wanted.
pub fn prepare(project: &Project, config: &Config) -> anyhow::Result<()> {
    for channel in Channel::all(project, config)? {
        if let Channel::Ntfy(ntfy) = channel {
            ntfy::replies::Replies::of(project, config, &ntfy)?;
        }
    }
    Ok(())
}

/// The message that shows whether messages arrive.
pub fn trial(project: &str, page: Option<String>) -> Message {
    Message {
        title: format!("{}: a test", ticket::text::one_line(project)),
        text: "Messages of this swarm arrive here.".into(),
        kind: Kind::Idle,
        ticket: None,
        priority: 3,
        link: page,
        id: format!("test-{:016x}", rand::random::<u64>()),
        buttons: Vec::new(),
    }
}

/// All of these, or the one of this name; a sentence when there is none.
pub fn chosen<'a>(
    channels: &[&'a Channel],
    only: Option<&str>,
) -> Result<Vec<&'a Channel>, String> {
    let is_chosen = |channel: &&&Channel| only.is_none_or(|only| channel.name() == only);
    let chosen: Vec<&Channel> = channels.iter().filter(is_chosen).copied().collect();
    match (chosen.is_empty(), only) {
        (false, _) => Ok(chosen),
        (true, None) => Err(NONE.into()),
        (true, Some(only)) => Err(format!(
            "{only} is not set under notify in .swarm/config.json, or not since the last \
             'swarm start'"
        )),
    }
}

/// What to say when nothing is configured.
pub const NONE: &str = "no topic is set, nor any other way to you: run 'swarm config set notify.ntfy \
                        https://ntfy.sh/TOPIC', then 'swarm stop' and 'swarm start'";

#[cfg(test)]
fn sample(title: &str, text: &str) -> Message {
    Message {
        title: title.into(),
        text: text.into(),
        kind: Kind::Question,
        ticket: Some(7),
        priority: 4,
        link: Some("http://127.0.0.1:3000/tickets/7".into()),
        id: "abcdef-question-1".into(),
        buttons: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(notify: &str, secrets: &[(&str, &str)]) -> anyhow::Result<Vec<Channel>> {
        let dir = tempfile::tempdir()?;
        let project = Project::create(dir.path())?;
        for (name, value) in secrets {
            std::fs::write(project.secret_file(name), value)?;
        }
        let text = format!(r#"{{"notify": {{{notify}}}}}"#);
        let config = Config::parse(&text, std::path::Path::new("config.json"))?;
        Channel::all(&project, &config)
    }

    #[test]
    fn every_way_needs_its_secret() {
        for (notify, secrets, expected) in [
            ("", &[][..], Ok(&[][..])),
            (r#""slack": true"#, &[], Err("SWARM_SLACK_WEBHOOK")),
            (r#""discord": true"#, &[], Err("SWARM_DISCORD_WEBHOOK")),
            (
                r#""webhook": "https://x.org""#,
                &[],
                Err("SWARM_WEBHOOK_SECRET"),
            ),
            (
                r#""webhook": "https://x.org""#,
                &[("webhook-secret", "short")],
                Err("at least 16"),
            ),
            (
                r#""slack": true"#,
                &[("slack-webhook", "nonsense")],
                Err("https://"),
            ),
            (
                r#""mail": {"server": "x.org", "from": "a@x.org", "to": ["b@x.org"], "user": "a"}"#,
                &[],
                Err("SWARM_SMTP_PASSWORD"),
            ),
            (
                r#""ntfy": "https://ntfy.sh/x", "slack": true, "discord": true,
                   "webhook": "https://x.org",
                   "mail": {"server": "x.org", "from": "a@x.org", "to": ["b@x.org"]}"#,
                &[
                    ("slack-webhook", "https://hooks.slack.com/services/T/B/x"),
                    ("discord-webhook", "https://discord.com/api/webhooks/1/x"),
                    ("webhook-secret", "0123456789abcdef"),
                ],
                Ok(&Channel::NAMES[..]),
            ),
        ] {
            match (all(notify, secrets), expected) {
                (Ok(found), Ok(names)) => {
                    let found: Vec<&str> = found.iter().map(Channel::name).collect();
                    assert_eq!(found, names, "{notify}");
                }
                (Err(error), Err(said)) => {
                    assert!(format!("{error:#}").contains(said), "{notify}: {error:#}");
                }
                (found, _) => panic!("{notify}: {found:?}"),
            }
        }
    }

    #[test]
    fn what_is_secret_about_an_address_is_not_quoted() {
        let address = "https://hooks.example.org/services/T0001/verysecretpart";
        let post = post::Post::new(parts_of(address));
        let said = post.clean("no /services/T0001/verysecretpart here, verysecretpart");
        assert_eq!(said, "no … here, …");
        assert_eq!(parts_of("https://example.org/").count(), 0);
    }
}
