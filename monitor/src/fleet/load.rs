//! What the agents' containers use, looked at only when somebody asks, and seldom.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use swarm::fleet::Usage;
use tokio::sync::Mutex;

use super::Fleet;
use super::plan::Phase;

/// How long what was seen is good enough.
const FRESH: Duration = Duration::from_secs(2);
/// How long the engine may take to say it for all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Samples further apart than this say nothing about the present.
const TOO_OLD: Duration = Duration::from_secs(60);

/// What one container uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Processor cores, on the average since somebody looked before; none for the first look.
    pub cores: Option<f64>,
    /// Memory in bytes.
    pub memory: u64,
    /// The most memory that it may use.
    pub memory_limit: Option<u64>,
}

/// The samples that are remembered.
#[derive(Default)]
pub struct Samples(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    at: Option<Instant>,
    usage: BTreeMap<String, Usage>,
    loads: BTreeMap<String, Load>,
}

impl Fleet {
    /// What each running container uses, by the agent's name. Whoever asks at the same time gets the
    /// same. A container that the engine says nothing about is left out.
    pub async fn loads(&self) -> BTreeMap<String, Load> {
        let seen = self.seen();
        let Some(engine) = seen.engine else {
            return BTreeMap::new();
        };
        let mut known = self.samples.0.lock().await;
        if known.at.is_some_and(|at| at.elapsed() < FRESH) {
            return known.loads.clone();
        }
        let running = seen.containers.iter();
        let running = running.filter(|(_, phase)| **phase == Phase::Running);
        let (engine, fleet) = (&engine, &self);
        let asked = running.map(|(id, _)| async move {
            let name = id.name();
            let usage = engine.usage(&fleet.container(&name)).await;
            Some((name, usage.ok()??))
        });
        let answers = tokio::time::timeout(PATIENCE, join_all(asked)).await;
        let usage: BTreeMap<String, Usage> =
            answers.unwrap_or_default().into_iter().flatten().collect();
        let since = known.at.map(|at| at.elapsed()).filter(|s| *s < TOO_OLD);
        let load = |(name, now): (&String, &Usage)| {
            let before = known.usage.get(name).zip(since);
            (
                name.clone(),
                load(*now, before.map(|(usage, since)| (*usage, since))),
            )
        };
        let loads: BTreeMap<String, Load> = usage.iter().map(load).collect();
        *known = Seen {
            at: Some(Instant::now()),
            usage,
            loads: loads.clone(),
        };
        loads
    }
}

fn load(now: Usage, before: Option<(Usage, Duration)>) -> Load {
    let cores = before.and_then(|(before, since)| {
        // A container that was started anew counts from 0.
        let used = now.cpu_nanos.checked_sub(before.cpu_nanos)?;
        let share = Duration::from_nanos(used).as_secs_f64() / since.as_secs_f64();
        share.is_finite().then_some(share)
    });
    Load {
        cores,
        memory: now.memory,
        memory_limit: now.memory_limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_the_difference_between_two_looks() {
        let used = |cpu_nanos| Usage {
            cpu_nanos,
            memory: 7,
            memory_limit: None,
        };
        let second = Duration::from_secs(1);
        assert_eq!(load(used(5), None).cores, None);
        let half = load(used(600_000_000), Some((used(100_000_000), second)));
        assert_eq!((half.cores, half.memory), (Some(0.5), 7));
        assert_eq!(load(used(1), Some((used(2), second))).cores, None);
        assert_eq!(load(used(2), Some((used(1), Duration::ZERO))).cores, None);
    }
}
