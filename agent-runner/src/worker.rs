//! The worker's loop: end what an earlier process left, then ask for work and do it, until told to
//! stop. Idle costs nothing: the hub keeps the question open.

use std::time::{Duration, Instant};

use ticket::Error;
use ticket::attempt::Outcome;
use ticket::wire::{Unfinished, Work, WorkRequest};

use crate::backoff::FAULTS;
use crate::git::Credential;
use crate::patience::patiently;
use crate::runner::Runner;
use crate::{attempt, freeze, proposal, recovery};

/// How long the hub may keep the question open, in seconds.
const WAIT: u64 = 50;

/// A hub that says at once that there is nothing is not asked again before this.
const PAUSE: Duration = Duration::from_secs(1);
/// The clone is tidied up when there is nothing else to do, or after so much work without a rest.
const TIDY_AFTER: u32 = 50;
/// What main is checked out as before there is work.
const BRANCH: &str = "idle";

/// Works until the hub says that it needs this agent no more, or does not know it.
pub fn run(runner: &Runner, token: &str, left: Option<&Unfinished>) -> Result<(), Error> {
    if let Some(left) = left {
        recovery::run(runner, left);
    }
    freeze::follow(runner.hub.clone(), runner.console.clone());
    // Being early is all this is for: an attempt fetches what is missing.
    let early = runner.tree.warm(&Credential::new(token));
    if let Err(e) = early.and_then(|()| runner.tree.check_out_main(BRANCH)) {
        runner
            .console
            .say("runner", &format!("not fetched ahead: {e}"));
    }
    let mut faults = FAULTS;
    let mut untidy = 0;
    loop {
        let request = WorkRequest { wait: WAIT };
        let asked = Instant::now();
        let work = patiently(&runner.stop, &runner.console, || runner.hub.work(&request))?;
        let sound = match work {
            Work::Ticket(assignment) => !is_fault(attempt::run(runner, *assignment)),
            Work::Propose(proposal) => proposal::run(runner, &proposal),
            Work::Nothing => {
                if std::mem::take(&mut untidy) > 0 {
                    tidy(runner);
                }
                runner.stop.pause(PAUSE.saturating_sub(asked.elapsed()));
                continue;
            }
            Work::Stop => return Ok(()),
        };
        if sound {
            faults.worked();
        } else {
            let wait = faults.failed();
            runner.console.say(
                "runner",
                &format!("waiting {} s after a fault", wait.as_secs()),
            );
            runner.stop.pause(wait);
        }
        untidy += 1;
        if untidy >= TIDY_AFTER {
            untidy = 0;
            tidy(runner);
        }
    }
}

fn tidy(runner: &Runner) {
    if let Err(e) = runner.tree.tidy() {
        runner.console.say("runner", &format!("not tidied up: {e}"));
    }
}

/// Failures that the next attempt would only repeat at once.
fn is_fault(outcome: Option<Outcome>) -> bool {
    matches!(
        outcome,
        Some(Outcome::InfraFailed | Outcome::AuthFailed | Outcome::RateLimited)
    )
}
