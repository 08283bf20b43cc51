//! What a project's containers, networks, volumes and images are called, and their labels.
//!
//! Every name carries the project's id, so that several projects on one host never collide.

use std::collections::BTreeMap;

use ticket::wire::Role;

/// Label of everything that belongs to a project; its value is the project's id.
pub const PROJECT_LABEL: &str = "swarm.project";
/// Label of a container: `hub`, `worker` or `verifier`.
pub const ROLE_LABEL: &str = "swarm.role";
/// Label of a container: the agent's name, `agent-1`, or `hub`.
pub const NAME_LABEL: &str = "swarm.name";
/// The role and the name of the hub's container.
pub const HUB: &str = "hub";

/// The names of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    id: String,
}

impl Names {
    /// The names of the project with this id.
    pub fn of(id: &str) -> Names {
        Names { id: id.into() }
    }

    /// The project's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The network of agents, verifiers and hub. Nothing else can be reached through it.
    pub fn network(&self) -> String {
        format!("swarm-{}-inner", self.id)
    }

    /// The network through which agents and verifiers reach the internet, where they may.
    pub fn out_network(&self) -> String {
        format!("swarm-{}-out", self.id)
    }

    /// The network through which the host reaches the hub, which is alone in it.
    pub fn front_network(&self) -> String {
        format!("swarm-{}-front", self.id)
    }

    /// The container of a service: `hub`, `agent-1`, `verifier-2`.
    pub fn container(&self, service: &str) -> String {
        format!("swarm-{}-{service}", self.id)
    }

    /// The hub's container.
    pub fn hub(&self) -> String {
        self.container(HUB)
    }

    /// The volume that keeps an agent's work tree.
    pub fn work_volume(&self, agent: &str) -> String {
        format!("swarm-{}-{agent}-work", self.id)
    }

    /// The repository name of the agents' image.
    pub fn agent_repository(&self) -> String {
        format!("swarm-{}-agent", self.id)
    }

    /// The label that everything of this project has.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(PROJECT_LABEL.into(), self.id.clone())])
    }

    /// The labels of a container.
    pub fn container_labels(&self, role: &str, name: &str) -> BTreeMap<String, String> {
        let mut labels = self.labels();
        labels.insert(ROLE_LABEL.into(), role.into());
        labels.insert(NAME_LABEL.into(), name.into());
        labels
    }
}

/// The name of the agent with this number: `agent-3`, `verifier-3`.
pub fn agent_name(role: Role, number: u32) -> String {
    match role {
        Role::Worker => format!("agent-{number}"),
        Role::Verifier => format!("verifier-{number}"),
    }
}
