//! An idle agent is asked for an idea. It reads main, may make one proposal, and what it changes in
//! the tree is thrown away.

use std::sync::Arc;
use std::time::Duration;

use ticket::attempt::Outcome;
use ticket::prompt::{Kind, Prompts};
use ticket::transcript::{Key, Of};
use ticket::usage::{Allowance, Phase, RunUsage};
use ticket::wire::{EndProposal, ProposalRun};

use crate::agent::{Ending, Invocation, Place, Run, Session, backend, stall_limit};
use crate::disk::DiskWatch;
use crate::git::Credential;
use crate::interrupt::Interrupt;
use crate::patience::patiently;
use crate::pulse::{Pulse, Whose};
use crate::runner::Runner;
use crate::stop::Held;

/// The local branch that main is checked out as.
const BRANCH: &str = "proposal";
/// So often the hub hears of it three times.
const LEASE: Duration = Duration::from_secs(30);
/// Nothing has to be done meanwhile.
const NEVER: Duration = Duration::from_secs(3600);

/// Carries out one proposal run. True when the agent CLI worked as it should.
pub fn run(runner: &Runner, proposal: &ProposalRun) -> bool {
    for secret in proposal.agent.secrets.values() {
        runner.console.hide(secret);
    }
    runner.console.hide(&proposal.token);
    let interrupt = Interrupt::default();
    let (hub, id) = (runner.hub.clone(), proposal.run);
    let _holding = runner.stop.hold(Held {
        interrupt: interrupt.clone(),
        release: Arc::new(move || {
            let reason = Some("the runner was told to stop".to_owned());
            let end = EndProposal {
                reason,
                outcome: Some(Outcome::Released),
                ..EndProposal::default()
            };
            let _ = hub.end_proposal(id, &end);
        }),
    });
    runner
        .console
        .say("runner", "nothing to do: asking for a proposal");
    let pulse = Pulse::start(
        runner.hub.clone(),
        Whose::Proposal(proposal.run),
        LEASE,
        interrupt.clone(),
        "propose",
    );
    let disk = DiskWatch::start(
        runner.layout.root(),
        proposal.agent.disk_bytes,
        interrupt.clone(),
        runner.console.clone(),
    );
    let mut used = Vec::new();
    let ending = propose(runner, proposal, &interrupt, &pulse, &mut used);
    let end = match ending {
        Ok(Ending::Completed(_)) => EndProposal::default(),
        Ok(other) => {
            let (outcome, reason) = other.outcome();
            EndProposal {
                reason: Some(reason),
                outcome: Some(outcome),
                trouble: other.trouble(),
                ..EndProposal::default()
            }
        }
        Err(e) => EndProposal {
            reason: Some(format!("{e:#}")),
            outcome: Some(Outcome::InfraFailed),
            ..EndProposal::default()
        },
    };
    let end = EndProposal { usage: used, ..end };
    runner.stop.checkpoint();
    if let Some(reason) = &end.reason {
        runner
            .console
            .say("runner", &format!("no proposal: {reason}"));
    }
    let worked = end.reason.is_none();
    let told = patiently(&runner.stop, &runner.console, || {
        runner.hub.end_proposal(proposal.run, &end)
    });
    if let Err(e) = told {
        runner
            .console
            .say("runner", &format!("the proposal run was over: {e}"));
    }
    disk.make_room(&runner.layout, &runner.console);
    worked
}

fn propose(
    runner: &Runner,
    proposal: &ProposalRun,
    interrupt: &Interrupt,
    pulse: &Pulse,
    used: &mut Vec<RunUsage>,
) -> anyhow::Result<Ending> {
    let layout = &runner.layout;
    let kept_home = layout.enter_proposal_home(proposal.run)?;
    layout.refresh()?;
    let backend = &proposal.agent.cli.backend;
    let known = proposal.resume.as_ref();
    if let Some(id) = known.filter(|_| kept_home && backend.resumes()) {
        let ending = ask(
            runner,
            proposal,
            interrupt,
            pulse,
            &Session::Resume(id.clone()),
            used,
        )?;
        if !matches!(ending, Ending::NoConversation(_) | Ending::Unusable(_)) {
            return Ok(ending);
        }
    }
    ask(runner, proposal, interrupt, pulse, &Session::start(), used)
}

/// The number of a run of the agent CLI within a proposal run. Whoever takes one up may have two: one
/// that resumes, and a fresh one after it.
fn number(tries: i64, resumed: bool) -> i64 {
    2 * tries - 1 - i64::from(resumed)
}

/// Asks for an idea in one conversation.
fn ask(
    runner: &Runner,
    proposal: &ProposalRun,
    interrupt: &Interrupt,
    pulse: &Pulse,
    session: &Session,
    used: &mut Vec<RunUsage>,
) -> anyhow::Result<Ending> {
    let (layout, base, settings) = (&runner.layout, &proposal.base, &proposal.agent);
    let credential = Credential::new(&proposal.token);
    runner.tree.begin(&credential, base, BRANCH, &base.commit)?;
    let prompt = Prompts::new(&proposal.agent.prompts).for_proposal(
        &runner.name,
        &base.branch,
        &proposal.known,
        session.is_resumed(),
    )?;
    let place = Place {
        tree: runner.tree.dir().to_owned(),
        home: layout.proposal_home(proposal.run),
        tmp: layout.tmp(),
        env: vec![
            ("TICKET_URL".to_owned(), runner.url.clone()),
            ("TICKET_TOKEN".to_owned(), proposal.token.clone()),
            ("AGENT_ID".to_owned(), runner.name.clone()),
        ],
        may_spend: proposal.allowance.map(Allowance::usd),
    };
    let invocation = Invocation::new(&settings.cli, settings, &place, &prompt, session)?;
    let of = Of::Proposal {
        proposal: proposal.run,
    };
    let key = Key {
        of,
        run: number(proposal.tries, session.is_resumed()),
    };
    let begin = backend::begin(&settings.cli, &runner.name, key, Kind::Propose, session);
    let on_session = pulse.session_teller();
    if session.is_resumed() || settings.cli.backend.names_sessions() {
        on_session(session.id());
    }
    let so_far = RunUsage {
        run: key.run,
        phase: Phase::Propose,
        backend: settings.cli.backend.name.clone(),
        ..RunUsage::default()
    };
    let (tell, of_run) = (pulse.accountant(), so_far.clone());
    let run = Run {
        command: invocation.command,
        stdin: invocation.stdin,
        reader: invocation.reader,
        timeout: Duration::from_secs(proposal.agent.timeout_seconds),
        interrupt,
        console: &runner.console,
        speaker: "proposal agent".to_owned(),
        recorder: runner.record(key, &begin, &prompt, proposal.agent.transcript_bytes),
        stall: stall_limit(&proposal.agent),
        every: NEVER,
        on_served: Box::new(pulse.teller()),
        on_usage: Box::new(move |models| {
            tell(RunUsage {
                models,
                ..of_run.clone()
            });
        }),
        on_session: Box::new(on_session),
    };
    let report = run.run(|| {});
    used.push(RunUsage {
        models: report.usage,
        is_last: true,
        ..so_far
    });
    Ok(report.ending)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn every_run_of_the_agent_has_a_number_of_its_own() {
        let runs = [(1, false), (2, true), (2, false), (3, true), (3, false)];
        let numbers = runs.map(|(tries, resumed)| number(tries, resumed));
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
    }
}
