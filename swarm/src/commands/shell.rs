//! `swarm shell`: a shell, or another program, in the container of an agent. With a terminal it has one
//! there; without it gets what comes on standard input.

use std::io::{IsTerminal, Read, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use nix::sys::termios::{self, SetArg, Termios};
use swarm::Project;
use swarm::fleet::spec::WORK;
use swarm::fleet::{Fleet, Printed, Program, State};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::failure::Refusal;
use super::{logs, runtime};
use crate::exit;

/// A login shell where there is one.
const SHELL: &str = "command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -l";
/// How long the engine may take to know the exit code of what has ended.
const CODE_DEADLINE: Duration = Duration::from_secs(5);
const CODE_INTERVAL: Duration = Duration::from_millis(20);
/// How much is read from standard input at once.
const PIECE: usize = 4096;

/// Returns the program's exit code.
pub fn run(project: &Project, agent: &str, command: Vec<String>) -> Result<u8> {
    let command = match command.is_empty() {
        true => ["sh", "-c", SHELL].map(String::from).to_vec(),
        false => command,
    };
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let fleet = Fleet::connect().await?;
        let listed = fleet.list(project.id()).await?;
        let container = logs::find(&listed, agent)?;
        let runs = |state| state == State::Running;
        if !listed
            .iter()
            .any(|one| one.container == container && runs(one.state))
        {
            return Err(Refusal {
                code: exit::NOT_RUNNING,
                what: format!("{agent} does not run at present"),
            }
            .into());
        }
        let program = fleet.exec(&container, &command, WORK, terminal).await?;
        let _raw = terminal.then(Raw::begin).transpose()?;
        attend(program, terminal).await
    });
    // A thread may still wait for somebody to type.
    runtime.shutdown_background();
    ended
}

/// Passes on what goes in and out until the program has ended.
async fn attend(mut program: Program, terminal: bool) -> Result<u8> {
    let mut typed = stdin();
    let mut resized =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change())?;
    if terminal {
        fit(&program).await;
    }
    let mut is_open = true;
    loop {
        tokio::select! {
            printed = program.output.next() => match printed {
                Some(printed) => print(printed?)?,
                None => break,
            },
            piece = typed.recv(), if is_open => match piece {
                // A program that has ended takes no more; its end comes by the output.
                Some(piece) => is_open = program.input.write_all(&piece).await.is_ok(),
                None => {
                    is_open = false;
                    let _ = program.input.shutdown().await;
                }
            },
            _ = resized.recv(), if terminal => fit(&program).await,
        }
    }
    let deadline = tokio::time::Instant::now() + CODE_DEADLINE;
    while tokio::time::Instant::now() < deadline {
        if let Some(code) = program.exit_code().await? {
            return Ok(u8::try_from(code).unwrap_or(exit::REFUSED));
        }
        tokio::time::sleep(CODE_INTERVAL).await;
    }
    anyhow::bail!("the engine does not say how the program ended")
}

/// What comes on standard input, read by a thread of its own.
fn stdin() -> mpsc::Receiver<Vec<u8>> {
    let (tell, told) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut piece = [0; PIECE];
        while let Ok(length @ 1..) = input.read(&mut piece) {
            if tell.blocking_send(piece[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    told
}

/// What the program draws is for whoever opened the shell: it is passed on as it is.
fn print(printed: Printed) -> Result<()> {
    match printed {
        Printed::Out(bytes) => {
            let mut out = std::io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
        }
        Printed::Err(bytes) => std::io::stderr().lock().write_all(&bytes)?,
    }
    Ok(())
}

/// Gives the program's terminal the size of ours. One that has ended has none.
async fn fit(program: &Program) {
    let size = console_size();
    if let Some((columns, rows)) = size {
        let _ = program.resize(columns, rows).await;
    }
}

/// Columns and rows.
fn console_size() -> Option<(u16, u16)> {
    let (rows, columns) = console::Term::stdout().size_checked()?;
    Some((columns, rows))
}

/// Our terminal passes keys on as they are typed, until this is dropped.
struct Raw(Termios);

impl Raw {
    fn begin() -> Result<Raw> {
        let stdin = std::io::stdin();
        let before = termios::tcgetattr(&stdin).context("the terminal cannot be looked at")?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        termios::tcsetattr(&stdin, SetArg::TCSANOW, &raw).context("the terminal cannot be set")?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &self.0);
    }
}
