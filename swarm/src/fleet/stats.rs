//! What a container uses at this moment.

use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt;

use super::{Fleet, Result};

/// What a running container has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time since its start, in nanoseconds of one core.
    pub cpu_nanos: u64,
    /// Memory in bytes, without what the system keeps of files and can let go.
    pub memory: u64,
    /// The most memory that it may use; none without a limit.
    pub memory_limit: Option<u64>,
}

impl Fleet {
    /// What the container has used; none when it does not run.
    pub async fn usage(&self, container: &str) -> Result<Option<Usage>> {
        // The engine would take a second to compare two samples: who asks again has two.
        let options = StatsOptionsBuilder::new()
            .stream(false)
            .one_shot(true)
            .build();
        let mut samples = std::pin::pin!(self.docker.stats(container, Some(options)));
        Ok(samples.next().await.transpose()?.and_then(|s| usage(&s)))
    }
}

fn usage(sample: &ContainerStatsResponse) -> Option<Usage> {
    let cpu = sample.cpu_stats.as_ref()?.cpu_usage.as_ref()?;
    let memory = sample.memory_stats.as_ref()?;
    // Older systems know both, and then the first counts processes in groups below, too.
    let cached = memory.stats.as_ref().and_then(|stats| {
        let total = stats.get("total_inactive_file");
        total.or(stats.get("inactive_file"))
    });
    Some(Usage {
        cpu_nanos: cpu.total_usage?,
        memory: memory.usage?.saturating_sub(cached.copied().unwrap_or(0)),
        memory_limit: memory.limit.filter(|limit| *limit > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_without_what_can_be_let_go() {
        let sample = r#"{"cpu_stats":{"cpu_usage":{"total_usage":5000}},
            "memory_stats":{"usage":300,"limit":1000,"stats":{"inactive_file":100,"anon":150}}}"#;
        let expected = Usage {
            cpu_nanos: 5000,
            memory: 200,
            memory_limit: Some(1000),
        };
        assert_eq!(
            usage(&serde_json::from_str(sample).unwrap()),
            Some(expected)
        );
        // As the engine says it of a container that has ended.
        let ended = r#"{"cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{}}"#;
        assert_eq!(usage(&serde_json::from_str(ended).unwrap()), None);
    }
}
