//! Desired × actual → actions. Pure: what exists, what there should be, and what may be started now
//! go in; what to start and what to clear away comes out.
//!
//! Workers have the lowest numbers. One whose number is too high is never ended: it hears that it is
//! dismissed when it next asks for work. One that died in the middle of an attempt is started again
//! even so, because its tree is on its volume and only it can hand that in. One that the human stopped
//! stays away. Verifiers come when no worker is being started: the engine makes one container after the
//! other, and nothing can be verified before somebody worked.

use std::collections::{BTreeMap, BTreeSet};

use swarm::fleet::agent_name;
use ticket::wire::Role;

/// A container as the hub knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is being made and started.
    Starting,
    /// Its process lives.
    Running,
    /// Its process ended, or never started; the container is still there.
    Dead,
    /// It is being removed.
    Removing,
}

/// What kind of container, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Verifier or not.
    pub is_verifier: bool,
    /// Counted from 1, for each kind by itself.
    pub number: u32,
}

impl Id {
    /// The worker with this number.
    pub fn worker(number: u32) -> Id {
        Id {
            is_verifier: false,
            number,
        }
    }

    /// The verifier with this number.
    pub fn verifier(number: u32) -> Id {
        Id {
            is_verifier: true,
            number,
        }
    }

    /// The container that carries this agent's name; none for the hub's own and for strangers.
    pub fn parse(name: &str) -> Option<Id> {
        let (kind, number) = name.rsplit_once('-')?;
        let number = number.parse().ok().filter(|n| *n > 0)?;
        match kind {
            "agent" => Some(Id::worker(number)),
            "verifier" => Some(Id::verifier(number)),
            _ => None,
        }
    }

    /// What it is for.
    pub fn role(self) -> Role {
        if self.is_verifier {
            Role::Verifier
        } else {
            Role::Worker
        }
    }

    /// The agent's name.
    pub fn name(self) -> String {
        agent_name(self.role(), self.number)
    }
}

/// What there should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// How many workers.
    pub workers: u32,
    /// How many verifiers are to stand ready, beside those at work.
    pub ready_verifiers: u32,
    /// Workers with an attempt that is not over.
    pub unfinished: BTreeSet<u32>,
    /// Workers that the human stopped.
    pub stopped: BTreeSet<u32>,
    /// Verifiers that were given something to verify.
    pub busy: BTreeSet<u32>,
    /// Those of them whose verdict nobody waits for any more.
    pub obsolete: BTreeSet<u32>,
    /// What may not be started at present, because it kept dying.
    pub held: BTreeSet<Id>,
    /// No verifier may be started at present.
    pub verifiers_held: bool,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Clear a dead container away.
    Remove(Id),
    /// Make and start one.
    Start(Id),
}

/// What to do now. Containers that are being started or removed are left alone.
pub fn plan(desired: &Desired, actual: &BTreeMap<Id, Phase>) -> Vec<Action> {
    let removals = actual.iter().filter(|(id, phase)| {
        let obsolete = id.is_verifier && desired.obsolete.contains(&id.number);
        **phase == Phase::Dead || (obsolete && **phase == Phase::Running)
    });
    let mut actions: Vec<Action> = removals.map(|(id, _)| Action::Remove(*id)).collect();
    let workers = missing_workers(desired, actual);
    let is_starting = |(id, phase): (&Id, &Phase)| !id.is_verifier && *phase == Phase::Starting;
    let workers_come = !workers.is_empty() || actual.iter().any(is_starting);
    actions.extend(workers);
    if !workers_come {
        actions.extend(missing_verifiers(desired, actual));
    }
    actions
}

fn missing_workers(desired: &Desired, actual: &BTreeMap<Id, Phase>) -> Vec<Action> {
    let wanted: BTreeSet<u32> = (1..=desired.workers)
        .chain(desired.unfinished.iter().copied())
        .collect();
    let missing = wanted
        .into_iter()
        .map(Id::worker)
        .filter(|id| !actual.contains_key(id) && !desired.held.contains(id))
        .filter(|id| !desired.stopped.contains(&id.number));
    missing.map(Action::Start).collect()
}

