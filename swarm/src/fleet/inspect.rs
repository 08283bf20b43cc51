//! What the engine says about one container: how it ended, and for the hub its own addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptions;

use super::{Fleet, Result};

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 128 + the signal when it was killed.
    pub code: i64,
    /// It used more memory than it may.
    pub out_of_memory: bool,
}

/// Where a container can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Its address in each network it is in, by the network's name.
    pub addresses: BTreeMap<String, IpAddr>,
    /// The port of 127.0.0.1 that leads to it.
    pub published: Option<u16>,
    /// The image it was made from.
    pub image: String,
}

impl Fleet {
    /// How the container ended; none while it runs or before it started.
    pub async fn exit(&self, container: &str) -> Result<Option<Exit>> {
        let state = self.inspect(container).await?.state.unwrap_or_default();
        let over = !state.running.unwrap_or(false) && state.exit_code.is_some();
        let started = state.started_at.is_some_and(|at| !at.starts_with("0001-"));
        Ok((over && started).then(|| Exit {
            code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or(false),
        }))
    }

    /// Where the container can be reached. The hub asks this about its own.
    pub async fn own(&self, container: &str) -> Result<Own> {
        Ok(own(self.inspect(container).await?))
    }

    pub(super) async fn inspect(&self, container: &str) -> Result<ContainerInspectResponse> {
        let options = None::<InspectContainerOptions>;
        Ok(self.docker.inspect_container(container, options).await?)
    }
}

fn own(found: ContainerInspectResponse) -> Own {
    let settings = found.network_settings.unwrap_or_default();
    let networks = settings.networks.unwrap_or_default().into_iter();
    let addresses = networks
        .filter_map(|(name, endpoint)| Some((name, endpoint.ip_address?.parse().ok()?)))
        .collect();
    let bindings = settings.ports.unwrap_or_default().into_values().flatten();
    let published = bindings
        .flatten()
        .find_map(|binding| binding.host_port?.parse().ok());
    let config = found.config.unwrap_or_default();
    Own {
        addresses,
        published,
        image: config.image.unwrap_or_default(),
    }
}
