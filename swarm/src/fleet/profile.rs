//! Whether a container is what its spec says: the spec against what the engine reports. Pure.
//!
//! Not every field of the engine is compared, but every one through which a container could
//! reach more than it should. What the engine does not report counts as its most open value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bollard::models::{
    ContainerInspectResponse, HostConfig, ImageInspect, MountPoint, RestartPolicyNameEnum,
};

use super::spec::{ContainerSpec, FILE_SIZE, Restart};

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The field, in the words of the engine's API.
    pub field: &'static str,
    /// What the profile says.
    pub expected: String,
    /// What the engine reports.
    pub found: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drift {
            field,
            expected,
            found,
        } = self;
        write!(f, "{field} is {found} instead of {expected}")
    }
}

/// What a container may have besides its spec, because of where it runs and what it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The engine's default seccomp profile: `default`, `builtin`, `unconfined`, or none at all.
    pub seccomp: Option<String>,
    /// Names of the variables that the image sets.
    pub image_env: BTreeSet<String>,
    /// Paths that the image declares as volumes; the engine makes an empty one for each.
    pub image_volumes: BTreeSet<String>,
}

impl Surroundings {
    /// From what the engine says about itself and about the image.
    pub fn new(security_options: &[String], image: &ImageInspect) -> Surroundings {
        let config = image.config.as_ref();
        let env = config.and_then(|c| c.env.as_deref()).unwrap_or_default();
        let volumes = config.and_then(|c| c.volumes.as_deref());
        Surroundings {
            seccomp: seccomp(security_options),
            image_env: env.iter().map(|pair| key(pair).to_string()).collect(),
            image_volumes: volumes.unwrap_or_default().iter().cloned().collect(),
        }
    }
}

fn seccomp(security_options: &[String]) -> Option<String> {
    security_options.iter().find_map(|option| {
        let mut parts = option.split(',');
        (parts.next() == Some("name=seccomp")).then(|| {
            let profile = parts.find_map(|part| part.strip_prefix("profile="));
            profile.unwrap_or("default").to_string()
        })
    })
}

/// Every difference between `spec` and `found`; empty when the container may start.
pub fn drift(
    spec: &ContainerSpec,
    around: &Surroundings,
    found: &ContainerInspectResponse,
) -> Vec<Drift> {
    let host = found.host_config.clone().unwrap_or_default();
    let mut check = Check::default();
    identity(&mut check, spec, around, found);
    confinement(&mut check, spec, around, &host);
    resources(&mut check, spec, &host);
    storage(&mut check, spec, around, found, &host);
    network(&mut check, spec, found, &host);
    check.drifts
}

fn identity(
    check: &mut Check,
    spec: &ContainerSpec,
    around: &Surroundings,
    found: &ContainerInspectResponse,
) {
    let config = found.config.clone().unwrap_or_default();
    check.same("Image", &spec.image, &config.image.unwrap_or_default());
    check.same("User", &spec.user, &config.user.unwrap_or_default());

    let env = config.env.unwrap_or_default();
    let foreign: BTreeSet<&str> = env
        .iter()
        .map(|pair| key(pair))
        .filter(|key| !spec.env.contains_key(*key) && !around.image_env.contains(*key))
        .collect();
    check.none("Env", foreign);

    let labels = config.labels.unwrap_or_default();
    let ours = |label: &&String| label.starts_with("swarm.");
    let found: BTreeMap<_, _> = labels.iter().filter(|(k, _)| ours(k)).collect();
    check.same("Labels", &spec.labels.iter().collect(), &found);
}

