//! `swarm demo`: the whole loop on a sample project with scripted agents, from an empty folder to a
//! main on which every commit is proven green. It answers the one question that is asked.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use swarm::config::Config;
use swarm::fleet::Fleet;
use swarm::follow::follow;
use swarm::hub::{self, Port};
use swarm::{Project, bare, image};
use ticket::event::Event;
use ticket::text::{one_line, plain};
use ticket::ticket::TicketType;
use ticket::wire::VerdictResult;
use ticket::{Queue, exit};
use tokio::runtime::Runtime;

use super::progress::Build;
use super::{count, runtime, start, status, verify};
use crate::cli::Demo;

mod ending;
mod report;
mod sample;
mod story;

use ending::Guard;
use report::{Checked, Report};
use story::Story;

/// Far longer than a demo takes on a slow machine; then it has failed.
const DEADLINE: Duration = Duration::from_secs(20 * 60);
/// What the demo answers when it is asked which way to round.
const ANSWER: &str = "up";
/// How many of the hub's last lines are shown after a failure.
const LOG_LINES: u64 = 40;

pub fn run(arguments: Demo) -> Result<u8> {
    let agents = start::checked(arguments.agents)?;
    let port = match arguments.port {
        Some(port) => Port::Exactly(port),
        None => Port::From(Config::default().monitor.port),
    };
    let dir = sample::folder(arguments.dir)?;
    let runtime = runtime()?;
    // Refused before a folder is made.
    let fleet = runtime.block_on(Fleet::connect())?;
    hub::must_be_free(port)?;
    let project = sample::make(&dir)?;
    let guard = Guard::default();
    guard.watch(&project)?;
    let screen = Screen::new(arguments.json);
    let root = project.root().display();
    screen.say(&format!("Made a sample project in {root}"));
    let demo = Running {
        project: &project,
        fleet: &fleet,
        runtime: &runtime,
        screen: &screen,
        agents,
    };
    let worked = demo.begin(port, &guard).map(|()| demo.work());
    // An interrupted demo ends here: whoever interrupted it holds the lock to the end.
    let _lock = guard.hold();
    let report = worked.and_then(|report| {
        if !report.as_ref().is_ok_and(|report| report.ok) {
            demo.explain();
        }
        report
    });
    let keep = arguments.keep_running && report.as_ref().is_ok_and(|report| report.ok);
    if !keep {
        ending::stop(&project)?;
    }
    let report = report?;
    let document = match arguments.json {
        true => serde_json::to_string_pretty(&report)?,
        false => plain(&report.text()),
    };
    write(&mut std::io::stdout(), document.trim_end());
    if keep {
        let dir = project.root().display();
        screen.say(&format!(
            "The swarm still runs: 'swarm --project {dir} stop' ends it, 'swarm --project {dir} open' shows the page"
        ));
    }
    Ok(match report.ok {
        true => exit::OK,
        false => exit::REFUSED,
    })
}

/// A demo that has its project.
struct Running<'a> {
    project: &'a Project,
    fleet: &'a Fleet,
    runtime: &'a Runtime,
    screen: &'a Screen,
    agents: u32,
}

