//! Secrets of the ways to people who are away: taken from variables at `swarm start`, kept in
//! `.swarm/secrets`, readable by the owner alone.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, bail};

use crate::credentials::write_private;
use crate::project::Project;

/// How long one may be, in bytes.
const LONGEST: usize = 1024;

/// One secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// With which messages are published to ntfy, and answers read.
    NtfyToken,
    /// With which the buttons of a message publish answers.
    NtfyReplyToken,
    /// The address of an incoming webhook.
    SlackWebhook,
    /// The address of a webhook.
    DiscordWebhook,
    /// With which requests to a server of one's own are signed.
    WebhookSecret,
    /// Of the account that sends mail.
    SmtpPassword,
}

impl Secret {
    /// Every secret.
    pub const ALL: [Secret; 6] = [
        Secret::NtfyToken,
        Secret::NtfyReplyToken,
        Secret::SlackWebhook,
        Secret::DiscordWebhook,
        Secret::WebhookSecret,
        Secret::SmtpPassword,
    ];

    /// The variable that holds it at `swarm start`.
    pub fn variable(self) -> &'static str {
        match self {
            Secret::NtfyToken => "SWARM_NTFY_TOKEN",
            Secret::NtfyReplyToken => "SWARM_NTFY_REPLY_TOKEN",
            Secret::SlackWebhook => "SWARM_SLACK_WEBHOOK",
            Secret::DiscordWebhook => "SWARM_DISCORD_WEBHOOK",
            Secret::WebhookSecret => "SWARM_WEBHOOK_SECRET",
            Secret::SmtpPassword => "SWARM_SMTP_PASSWORD",
        }
    }

    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Secret::NtfyToken => "ntfy-token",
            Secret::NtfyReplyToken => "ntfy-reply-token",
            Secret::SlackWebhook => "slack-webhook",
            Secret::DiscordWebhook => "discord-webhook",
            Secret::WebhookSecret => "webhook-secret",
            Secret::SmtpPassword => "smtp-password",
        }
    }

    /// What is kept, if anything.
    pub fn read(self, project: &Project) -> anyhow::Result<Option<String>> {
        read(project, self.file())
    }

    /// Keeps what the variable holds. Without the variable the last one stays; an empty one takes it
    /// away.
    fn keep(self, project: &Project) -> anyhow::Result<()> {
        let variable = self.variable();
        let Some(value) = std::env::var_os(variable) else {
            return Ok(());
        };
        let value = value.to_string_lossy();
        let value = value.trim();
        let is_fit = match self {
            Secret::SmtpPassword => !value.chars().any(char::is_control),
            _ => value.bytes().all(|byte| byte.is_ascii_graphic()),
        };
        if value.len() > LONGEST || !is_fit {
            bail!("{variable} is not usable: expected one word without spaces such as tk_…");
        }
        write(project, self.file(), value)
    }
}

/// Keeps all that are in the environment.
pub fn keep_all(project: &Project) -> anyhow::Result<()> {
    Secret::ALL
        .iter()
        .try_for_each(|secret| secret.keep(project))
}

/// Everything that is kept, whatever it is: none of it may be in a message.
pub fn all(project: &Project) -> Vec<String> {
    let files = Secret::ALL.iter().map(|secret| secret.file());
    files
        .chain([super::ntfy::replies::FILE])
        .filter_map(|file| read(project, file).ok().flatten())
        .collect()
}

/// What a file of `.swarm/secrets` holds, if anything.
pub(super) fn read(project: &Project, name: &str) -> anyhow::Result<Option<String>> {
    let file = project.secret_file(name);
    match fs::read_to_string(&file) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Writes a file of `.swarm/secrets`.
pub(super) fn write(project: &Project, name: &str, value: &str) -> anyhow::Result<()> {
    let file = project.secret_file(name);
    write_private(&file, value.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))
}
