//! From configuration to container: what each kind of container may and may not. Pure.
//!
//! The one place that says it; `profile` compares with what the engine reports.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ticket::wire::Role;

use super::names::{HUB, Names, agent_name};
use crate::config::{Access, Config, Size};

/// Where agents find the hub.
pub const HUB_URL: &str = "http://hub:7777";
/// The port of the agents' listener, on the agents' network only.
pub const AGENTS_PORT: u16 = 7777;
/// The port of the human listener inside the hub's container, on the front network only.
pub const HUMAN_PORT: u16 = 3000;
/// The environment variable that names the hub.
pub const ENV_HUB: &str = "SWARM_HUB";
/// The environment variable that holds the one-time code.
pub const ENV_CODE: &str = "SWARM_CODE";
/// The environment variable that names a folder which nobody but this container's agents writes to, and
/// which is empty at the beginning of each work.
pub const ENV_SCRATCH: &str = "SWARM_SCRATCH";
/// Where the hub's container has the engine's socket, wherever the host has it.
pub const ENGINE_SOCKET: &str = "/var/run/docker.sock";
/// The argument that has the hub kept: started again, by a process of its own, when it has crashed.
const KEEP: &str = "--keep";
/// Where an agent works: a named volume for workers, memory for verifiers.
pub const WORK: &str = "/work";

/// Memory that programs take for a disk.
const TMP: &str = "/tmp";
/// What the container of a probe is called, and what its program is told to be.
const PROBE: &str = "probe";
/// The argument that asks a container what it reaches, and that container's name.
const REACH: &str = "reach";
const AGENT_USER: &str = "1000:1000";
/// Programs may be run from these, as tests do; devices and set-uid bits count for nothing.
const TMP_OPTIONS: &str = "rw,exec,nosuid,nodev,mode=1777";
/// What is not in a volume is memory: its size is bounded too.
const WORK_OPTIONS: &str = "rw,exec,nosuid,nodev,mode=0755,uid=1000,gid=1000";
const HUB_TMP_OPTIONS: &str = "rw,noexec,nosuid,nodev,mode=1777";
/// What the engine calls the limit on a file's size.
pub(super) const FILE_SIZE: &str = "fsize";
/// Billionths in one.
const NANO: i64 = 1_000_000_000;
/// The hub's own limits: it holds tens of megabytes and a few git processes.
const HUB_LIMITS: Resources = Resources {
    memory: 2 << 30,
    nano_cpus: 0,
    pids: 2048,
    file_size: 0,
};

/// Everything that a container is created with. Debug shows no values of the environment.
#[derive(Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// The container's name.
    pub name: String,
    /// The image's name with its tag.
    pub image: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The environment, beside what the image sets.
    pub env: BTreeMap<String, String>,
    /// Arguments of the image's entry point.
    pub args: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    /// Further groups.
    pub groups: Vec<String>,
    /// Memory file systems and their options.
    pub tmpfs: BTreeMap<String, String>,
    /// The only volume, and where it is mounted.
    pub volume: Option<(String, String)>,
    /// Paths of the host, and where they are in the container. Only the hub has any.
    pub binds: Vec<(PathBuf, PathBuf)>,
    /// Networks with the aliases there. The first one is joined at creation.
    pub networks: Vec<Attachment>,
    /// A port of the container on a port of 127.0.0.1.
    pub publish: Option<Publish>,
    /// Limits.
    pub resources: Resources,
    /// Whether the engine starts it again by itself.
    pub restart: Restart,
    /// Whether something is written to its standard input.
    pub fed: bool,
}

/// A network that a container joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The network.
    pub network: String,
    /// Names under which others there find the container.
    pub aliases: Vec<String>,
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish {
    /// On 127.0.0.1 of the host.
    pub host: u16,
    /// In the container.
    pub container: u16,
}

/// What a container may use. Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Bytes.
    pub memory: i64,
    /// Billionths of a core.
    pub nano_cpus: i64,
    /// Processes and threads.
    pub pids: i64,
    /// Bytes of one file.
    pub file_size: i64,
}