impl Running<'_> {
    fn begin(&self, port: Port, guard: &Guard) -> Result<()> {
        let config = Config::load(self.project)?;
        let mut build = Build::new();
        let images = self.runtime.block_on(image::build(
            self.fleet,
            self.project,
            &config,
            &mut |progress| build.show(progress),
        ))?;
        drop(build);
        let _lock = guard.hold();
        let hub = self.runtime.block_on(hub::start(
            self.fleet,
            self.project,
            &config,
            &images,
            self.agents,
            port,
        ))?;
        let agents = count(self.agents as usize, "agent");
        self.screen
            .say(&format!("The hub runs at {}, {agents} start", hub.url));
        Ok(())
    }

    /// Follows the work to its end and verifies what landed.
    fn work(&self) -> Result<Report> {
        let began = Instant::now();
        let mut story = Story::default();
        let over = self.watch(&mut story, began + DEADLINE)?;
        let seconds = began.elapsed().as_secs_f64();
        let commits = match over {
            true => self.verify_all()?,
            false => Vec::new(),
        };
        let (tickets, done) = story.progress();
        let green = commits
            .iter()
            .all(|commit| commit.result == VerdictResult::Green);
        Ok(Report {
            directory: self.project.root().into(),
            agents: self.agents,
            ok: over && green && !commits.is_empty(),
            seconds,
            tickets,
            done,
            shown: story.shown,
            landed: report::rows(&story),
            commits,
        })
    }

    /// True when every ticket is done; false when one is the human's now.
    fn watch(&self, story: &mut Story, deadline: Instant) -> Result<bool> {
        let events = listen(self.project);
        while !story.is_over() {
            let left = deadline.saturating_duration_since(Instant::now());
            let (event, at) = match events.recv_timeout(left) {
                Ok((event, at)) => (event?, at),
                Err(RecvTimeoutError::Timeout) => {
                    let (all, done) = story.progress();
                    let minutes = DEADLINE.as_secs() / 60;
                    bail!("after {minutes} minutes {done} of {all} tickets are done")
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the hub went away"),
            };
            if let Some(line) = story.take(&event, at) {
                self.screen.say(&line);
            }
            self.screen.progress(story.progress());
            match event.action.as_str() {
                "blocker_added" => self.answer(story, &event)?,
                "quarantined" | "held" => return Ok(false),
                _ => {}
            }
        }
        self.screen.finish();
        Ok(true)
    }

    /// What a human does when a ticket waits for a question of theirs.
    fn answer(&self, story: &mut Story, event: &Event) -> Result<()> {
        let detail = event.detail.as_deref().unwrap_or_default();
        let Ok(by) = detail.parse() else {
            return Ok(());
        };
        let mut client = hub::client(self.project)?;
        let question = client.show(by)?.ticket;
        if question.kind != TicketType::Question || question.resolution.is_some() {
            return Ok(());
        }
        self.screen
            .say(&format!("You are asked {}", story.name(by)));
        client.answer(by, ANSWER)?;
        story.shown.questions += 1;
        self.screen.say(&format!("You answer #{by}: {ANSWER}"));
        Ok(())
    }

    /// Every commit of main, oldest first, each in a fresh container.
    fn verify_all(&self) -> Result<Vec<Checked>> {
        let branch = Config::load(self.project)?.project.branch;
        let repository = bare::open(self.project)?;
        let commits = bare::history(&repository, bare::head(&repository, &branch)?)?;
        let client = hub::client(self.project)?;
        let number = count(commits.len(), "commit");
        self.screen.say(&format!("Verifying '{branch}': {number}"));
        let mut checked = Vec::new();
        for commit in &commits {
            let id = commit.to_string();
            let verdict = client.verify_commit(&id)?;
            let found = repository.find_commit(*commit)?;
            let subject = one_line(found.summary()?.unwrap_or_default());
            let words = verify::words(&verdict);
            self.screen.say(&format!("{id:.10} {words} {subject}"));
            checked.push(Checked::new(id, subject, verdict));
            self.screen.progress((commits.len(), checked.len()));
        }
        self.screen.finish();
        Ok(checked)
    }

    /// What a person needs to see why a demo failed.
    fn explain(&self) {
        eprintln!("\nThe demo failed. The swarm's status:");
        if let Err(error) = status::print_to_stderr(self.project) {
            eprintln!("{}", plain(&format!("{error:#}")));
        }
        let log = hub::log_tail(self.fleet, self.project, LOG_LINES);
        let log = self.runtime.block_on(log);
        eprintln!("\nThe end of the hub's log:\n{log}");
    }
}

/// The events, each with the moment it came, on a thread of their own: a demo has a deadline, and
/// the stream has none.
fn listen(project: &Project) -> Receiver<(ticket::Result<Event>, Instant)> {
    let (to, events) = channel();
    let project = project.clone();
    thread::spawn(move || {
        for event in follow(&project, 0) {
            if to.send((event, Instant::now())).is_err() {
                return;
            }
        }
    });
    events
}

/// Where lines go: around a bar on a terminal, else as they are. With `--json` standard output is
/// for the document alone.
struct Screen {
    bar: Option<ProgressBar>,
    to_stderr: bool,
}

impl Screen {
    fn new(json: bool) -> Screen {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        Screen {
            bar: (terminal && !json).then(bar),
            to_stderr: json,
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| write(&mut std::io::stdout(), line)),
            None if self.to_stderr => write(&mut std::io::stderr(), line),
            None => write(&mut std::io::stdout(), line),
        }
    }

    fn progress(&self, (all, done): (usize, usize)) {
        if let Some(bar) = &self.bar {
            if bar.is_finished() {
                bar.reset();
            }
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A pipe that nobody reads any more ends the demo in its own way.
fn write(to: &mut dyn Write, line: &str) {
    let _ = writeln!(to, "{line}");
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30.cyan} {pos}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
