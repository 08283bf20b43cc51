//! Whether the system killed something here for want of memory, as its control group counts. Outside a
//! container there is nothing to be read, and nothing is said.

use std::fs;
use std::path::Path;

use ticket::text::exact_size;

/// Where a process in a container sees its own control group, on newer systems and on older ones.
const GROUPS: [Group; 2] = [
    Group {
        kills: "/sys/fs/cgroup/memory.events",
        limit: "/sys/fs/cgroup/memory.max",
    },
    Group {
        kills: "/sys/fs/cgroup/memory/memory.oom_control",
        limit: "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    },
];
/// What the number of kills is called in both.
const KILLS: &str = "oom_kill";
/// Older systems write a number as large as this where there is no limit.
const NO_LIMIT: u64 = 1 << 60;

struct Group {
    kills: &'static str,
    limit: &'static str,
}

/// How many processes were killed before something began.
#[derive(Clone, Copy, Debug)]
pub struct Before(Option<u64>);

impl Before {
    /// As it is now.
    pub fn now() -> Before {
        Before(kills())
    }

    /// What to say when more were killed since.
    pub fn what_happened(self) -> Option<String> {
        let since = kills()?.saturating_sub(self.0?);
        (since > 0).then(|| match limit() {
            Some(limit) => format!("out of memory (limits.memory {})", exact_size(limit)),
            None => "out of memory".to_owned(),
        })
    }
}

fn kills() -> Option<u64> {
    let found = GROUPS
        .iter()
        .find(|group| Path::new(group.kills).exists())?;
    in_lines(&fs::read_to_string(found.kills).ok()?)
}

/// `oom_kill 3`, on a line of its own.
fn in_lines(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, number) = lines.find(|(name, _)| *name == KILLS)?;
    number.trim().parse().ok()
}

fn limit() -> Option<u64> {
    let mut limits = GROUPS
        .iter()
        .filter_map(|group| fs::read_to_string(group.limit).ok());
    let bytes: u64 = limits.next()?.trim().parse().ok()?;
    (bytes < NO_LIMIT).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_as_both_kinds_of_systems_write_them() {
        let newer = "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n";
        assert_eq!(in_lines(newer), Some(2));
        let older = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n";
        assert_eq!(in_lines(older), Some(5));
        assert_eq!(in_lines("oom_kill_disable 0\nunder_oom 0\n"), None);
    }

    #[test]
    fn nothing_is_said_when_nothing_was_killed() {
        assert_eq!(Before::now().what_happened(), None);
        assert_eq!(Before(None).what_happened(), None);
    }
}
