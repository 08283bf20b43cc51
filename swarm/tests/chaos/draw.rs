//! What happens next, after how long, and for how long: drawn from a seed, so that a run can be
//! repeated.

use std::fmt;
use std::iter;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// How often what is drawn.
pub type Weights = &'static [(Target, u32)];

/// Only kills. The engine is dear: it takes everything with it. The hub comes back by its keeper, and
/// that by the engine; both wait twice as long after each life of less than 10 s.
pub const KILLS: Weights = &[
    (Target::Hub, 2),
    (Target::Keeper, 1),
    (Target::Runner, 4),
    (Target::AgentCli, 4),
    (Target::Verifier, 3),
    (Target::Engine, 1),
];
/// All that can happen in a night.
pub const NIGHT: Weights = &[
    (Target::Hub, 4),
    (Target::Keeper, 2),
    (Target::Runner, 8),
    (Target::AgentCli, 8),
    (Target::Verifier, 6),
    (Target::Engine, 1),
    (Target::FrozenHub, 2),
    (Target::FrozenRunner, 4),
    (Target::FrozenAgentCli, 4),
    (Target::FrozenVerifier, 2),
    (Target::Network, 4),
    (Target::Disk, 2),
    (Target::Clock, 2),
];
/// The longest pause between two events of a run that only kills, in milliseconds.
pub const SHORT_PAUSE: u64 = 2_500;
/// The same in a night.
pub const LONG_PAUSE: u64 = 10_000;
/// The longest that something lasts, in milliseconds: more than a lease.
const LONGEST: u64 = 25_000;

/// What can be hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The hub's process is killed; its container goes on.
    Hub,
    /// The hub's keeper is killed, and its container with all that is in it.
    Keeper,
    /// The runner of an agent is killed.
    Runner,
    /// What a runner runs is killed.
    AgentCli,
    /// The runner of a verifier is killed.
    Verifier,
    /// `dockerd` is killed.
    Engine,
    /// The hub stands still for a while.
    FrozenHub,
    /// A runner stands still for a while.
    FrozenRunner,
    /// An agent CLI stands still for a while.
    FrozenAgentCli,
    /// The runner of a verifier stands still for a while.
    FrozenVerifier,
    /// An agent is cut off from its networks for a while.
    Network,
    /// The disk that the project is on is full for a while.
    Disk,
    /// The machine's clock is wrong for a while.
    Clock,
}

/// One draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// How long to wait before.
    pub pause: Duration,
    /// What is hit.
    pub target: Target,
    /// Which of them, when there are several.
    pub pick: usize,
    /// How long it lasts, where it is not a kill.
    pub length: Duration,
}

/// The draws of this seed, without end.
pub fn draws(seed: u32, weights: Weights, longest_pause: u64) -> impl Iterator<Item = Draw> {
    let mut dice = StdRng::seed_from_u64(seed.into());
    iter::repeat_with(move || {
        let pause = Duration::from_millis(dice.random_range(0..=longest_pause));
        let target = weights.choose_weighted(&mut dice, |(_, weight)| *weight);
        Draw {
            pause,
            target: target.expect("weights are not zero").0,
            pick: dice.random_range(0..64),
            length: Duration::from_millis(dice.random_range(1_000..=LONGEST)),
        }
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Hub => "hub",
            Target::Keeper => "keeper",
            Target::Runner => "runner",
            Target::AgentCli => "agent",
            Target::Verifier => "verifier",
            Target::Engine => "engine",
            Target::FrozenHub => "frozen-hub",
            Target::FrozenRunner => "frozen-runner",
            Target::FrozenAgentCli => "frozen-agent",
            Target::FrozenVerifier => "frozen-verifier",
            Target::Network => "network",
            Target::Disk => "disk",
            Target::Clock => "clock",
        })
    }
}

#[test]
fn a_seed_repeats_its_draws() {
    let fifty = |seed| draws(seed, NIGHT, LONG_PAUSE).take(50).collect::<Vec<_>>();
    assert_eq!(fifty(7), fifty(7));
    assert_ne!(fifty(7), fifty(8));
}
