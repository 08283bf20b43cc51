//! One attempt at one ticket, from the claim to the landing or the end. What comes next is decided in
//! [`steps`]; this file carries it out.

use std::sync::Arc;
use std::time::Duration;

use ticket::Error;
use ticket::attempt::{Outcome, branch};
use ticket::landing::Landing;
use ticket::wire::{Assignment, EndAttempt, Submit};

use crate::agent::claude::Session;
use crate::agent::{Ending, Invocation, Place, Run, backend};
use crate::backoff::HUB;
use crate::gate::{Gate, Verdict};
use crate::git::{self, Credential};
use crate::interrupt::Interrupt;
use crate::merge::{Conflict, Merge, Resolution};
use crate::patience::patiently;
use crate::prompt::{Finding, Kind, Prompts, Start, Subject};
use crate::pulse::{Life, Pulse};
use crate::runner::Runner;
use crate::snapshot::Snapshots;
use crate::stop::Held;
use crate::worktree::{Commit, Push};

mod lease;
pub mod steps;

pub use lease::Lease;
use steps::{End, Handback, Progress, Seen, Step};

/// How often the agent's tree is kept while it works.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);
/// How long the hub may keep a question after a landing open, in seconds.
const LANDING_WAIT: u64 = 50;
/// How often git may fail to reach a hub that answers otherwise.
const GIT_TRIES: u32 = 6;

/// Carries out one assignment. Returns how it ended, if by its own hand.
pub fn run(runner: &Runner, assignment: Assignment) -> Option<Outcome> {
    for secret in assignment.agent.secrets.values() {
        runner.console.hide(secret);
    }
    runner.console.hide(&assignment.token);
    let interrupt = Interrupt::default();
    let ticket = &assignment.ticket.ticket;
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
        (ticket.id, ticket.attempt),
        Duration::from_secs(assignment.lease_seconds.unsigned_abs()),
        interrupt.clone(),
        "fetch",
    );
    let mut attempt = Attempt {
        runner,
        base: assignment.base.commit.clone(),
        head: assignment.base.commit.clone(),
        assignment: &assignment,
        branch,
        lease,
        interrupt,
        pulse,
        conflict: None,
        session: None,
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
    pulse: Pulse,
    /// The commit of main that the branch has.
    base: String,
    /// The branch's last commit.
    head: String,
    /// A merge that the agent is resolving.
    conflict: Option<Conflict>,
    /// The conversation so far.
    session: Option<String>,
    /// What the agent said at last.
    summary: Option<String>,
    landing: Option<i64>,
}

/// Why a step has no result of its own.
enum Trouble {
    /// The attempt is over.
    Lost(String),
    /// Our own machinery failed.
    Broken(String),
}

impl From<git::Error> for Trouble {
    fn from(error: git::Error) -> Trouble {
        Trouble::Broken(error.to_string())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::Broken(error.to_string())
    }
}

impl From<minijinja::Error> for Trouble {
    fn from(error: minijinja::Error) -> Trouble {
        Trouble::Broken(format!("a prompt template is broken: {error}"))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match error {
            Error::Stale(why)
            | Error::Forbidden(why)
            | Error::Unauthorized(why)
            | Error::NotFound(why) => Trouble::Lost(why),
            other => Trouble::Broken(other.to_string()),
        }
    }
}

impl From<Trouble> for Seen {
    fn from(trouble: Trouble) -> Seen {
        match trouble {
            Trouble::Lost(why) => Seen::Lost(why),
            Trouble::Broken(why) => Seen::Broken(why),
        }
    }
}