/// The engine's restart policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Dead stays dead: the hub decides.
    No,
    /// For the hub alone: also after the engine itself was killed, when `unless-stopped` containers
    /// stay dead.
    Always,
}

/// A network to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name.
    pub name: String,
    /// What its members reach.
    pub reach: Reach,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// What the members of a network reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Each other; neither the host nor anything beyond.
    EachOther,
    /// What is beyond the host, and not each other.
    Outside,
}

/// What all agents of a project have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blueprint {
    names: Names,
    image: String,
    resources: Resources,
    /// Bytes of all files of an agent.
    disk: u64,
    access: Access,
}

fn bytes(size: Size) -> i64 {
    i64::try_from(size.0).unwrap_or(i64::MAX)
}

impl Blueprint {
    /// The project's agents, made from `image`.
    pub fn new(project_id: &str, config: &Config, image: &str) -> Blueprint {
        Blueprint {
            names: Names::of(project_id),
            image: image.into(),
            resources: Resources {
                memory: bytes(config.limits.memory),
                nano_cpus: (config.limits.cpus * NANO as f64).round() as i64,
                pids: config.limits.pids,
                file_size: bytes(config.limits.file_size),
            },
            disk: config.limits.disk.0,
            access: config.network.access,
        }
    }

    /// A work directory in memory.
    fn work_in_memory(&self) -> (String, String) {
        (WORK.into(), format!("{WORK_OPTIONS},size={}", self.disk))
    }

    /// The project's names.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// All networks of the project. The hub's published port can only ever lead to its front
    /// network, as the agents' own reaches nothing outside: engines choose among several.
    pub fn networks(&self) -> Vec<NetworkSpec> {
        let network = |name, reach| NetworkSpec {
            name,
            reach,
            labels: self.names.labels(),
        };
        let mut networks = vec![
            network(self.names.network(), Reach::EachOther),
            network(self.names.front_network(), Reach::Outside),
        ];
        if self.access == Access::Open {
            networks.push(network(self.names.out_network(), Reach::Outside));
        }
        networks
    }

    /// A worker or verifier that enrols with `code`.
    pub fn agent(&self, role: Role, number: u32, code: &str) -> ContainerSpec {
        match role {
            Role::Worker => self.worker(number, code),
            Role::Verifier => self.verifier(number, code),
        }
    }

    /// The worker `agent-<number>`. Its work tree outlives it in a volume.
    pub fn worker(&self, number: u32, code: &str) -> ContainerSpec {
        let name = agent_name(Role::Worker, number);
        let volume = self.names.work_volume(&name);
        ContainerSpec {
            volume: Some((volume, WORK.into())),
            ..self.confined(Role::Worker, &name, code)
        }
    }

    /// The verifier `verifier-<number>`. Nothing of it outlives it.
    pub fn verifier(&self, number: u32, code: &str) -> ContainerSpec {
        let name = agent_name(Role::Verifier, number);
        let mut spec = self.confined(Role::Verifier, &name, code);
        spec.tmpfs.extend([self.work_in_memory()]);
        spec
    }

    /// Runs the agent CLI once and away from any hub; what it is to ask comes on its standard input.
    pub fn probe(&self) -> ContainerSpec {
        let mut spec = self.confined(Role::Worker, PROBE, "");
        spec.tmpfs.extend([self.work_in_memory()]);
        spec.labels = self.names.container_labels(PROBE, PROBE);
        spec.env.clear();
        spec.args = vec![PROBE.into()];
        spec.networks = vec![Attachment {
            network: self.probe_network().name,
            aliases: Vec::new(),
        }];
        spec.fed = true;
        spec
    }

    /// Tries from within this network whether addresses can be reached; they come on its standard input.
    pub fn reach(&self, network: &str) -> ContainerSpec {
        let mut spec = self.probe();
        spec.name = self.names.container(REACH);
        spec.labels = self.names.container_labels(REACH, REACH);
        spec.args = vec![REACH.into()];
        spec.networks = vec![Attachment {
            network: network.into(),
            aliases: Vec::new(),
        }];
        spec
    }

