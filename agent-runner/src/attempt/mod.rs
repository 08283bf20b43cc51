//! One attempt at one ticket, from the claim to the landing or the end. What comes next is decided in
//! [`steps`]; the other files here carry it out.

use std::sync::Arc;
use std::time::Duration;

use ticket::attempt::{Outcome, branch};
use ticket::wire::Assignment;

use crate::agent::Ending;
use crate::disk::DiskWatch;
use crate::freeze;
use crate::git::Credential;
use crate::interrupt::Interrupt;
use crate::merge::Conflict;
use crate::pulse::{Pulse, Whose};
use crate::runner::Runner;
use crate::snapshot::Snapshots;
use crate::stop::Held;

mod ask;
mod begin;
mod clock;
mod commit;
mod finish;
mod land;
mod lease;
pub mod steps;
mod trouble;
mod verify;

use clock::Clock;
pub use lease::Lease;
use steps::{End, Progress, Seen, Step};

/// Carries out one assignment. Returns how it ended, if by its own hand.
pub fn run(runner: &Runner, assignment: Assignment) -> Option<Outcome> {
    for secret in assignment.agent.secrets.values() {
        runner.console.hide(secret);
    }
    runner.console.hide(&assignment.token);
    let interrupt = Interrupt::default();
    let ticket = &assignment.background.ticket.ticket;
    let branch = branch(ticket.id, ticket.attempt);
    let lease = Arc::new(Lease::new(
        (ticket.id, ticket.attempt),
        runner.hub.clone(),
        Credential::new(&assignment.token),
        Snapshots::new(runner.tree.clone(), &branch),
        runner.console.clone(),
    ));
    let for_stop = Arc::clone(&lease);
    let _holding = runner.stop.hold(Held {
        interrupt: interrupt.clone(),
        release: Arc::new(move || for_stop.release()),
    });
    lease.say(&format!("attempt {}: {}", ticket.attempt, ticket.title));
    let pulse = Pulse::start(
        runner.hub.clone(),
        Whose::Attempt(ticket.id, ticket.attempt),
        Duration::from_secs(assignment.lease_seconds.unsigned_abs()),
        interrupt.clone(),
        "fetch",
    );
    let mut attempt = Attempt {
        runner,
        disk: DiskWatch::none(),
        base: assignment.base.commit.clone(),
        head: assignment.base.commit.clone(),
        assignment: &assignment,
        branch,
        lease,
        interrupt,
        pulse,
        straight: true,
        conflict: None,
        refused: false,
        merging: false,
        clock: Clock::start(assignment.agent.attempt_timeout_seconds),
        session: None,
        runs: 0,
        summary: None,
        landing: None,
    };
    attempt.work()
}

struct Attempt<'a> {
    runner: &'a Runner,
    assignment: &'a Assignment,
    branch: String,
    lease: Arc<Lease>,
    interrupt: Interrupt,
    disk: DiskWatch,
    pulse: Pulse,
    /// The commit of main that the branch has.
    base: String,
    /// The branch's last commit.
    head: String,
    /// The branch has `base` for sure: since main was brought in, the agent left HEAD where it was.
    straight: bool,
    /// A merge that the agent is resolving.
    conflict: Option<Conflict>,
    /// The hub refused a push: what was committed so far is not handed in again.
    refused: bool,
    /// Whether git still saw that merge under way when the agent was done.
    merging: bool,
    /// How long all of it may still take.
    clock: Clock,
    /// The conversation so far.
    session: Option<Conversation>,
    /// How often the agent CLI was run.
    runs: i64,
    /// What the agent said at last.
    summary: Option<String>,
    landing: Option<i64>,
}

/// A conversation and whose it is.
struct Conversation {
    /// The backend's name.
    backend: String,
    id: String,
}

impl Attempt<'_> {
    fn work(&mut self) -> Option<Outcome> {
        let mut progress = Progress::new(self.assignment.gate.retries);
        let subject = match self.begin() {
            Ok(subject) => subject,
            Err(trouble) => return self.finish(progress.next(trouble.into())),
        };
        // What earlier work left in the tree is gone by now.
        self.disk = DiskWatch::start(
            self.runner.layout.root(),
            self.assignment.agent.disk_bytes,
            self.interrupt.clone(),
            self.runner.console.clone(),
        );
        let mut step = progress.first();
        loop {
            self.runner.stop.checkpoint();
            let seen = match step {
                Step::Ask { handback, fresh } => {
                    let seen = self.ask(&handback, fresh, &subject, progress.retries_left());
                    if let Some(end) = self.out_of_time(&seen) {
                        return self.finish(Step::End(end));
                    }
                    seen
                }
                Step::Commit => self.commit(),
                Step::Gate => self.gate(),
                Step::Update => self.update(progress.is_bounced()),
                Step::Submit => self.submit(),
                Step::Await => {
                    let begun = freeze::now();
                    let seen = self.await_landing();
                    let waited = freeze::now().saturating_duration_since(begun);
                    self.clock.leave_out(waited);
                    seen
                }
                Step::End(_) | Step::Leave(_) | Step::Done => return self.finish(step),
            };
            step = progress.next(seen.unwrap_or_else(Seen::from));
        }
    }

    /// The end of an attempt whose agent was cut short because all of it took too long.
    fn out_of_time(&self, seen: &Result<Seen, trouble::Trouble>) -> Option<End> {
        let Ok(Seen::Asked {
            ending: Ending::TimedOut(_),
            live: true,
            log,
        }) = seen
        else {
            return None;
        };
        Some(End {
            outcome: Outcome::AgentFailed,
            reason: self.clock.over(freeze::now())?,
            log_tail: Some(log.clone()).filter(|log| !log.is_empty()),
            trouble: None,
        })
    }

    fn ticket_env(&self) -> Vec<(String, String)> {
        vec![
            ("TICKET_ID".to_owned(), self.lease.ticket.to_string()),
            ("TICKET_TITLE".to_owned(), self.title().to_owned()),
            ("AGENT_ID".to_owned(), self.runner.name.clone()),
        ]
    }

    fn title(&self) -> &str {
        &self.assignment.background.ticket.ticket.title
    }
}
