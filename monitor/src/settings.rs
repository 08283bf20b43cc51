//! How the agent CLI is run: the configuration, the account, and the prompts, read anew for each
//! assignment so that an edited prompt or a renewed login counts at once.

use anyhow::Context;
use swarm::credentials::Credentials;
use ticket::backend::Role;
use ticket::prompt::Templates;
use ticket::wire::AgentSettings;

use crate::error::{Answer, Refusal};
use crate::hub::Hub;

/// What the runner needs to run the agent CLI in this role.
pub async fn agent(hub: &Hub, role: Role) -> Answer<AgentSettings> {
    let project = hub.project.clone();
    let read = tokio::task::spawn_blocking(move || {
        let secrets = Credentials::read(&project)?.values().clone();
        let prompts = Templates::load(&project.prompts())?.into_texts();
        anyhow::Ok((secrets, prompts))
    });
    let read = read.await.context("the agent's settings were not read");
    let (secrets, prompts) = read
        .and_then(|settings| settings)
        .map_err(|e| Refusal::broken("the agent's settings cannot be read", format!("{e:#}")))?;
    Ok(hub.config().agent_settings(role, secrets, prompts))
}