fn missing_verifiers(desired: &Desired, actual: &BTreeMap<Id, Phase>) -> Vec<Action> {
    if desired.verifiers_held {
        return Vec::new();
    }
    let ready = actual.iter().filter(|(id, phase)| {
        id.is_verifier
            && matches!(phase, Phase::Starting | Phase::Running)
            && !desired.busy.contains(&id.number)
    });
    let missing = (desired.ready_verifiers as usize).saturating_sub(ready.count());
    (1..)
        .map(Id::verifier)
        .filter(|id| !actual.contains_key(id))
        .take(missing)
        .map(Action::Start)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Phase::{Dead, Removing, Running, Starting};
    use super::*;

    fn check(desired: Desired, actual: &[(&str, Phase)], expected: &[&str]) {
        let actual = actual
            .iter()
            .map(|(name, phase)| (Id::parse(name).unwrap(), *phase))
            .collect();
        let planned: Vec<String> = plan(&desired, &actual)
            .into_iter()
            .map(|action| match action {
                Action::Remove(id) => format!("-{}", id.name()),
                Action::Start(id) => format!("+{}", id.name()),
            })
            .collect();
        assert_eq!(planned, expected, "{desired:?}");
    }

    fn workers(workers: u32) -> Desired {
        Desired {
            workers,
            ..Desired::default()
        }
    }

    fn verifiers(ready_verifiers: u32, busy: &[u32]) -> Desired {
        Desired {
            ready_verifiers,
            busy: busy.iter().copied().collect(),
            ..Desired::default()
        }
    }

    #[test]
    fn missing_workers_are_started() {
        check(workers(2), &[], &["+agent-1", "+agent-2"]);
        check(
            workers(2),
            &[("agent-1", Running), ("agent-2", Starting)],
            &[],
        );
        check(
            workers(3),
            &[("agent-2", Running)],
            &["+agent-1", "+agent-3"],
        );
    }

    #[test]
    fn a_dead_worker_is_cleared_away_before_it_is_started_again() {
        check(workers(1), &[("agent-1", Dead)], &["-agent-1"]);
        check(workers(1), &[("agent-1", Removing)], &[]);
        check(workers(1), &[], &["+agent-1"]);
    }

    #[test]
    fn healthy_work_is_never_ended() {
        check(
            workers(1),
            &[("agent-1", Running), ("agent-7", Running)],
            &[],
        );
        check(workers(0), &[("agent-1", Running)], &[]);
    }

    #[test]
    fn a_dismissed_worker_is_started_again_only_to_hand_in_its_tree() {
        check(
            workers(1),
            &[("agent-1", Running), ("agent-2", Dead)],
            &["-agent-2"],
        );
        let desired = Desired {
            unfinished: BTreeSet::from([1, 2]),
            ..workers(1)
        };
        check(desired, &[("agent-1", Running)], &["+agent-2"]);
    }

    #[test]
    fn who_was_stopped_stays_away() {
        let desired = Desired {
            stopped: BTreeSet::from([2]),
            unfinished: BTreeSet::from([2]),
            ..workers(3)
        };
        check(desired, &[], &["+agent-1", "+agent-3"]);
    }

    #[test]
    fn what_keeps_dying_waits() {
        let desired = Desired {
            held: BTreeSet::from([Id::worker(1)]),
            ready_verifiers: 2,
            verifiers_held: true,
            ..workers(2)
        };
        check(desired, &[], &["+agent-2"]);
    }

    #[test]
    fn verifiers_stand_ready_beside_those_at_work() {
        check(verifiers(1, &[]), &[], &["+verifier-1"]);
        check(verifiers(1, &[]), &[("verifier-1", Running)], &[]);
        check(
            verifiers(1, &[1]),
            &[("verifier-1", Running)],
            &["+verifier-2"],
        );
        check(
            verifiers(2, &[2]),
            &[
                ("verifier-1", Starting),
                ("verifier-2", Running),
                ("verifier-3", Dead),
            ],
            &["-verifier-3", "+verifier-4"],
        );
        check(verifiers(0, &[]), &[("verifier-1", Running)], &[]);
    }

    #[test]
    fn verifiers_come_after_workers() {
        let desired = Desired {
            workers: 2,
            ..verifiers(1, &[])
        };
        check(desired.clone(), &[], &["+agent-1", "+agent-2"]);
        let starting = [("agent-1", Running), ("agent-2", Starting)];
        check(desired.clone(), &starting, &[]);
        let running = [("agent-1", Running), ("agent-2", Running)];
        check(desired, &running, &["+verifier-1"]);
    }

    #[test]
    fn a_verifier_that_nobody_waits_for_is_ended() {
        let desired = Desired {
            obsolete: BTreeSet::from([1]),
            workers: 1,
            ..verifiers(1, &[1])
        };
        check(
            desired,
            &[
                ("agent-1", Running),
                ("verifier-1", Running),
                ("verifier-2", Running),
            ],
            &["-verifier-1"],
        );
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!(Id::parse("agent-12"), Some(Id::worker(12)));
        assert_eq!(Id::parse("verifier-3"), Some(Id::verifier(3)));
        for stranger in ["hub", "agent-0", "agent-x", "reviewer-1", "agent"] {
            assert_eq!(Id::parse(stranger), None, "{stranger}");
        }
    }
}
