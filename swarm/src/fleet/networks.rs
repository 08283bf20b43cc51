//! The networks of a project.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::models::{NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder};

use super::names::PROJECT_LABEL;
use super::spec::{NetworkSpec, Reach};
use super::{Fleet, FleetError, Result};

/// The bridge driver's option that keeps the host itself out of a network.
const NO_HOST_ADDRESS: &str = "com.docker.network.bridge.inhibit_ipv4";
/// The bridge driver's option that lets members reach each other.
const MEMBERS_MEET: &str = "com.docker.network.bridge.enable_icc";

/// How long the last containers may take to leave a network that is removed.
const LEAVING: Duration = Duration::from_secs(10);
/// How often to ask meanwhile.
const LEAVING_INTERVAL: Duration = Duration::from_millis(100);

impl Fleet {
    /// Makes the network unless it is there as it should be. One that reaches further than it
    /// should is made anew; while containers are in it that fails.
    ///
    /// In a network that reaches nothing outside the host has no address either: without that,
    /// services of the host that listen on every address could be reached by the gateway's.
    pub async fn ensure_network(&self, spec: &NetworkSpec) -> Result<()> {
        match self.network(&spec.name).await? {
            Some(found) if is_as_wanted(&found, spec) => return Ok(()),
            Some(_) => self.remove_network(&spec.name).await?,
            None => {}
        }
        tracing::debug!("engine: make the network {}", spec.name);
        let request = NetworkCreateRequest {
            name: spec.name.clone(),
            driver: Some("bridge".into()),
            internal: Some(spec.reach == Reach::EachOther),
            options: Some(options(spec.reach)),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        self.docker.create_network(request).await?;
        Ok(())
    }

    /// Removes the network; one that is not there is fine. A container whose removal is under way may
    /// still be in it: that is waited for, a while.
    pub async fn remove_network(&self, name: &str) -> Result<()> {
        tracing::debug!("engine: remove the network {name}");
        let deadline = Instant::now() + LEAVING;
        loop {
            let removed = self.docker.remove_network(name).await;
            match removed.map_err(FleetError::from) {
                Ok(()) | Err(FleetError::NotFound(_)) => return Ok(()),
                Err(FleetError::Engine(said))
                    if said.contains("active endpoints") && Instant::now() < deadline =>
                {
                    tokio::time::sleep(LEAVING_INTERVAL).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The names of the project's networks.
    pub async fn networks(&self, project_id: &str) -> Result<Vec<String>> {
        let label = format!("{PROJECT_LABEL}={project_id}");
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let networks = self.docker.list_networks(Some(options)).await?;
        Ok(networks.into_iter().filter_map(|n| n.name).collect())
    }

    async fn network(&self, name: &str) -> Result<Option<NetworkInspect>> {
        let options = None::<InspectNetworkOptions>;
        match self
            .docker
            .inspect_network(name, options)
            .await
            .map_err(FleetError::from)
        {
            Ok(found) => Ok(Some(found)),
            Err(FleetError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn options(reach: Reach) -> HashMap<String, String> {
    let closed = reach == Reach::EachOther;
    HashMap::from([
        (NO_HOST_ADDRESS.into(), closed.to_string()),
        (MEMBERS_MEET.into(), closed.to_string()),
    ])
}

fn is_as_wanted(found: &NetworkInspect, spec: &NetworkSpec) -> bool {
    found.internal == Some(spec.reach == Reach::EachOther)
        && found.options.as_ref() == Some(&options(spec.reach))
}
