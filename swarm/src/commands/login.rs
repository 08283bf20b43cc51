//! `swarm login`: the account anew, for a swarm that runs or for the next start.

use anyhow::Result;
use swarm::credentials::Credentials;
use swarm::{Config, Project, hub};
use ticket::backend::AgentCli;
use ticket::moment;

use super::failure::{Refusal, note};
use super::talk::say;
use crate::exit;

/// A login that ends within so many seconds is worth a word: it will not last a night.
const WORTH_A_WORD: i64 = 24 * 60 * 60;

pub fn run(project: &Project) -> Result<()> {
    let config = Config::load(project)?;
    if !config.needs_credentials() {
        say("This project's backend needs no account.");
        return Ok(());
    }
    let credentials = found(&config.clis())?;
    credentials.write(project)?;
    let user = match hub::hub_file(project) {
        Some(_) => "the running swarm uses it from now on",
        None => "'swarm start' will use it",
    };
    say(format!("Took {}; {user}.", credentials.source()));
    Ok(())
}

/// That there is no account, or none that is good.
pub fn no_account(error: anyhow::Error) -> anyhow::Error {
    let refusal = Refusal {
        code: exit::NO_ACCOUNT,
        what: format!("{error:#}"),
    };
    refusal.into()
}

/// The account of whoever runs this, with a warning when it ends soon.
pub fn found(clis: &[AgentCli]) -> Result<Credentials> {
    let credentials = Credentials::find(clis).map_err(no_account)?;
    tracing::debug!("account: {}", credentials.source());
    let soon = moment::now() + WORTH_A_WORD;
    if let Some(ends) = credentials.expires_at().filter(|ends| *ends < soon) {
        note(&format!(
            "{} ends at {} UTC; one made by 'claude setup-token' and set as \
             CLAUDE_CODE_OAUTH_TOKEN lasts for a year",
            credentials.source(),
            moment::text(ends).unwrap_or_default()
        ));
    }
    Ok(credentials)
}
