//! Deaths of containers, told by the engine the moment they happen.

use std::collections::HashMap;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, future};

use super::names::{NAME_LABEL, PROJECT_LABEL, ROLE_LABEL};
use super::{Fleet, FleetError, Result};

/// A container that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The container's name.
    pub container: String,
    /// The agent's name, or `hub`.
    pub name: String,
    /// `worker`, `verifier` or `hub`.
    pub role: String,
    /// The exit code; 128 + the signal when it was killed.
    pub code: i64,
}

impl Fleet {
    /// Every death of a container of the project since `since`, as it happens. Take `since`
    /// before listing the containers, and no death falls between the two. Ends with an error when
    /// the engine goes away.
    pub fn deaths(
        &self,
        project_id: &str,
        since: DateTime<Utc>,
    ) -> impl Stream<Item = Result<Death>> + Send + Unpin + use<> {
        let filters = HashMap::from([
            ("type", vec!["container".to_string()]),
            ("event", vec!["die".to_string()]),
            ("label", vec![format!("{PROJECT_LABEL}={project_id}")]),
        ]);
        let since = format!(
            "{}.{:09}",
            since.timestamp(),
            since.timestamp_subsec_nanos()
        );
        let options = EventsOptionsBuilder::new()
            .since(&since)
            .filters(&filters)
            .build();
        let events = self.docker.events(Some(options)).filter_map(|event| {
            future::ready(match event {
                Ok(event) => death(event).map(Ok),
                Err(error) => Some(Err(FleetError::from(error))),
            })
        });
        events.boxed()
    }
}

fn death(event: EventMessage) -> Option<Death> {
    let mut attributes = event.actor?.attributes?;
    Some(Death {
        container: attributes.remove("name")?,
        name: attributes.remove(NAME_LABEL)?,
        role: attributes.remove(ROLE_LABEL).unwrap_or_default(),
        code: attributes.remove("exitCode")?.parse().ok()?,
    })
}
