//! How the agent CLI is run: the configuration, the account, and the prompts, read anew for each
//! assignment so that an edited prompt or a renewed login counts at once.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use swarm::Project;
use swarm::credentials::Credentials;
use ticket::wire::AgentSettings;

use crate::error::{Answer, Refusal};
use crate::hub::Hub;

/// The built-in prompts by name. A file of that name in the project's `prompts/` replaces one.
const PROMPTS: [(&str, &str); 5] = [
    ("work", include_str!("../../templates/prompts/work.md")),
    (
        "verify-failed",
        include_str!("../../templates/prompts/verify-failed.md"),
    ),
    (
        "conflict",
        include_str!("../../templates/prompts/conflict.md"),
    ),
    (
        "bounced",
        include_str!("../../templates/prompts/bounced.md"),
    ),
    (
        "propose",
        include_str!("../../templates/prompts/propose.md"),
    ),
];

/// What the runner needs to run the agent CLI.
pub async fn agent(hub: &Hub) -> Answer<AgentSettings> {
    let project = hub.project.clone();
    let read = tokio::task::spawn_blocking(move || {
        let secrets = Credentials::read(&project)?.values().clone();
        anyhow::Ok((secrets, prompts(&project)?))
    });
    let read = read.await.context("the agent's settings were not read");
    let (secrets, prompts) = read
        .and_then(|settings| settings)
        .map_err(|e| Refusal::broken("the agent's settings cannot be read", format!("{e:#}")))?;
    Ok(hub.config.agent_settings(secrets, prompts))
}

fn prompts(project: &Project) -> Result<BTreeMap<String, String>> {
    PROMPTS
        .into_iter()
        .map(|(name, built_in)| {
            let file = project.prompts().join(format!("{name}.md"));
            let prompt = match std::fs::read_to_string(&file) {
                Ok(own) => own,
                Err(error) if error.kind() == ErrorKind::NotFound => built_in.to_owned(),
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", file.display()));
                }
            };
            Ok((name.to_owned(), prompt))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_project_replaces_a_prompt() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        std::fs::write(project.prompts().join("work.md"), "swarm: work\nmine\n").unwrap();
        let prompts = prompts(&project).unwrap();
        assert_eq!(prompts["work"], "swarm: work\nmine\n");
        assert_eq!(prompts.len(), 5);
    }
}
