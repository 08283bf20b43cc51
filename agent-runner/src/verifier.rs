//! The other role: verify one commit in a container of its own, then go away. Main is fetched ahead,
//! so that when the commit comes there is little left to fetch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use ticket::wire::{Verdict, VerdictResult, Verification};

use crate::gate::{self, Gate};
use crate::git::{Credential, Error};
use crate::interrupt::Interrupt;
use crate::lines::last_bytes;
use crate::patience::{patiently, patiently_for};
use crate::runner::Runner;
use crate::stop::Held;

/// How long the hub may keep a question for a commit open, in seconds.
const WAIT: u64 = 50;
/// The branch that things are checked out as.
const BRANCH: &str = "candidate";
/// What the hub gets of the log.
const LOG_LIMIT: usize = 64 * 1024;
/// How long the verdict may wait for a hub that is away; after that somebody else verifies.
const VERDICT_BUDGET: Duration = Duration::from_secs(120);

/// Verifies one commit.
pub fn run(runner: &Runner, token: &str) -> anyhow::Result<()> {
    runner.layout.refresh()?;
    // Being early is all this is for: when it fails, the commit brings what it needs.
    let early = runner
        .tree
        .warm(&Credential::new(token))
        .and_then(|()| runner.tree.check_out_main(BRANCH));
    if let Err(e) = early {
        runner
            .console
            .say("verifier", &format!("not ready ahead: {e}"));
    }
    let wanted = loop {
        let next = patiently(&runner.stop, &runner.console, || {
            runner.hub.next_verification(WAIT)
        })?;
        if let Some(wanted) = next {
            break wanted;
        }
    };
    runner.console.hide(&wanted.token);
    let interrupt = Interrupt::default();
    // Nothing has to be given back: the hub asks another verifier.
    let _holding = runner.stop.hold(Held {
        interrupt: interrupt.clone(),
        release: Arc::new(|| {}),
    });
    let begun = Instant::now();
    let verdict = verify(runner, &wanted, &interrupt).unwrap_or_else(|e| Verdict {
        result: VerdictResult::Error,
        log_tail: format!("the commit could not be verified: {e}"),
        took_ms: millis(begun.elapsed()),
    });
    runner.stop.checkpoint();
    runner.console.say(
        "verifier",
        &format!("{:?} after {} ms", verdict.result, verdict.took_ms),
    );
    patiently_for(VERDICT_BUDGET, &runner.stop, &runner.console, || {
        runner.hub.verdict(wanted.id, &verdict)
    })
    .context("the verdict was not taken")
}

fn verify(runner: &Runner, wanted: &Verification, interrupt: &Interrupt) -> Result<Verdict, Error> {
    let tree = &runner.tree;
    let missing: Vec<&str> = [wanted.commit.as_str(), wanted.gate_commit.as_str()]
        .into_iter()
        .filter(|commit| !tree.has(commit))
        .collect();
    if !missing.is_empty() {
        tree.fetch_commits(&Credential::new(&wanted.token), &missing)?;
    }
    tree.check_out(BRANCH, &wanted.commit)?;
    let gate = Gate {
        tree,
        layout: &runner.layout,
        env: wanted.env.clone().into_iter().collect(),
        timeout: Duration::from_secs(wanted.timeout_seconds),
        console: &runner.console,
        speaker: "verify",
    };
    let verdict = gate.run(&wanted.gate_commit, wanted.own_gate_too, interrupt)?;
    let (result, run) = match verdict {
        gate::Verdict::Green(run) => (VerdictResult::Green, run),
        gate::Verdict::Red(run) => (VerdictResult::Red, run),
        gate::Verdict::Interrupted(_) => (VerdictResult::Error, gate::Run::default()),
    };
    Ok(Verdict {
        result,
        log_tail: last_bytes(&run.log_tail, LOG_LIMIT).to_owned(),
        took_ms: millis(run.took),
    })
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
