//! What can go wrong between us and the engine, as cases that someone acts on.

use std::path::PathBuf;

use super::profile::Drift;

/// A result of the fleet.
pub type Result<T, E = FleetError> = std::result::Result<T, E>;

/// Why the engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// Nothing answers.
    #[error("no Docker engine answers at {address}: {START}", address = .0)]
    NoDocker(String),
    /// The socket is there and we may not use it.
    #[error("you may not use the Docker socket {}: {}", .0.display(), JOIN)]
    NoPermission(PathBuf),
    /// The engine is somewhere else, and the hub needs its socket.
    #[error("DOCKER_HOST is {host}: {HERE}", host = .0)]
    Remote(String),
    /// No such container, image, network or volume.
    #[error("{0}")]
    NotFound(String),
    /// A container of that name is there already.
    #[error("a container named {0} is there already")]
    NameTaken(String),
    /// The image was never built, or was removed.
    #[error("there is no image {image}: {BUILD}", image = .0)]
    NoImage(String),
    /// Somebody else listens on the port.
    #[error("port {0} is taken")]
    PortTaken(u16),
    /// The container would not be what its profile says. It was removed.
    #[error("the container {name} was not started: {}", sentences(.drifts))]
    Drift {
        /// The container.
        name: String,
        /// What differs.
        drifts: Vec<Drift>,
    },
    /// The engine's disk is full.
    #[error("no disk space left where Docker keeps its data: {}", PRUNE)]
    NoSpace,
    /// A step of an image's recipe failed.
    #[error("the image could not be built: {what}{}", below(.tail))]
    Build {
        /// What failed, in which step.
        what: String,
        /// The last lines that the step printed.
        tail: String,
    },
    /// No answer in time.
    #[error("the Docker engine did not answer in time")]
    Timeout,
    /// Anything else, in the engine's words.
    #[error("Docker: {0}")]
    Engine(String),
}

const START: &str = "install Docker or start it, or name another one by DOCKER_HOST";
const JOIN: &str = "add yourself to its group ('sudo usermod -aG docker $USER') and log in again";
const HERE: &str = "swarm needs an engine on this machine, by its unix socket";
const BUILD: &str = "run 'swarm start' to build it";
const PRUNE: &str = "free some ('docker system prune') and try again";

impl FleetError {
    /// What to do about it, where that is known; the words of the error end in it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            FleetError::NoDocker(_) => Some(START),
            FleetError::NoPermission(_) => Some(JOIN),
            FleetError::Remote(_) => Some(HERE),
            FleetError::NoImage(_) => Some(BUILD),
            FleetError::NoSpace => Some(PRUNE),
            _ => None,
        }
    }

    /// Whether there is no engine that we could use.
    pub fn is_no_engine(&self) -> bool {
        matches!(
            self,
            FleetError::NoDocker(_) | FleetError::NoPermission(_) | FleetError::Remote(_)
        )
    }
}

fn sentences(drifts: &[Drift]) -> String {
    let sentences: Vec<String> = drifts.iter().map(Drift::to_string).collect();
    sentences.join("; ")
}

fn below(tail: &str) -> String {
    match tail {
        "" => String::new(),
        tail => format!("\n{tail}"),
    }
}

impl From<bollard::errors::Error> for FleetError {
    fn from(error: bollard::errors::Error) -> FleetError {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError {
                status_code: 404,
                message,
            } => FleetError::NotFound(message),
            Error::RequestTimeoutError => FleetError::Timeout,
            Error::DockerResponseServerError { message, .. }
            | Error::DockerStreamError { error: message }
                if is_no_space(&message) =>
            {
                FleetError::NoSpace
            }
            Error::DockerResponseServerError { message, .. } => FleetError::Engine(message),
            Error::DockerStreamError { error } => FleetError::Engine(error),
            Error::SocketNotFoundError(socket) => FleetError::NoDocker(socket),
            other => FleetError::Engine(chain(&other)),
        }
    }
}

/// The engine has no code for it, only the operating system's words.
pub(super) fn is_no_space(message: &str) -> bool {
    message.contains("no space left on device") || message.contains("ENOSPC")
}

/// The error with its causes: the outer one alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_words = inner.to_string();
        if !words.contains(&inner_words) {
            words = format!("{words}: {inner_words}");
        }
        cause = inner.source();
    }
    words
}
