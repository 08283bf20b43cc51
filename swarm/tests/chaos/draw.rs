//! What is killed next, and after how long: drawn from a seed, so that a run can be repeated.

use std::fmt;
use std::iter;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// What can be killed, and how often it is drawn. The engine is dear: it takes everything with it.
/// The hub comes back by the engine, which waits twice as long after each life of less than 10 s.
const WEIGHTS: [(Target, u32); 5] = [
    (Target::Hub, 2),
    (Target::Runner, 4),
    (Target::AgentCli, 4),
    (Target::Verifier, 3),
    (Target::Engine, 1),
];
/// The longest pause between two kills, in milliseconds.
const LONGEST_PAUSE: u64 = 2500;

/// What can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The hub's process; its container's init stays.
    Hub,
    /// The runner of an agent.
    Runner,
    /// What a runner runs.
    AgentCli,
    /// The runner of a verifier.
    Verifier,
    /// `dockerd`.
    Engine,
}

/// One draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// How long to wait before.
    pub pause: Duration,
    /// What to kill.
    pub target: Target,
    /// Which of them, when there are several.
    pub pick: usize,
}

/// The draws of this seed, without end.
pub fn draws(seed: u32) -> impl Iterator<Item = Draw> {
    let mut dice = StdRng::seed_from_u64(seed.into());
    iter::repeat_with(move || {
        let pause = Duration::from_millis(dice.random_range(0..=LONGEST_PAUSE));
        let target = WEIGHTS.choose_weighted(&mut dice, |(_, weight)| *weight);
        Draw {
            pause,
            target: target.expect("weights are not zero").0,
            pick: dice.random_range(0..64),
        }
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Hub => "hub",
            Target::Runner => "runner",
            Target::AgentCli => "agent",
            Target::Verifier => "verifier",
            Target::Engine => "engine",
        })
    }
}

#[test]
fn a_seed_repeats_its_draws() {
    let fifty = |seed| draws(seed).take(50).collect::<Vec<_>>();
    assert_eq!(fifty(7), fifty(7));
    assert_ne!(fifty(7), fifty(8));
}
