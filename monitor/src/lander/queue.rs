//! The order of landing, as a pure function: what is next, given the queue and the candidates.
//!
//! Candidates form a chain: each is built on the one before it, the first on main. Only a candidate
//! whose parent is main's head is landed or bounced, so main only ever gets a commit that was green
//! on exactly the parent it lands on, and nobody is refused for what another one did.

use git2::Oid;

/// A landing with a place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The landing.
    pub landing: i64,
    /// What it was built on.
    pub parent: Oid,
    /// How it stands.
    pub standing: Standing,
}

/// How a candidate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A verifier has it, or will.
    Verifying(Oid),
    /// It passed on exactly its parent.
    Green(Oid),
    /// It cannot land on its parent: a conflict, a refused tree, a red gate. Others are built as if
    /// it were not there; whether it is bounced shows when its parent is main's head.
    Refused,
}

/// The one thing to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Its place in the chain is void: it waits again, or has left the queue.
    Discard {
        /// The landing.
        landing: i64,
    },
    /// Moves main.
    Land {
        /// The landing.
        landing: i64,
        /// Main's head.
        from: Oid,
        /// The verified commit on top of it.
        to: Oid,
    },
    /// Refuses it.
    Bounce {
        /// The landing.
        landing: i64,
    },
    /// Makes its candidate and has it verified.
    Build {
        /// The landing.
        landing: i64,
        /// What to build on.
        parent: Oid,
    },
}

