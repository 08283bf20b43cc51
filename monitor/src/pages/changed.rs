//! Which parts of the page an event changes. Pure.

use std::collections::BTreeSet;

/// A part of the page that is swapped as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fragment {
    /// Main's head, counts and problems.
    Summary,
    /// The tickets.
    Tickets,
    /// The agents.
    Agents,
    /// The landing queue and what came of it.
    Landings,
    /// The activity log's newest rows.
    Activity,
}

impl Fragment {
    const ALL: [Fragment; 5] = [
        Fragment::Summary,
        Fragment::Tickets,
        Fragment::Agents,
        Fragment::Landings,
        Fragment::Activity,
    ];

    /// Its name in the page and in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Fragment::Summary => "summary",
            Fragment::Tickets => "tickets",
            Fragment::Agents => "agents",
            Fragment::Landings => "landings",
            Fragment::Activity => "activity",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Fragment> {
        Fragment::ALL.into_iter().find(|f| f.name() == name)
    }
}

/// The names of the parts that these actions change, separated by blanks.
pub fn by<'a>(actions: impl Iterator<Item = &'a str>) -> String {
    let changed: BTreeSet<Fragment> = actions.flat_map(of).copied().collect();
    let names: Vec<&str> = changed.into_iter().map(Fragment::name).collect();
    names.join(" ")
}

/// What is not known here may change anything.
fn of(action: &str) -> &'static [Fragment] {
    match action {
        "commented" => &[Fragment::Activity],
        "phase" | "enrolled" | "proposing" | "proposal_ended" | "left" => {
            &[Fragment::Agents, Fragment::Activity]
        }
        "agent_started" | "agent_died" | "breaker_opened" | "docker_lost" | "docker_back"
        | "scaled" => &[Fragment::Summary, Fragment::Agents, Fragment::Activity],
        _ => &Fragment::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_swapped() {
        for (actions, expected) in [
            (vec!["commented"], "activity"),
            (vec!["phase", "commented"], "agents activity"),
            (
                vec!["phase", "landed"],
                "summary tickets agents landings activity",
            ),
            (
                vec!["new in a later version"],
                "summary tickets agents landings activity",
            ),
        ] {
            assert_eq!(by(actions.into_iter()), expected);
        }
    }

    #[test]
    fn fragments_are_known_by_name() {
        for fragment in Fragment::ALL {
            assert_eq!(Fragment::named(fragment.name()), Some(fragment));
        }
        assert_eq!(Fragment::named("../tickets"), None);
    }
}