fn confinement(check: &mut Check, spec: &ContainerSpec, around: &Surroundings, host: &HostConfig) {
    check.same("Privileged", &false, &host.privileged.unwrap_or(true));
    check.same(
        "CapDrop",
        &caps(&Some(vec!["ALL".into()])),
        &caps(&host.cap_drop),
    );
    check.none("CapAdd", caps(&host.cap_add));
    let security = host.security_opt.clone().unwrap_or_default();
    let security: Vec<&str> = security
        .iter()
        .map(|option| option.strip_suffix(":true").unwrap_or(option))
        .collect();
    check.same("SecurityOpt", &vec!["no-new-privileges"], &security);
    match around.seccomp.as_deref() {
        Some("default" | "builtin") => {}
        other => check.differs("Seccomp", "the default profile", other.unwrap_or("none")),
    }
    check.same(
        "ReadonlyRootfs",
        &true,
        &host.readonly_rootfs.unwrap_or(false),
    );
    check.same("Init", &true, &host.init.unwrap_or(false));
    if host.masked_paths.as_ref().is_none_or(Vec::is_empty) {
        check.differs("MaskedPaths", "the default", "none");
    }
    if host.readonly_paths.as_ref().is_none_or(Vec::is_empty) {
        check.differs("ReadonlyPaths", "the default", "none");
    }
    let groups = host.group_add.clone().unwrap_or_default();
    check.same("GroupAdd", &spec.groups, &groups);
    for (field, mode) in [
        ("PidMode", &host.pid_mode),
        ("UTSMode", &host.uts_mode),
        ("UsernsMode", &host.userns_mode),
        ("IpcMode", &host.ipc_mode),
        ("CgroupnsMode", &host.cgroupns_mode.map(|m| m.to_string())),
    ] {
        let mode = mode.as_deref().unwrap_or_default();
        // Said by name in what we ask for, the engine's own default for the others.
        let named = matches!(field, "IpcMode" | "CgroupnsMode");
        if mode != "private" && (named || !mode.is_empty()) {
            check.differs(field, "private", mode);
        }
    }
    let policy = host.restart_policy.as_ref().and_then(|p| p.name);
    let policy = match policy {
        None | Some(RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO) => "no".into(),
        Some(other) => other.to_string(),
    };
    let expected = match spec.restart {
        Restart::No => "no",
        Restart::Always => "always",
    };
    check.same("RestartPolicy", &expected.to_string(), &policy);
}

fn resources(check: &mut Check, spec: &ContainerSpec, host: &HostConfig) {
    for (field, expected, found) in [
        ("Memory", spec.resources.memory, host.memory),
        ("NanoCpus", spec.resources.nano_cpus, host.nano_cpus),
        ("PidsLimit", spec.resources.pids, host.pids_limit),
        ("Ulimits", spec.resources.file_size, file_size(host)),
    ] {
        check.same(field, &expected, &found.unwrap_or(0));
    }
    check.none("Devices", names(&host.devices));
    check.none("DeviceRequests", names(&host.device_requests));
    check.none("DeviceCgroupRules", names(&host.device_cgroup_rules));
    let sysctls = host.sysctls.clone().unwrap_or_default();
    check.none("Sysctls", sysctls.into_keys().collect());
}

/// What the engine sets of its own accord beside it limits a container further.
fn file_size(host: &HostConfig) -> Option<i64> {
    let limits = host.ulimits.iter().flatten();
    let mut ours = limits.filter(|limit| limit.name.as_deref() == Some(FILE_SIZE));
    ours.next().and_then(|limit| limit.hard)
}

fn storage(
    check: &mut Check,
    spec: &ContainerSpec,
    around: &Surroundings,
    found: &ContainerInspectResponse,
    host: &HostConfig,
) {
    let tmpfs: BTreeMap<_, _> = host.tmpfs.clone().unwrap_or_default().into_iter().collect();
    check.same("Tmpfs", &spec.tmpfs, &tmpfs);
    check.none("VolumesFrom", names(&host.volumes_from));

    let mut expected: BTreeSet<String> = spec
        .binds
        .iter()
        .map(|(from, to)| format!("bind {} at {}", from.display(), to.display()))
        .collect();
    if let Some((volume, place)) = &spec.volume {
        expected.insert(format!("volume {volume} at {place}"));
    }
    let mounts = found.mounts.clone().unwrap_or_default();
    let mounts: BTreeSet<String> = mounts
        .iter()
        .filter(|mount| !is_image_volume(mount, around))
        .map(mount_words)
        .collect();
    check.same("Mounts", &expected, &mounts);
}

