//! Containers: made, checked, started, stopped, removed and listed.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerSummary, ContainerSummaryStateEnum, ContainerUpdateBody,
    EndpointSettings, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount,
    MountType, NetworkConnectRequest, NetworkingConfig, PortBinding, ResourcesUlimits,
    RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder, WaitContainerOptions,
};
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;

use super::names::{NAME_LABEL, PROJECT_LABEL, ROLE_LABEL};
use super::profile::{Surroundings, drift};
use super::spec::{Attachment, ContainerSpec, FILE_SIZE, Restart};
use super::{Fleet, FleetError, Result};

/// How much of a container's output the engine keeps, twice: a chatty agent must not fill the disk.
const LOG_SIZE: &str = "20m";

/// A container of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The container's name.
    pub container: String,
    /// The agent's name, or `hub`.
    pub name: String,
    /// `worker`, `verifier` or `hub`.
    pub role: String,
    /// What it does.
    pub state: State,
    /// The image it was made from.
    pub image: String,
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made and not started.
    Created,
    /// Its process lives: running, paused, or about to be started again.
    Running,
    /// Its process ended.
    Exited,
}

impl Fleet {
    /// Makes the container (and its volume), compares it with its profile, starts it. A drift
    /// removes it again and names the fields; so does a failed start.
    pub async fn start_checked(&self, spec: &ContainerSpec) -> Result<()> {
        tracing::debug!("engine: start {} from {}", spec.name, spec.image);
        let engine = self.docker.info().await?;
        let spec = spec.clone().on_cores(engine.ncpu.unwrap_or(i64::MAX));
        if let Some((volume, _)) = &spec.volume {
            self.ensure_volume(volume, &spec.labels).await?;
        }
        self.create(&spec).await?;
        let options = engine.security_options.unwrap_or_default();
        let started = self.check_and_start(&spec, &options).await;
        if started.is_err() {
            // The first failure is what the caller must hear of.
            let _ = self.remove(&spec.name).await;
        }
        started
    }

    /// Makes the container, checks and starts it as [`Fleet::start_checked`] does, writes `input` to its
    /// standard input, and waits for its end, `patience` at most. Its exit code and what it printed.
    pub async fn run_fed(
        &self,
        spec: &ContainerSpec,
        input: &[u8],
        patience: Duration,
    ) -> Result<(i64, Vec<u8>)> {
        tracing::debug!("engine: run {} from {}", spec.name, spec.image);
        let engine = self.docker.info().await?;
        let spec = spec.clone().on_cores(engine.ncpu.unwrap_or(i64::MAX));
        // One that an interrupted call left behind.
        self.remove(&spec.name).await?;
        self.create(&spec).await?;
        let options = engine.security_options.unwrap_or_default();
        let ran = tokio::time::timeout(patience, self.feed(&spec, &options, input)).await;
        let removed = self.remove(&spec.name).await;
        let ran = ran.unwrap_or_else(|_| {
            Err(FleetError::Engine(format!(
                "{} did not end within {} s",
                spec.name,
                patience.as_secs()
            )))
        })?;
        removed.map(|()| ran)
    }

    async fn feed(
        &self,
        spec: &ContainerSpec,
        security: &[String],
        input: &[u8],
    ) -> Result<(i64, Vec<u8>)> {
        let attach = AttachContainerOptionsBuilder::new()
            .stdin(true)
            .stream(true)
            .build();
        let attached = self
            .docker
            .attach_container(&spec.name, Some(attach))
            .await?;
        let mut stdin = attached.input;
        self.check_and_start(spec, security).await?;
        let written = async {
            stdin.write_all(input).await?;
            stdin.shutdown().await
        };
        let broken = |e: std::io::Error| FleetError::Engine(format!("{}: {e}", spec.name));
        written.await.map_err(broken)?;
        let code = self.wait(&spec.name).await?;
        let printed: Vec<Vec<u8>> = self.logs(&spec.name, false, None).try_collect().await?;
        Ok((code, printed.concat()))
    }