/// What is next; `None`: wait for a verdict or a submission. `queue` holds what may land, in order;
/// at most `window` candidates are verified at once.
pub fn next(head: Oid, queue: &[i64], chain: &[InFlight], window: usize) -> Option<Action> {
    let mut tip = head;
    let mut verified_at_once = 0;
    for entry in chain {
        let landing = entry.landing;
        if entry.parent != tip || !queue.contains(&landing) {
            return Some(Action::Discard { landing });
        }
        match entry.standing {
            Standing::Green(to) if tip == head => {
                let from = head;
                return Some(Action::Land { landing, from, to });
            }
            Standing::Refused if tip == head => return Some(Action::Bounce { landing }),
            Standing::Refused => (),
            Standing::Verifying(candidate) | Standing::Green(candidate) => {
                verified_at_once += 1;
                tip = candidate;
            }
        }
    }
    if verified_at_once >= window {
        return None;
    }
    let waiting = queue
        .iter()
        .find(|id| chain.iter().all(|entry| entry.landing != **id))?;
    Some(Action::Build {
        landing: *waiting,
        parent: tip,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn oid(n: u64) -> Oid {
        let mut bytes = [0; 20];
        bytes[12..].copy_from_slice(&n.to_be_bytes());
        Oid::from_bytes(&bytes).unwrap()
    }

    fn verifying(landing: i64, parent: u64, candidate: u64) -> InFlight {
        InFlight {
            landing,
            parent: oid(parent),
            standing: Standing::Verifying(oid(candidate)),
        }
    }

    fn green(landing: i64, parent: u64, candidate: u64) -> InFlight {
        InFlight {
            standing: Standing::Green(oid(candidate)),
            ..verifying(landing, parent, candidate)
        }
    }

    fn refused(landing: i64, parent: u64) -> InFlight {
        InFlight {
            landing,
            parent: oid(parent),
            standing: Standing::Refused,
        }
    }

    /// Main's head is 100.
    fn check(queue: &[i64], chain: &[InFlight], window: usize, expected: Option<Action>) {
        assert_eq!(next(oid(100), queue, chain, window), expected, "{chain:?}");
    }

    fn build(landing: i64, parent: u64) -> Option<Action> {
        let parent = oid(parent);
        Some(Action::Build { landing, parent })
    }

    fn discard(landing: i64) -> Option<Action> {
        Some(Action::Discard { landing })
    }

    fn land(landing: i64, to: u64) -> Option<Action> {
        let (from, to) = (oid(100), oid(to));
        Some(Action::Land { landing, from, to })
    }

    #[test]
    fn the_first_in_line_is_built_on_main() {
        check(&[], &[], 1, None);
        check(&[2, 1], &[], 1, build(2, 100));
    }

    #[test]
    fn the_window_says_how_many_are_verified_at_once() {
        check(&[1, 2], &[verifying(1, 100, 1)], 1, None);
        check(&[1, 2], &[verifying(1, 100, 1)], 2, build(2, 1));
        let two = [verifying(1, 100, 1), verifying(2, 1, 2)];
        check(&[1, 2, 3], &two, 2, None);
        check(&[1, 2, 3], &two, 3, build(3, 2));
    }

    #[test]
    fn a_green_head_lands_and_one_behind_waits() {
        check(&[1], &[green(1, 100, 1)], 1, land(1, 1));
        check(&[1, 2], &[verifying(1, 100, 1), green(2, 1, 2)], 2, None);
    }

    #[test]
    fn a_refused_head_bounces_and_one_behind_waits() {
        check(
            &[1],
            &[refused(1, 100)],
            1,
            Some(Action::Bounce { landing: 1 }),
        );
        check(&[1, 2], &[verifying(1, 100, 1), refused(2, 1)], 2, None);
    }

    #[test]
    fn others_are_built_past_a_refused_one() {
        let chain = [verifying(1, 100, 1), refused(2, 1)];
        check(&[1, 2, 3], &chain, 2, build(3, 1));
        let chain = [verifying(1, 100, 1), refused(2, 1), verifying(3, 2, 3)];
        check(&[1, 2, 3], &chain, 3, discard(3));
    }

    #[test]
    fn what_was_built_on_another_main_is_void() {
        check(&[1], &[green(1, 99, 1)], 1, discard(1));
        check(&[1], &[refused(1, 99)], 1, discard(1));
    }

    #[test]
    fn what_left_the_queue_is_void() {
        check(&[2], &[green(1, 100, 1), verifying(2, 1, 2)], 2, discard(1));
        check(&[2], &[verifying(2, 1, 2)], 2, discard(2));
    }

    /// A world that answers at random, to which the policy is applied until all is settled.
    struct World {
        random: StdRng,
        window: usize,
        head: Oid,
        commits: u64,
        queue: Vec<i64>,
        chain: Vec<InFlight>,
        /// (parent, commit) of every candidate, and those that were found green.
        built: HashMap<Oid, (i64, Oid)>,
        green: HashSet<Oid>,
        landed: Vec<i64>,
        settled: HashSet<i64>,
    }

    impl World {
        fn new(seed: u64, window: usize) -> World {
            World {
                random: StdRng::seed_from_u64(seed),
                window,
                head: oid(0),
                commits: 0,
                queue: Vec::new(),
                chain: Vec::new(),
                built: HashMap::new(),
                green: HashSet::new(),
                landed: Vec::new(),
                settled: HashSet::new(),
            }
        }

        fn commit(&mut self) -> Oid {
            self.commits += 1;
            oid(self.commits)
        }

        fn apply(&mut self, action: Action) {
            match action {
                Action::Discard { landing } => self.chain.retain(|e| e.landing != landing),
                Action::Bounce { landing } => {
                    let entry = self.chain.iter().find(|e| e.landing == landing).unwrap();
                    assert_eq!(entry.parent, self.head, "bounced for what another one did");
                    self.settle(landing);
                }
                Action::Land { landing, from, to } => {
                    assert_eq!(from, self.head);
                    assert!(self.green.contains(&to), "landed without a green verdict");
                    assert_eq!(
                        self.built[&to],
                        (landing, self.head),
                        "green on another parent"
                    );
                    // Somebody may move main in this very moment.
                    if self.random.random_bool(0.1) {
                        self.head = self.commit();
                        return;
                    }
                    self.head = to;
                    self.landed.push(landing);
                    self.settle(landing);
                }
                Action::Build { landing, parent } => {
                    assert!(self.chain.iter().all(|e| e.landing != landing));
                    let standing = if self.random.random_bool(0.2) {
                        Standing::Refused
                    } else {
                        let commit = self.commit();
                        self.built.insert(commit, (landing, parent));
                        Standing::Verifying(commit)
                    };
                    self.chain.push(InFlight {
                        landing,
                        parent,
                        standing,
                    });
                    let verified = |e: &&InFlight| e.standing != Standing::Refused;
                    assert!(self.chain.iter().filter(verified).count() <= self.window);
                }
            }
        }

        fn settle(&mut self, landing: i64) {
            assert!(self.settled.insert(landing), "settled twice");
            self.queue.retain(|id| *id != landing);
            self.chain.retain(|e| e.landing != landing);
        }

        fn settle_down(&mut self) {
            while let Some(action) = next(self.head, &self.queue, &self.chain, self.window) {
                self.apply(action);
            }
        }

        fn verdict(&mut self) {
            let is_green = self.random.random_bool(0.7);
            let waiting: Vec<usize> = (0..self.chain.len())
                .filter(|i| matches!(self.chain[*i].standing, Standing::Verifying(_)))
                .collect();
            if waiting.is_empty() {
                return;
            }
            let index = waiting[self.random.random_range(0..waiting.len())];
            let Standing::Verifying(commit) = self.chain[index].standing else {
                return;
            };
            self.chain[index].standing = if is_green {
                self.green.insert(commit);
                Standing::Green(commit)
            } else {
                Standing::Refused
            };
        }
    }

    #[test]
    fn main_only_gets_what_was_green_on_exactly_its_parent() {
        for seed in 0..300 {
            let mut world = World::new(seed, 1 + usize::try_from(seed % 5).unwrap());
            let mut submitted = 0;
            for _ in 0..200 {
                match world.random.random_range(0..10) {
                    0..4 => {
                        submitted += 1;
                        let place = world.random.random_range(0..=world.queue.len());
                        world.queue.insert(place, submitted);
                    }
                    4 if !world.queue.is_empty() => {
                        let place = world.random.random_range(0..world.queue.len());
                        let cancelled = world.queue.remove(place);
                        world.settled.insert(cancelled);
                    }
                    5 => world.head = world.commit(),
                    _ => world.verdict(),
                }
                world.settle_down();
            }
            for _ in 0..10_000 {
                world.verdict();
                world.settle_down();
            }
            assert!(
                world.queue.is_empty() && world.chain.is_empty(),
                "seed {seed}"
            );
            assert_eq!(i64::try_from(world.settled.len()).unwrap(), submitted);
            assert!(!world.landed.is_empty());
        }
    }
}
