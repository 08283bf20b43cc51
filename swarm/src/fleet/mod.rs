//! The only door to Docker: networks, volumes, containers, images and events of a swarm.
//!
//! What a container is comes from `spec` (pure), and whether it really is that from `profile`
//! (pure); the verbs are here and in the modules below. Everything is labelled with the project's
//! id, and only what has that label is ever listed or removed.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;

mod about;
mod containers;
mod error;
mod events;
mod exec;
mod images;
mod inspect;
mod logs;
pub mod names;
mod networks;
pub mod profile;
pub mod spec;
mod stats;
mod volumes;

pub use about::About;
pub use containers::{Listed, State};
pub use error::{FleetError, Result};
pub use events::Death;
pub use exec::{Printed, Program};
pub use images::{BuildLine, BuildRequest};
pub use inspect::{Exit, Own};
pub use names::{Names, agent_name};
pub use spec::{Blueprint, ContainerSpec};
pub use stats::Usage;

/// How long one call may take. Starting ten containers at once takes seconds on a busy machine.
const CALL_DEADLINE: Duration = Duration::from_secs(90);
/// Where the engine listens when nobody says otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// A connection to the engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fleet {
    docker: Docker,
    socket: PathBuf,
}

impl Fleet {
    /// Connects to the engine that `DOCKER_HOST` names, or the one of this machine.
    pub async fn connect() -> Result<Fleet> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = socket_path(&host)?;
        reach(&socket)?;
        let address = format!("unix://{}", socket.display());
        let docker = Docker::connect_with_host(&address)?
            .with_timeout(CALL_DEADLINE)
            .negotiate_version()
            .await
            .map_err(|_| FleetError::NoDocker(address))?;
        tracing::debug!("engine at {}", socket.display());
        Ok(Fleet { docker, socket })
    }

    /// The engine's socket on this machine.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

fn socket_path(host: &str) -> Result<PathBuf> {
    match host.strip_prefix("unix://") {
        Some(path) => Ok(path.into()),
        None if host.is_empty() => Ok(DEFAULT_SOCKET.into()),
        None => Err(FleetError::Remote(host.into())),
    }
}

/// Tells a missing engine from a missing permission, which the HTTP client does not.
fn reach(socket: &Path) -> Result<()> {
    match UnixStream::connect(socket) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(FleetError::NoPermission(socket.into()))
        }
        Err(_) => Err(FleetError::NoDocker(socket.display().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_engine_is_refused_by_name() {
        assert_eq!(socket_path("").unwrap(), Path::new(DEFAULT_SOCKET));
        assert_eq!(socket_path("unix:///x").unwrap(), Path::new("/x"));
        let error = socket_path("tcp://10.0.0.1:2375").unwrap_err().to_string();
        assert!(error.contains("tcp://10.0.0.1:2375"), "{error}");
    }

    #[test]
    fn a_missing_engine_is_told_from_a_dead_one() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("docker.sock");
        assert!(matches!(reach(&missing), Err(FleetError::NoDocker(_))));
        drop(std::os::unix::net::UnixListener::bind(&missing).unwrap());
        assert!(matches!(reach(&missing), Err(FleetError::NoDocker(_))));
    }
}
