//! One harmless question to an agent CLI, without a hub: whether it starts, answers, says what it
//! used, and goes on with a conversation.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use ticket::probe::{ProbeReport, ProbeRequest, ProbeRun};

use crate::agent::{Ending, Invocation, Place, Run, Session, stall_limit};
use crate::console::Console;
use crate::environment::inherit;
use crate::interrupt::Interrupt;
use crate::layout::Layout;
use crate::process::capture;
use crate::recorder::Recorder;

/// The word that the agent is asked for.
const WORD: &str = "swarm-probe-ok";
/// How long the program may take to say its version.
const VERSION_BUDGET: Duration = Duration::from_secs(30);
/// What is kept of it, in bytes.
const VERSION_LIMIT: u64 = 200;
/// Nothing has to be done meanwhile.
const NEVER: Duration = Duration::from_secs(3600);

/// Asks, and asks again in the same conversation where that is possible.
pub fn run(
    request: &ProbeRequest,
    layout: &Layout,
    console: &Console,
) -> anyhow::Result<ProbeReport> {
    for secret in request.settings.secrets.values() {
        console.hide(secret);
    }
    layout.refresh().context("there is no room for the probe")?;
    let place = Place {
        tree: layout.repo(),
        home: layout.probe_home(),
        tmp: layout.tmp(),
        env: Vec::new(),
        may_spend: None,
    };
    for folder in [&place.tree, &place.home] {
        std::fs::create_dir_all(folder)?;
    }
    let mut report = ProbeReport {
        version: version(&request.settings.cli.backend.program, &place.home),
        runs: Vec::new(),
    };
    let first = format!("Answer with the one word {WORD}. Change nothing and use no tool.");
    let run = ask(request, &place, console, &first, &Session::start())?;
    let known = run.session.clone().filter(|_| run.ok);
    report.runs.push(run);
    if let Some(session) = known.filter(|_| request.settings.cli.backend.resumes()) {
        let again = "Which word did you answer? Answer with it once more.";
        let session = Session::Resume(session);
        report
            .runs
            .push(ask(request, &place, console, again, &session)?);
    }
    Ok(report)
}

fn version(program: &str, home: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version");
    inherit(&mut command);
    command.env("HOME", home);
    let done = capture(&mut command, None, VERSION_LIMIT, VERSION_BUDGET).ok()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let line = said.lines().find(|line| !line.trim().is_empty())?;
    Some(crate::console::clean(line).trim().to_owned())
}

fn ask(
    request: &ProbeRequest,
    place: &Place,
    console: &Console,
    prompt: &str,
    session: &Session,
) -> io::Result<ProbeRun> {
    let settings = &request.settings;
    let prompt = format!("swarm: probe\n\n{prompt}\n");
    let invocation = Invocation::new(&settings.cli, settings, place, &prompt, session)?;
    let words =
        std::iter::once(invocation.command.get_program()).chain(invocation.command.get_args());
    let command = words
        .map(|word| console.redact(&word.to_string_lossy().replace(&prompt, "{prompt}")))
        .collect();
    let begun = Instant::now();
    let served = Arc::new(AtomicBool::new(false));
    let first_line = Arc::new(AtomicU64::new(u64::MAX));
    let (serves, prints) = (Arc::clone(&served), Arc::clone(&first_line));
    let interrupt = Interrupt::default();
    let run = Run {
        command: invocation.command,
        stdin: invocation.stdin,
        reader: Box::new(Watched {
            reader: invocation.reader,
            begun,
            first_line: prints,
        }),
        timeout: Duration::from_secs(settings.timeout_seconds),
        stall: stall_limit(settings),
        interrupt: &interrupt,
        console,
        speaker: "agent".to_owned(),
        recorder: Recorder::none(),
        every: NEVER,
        on_served: Box::new(move || serves.store(true, Ordering::Relaxed)),
        on_usage: Box::new(|_| ()),
        on_session: Box::new(|_| ()),
    };
    let report = run.run(|| {});
    let (ok, answer) = match &report.ending {
        Ending::Completed(said) => (true, said.clone()),
        _ => (false, None),
    };
    let (outcome, reason) = report.ending.outcome();
    Ok(ProbeRun {
        command,
        resumed: session.is_resumed(),
        ok,
        outcome: (!ok).then_some(outcome),
        ending: match ok {
            true => "it ended well".to_owned(),
            false => reason,
        },
        answer,
        session: report.session,
        served: served.load(Ordering::Relaxed),
        usage: report.usage,
        first_line_ms: Some(first_line.load(Ordering::Relaxed)).filter(|ms| *ms != u64::MAX),
        took_ms: millis(begun.elapsed()),
        log_tail: report.log_tail,
    })
}

/// A reader that notes when the first line came.
struct Watched {
    reader: Box<dyn crate::agent::Reader>,
    begun: Instant,
    first_line: Arc<AtomicU64>,
}

impl crate::agent::Reader for Watched {
    fn line(&mut self, line: &str, cut: bool) -> Vec<String> {
        self.first_line
            .fetch_min(millis(self.begun.elapsed()), Ordering::Relaxed);
        self.reader.line(line, cut)
    }

    fn is_activity(&self, line: &str) -> bool {
        self.reader.is_activity(line)
    }

    fn is_done(&self) -> bool {
        self.reader.is_done()
    }

    fn session(&self) -> Option<String> {
        self.reader.session()
    }

    fn is_served(&self) -> bool {
        self.reader.is_served()
    }

    fn usage(&self) -> Vec<ticket::usage::ModelUsage> {
        self.reader.usage()
    }

    fn ending(&self, exit: crate::process::Exit, stderr: &str) -> Ending {
        self.reader.ending(exit, stderr)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