    /// Asks the container's process to end and kills it after `grace`. One that is not there or
    /// has ended is fine.
    pub async fn stop(&self, container: &str, grace: Duration) -> Result<()> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        tracing::debug!("engine: stop {container}, and kill it after {seconds} s");
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let stopped = self.docker.stop_container(container, Some(options)).await;
        gone_is_fine(stopped)
    }

    /// Sends a signal, such as `SIGTERM`. A container that is not there or has ended is fine.
    pub async fn kill(&self, container: &str, signal: &str) -> Result<()> {
        tracing::debug!("engine: send {signal} to {container}");
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let killed = self.docker.kill_container(container, Some(options)).await;
        match gone_is_fine(killed) {
            Err(FleetError::Engine(message)) if message.contains("is not running") => Ok(()),
            other => other,
        }
    }

    /// Removes the container, running or not, with the nameless volumes of its image. One that is
    /// not there is fine.
    pub async fn remove(&self, container: &str) -> Result<()> {
        tracing::debug!("engine: remove {container}");
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        let removed = self.docker.remove_container(container, Some(options)).await;
        match gone_is_fine(removed) {
            Err(FleetError::Engine(message)) if message.contains("already in progress") => Ok(()),
            other => other,
        }
    }

    /// The engine does not start the container again when it ends.
    pub async fn never_restart(&self, container: &str) -> Result<()> {
        let update = ContainerUpdateBody {
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            ..Default::default()
        };
        gone_is_fine(self.docker.update_container(container, update).await)
    }

    /// Waits until the container's process has ended; returns its exit code.
    pub async fn wait(&self, container: &str) -> Result<i64> {
        let options = None::<WaitContainerOptions>;
        match self.docker.wait_container(container, options).next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error.into()),
            None => Err(FleetError::Engine(format!(
                "{container}: the wait broke off"
            ))),
        }
    }

    /// Every container of the project, whatever it does.
    pub async fn list(&self, project_id: &str) -> Result<Vec<Listed>> {
        let label = format!("{PROJECT_LABEL}={project_id}");
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let found = self.docker.list_containers(Some(options)).await?;
        tracing::debug!(
            "engine: project {project_id} has {} containers",
            found.len()
        );
        Ok(found.into_iter().filter_map(listed).collect())
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<()> {
        let options = CreateContainerOptionsBuilder::new()
            .name(&spec.name)
            .build();
        let created = self
            .docker
            .create_container(Some(options), body(spec))
            .await;
        match created.map_err(FleetError::from) {
            Ok(_) => {}
            Err(FleetError::NotFound(message)) if message.contains("image") => {
                return Err(FleetError::NoImage(spec.image.clone()));
            }
            Err(FleetError::Engine(message)) if message.contains("is already in use") => {
                return Err(FleetError::NameTaken(spec.name.clone()));
            }
            Err(error) => return Err(error),
        }
        // Engines before API 1.44 take one network at creation.
        for attachment in spec.networks.iter().skip(1) {
            if let Err(error) = self.join(&spec.name, attachment).await {
                let _ = self.remove(&spec.name).await;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn join(&self, container: &str, attachment: &Attachment) -> Result<()> {
        let request = NetworkConnectRequest {
            container: container.into(),
            endpoint_config: Some(endpoint(attachment)),
        };
        Ok(self
            .docker
            .connect_network(&attachment.network, request)
            .await?)
    }

    async fn check_and_start(&self, spec: &ContainerSpec, security: &[String]) -> Result<()> {
        let found = self.inspect(&spec.name).await?;
        let image = self.docker.inspect_image(&spec.image).await?;
        let drifts = drift(spec, &Surroundings::new(security, &image), &found);
        if !drifts.is_empty() {
            let name = spec.name.clone();
            return Err(FleetError::Drift { name, drifts });
        }
        let options = None::<StartContainerOptions>;
        let started = self.docker.start_container(&spec.name, options).await;
        started.map_err(|error| port_taken(spec, error.into()))
    }
}

/// What is asked of the engine for this spec.
fn body(spec: &ContainerSpec) -> ContainerCreateBody {
    let first = spec.networks.first();
    let endpoints = first.map(|a| HashMap::from([(a.network.clone(), endpoint(a))]));
    let port = spec.publish.map(|p| format!("{}/tcp", p.container));
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        user: Some(spec.user.clone()),
        open_stdin: Some(spec.fed),
        stdin_once: Some(spec.fed),
        attach_stdin: Some(spec.fed),
        cmd: Some(spec.args.clone()),
        env: Some(spec.env.iter().map(|(k, v)| format!("{k}={v}")).collect()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        exposed_ports: port.map(|port| vec![port]),
        host_config: Some(host_config(spec)),
        networking_config: Some(NetworkingConfig {
            endpoints_config: endpoints,
        }),
        ..Default::default()
    }
}

/// The limit on a file's size, if there is one.
fn file_size(bytes: i64) -> Option<ResourcesUlimits> {
    (bytes > 0).then(|| ResourcesUlimits {
        name: Some(FILE_SIZE.into()),
        soft: Some(bytes),
        hard: Some(bytes),
    })
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let binds = spec.binds.iter();
    let binds = binds.map(|(from, to)| format!("{}:{}", from.display(), to.display()));
    HostConfig {
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        privileged: Some(false),
        readonly_rootfs: Some(true),
        init: Some(true),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        ipc_mode: Some("private".into()),
        tmpfs: Some(spec.tmpfs.clone().into_iter().collect()),
        binds: Some(binds.collect()),
        mounts: spec.volume.as_ref().map(|v| vec![volume_mount(v)]),
        group_add: Some(spec.groups.clone()),
        memory: Some(spec.resources.memory),
        memory_swap: Some(spec.resources.memory),
        nano_cpus: Some(spec.resources.nano_cpus),
        pids_limit: Some(spec.resources.pids),
        ulimits: file_size(spec.resources.file_size).map(|limit| vec![limit]),
        network_mode: spec.networks.first().map(|a| a.network.clone()),
        port_bindings: spec.publish.map(|p| {
            let binding = PortBinding {
                host_ip: Some("127.0.0.1".into()),
                host_port: Some(p.host.to_string()),
            };
            HashMap::from([(format!("{}/tcp", p.container), Some(vec![binding]))])
        }),
        restart_policy: Some(RestartPolicy {
            name: Some(match spec.restart {
                Restart::No => RestartPolicyNameEnum::NO,
                Restart::Always => RestartPolicyNameEnum::ALWAYS,
            }),
            maximum_retry_count: None,
        }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([
                ("max-size".into(), LOG_SIZE.into()),
                ("max-file".into(), "2".into()),
            ])),
        }),
        ..Default::default()
    }
}

fn volume_mount((name, place): &(String, String)) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name.clone()),
        target: Some(place.clone()),
        ..Default::default()
    }
}

