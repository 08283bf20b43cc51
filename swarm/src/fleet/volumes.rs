//! The volumes that keep agents' work trees.

use std::collections::{BTreeMap, HashMap};

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};

use super::names::PROJECT_LABEL;
use super::{Fleet, FleetError, Result};

impl Fleet {
    /// Makes the volume unless it is there.
    pub async fn ensure_volume(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<()> {
        let request = VolumeCreateRequest {
            name: Some(name.into()),
            labels: Some(labels.clone().into_iter().collect()),
            ..Default::default()
        };
        self.docker.create_volume(request).await?;
        Ok(())
    }

    /// Removes the volume; one that is not there is fine.
    pub async fn remove_volume(&self, name: &str) -> Result<()> {
        let options = None::<RemoveVolumeOptions>;
        match self
            .docker
            .remove_volume(name, options)
            .await
            .map_err(FleetError::from)
        {
            Ok(()) | Err(FleetError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The names of the project's volumes.
    pub async fn volumes(&self, project_id: &str) -> Result<Vec<String>> {
        let label = format!("{PROJECT_LABEL}={project_id}");
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let found = self.docker.list_volumes(Some(options)).await?.volumes;
        Ok(found
            .unwrap_or_default()
            .into_iter()
            .map(|v| v.name)
            .collect())
    }
}