fn network(
    check: &mut Check,
    spec: &ContainerSpec,
    found: &ContainerInspectResponse,
    host: &HostConfig,
) {
    let expected: Vec<String> = spec.networks.iter().map(|a| a.network.clone()).collect();
    check.same(
        "NetworkMode",
        &expected.first().cloned().unwrap_or_default(),
        &host.network_mode.clone().unwrap_or_default(),
    );
    let networks = found.network_settings.as_ref();
    let networks = networks
        .and_then(|s| s.networks.clone())
        .unwrap_or_default();
    check.same(
        "Networks",
        &expected.into_iter().collect::<BTreeSet<_>>(),
        &networks.into_keys().collect(),
    );

    let ports: BTreeSet<String> = host
        .port_bindings
        .iter()
        .flatten()
        .flat_map(|(port, bindings)| {
            let bindings = bindings.clone().unwrap_or_default();
            bindings.into_iter().map(move |b| {
                let (ip, on) = (
                    b.host_ip.unwrap_or_default(),
                    b.host_port.unwrap_or_default(),
                );
                format!("{ip}:{on} to {port}")
            })
        })
        .collect();
    let expected = spec.publish.iter();
    let expected = expected.map(|p| format!("127.0.0.1:{} to {}/tcp", p.host, p.container));
    check.same("PortBindings", &expected.collect(), &ports);
    check.same(
        "PublishAllPorts",
        &false,
        &host.publish_all_ports.unwrap_or(false),
    );
    check.none("ExtraHosts", names(&host.extra_hosts));
    check.none("Links", names(&host.links));
}

/// Collects what differs.
#[derive(Default)]
struct Check {
    drifts: Vec<Drift>,
}

impl Check {
    fn differs(
        &mut self,
        field: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) {
        self.drifts.push(Drift {
            field,
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }

    fn same<T: PartialEq + fmt::Debug>(&mut self, field: &'static str, expected: &T, found: &T) {
        if expected != found {
            self.differs(field, format!("{expected:?}"), format!("{found:?}"));
        }
    }

    fn none<T: fmt::Debug + Ord>(&mut self, field: &'static str, found: BTreeSet<T>) {
        if !found.is_empty() {
            self.differs(field, "empty", format!("{found:?}"));
        }
    }
}

fn key(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(key, _)| key)
}

fn caps(list: &Option<Vec<String>>) -> BTreeSet<String> {
    let list = list.iter().flatten();
    list.map(|cap| cap.to_uppercase().trim_start_matches("CAP_").to_string())
        .collect()
}

fn names<T: fmt::Debug>(list: &Option<Vec<T>>) -> BTreeSet<String> {
    list.iter()
        .flatten()
        .map(|item| format!("{item:?}"))
        .collect()
}

/// An empty volume that the engine made because the image declares one there.
fn is_image_volume(mount: &MountPoint, around: &Surroundings) -> bool {
    let place = mount.destination.as_deref().unwrap_or_default();
    let name = mount.name.as_deref().unwrap_or_default();
    mount.typ.as_deref() == Some("volume")
        && around.image_volumes.contains(place)
        && name.len() == 64
        && name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn mount_words(mount: &MountPoint) -> String {
    let kind = mount.typ.as_deref().unwrap_or("unknown");
    let from = match kind {
        "volume" => &mount.name,
        _ => &mount.source,
    };
    let from = from.as_deref().unwrap_or_default();
    let place = mount.destination.as_deref().unwrap_or_default();
    format!("{kind} {from} at {place}")
}

#[cfg(test)]
mod tests;