fn endpoint(attachment: &Attachment) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(attachment.aliases.clone()),
        ..Default::default()
    }
}

fn listed(found: ContainerSummary) -> Option<Listed> {
    let mut labels = found.labels?;
    let name = found.names?.into_iter().next()?;
    Some(Listed {
        container: name.trim_start_matches('/').into(),
        name: labels.remove(NAME_LABEL)?,
        role: labels.remove(ROLE_LABEL).unwrap_or_default(),
        state: state(found.state),
        image: found.image.unwrap_or_default(),
    })
}

fn state(found: Option<ContainerSummaryStateEnum>) -> State {
    use ContainerSummaryStateEnum::{
        CREATED, DEAD, EMPTY, EXITED, PAUSED, REMOVING, RESTARTING, RUNNING, STOPPING,
    };
    match found {
        Some(RUNNING | PAUSED | RESTARTING | STOPPING) => State::Running,
        Some(CREATED) => State::Created,
        Some(EXITED | DEAD | REMOVING | EMPTY) | None => State::Exited,
    }
}

fn gone_is_fine<E: Into<FleetError>>(done: std::result::Result<(), E>) -> Result<()> {
    match done.map_err(Into::into) {
        Ok(()) | Err(FleetError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The engine has no code for it, only words.
fn port_taken(spec: &ContainerSpec, error: FleetError) -> FleetError {
    match (spec.publish, error) {
        (Some(publish), FleetError::Engine(message))
            if message.contains("port is already allocated")
                || message.contains("address already in use") =>
        {
            FleetError::PortTaken(publish.host)
        }
        (_, error) => error,
    }
}
