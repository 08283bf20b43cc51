//! Whether the hub and the runners take more and more memory or file handles.

use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::command::{output, within};
use crate::victim::running;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(60);
/// By how much the last third of a run may lie above its first: a database grows, a leak grows more.
const GROWTH: f64 = 1.3;
/// The same for what is small at first.
const SLACK_KIB: f64 = 16.0 * 1024.0;
const SLACK_HANDLES: f64 = 16.0;

/// What one kind of process took at one moment, the largest of them.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    kib: f64,
    handles: f64,
}

/// What was seen of one kind of process.
#[derive(Debug, Default)]
pub struct Samples(Vec<Sample>);

/// Looks at the processes `name` in the containers whose names begin so, until `over`.
pub fn watch(prefix: &str, name: &str, over: &AtomicBool) -> Samples {
    let mut samples = Samples::default();
    let mut next = Instant::now();
    while !over.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            next += EVERY;
            let found = running(prefix)
                .iter()
                .filter_map(|c| sample(c, name))
                .reduce(larger);
            samples.0.extend(found);
        }
        thread::sleep(Duration::from_millis(200));
    }
    samples
}

fn larger(one: Sample, other: Sample) -> Sample {
    Sample {
        kib: one.kib.max(other.kib),
        handles: one.handles.max(other.handles),
    }
}

/// The process is a child of the container's first one, which the engine knows by its number here. A
/// hub is a child of its keeper, which has the same name.
fn sample(container: &str, name: &str) -> Option<Sample> {
    let words = ["inspect", "-f", "{{.State.Pid}}", container];
    let said = output(within(DEADLINE, "docker").args(words));
    let first = String::from_utf8(said.stdout).ok()?;
    let keeper_or_else = child(first.trim(), name)?;
    let process = child(&keeper_or_else, name).unwrap_or(keeper_or_else);
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let rss = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let handles = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some(Sample {
        kib: rss.split_whitespace().next()?.parse().ok()?,
        handles: u32::try_from(handles).ok()?.into(),
    })
}

/// The first child of this process that has this name.
fn child(process: &str, name: &str) -> Option<String> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    let mut children = children.split_whitespace();
    let found = children.find(|child| {
        fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|comm| comm.trim() == name)
    });
    found.map(String::from)
}

impl Samples {
    /// Fails when the last third lies above the first.
    pub fn must_be_flat(&self, what: &str) {
        let (first, last) = (self.third(0), self.third(2));
        println!("chaos: {what}: {self}");
        assert!(
            last.kib <= first.kib * GROWTH + SLACK_KIB,
            "the memory of the {what} grows: {self}"
        );
        assert!(
            last.handles <= first.handles * GROWTH + SLACK_HANDLES,
            "the {what} opens more and more files: {self}"
        );
    }

    /// The medians of the first, second or last third.
    fn third(&self, number: usize) -> Sample {
        let length = self.0.len() / 3;
        let part = &self.0[number * length..(number + 1) * length];
        let median = |of: fn(&Sample) -> f64| {
            let mut values: Vec<f64> = part.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        Sample {
            kib: median(|s| s.kib),
            handles: median(|s| s.handles),
        }
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thirds = [0, 1, 2].map(|number| self.third(number));
        let [memory, handles] = [|s: Sample| s.kib / 1024.0, |s: Sample| s.handles]
            .map(|of| thirds.map(|third| format!("{:.0}", of(third))).join(" → "));
        write!(
            f,
            "{memory} MiB, {handles} open files ({} samples)",
            self.0.len()
        )
    }
}
