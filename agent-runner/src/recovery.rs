//! What an earlier runner under this name left behind: an attempt still under its lease, and perhaps
//! its tree. The tree is kept, the ticket given back.

use ticket::Error;
use ticket::attempt::{Outcome, branch};
use ticket::wire::{EndAttempt, Unfinished};

use crate::git::Credential;
use crate::patience::patiently;
use crate::runner::Runner;
use crate::snapshot::{Extent, Snapshots};

/// Ends the attempt that was left behind.
pub fn run(runner: &Runner, left: &Unfinished) {
    runner.console.hide(&left.token);
    let speaker = format!("#{} runner", left.ticket);
    let snapshot = match keep(runner, left) {
        Ok(snapshot) => snapshot,
        Err(e) => {
            runner
                .console
                .say(&speaker, &format!("the tree could not be kept: {e}"));
            None
        }
    };
    let what = match &snapshot {
        Some(commit) => format!(
            "attempt {} was cut short; its tree is kept as {commit}",
            left.attempt
        ),
        None => format!("attempt {} was cut short and left nothing", left.attempt),
    };
    runner.console.say(&speaker, &what);
    let end = EndAttempt {
        snapshot,
        ..EndAttempt::new(Outcome::InfraFailed, "the runner was killed")
    };
    let told = patiently(&runner.stop, &runner.console, || {
        runner.hub.end_attempt(left.ticket, left.attempt, &end)
    });
    match told {
        Ok(()) | Err(Error::Stale(_)) => {}
        Err(e) => runner
            .console
            .say(&speaker, &format!("the hub did not take the end: {e}")),
    }
}

fn keep(runner: &Runner, left: &Unfinished) -> Result<Option<String>, crate::git::Error> {
    let (tree, branch) = (&runner.tree, branch(left.ticket, left.attempt));
    if tree.current_branch().as_deref() != Some(&*branch) {
        return Ok(None);
    }
    tree.disarm()?;
    let head = tree.head()?;
    // Where it began is not known any more; a commit that main has is nothing to keep by itself.
    let start = match tree.is_on_main(&head.id) {
        true => head.id,
        false => String::new(),
    };
    let snapshots = Snapshots::new(tree.clone(), &branch);
    match snapshots.take(&start, Extent::All, "recovery")? {
        Some(snapshot) => snapshots
            .push(&Credential::new(&left.token), &snapshot)
            .map(Some),
        None => Ok(None),
    }
}