impl Attempt<'_> {
    fn work(&mut self) -> Option<Outcome> {
        let mut progress = Progress::new(self.assignment.gate.retries);
        let (mut step, subject) = match self.begin() {
            Ok(subject) => (progress.first(), Some(subject)),
            Err(trouble) => (progress.next(trouble.into()), None),
        };
        loop {
            self.runner.stop.checkpoint();
            let seen = match step {
                Step::Ask { handback, fresh } => match &subject {
                    Some(subject) => self.ask(&handback, fresh, subject, progress.retries_left()),
                    None => return None,
                },
                Step::Commit => self.commit(),
                Step::Gate => self.gate(),
                Step::Update => self.update(progress.is_bounced()),
                Step::Submit => self.submit(),
                Step::Await => self.await_landing(),
                Step::End(end) => return Some(self.end(&end)),
                Step::Leave(why) => {
                    self.leave(&why);
                    return None;
                }
                Step::Done => return None,
            };
            step = progress.next(seen.unwrap_or_else(Seen::from));
        }
    }

    /// Brings the tree to where the work starts.
    fn begin(&mut self) -> Result<Subject, Trouble> {
        let (runner, assignment) = (self.runner, self.assignment);
        let kept_home = runner.layout.enter_home(self.lease.ticket)?;
        runner.layout.refresh()?;
        if kept_home {
            self.session = assignment.resume.clone();
        }
        let start = self.check_out()?;
        self.lease.began_from(&self.head);
        Ok(Subject::new(assignment, &runner.name, &self.branch, start))
    }

    fn check_out(&mut self) -> Result<Start, Trouble> {
        let base = &self.assignment.base;
        let Some(old) = self.assignment.start_from.as_deref() else {
            self.begin_at(&base.commit)?;
            return Ok(Start::Main);
        };
        let commit = old.to_owned();
        if self.begin_at(old).is_err() {
            self.begin_at(&base.commit)?;
            return Ok(Start::MainWithoutSnapshot);
        }
        let message = format!("Merge {} into {}", base.branch, self.branch);
        match self.runner.tree.merge(old, &base.commit, &message)? {
            Merge::Current => self.head = commit.clone(),
            Merge::Clean(merged) => self.head = merged,
            Merge::Conflict(_) => {
                self.runner.tree.check_out(&self.branch, &base.commit)?;
                return Ok(Start::MainBesideSnapshot { commit });
            }
        }
        Ok(Start::Snapshot { commit })
    }

    fn begin_at(&mut self, commit: &str) -> Result<(), Trouble> {
        let (tree, base) = (&self.runner.tree, &self.assignment.base);
        let (credential, branch) = (self.lease.credential.clone(), self.branch.clone());
        self.remote(|| tree.begin(&credential, base, &branch, commit))
    }

    /// Has the agent do something.
    fn ask(
        &mut self,
        handback: &Handback,
        fresh: bool,
        subject: &Subject,
        retries_left: u32,
    ) -> Result<Seen, Trouble> {
        let settings = &self.assignment.agent;
        if fresh {
            self.session = None;
            self.lease.forget_session();
        }
        let session = match &self.session {
            Some(id) if backend::can_resume(&settings.backend) => Session::Resume(id.clone()),
            _ => Session::start(),
        };
        let resumed = matches!(session, Session::Resume(_));
        let (kind, finding) = finding(handback, retries_left);
        let prompt =
            Prompts::new(&settings.prompts).for_ticket(kind, subject, &finding, resumed)?;
        let invocation = Invocation::new(settings, &self.place(), &prompt, &session)?;
        self.pulse.phase("agent");
        if backend::can_resume(&settings.backend) {
            self.pulse.session(session.id());
            self.lease.set_session(session.id());
        }
        let run = Run {
            command: invocation.command,
            stdin: invocation.stdin,
            reader: invocation.reader,
            timeout: Duration::from_secs(settings.timeout_seconds),
            interrupt: &self.interrupt,
            console: &self.runner.console,
            speaker: format!("#{} agent", self.lease.ticket),
            every: SNAPSHOT_EVERY,
        };
        let report = run.run(|| self.lease.keep_if_changed());
        self.runner.stop.checkpoint();
        let life = self.pulse.check("verify");
        self.session = report.session.or(self.session.take());
        if let Ending::Completed(Some(said)) = &report.ending {
            self.summary = Some(said.clone());
        }
        if matches!(
            report.ending,
            Ending::Unusable(_) | Ending::NoConversation(_)
        ) {
            self.lease.forget_session();
        }
        self.runner.tree.disarm()?;
        Ok(Seen::Asked {
            ending: report.ending,
            live: life != Life::Lost,
            log: report.log_tail,
        })
    }

    fn place(&self) -> Place {
        let layout = &self.runner.layout;
        let mut env = self.ticket_env();
        env.extend([
            ("TICKET_URL".to_owned(), self.runner.url.clone()),
            ("TICKET_TOKEN".to_owned(), self.assignment.token.clone()),
            ("SWARM_ATTEMPT".to_owned(), self.lease.attempt.to_string()),
        ]);
        Place {
            tree: self.runner.tree.dir().to_owned(),
            home: layout.home(self.lease.ticket),
            tmp: layout.tmp(),
            env,
        }
    }

    fn ticket_env(&self) -> Vec<(String, String)> {
        vec![
            ("TICKET_ID".to_owned(), self.lease.ticket.to_string()),
            ("TICKET_TITLE".to_owned(), self.title().to_owned()),
            ("AGENT_ID".to_owned(), self.runner.name.clone()),
        ]
    }

    fn title(&self) -> &str {
        &self.assignment.ticket.ticket.title
    }

    /// Commits what the agent left, on top of what it committed itself.
    fn commit(&mut self) -> Result<Seen, Trouble> {
        let tree = &self.runner.tree;
        let staged = match tree.stage_all() {
            Ok(staged) => staged,
            Err(git::Error::Said { said, .. }) => return Ok(Seen::NotCommitted(said)),
            Err(other) => return Err(other.into()),
        };
        let head = self.head_or_base()?;
        let work = match self.conflict.clone() {
            Some(conflict) => match self.conclude(&conflict, &head, &staged)? {
                Ok(work) => work,
                Err(seen) => return Ok(seen),
            },
            None => self.commit_on(&head, &staged)?,
        };
        self.adopt(&work)?;
        match work.tree == tree.tree_of(&self.base)? {
            true => Ok(Seen::Unchanged),
            false => Ok(Seen::Committed),
        }
    }

    /// HEAD, wherever the agent left it; where it began when HEAD leads nowhere.
    fn head_or_base(&mut self) -> Result<Commit, Trouble> {
        let tree = &self.runner.tree;
        if let Ok(head) = tree.head() {
            return Ok(head);
        }
        let (credential, base) = (self.lease.credential.clone(), self.base.clone());
        if !tree.has(&base) {
            self.remote(|| tree.fetch_commits(&credential, &[&base]))?;
        }
        Ok(Commit {
            tree: tree.tree_of(&base)?,
            id: base,
        })
    }

    fn commit_on(&self, head: &Commit, staged: &str) -> Result<Commit, Trouble> {
        if head.tree == staged {
            return Ok(head.clone());
        }
        let id = self
            .runner
            .tree
            .commit_tree(staged, &[&head.id], self.title())?;
        Ok(Commit {
            id,
            tree: staged.to_owned(),
        })
    }

    /// The merge commit, or what is wrong with what the agent made of the conflict.
    fn conclude(
        &mut self,
        conflict: &Conflict,
        head: &Commit,
        staged: &str,
    ) -> Result<Result<Commit, Seen>, Trouble> {
        let tree = &self.runner.tree;
        let markers = tree.added_markers(&conflict.theirs, staged)?;
        if !markers.is_empty() {
            tree.mark_merge(conflict, &self.branch)?;
            return Ok(Err(Seen::MarkersLeft(conflict.files.clone())));
        }
        let message = format!("Merge {} into {}", self.assignment.base.branch, self.branch);
        self.conflict = None;
        match tree.conclude(conflict, head, staged, &message)? {
            Resolution::Merged(work) => {
                self.base = conflict.theirs.clone();
                Ok(Ok(work))
            }
            Resolution::Undone(files) => {
                let work = self.commit_on(head, staged)?;
                self.adopt(&work)?;
                if !tree.is_ancestor(&conflict.theirs, &work.id)? {
                    return Ok(Err(Seen::MergeUndone));
                }
                self.base = conflict.theirs.clone();
                Ok(Err(Seen::NotCommitted(format!(
                    "the merge commit takes back what main had changed in: {}",
                    files.join(", ")
                ))))
            }
        }
    }

    fn adopt(&mut self, work: &Commit) -> Result<(), Trouble> {
        self.runner.tree.attach(&self.branch, &work.id)?;
        self.head = work.id.clone();
        Ok(())
    }

    fn gate(&mut self) -> Result<Seen, Trouble> {
        self.pulse.phase("verify");
        let tree = &self.runner.tree;
        let markers = tree.added_markers(&self.base, &self.head)?;
        if !markers.is_empty() {
            let log = format!("the change adds conflict markers:\n{}", markers.join("\n"));
            self.lease.say(&log);
            return Ok(Seen::Red(log));
        }
        let gate = Gate {
            tree,
            layout: &self.runner.layout,
            env: self.ticket_env(),
            timeout: Duration::from_secs(self.assignment.gate.timeout_seconds),
            console: &self.runner.console,
            speaker: &format!("#{} verify", self.lease.ticket),
        };
        match gate.run(&self.base, true, &self.interrupt)? {
            Verdict::Green(_) => Ok(Seen::Green),
            Verdict::Red(run) => {
                // What verify.sh left behind is not the agent's work.
                tree.reset(&self.head)?;
                Ok(Seen::Red(run.log_tail))
            }
            Verdict::Interrupted(_) => {
                self.runner.stop.checkpoint();
                Ok(Seen::Lost("the attempt was ended from outside".into()))
            }
        }
    }

    /// Merges main into the branch.
    fn update(&mut self, bounced: bool) -> Result<Seen, Trouble> {
        self.pulse.phase("update");
        let (tree, base) = (&self.runner.tree, &self.assignment.base.branch);
        let credential = self.lease.credential.clone();
        let main = self.remote(|| tree.fetch_main(&credential, base))?;
        let message = format!("Merge {base} into {}", self.branch);
        match tree.merge(&self.head, &main, &message)? {
            Merge::Current => {
                if bounced {
                    tree.reset(&self.head)?;
                }
                self.base = main;
                Ok(Seen::Current)
            }
            Merge::Clean(merged) => {
                self.head = merged;
                let gone = tree.tree_of(&self.head)? == tree.tree_of(&main)?;
                self.base = main;
                Ok(if gone { Seen::MergedAway } else { Seen::Merged })
            }
            Merge::Conflict(conflict) => {
                tree.reset(&self.head)?;
                tree.lay_out(&conflict, &self.branch)?;
                let files = conflict.files.clone();
                self.lease
                    .say(&format!("conflicts with {base}: {}", files.join(", ")));
                self.conflict = Some(conflict);
                Ok(Seen::Conflicts(files))
            }
        }
    }

    fn submit(&mut self) -> Result<Seen, Trouble> {
        self.pulse.phase("submit");
        let (tree, message) = (&self.runner.tree, format!("Hand in {}", self.branch));
        let (credential, branch, head) = (
            self.lease.credential.clone(),
            self.branch.clone(),
            self.head.clone(),
        );
        let pushed = self.remote(|| {
            let (commit, push) = tree.push(&credential, &branch, &head, &message)?;
            match push {
                Push::Done => Ok(Ok(commit)),
                Push::Refused(why) => Ok(Err(why)),
                Push::Unreachable(said) => Err(git::Error::Said {
                    verb: "push".into(),
                    said,
                    code: None,
                }),
            }
        })?;
        let commit = match pushed {
            Ok(commit) => commit,
            Err(why) if self.pulse.check("submit") == Life::Lost => return Ok(Seen::Lost(why)),
            Err(why) => return Ok(Seen::Broken(why)),
        };
        let submit = Submit {
            commit,
            summary: self.summary.clone(),
        };
        let (runner, lease) = (self.runner, &self.lease);
        let landing = patiently(&runner.stop, &runner.console, || {
            runner.hub.submit(lease.ticket, lease.attempt, &submit)
        })?;
        self.landing = Some(landing.id);
        self.pulse.phase("landing");
        Ok(Seen::Submitted)
    }

    fn await_landing(&mut self) -> Result<Seen, Trouble> {
        let Some(id) = self.landing else {
            return Ok(Seen::Broken("nothing was handed in".into()));
        };
        let runner = self.runner;
        let landing = patiently(&runner.stop, &runner.console, || {
            runner.hub.landing(id, LANDING_WAIT)
        })?;
        self.lease.say(&describe(&landing));
        Ok(Seen::Settled(Box::new(landing)))
    }

    /// Tries to reach the hub's repository until it is there. Gives up when the attempt is over, or
    /// when the hub answers everything but git.
    fn remote<T>(&mut self, mut call: impl FnMut() -> Result<T, git::Error>) -> Result<T, Trouble> {
        let mut backoff = HUB;
        let mut tries = 0;
        loop {
            let error = match call() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            self.runner.stop.checkpoint();
            let phase = self.pulse.current().to_owned();
            match self.pulse.check(&phase) {
                Life::Lost => return Err(Trouble::Lost(error.to_string())),
                Life::Live => tries += 1,
                Life::Away => {}
            }
            if tries >= GIT_TRIES {
                return Err(error.into());
            }
            self.lease.say(&format!("once more: {error}"));
            self.runner.stop.pause(backoff.failed());
        }
    }

    /// The attempt failed: its tree is kept, and the hub is told.
    fn end(&mut self, end: &End) -> Outcome {
        self.lease.say(&format!("{}: {}", end.outcome, end.reason));
        self.wait_for_hub();
        let snapshot = self.lease.keep("end");
        self.tell(&EndAttempt {
            log_tail: end.log_tail.clone(),
            ..self.lease.ending(end.outcome, &end.reason, snapshot)
        });
        end.outcome
    }

    /// Somebody else ended the attempt: its tree is kept if the hub still takes it.
    fn leave(&mut self, why: &str) {
        self.lease.say(&format!("over: {why}"));
        self.wait_for_hub();
        let snapshot = self.lease.keep("end");
        self.tell(&self.lease.ending(Outcome::Released, why, snapshot));
    }

    fn wait_for_hub(&mut self) {
        let mut backoff = HUB;
        while self.pulse.check("end") == Life::Away {
            self.runner.stop.pause(backoff.failed());
        }
    }

    fn tell(&self, end: &EndAttempt) {
        let (runner, lease) = (self.runner, &self.lease);
        let told = patiently(&runner.stop, &runner.console, || {
            runner.hub.end_attempt(lease.ticket, lease.attempt, end)
        });
        match told {
            // It was over and settled already.
            Ok(()) | Err(Error::Stale(_)) => {}
            Err(e) => lease.say(&format!("the hub did not take the end: {e}")),
        }
    }
}

/// The prompt's kind, and what it tells.
fn finding(handback: &Handback, retries_left: u32) -> (Kind, Finding) {
    let empty = Finding {
        retries_left,
        ..Finding::default()
    };
    match handback {
        Handback::Work => (Kind::Work, empty),
        Handback::VerifyFailed { log } => (
            Kind::VerifyFailed,
            Finding {
                log: Some(log.clone()),
                ..empty
            },
        ),
        Handback::Conflict { files, reason } => (
            Kind::Conflict,
            Finding {
                files: files.clone(),
                reason: reason.clone(),
                ..empty
            },
        ),
        Handback::Bounced(bounce) => (
            Kind::Bounced,
            Finding {
                reason: Some(bounce.reason.clone()),
                log: bounce.log.clone(),
                ..empty
            },
        ),
    }
}

fn describe(landing: &Landing) -> String {
    match &landing.reason {
        Some(reason) => format!(
            "landing {}: {}: {reason}",
            landing.id,
            landing.state.as_str()
        ),
        None => format!("landing {}: {}", landing.id, landing.state.as_str()),
    }
}
