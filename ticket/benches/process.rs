//! What one call of `ticket` on the file costs from outside, beside an empty static program and a
//! Python script that does the same. Every round runs each of them once, so that a noisy machine is
//! unfair to all alike; what counts are the ratios of the medians.
//!
//! Both programs are copied first, as `make install` copies them: what a linker wrote lies in the page
//! cache in smaller pieces, and to start it takes longer.

#[path = "../tests/it/programs.rs"]
mod programs;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use ticket::ticket::NewTicket;
use ticket::{Actor, Queue, Store};

const ROUNDS: usize = 300;
const WARM_UP: usize = 20;
const TICKETS: usize = 500;
/// So many of them wait for a review: what `list` prints.
const READY: i64 = 40;

/// At most so many times the empty program, while somebody holds the database open.
const MAX_TIMES_EMPTY: f64 = 3.0;
/// At most so many milliseconds more when nobody does.
const MAX_MORE_ALONE: f64 = 2.0;
/// At least so many times faster than Python.
const MIN_TIMES_PYTHON: f64 = 20.0;

/// What is asked of the queue. Each round makes one ticket and claims one.
const CALLS: [&[&str]; 6] = [
    &["create", "Say what is missing"],
    &["claim-next", "--agent", "a"],
    &["list", "--status", "ready"],
    &["count"],
    &["show", "1"],
    &["comment", "2", "It is half done"],
];
/// How many of the calls, from the first, the Python script knows.
const IN_PYTHON: usize = 3;

fn main() -> Result<()> {
    // `cargo test --benches` only wants to know that it still runs.
    let rounds = match std::env::args().any(|a| a == "--bench") {
        true => ROUNDS,
        false => 2,
    };
    let dir = tempfile::tempdir()?;
    let built = tempfile::tempdir()?;
    let programs = Programs {
        empty: install(&empty_program(built.path())?, dir.path())?,
        ticket: install(&programs::program("ticket"), dir.path())?,
        python: python()?,
        script: Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reference.py"),
    };
    let (held, alone) = (dir.path().join("held.db"), dir.path().join("alone.db"));
    fill(&held)?;
    fill(&alone)?;
    let holder = Connection::open(&held)?;
    holder.query_row("SELECT max(id) FROM tickets", [], |row| {
        row.get::<_, i64>(0)
    })?;
    let mut empty = Vec::new();
    let mut rows: Vec<Row> = CALLS.iter().map(|call| Row::of(call)).collect();
    for round in 0..WARM_UP + rounds {
        let keep = round >= WARM_UP;
        // Python comes last and leaves nothing of ours in the processor's caches: the first calls
        // after it are not counted.
        for row in &rows {
            programs.ticket(&held, row.call)?;
        }
        note(keep, &mut empty, run(&programs.empty, &[] as &[&str])?);
        for row in &mut rows {
            note(keep, &mut row.held, programs.ticket(&held, row.call)?);
            note(keep, &mut row.alone, programs.ticket(&alone, row.call)?);
        }
        for row in &mut rows[..IN_PYTHON] {
            note(keep, &mut row.python, programs.python(&held, row.call)?);
        }
    }
    drop(holder);
    report(rounds, median(&mut empty), &mut rows);
    Ok(())
}

/// The times of one call.
struct Row {
    call: &'static [&'static str],
    held: Vec<Duration>,
    alone: Vec<Duration>,
    python: Vec<Duration>,
}

impl Row {
    fn of(call: &'static [&'static str]) -> Row {
        Row {
            call,
            held: Vec::new(),
            alone: Vec::new(),
            python: Vec::new(),
        }
    }
}

struct Programs {
    empty: PathBuf,
    ticket: PathBuf,
    python: PathBuf,
    script: PathBuf,
}

impl Programs {
    fn ticket(&self, db: &Path, call: &[&str]) -> Result<Duration> {
        let mut words = vec![OsStr::new("--db"), db.as_os_str()];
        words.extend(call.iter().map(OsStr::new));
        run(&self.ticket, &words)
    }

