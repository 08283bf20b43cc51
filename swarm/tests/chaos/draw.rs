//! What is killed next, and after how long: drawn from a seed, so that a run can be repeated.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// What can be killed, and how often it is drawn. The engine is dear: it takes everything with it.
const WEIGHTS: [(Target, u32); 5] = [
    (Target::Hub, 3),
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

/// Draws without end.
pub struct Draws {
    dice: StdRng,
    engine_too: bool,
}

impl Draws {
    /// The draws of this seed. Without the engine its draws fall to the hub, and the others are the
    /// same.
    pub fn new(seed: u32, engine_too: bool) -> Draws {
        Draws {
            dice: StdRng::seed_from_u64(seed.into()),
            engine_too,
        }
    }
}

impl Iterator for Draws {
    type Item = Draw;

    fn next(&mut self) -> Option<Draw> {
        let pause = Duration::from_millis(self.dice.random_range(0..=LONGEST_PAUSE));
        let drawn = WEIGHTS.choose_weighted(&mut self.dice, |(_, weight)| *weight);
        let target = match drawn.expect("weights are not zero").0 {
            Target::Engine if !self.engine_too => Target::Hub,
            target => target,
        };
        let pick = self.dice.random_range(0..64);
        Some(Draw {
            pause,
            target,
            pick,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Hub => "hub",
            Target::Runner => "runner",
            Target::AgentCli => "agent CLI",
            Target::Verifier => "verifier",
            Target::Engine => "Docker engine",
        })
    }
}

#[test]
fn a_seed_repeats_its_draws() {
    let draws = |seed| Draws::new(seed, true).take(50).collect::<Vec<_>>();
    assert_eq!(draws(7), draws(7));
    assert_ne!(draws(7), draws(8));
}
