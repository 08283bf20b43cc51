//! What the engine says of itself.

use std::path::PathBuf;

use super::{Fleet, Result};

/// The engine at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its version.
    pub version: String,
    /// Its operating system.
    pub system: String,
    /// Memory in bytes.
    pub memory: u64,
    /// Processor cores.
    pub cores: u64,
    /// Its time, in Unix seconds.
    pub time: Option<i64>,
    /// Where it keeps its data.
    pub data: Option<PathBuf>,
}

impl Fleet {
    /// What the engine is.
    pub async fn about(&self) -> Result<About> {
        let info = self.docker.info().await?;
        let time = info.system_time.as_deref().and_then(|time| {
            let time = chrono::DateTime::parse_from_rfc3339(time).ok()?;
            Some(time.timestamp())
        });
        let number = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        Ok(About {
            version: info.server_version.unwrap_or_default(),
            system: info.operating_system.unwrap_or_default(),
            memory: number(info.mem_total),
            cores: number(info.ncpu),
            time,
            data: info.docker_root_dir.map(PathBuf::from),
        })
    }
}