    fn python(&self, db: &Path, call: &[&str]) -> Result<Duration> {
        let mut words = vec![self.script.as_os_str(), OsStr::new("--db"), db.as_os_str()];
        words.extend(call.iter().map(OsStr::new));
        run(&self.python, &words)
    }
}

/// Runs a program to its end. Without an environment, so that nothing in it plays a part.
fn run<S: AsRef<OsStr>>(program: &Path, words: &[S]) -> Result<Duration> {
    let mut command = Command::new(program);
    command
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    let began = Instant::now();
    let status = command
        .spawn()
        .and_then(|mut child| child.wait())
        .with_context(|| format!("cannot run {}", program.display()))?;
    let took = began.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(took)
}

fn note(keep: bool, times: &mut Vec<Duration>, took: Duration) {
    if keep {
        times.push(took);
    }
}

/// The least that a static program can cost here.
fn empty_program(dir: &Path) -> Result<PathBuf> {
    let (source, program) = (dir.join("empty.rs"), dir.join("empty"));
    std::fs::write(&source, "fn main() {}\n")?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args([
            "--edition=2024",
            "-Copt-level=3",
            "-Ctarget-feature=+crt-static",
            "-o",
        ])
        .args([&program, &source])
        .status()
        .context("cannot run rustc")?;
    ensure!(status.success(), "rustc ended with {status}");
    Ok(program)
}

fn install(program: &Path, dir: &Path) -> Result<PathBuf> {
    let installed = dir.join(program.file_name().context("a program without a name")?);
    std::fs::copy(program, &installed)
        .with_context(|| format!("cannot copy {}", program.display()))?;
    Ok(installed)
}

/// The interpreter itself, behind whatever the path leads to.
fn python() -> Result<PathBuf> {
    let asked = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .context("cannot run python3: scripts/setup installs it")?;
    Ok(PathBuf::from(String::from_utf8(asked.stdout)?.trim()))
}

fn fill(path: &Path) -> Result<()> {
    Store::migrate(path, &mut |_| ())?;
    let mut store = Store::open(path)?;
    let mut made = Ok(());
    store.batch(|store| {
        let mut queue = store.session(&Actor::Human);
        made = (0..TICKETS).try_for_each(|n| {
            let new = NewTicket {
                title: format!("Ticket {n} of the benchmark"),
                description: Some("What it is about, in a sentence or two. ".repeat(4)),
                ..NewTicket::default()
            };
            let id = queue.create(&new)?;
            match id <= READY {
                true => queue.complete(id),
                false => Ok(()),
            }
        });
    })?;
    Ok(made?)
}

fn report(rounds: usize, empty: f64, rows: &mut [Row]) {
    println!("{rounds} rounds, {TICKETS} tickets at the start; medians in milliseconds");
    println!("empty static program: {empty:.2}");
    println!();
    println!("| call       | held open | × empty | alone | more alone | Python | × ours |");
    println!("|------------|----------:|--------:|------:|-----------:|-------:|-------:|");
    let mut missed = Vec::new();
    for row in rows {
        let name = row.call[0];
        let (held, alone) = (median(&mut row.held), median(&mut row.alone));
        print!(
            "| {name:<10} | {held:9.2} | {:7.2} | {alone:5.2} | {:10.2} |",
            held / empty,
            alone - held
        );
        if held / empty > MAX_TIMES_EMPTY {
            missed.push(format!(
                "{name} takes more than {MAX_TIMES_EMPTY} × the empty program"
            ));
        }
        if alone - held > MAX_MORE_ALONE {
            missed.push(format!(
                "{name} takes more than {MAX_MORE_ALONE} ms more alone"
            ));
        }
        if row.python.is_empty() {
            println!("        |        |");
            continue;
        }
        let python = median(&mut row.python);
        println!(" {python:6.1} | {:6.1} |", python / held);
        if python / held < MIN_TIMES_PYTHON {
            missed.push(format!(
                "{name} is less than {MIN_TIMES_PYTHON} × faster than Python"
            ));
        }
    }
    for target in missed {
        println!("missed: {target}");
    }
}

/// In milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}