    /// The network that a probe is in: it reaches the model's service, where agents do.
    pub fn probe_network(&self) -> NetworkSpec {
        let (name, reach) = match self.access {
            Access::Open => (self.names.out_network(), Reach::Outside),
            Access::HubOnly => (self.names.network(), Reach::EachOther),
        };
        NetworkSpec {
            name,
            reach,
            labels: self.names.labels(),
        }
    }

    fn attachments(&self, name: &str) -> Vec<Attachment> {
        let mut networks = vec![Attachment {
            network: self.names.network(),
            aliases: vec![name.into()],
        }];
        if self.access == Access::Open {
            networks.push(Attachment {
                network: self.names.out_network(),
                aliases: Vec::new(),
            });
        }
        networks
    }

    fn confined(&self, role: Role, name: &str, code: &str) -> ContainerSpec {
        ContainerSpec {
            name: self.names.container(name),
            image: self.image.clone(),
            labels: self.names.container_labels(role.as_str(), name),
            env: BTreeMap::from([
                (ENV_HUB.into(), HUB_URL.into()),
                (ENV_CODE.into(), code.into()),
                (ENV_SCRATCH.into(), TMP.into()),
            ]),
            args: Vec::new(),
            user: AGENT_USER.into(),
            groups: Vec::new(),
            tmpfs: BTreeMap::from([(TMP.into(), TMP_OPTIONS.into())]),
            volume: None,
            binds: Vec::new(),
            networks: self.attachments(name),
            publish: None,
            resources: self.resources,
            restart: Restart::No,
            fed: false,
        }
    }
}

/// What the hub's container needs to know beside the project's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubHost<'a> {
    /// The project's folder.
    pub root: &'a Path,
    /// Its `.swarm/`.
    pub folder: &'a Path,
    /// The engine's socket.
    pub socket: &'a Path,
    /// Who runs `swarm`, as `uid:gid`.
    pub user: String,
    /// The group that may use the socket.
    pub socket_group: u32,
    /// The port on 127.0.0.1.
    pub port: u16,
}

/// The hub's container.
pub fn hub(names: &Names, image: &str, host: &HubHost<'_>) -> ContainerSpec {
    let name = names.hub();
    let flags = [
        ("--project", host.root.to_string_lossy().into_owned()),
        ("--human", format!("0.0.0.0:{HUMAN_PORT}")),
        ("--agents", format!("0.0.0.0:{AGENTS_PORT}")),
        ("--container", name.clone()),
        ("--published", host.port.to_string()),
    ];
    // A crash of the hub is not its container's.
    let args = [KEEP.to_string()].into_iter();
    let args = args.chain(
        flags
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_string(), value]),
    );
    ContainerSpec {
        image: image.into(),
        labels: names.container_labels(HUB, HUB),
        env: BTreeMap::new(),
        args: args.collect(),
        user: host.user.clone(),
        groups: vec![host.socket_group.to_string()],
        tmpfs: BTreeMap::from([("/tmp".into(), HUB_TMP_OPTIONS.into())]),
        volume: None,
        binds: vec![
            (host.folder.into(), host.folder.into()),
            (host.socket.into(), ENGINE_SOCKET.into()),
        ],
        networks: vec![
            Attachment {
                network: names.front_network(),
                aliases: Vec::new(),
            },
            Attachment {
                network: names.network(),
                aliases: vec![HUB.into()],
            },
        ],
        publish: Some(Publish {
            host: host.port,
            container: HUMAN_PORT,
        }),
        resources: HUB_LIMITS,
        restart: Restart::Always,
        fed: false,
        name,
    }
}

impl ContainerSpec {
    /// The same on an engine with so many cores: one refuses to give more than it has.
    pub(super) fn on_cores(mut self, cores: i64) -> ContainerSpec {
        self.resources.nano_cpus = self.resources.nano_cpus.min(cores.saturating_mul(NANO));
        self
    }
}

impl fmt::Debug for ContainerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerSpec")
            .field("name", &self.name)
            .field("image", &self.image)
            .field("env", &self.env.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
