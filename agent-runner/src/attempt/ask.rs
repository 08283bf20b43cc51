//! Asking the agent: the prompt, the conversation, the run, and whether the attempt goes on after it.

use std::sync::Arc;
use std::time::Duration;

use ticket::prompt::{Finding, Kind, Prompts, Subject};
use ticket::transcript::{Key, Of};
use ticket::usage::{ModelUsage, Phase, RunUsage};
use ticket::usd::Usd;

use super::steps::{Handback, Seen};
use super::trouble::Trouble;
use super::{Attempt, Conversation};
use crate::agent::{Ending, Invocation, Place, Run, Session, backend, stall_limit};
use crate::freeze;
use crate::interrupt::Why;
use crate::pulse::Life;

/// How often the agent's tree is kept while it works.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);

impl Attempt<'_> {
    /// Has the agent do something.
    pub(super) fn ask(
        &mut self,
        handback: &Handback,
        fresh: bool,
        subject: &Subject,
        retries_left: u32,
    ) -> Result<Seen, Trouble> {
        let settings = &self.assignment.agent;
        let cli = match (handback, &settings.mend) {
            (Handback::Work, _) | (_, None) => &settings.cli,
            (_, Some(mend)) => mend,
        };
        if fresh {
            self.session = None;
            self.lease.forget_session();
        }
        if let Some(budget) = self.pulse.over_budget() {
            return Ok(self.not_asked(Ending::Interrupted(Why::Budget(budget))));
        }
        let timeout = Duration::from_secs(settings.timeout_seconds);
        let timeout = self.clock.left(freeze::now()).min(timeout);
        if timeout.is_zero() {
            return Ok(self.not_asked(Ending::TimedOut(timeout)));
        }
        let name = &cli.backend.name;
        let known = self.session.take().filter(|known| known.backend == *name);
        let session = match &known {
            Some(known) if cli.backend.resumes() => Session::Resume(known.id.clone()),
            _ => Session::start(),
        };
        let resumed = session.is_resumed();
        let (kind, finding) = finding(handback, retries_left);
        let prompt =
            Prompts::new(&settings.prompts).for_ticket(kind, subject, &finding, resumed)?;
        let invocation = Invocation::new(cli, settings, &self.place(), &prompt, &session)?;
        self.pulse.phase("agent");
        self.runs += 1;
        let usage = RunUsage {
            run: self.runs,
            phase: phase(handback),
            backend: name.clone(),
            ..RunUsage::default()
        };
        // A later attempt goes on where the ticket's own work was.
        let on_session =
            self.session_teller(cli.backend.resumes() && *name == settings.cli.backend.name);
        if resumed || cli.backend.names_sessions() {
            on_session(session.id());
        }
        let of = Of::Attempt {
            ticket: self.lease.ticket,
            attempt: self.lease.attempt,
        };
        let key = Key { of, run: self.runs };
        let begin = backend::begin(cli, &self.runner.name, key, kind, &session);
        let run = Run {
            command: invocation.command,
            stdin: invocation.stdin,
            reader: invocation.reader,
            timeout,
            interrupt: &self.interrupt,
            console: &self.runner.console,
            speaker: format!("#{} agent", self.lease.ticket),
            recorder: self
                .runner
                .record(key, &begin, &prompt, settings.transcript_bytes),
            stall: stall_limit(settings),
            every: SNAPSHOT_EVERY,
            on_served: Box::new(self.pulse.teller()),
            on_usage: Box::new(self.accountant(usage.clone())),
            on_session: Box::new(on_session),
        };
        let report = run.run(|| self.lease.keep_meanwhile());
        self.accountant(RunUsage {
            is_last: true,
            ..usage
        })(report.usage);
        self.runner.stop.checkpoint();
        self.lease.wait_for_snapshot();
        let life = self.pulse.check("verify");
        let id = report.session.or(known.map(|known| known.id));
        self.session = id.map(|id| Conversation {
            backend: name.clone(),
            id,
        });
        if let Ending::Completed(Some(said)) = &report.ending {
            self.summary = Some(said.clone());
        }
        if matches!(
            report.ending,
            Ending::Unusable(_) | Ending::NoConversation(_)
        ) {
            self.lease.forget_session();
        }
        self.merging = self.runner.tree.is_merging();
        self.runner.tree.disarm()?;
        Ok(Seen::Asked {
            ending: self.in_our_words(report.ending),
            live: life != Life::Lost,
            log: report.log_tail,
        })
    }

    /// Which budget an agent CLI means that ended because of one.
    fn in_our_words(&self, ending: Ending) -> Ending {
        match (ending, self.pulse.over_budget()) {
            (Ending::Budget, Some(budget)) => Ending::Interrupted(Why::Budget(budget)),
            (ending, _) => ending,
        }
    }

    /// Tells the hub what a run used, and keeps it for the attempt's end.
    fn accountant(&self, run: RunUsage) -> impl Fn(Vec<ModelUsage>) + Send + Sync + use<> {
        let (lease, tell) = (Arc::clone(&self.lease), self.pulse.accountant());
        move |models| {
            let run = RunUsage {
                models,
                ..run.clone()
            };
            lease.set_usage(run.clone());
            tell(run);
        }
    }

    /// Tells the hub of the conversation, for a later attempt to resume.
    fn session_teller(&self, tells: bool) -> impl Fn(&str) + Send + Sync + use<> {
        let (pulse, lease) = (self.pulse.session_teller(), Arc::clone(&self.lease));
        move |id| {
            if tells {
                pulse(id);
                lease.set_session(id);
            }
        }
    }

    /// What is left of the budget that has the least left.
    fn may_spend(&self) -> Option<Usd> {
        let allowance = self.assignment.allowance?;
        Some(allowance.after(self.lease.known_cost()).usd())
    }

    /// The agent CLI is not started any more: nothing is left to spend, of money or of time.
    fn not_asked(&mut self, ending: Ending) -> Seen {
        Seen::Asked {
            ending,
            live: self.pulse.check("agent") != Life::Lost,
            log: String::new(),
        }
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
            may_spend: self.may_spend(),
        }
    }
}

/// What a run is for.
fn phase(handback: &Handback) -> Phase {
    match handback {
        Handback::Work => Phase::Work,
        Handback::VerifyFailed { .. } => Phase::VerifyFailed,
        Handback::Conflict { .. } => Phase::Conflict,
        Handback::Bounced(_) => Phase::Bounced,
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
