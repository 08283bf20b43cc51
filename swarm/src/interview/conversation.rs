//! Runs the interviewer: in the human's terminal, or without anybody from what they wrote down. Watches
//! for `finish`, ends the program then, and gives the terminal back as it was.

use std::fs::File;
use std::io::{Read, Write, stdin, stdout};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::drafts::Drafts;
use super::tools;
use crate::project::Project;

/// What the agent CLI may do besides calling our tools: look at files.
const BUILT_IN: &str = "Read,Glob,Grep";
/// The first line of every prompt of ours, and what it is about.
const OPENING: &str = "swarm: interview";
/// How long the interviewer may say goodbye after `finish`.
const GOODBYE: Duration = Duration::from_secs(5);
/// How long the program may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is looked whether the interview is over.
const LOOK: Duration = Duration::from_millis(100);
/// The longest that an interview without anybody may take.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How much of what the program said is told when it fails, in characters.
const TOLD: usize = 300;
/// Shows the cursor; ends bracketed paste, reports of focus, mouse and theme, changed keys, colours.
const TERMINAL_AS_IT_WAS: &str = "\x1b[?25h\x1b[?2004l\x1b[?1004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\
                                  \x1b[?1006l\x1b[?2031l\x1b[>4m\x1b[<u\x1b[0m";

/// How the agent CLI is called.
pub struct Interviewer<'a> {
    /// The project that is asked about.
    pub project: &'a Project,
    /// The agent CLI's program.
    pub program: &'a str,
    /// What it has to know and to do.
    pub rules: &'a str,
}

impl Interviewer<'_> {
    /// Has it ask the human in this terminal. True when it finished, false when it was ended before.
    pub fn ask(&self) -> Result<bool> {
        let drafts = Drafts::of(self.project);
        drafts.begin()?;
        let terminal = Terminal::remember();
        // Ctrl-C is for the agent CLI, which may ask whether it is meant.
        let interrupted = signal_hook::flag::register(
            signal_hook::consts::SIGINT,
            Arc::new(AtomicBool::new(false)),
        )?;
        let mut command = self.command()?;
        // Where something else needs a permission, it is the human who gives it.
        command.args(["--permission-mode", "default"]);
        command.arg(format!("{OPENING}\nAsk me about my project."));
        let ended = self
            .start(&mut command)
            .and_then(|mut child| attend(&mut child, &drafts, None));
        terminal.restore();
        signal_hook::low_level::unregister(interrupted);
        ended?;
        Ok(drafts.is_finished())
    }

    /// Has it make do with what the human wrote down. An interview without an end is an error that
    /// says what the program said.
    pub fn read(&self, brief: &str) -> Result<()> {
        let drafts = Drafts::of(self.project);
        drafts.begin()?;
        let said = drafts.folder().join("said.json");
        let complained = drafts.folder().join("complained.txt");
        let mut command = self.command()?;
        command
            .args(["-p", "--output-format", "json"])
            .args(["--permission-mode", "dontAsk"])
            .stdin(Stdio::piped())
            .stdout(made(&said)?)
            .stderr(made(&complained)?);
        let mut child = self.start(&mut command)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends before it has read everything says why itself.
            let _ = write!(stdin, "{OPENING}\n\n{brief}\n");
        }
        attend(&mut child, &drafts, Some(LONGEST))?;
        if drafts.is_finished() {
            return Ok(());
        }
        let words = why(&read(&said), &read(&complained));
        bail!("the interview ended before it was finished: {words}")
    }

    /// The agent CLI with our tools, without what the project's own files would have it run.
    fn command(&self) -> Result<Command> {
        let swarm = std::env::current_exe().context("cannot tell where the swarm program is")?;
        let mut command = Command::new(self.program);
        command
            .current_dir(self.project.root())
            .args(["--tools", BUILT_IN])
            .args(["--allowedTools", &allowed()])
            .args(["--setting-sources", "user", "--strict-mcp-config"])
            .args(["--mcp-config", &servers(&swarm, self.project.root())?])
            .args(["--append-system-prompt", self.rules]);
        Ok(command)
    }

    fn start(&self, command: &mut Command) -> Result<Child> {
        command
            .spawn()
            .with_context(|| format!("cannot start {}", self.program))
    }
}

/// Our tools, as the agent CLI calls them.
fn allowed() -> String {
    let names = tools::NAMES.map(|name| format!("mcp__{}__{name}", tools::SERVER));
    names.join(",")
}

/// How the agent CLI starts our tools.
fn servers(swarm: &Path, root: &Path) -> Result<String> {
    let text = |path: &Path| {
        let text = path.to_str().map(String::from);
        text.with_context(|| format!("{} is not a path in UTF-8", path.display()))
    };
    let server = json!({
        "command": text(swarm)?,
        "args": ["interview-tools", "--project", text(root)?],
    });
    Ok(json!({ "mcpServers": { tools::SERVER: server } }).to_string())
}

/// Waits for the end; ends the program when the interview is finished or takes too long.
fn attend(child: &mut Child, drafts: &Drafts, longest: Option<Duration>) -> Result<ExitStatus> {
    let started = Instant::now();
    let mut finished = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if finished.is_none() && drafts.is_finished() {
            finished = Some(Instant::now());
        }
        let said_goodbye = finished.is_some_and(|then| then.elapsed() > GOODBYE);
        let too_long = longest.is_some_and(|longest| started.elapsed() > longest);
        if said_goodbye || too_long {
            return end(child);
        }
        std::thread::sleep(LOOK);
    }
}

/// Asks the program to end, and ends it when it does not.
fn end(child: &mut Child) -> Result<ExitStatus> {
    let id = Pid::from_raw(i32::try_from(child.id())?);
    // It may have ended by itself in this moment.
    let _ = kill(id, Signal::SIGTERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(LOOK);
    }
    let _ = child.kill();
    Ok(child.wait()?)
}

/// How the terminal was.
struct Terminal(Option<Termios>);

impl Terminal {
    fn remember() -> Terminal {
        Terminal(tcgetattr(stdin()).ok())
    }

    fn restore(self) {
        let Some(modes) = self.0 else { return };
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &modes);
        let _ = stdout().write_all(TERMINAL_AS_IT_WAS.as_bytes());
        let _ = stdout().flush();
    }
}

fn made(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// The beginning of a file, as text.
fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    let file = File::open(path).map(|file| file.take(1 << 20).read_to_end(&mut bytes));
    drop(file);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a program that did not finish said, in one line. Pure.
fn why(said: &str, complained: &str) -> String {
    let result = serde_json::from_str(said).ok();
    let result = result.and_then(|value: Value| Some(value["result"].as_str()?.to_owned()));
    let words = result
        .filter(|words| !words.trim().is_empty())
        .unwrap_or_else(|| format!("{said} {complained}"));
    let words: String = ticket::text::one_line(words.trim())
        .chars()
        .take(TOLD)
        .collect();
    match words.trim() {
        "" => "the program said nothing".into(),
        words => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_tools_are_allowed_without_a_question() {
        assert!(allowed().starts_with("mcp__swarm__write_project,"));
        assert_eq!(allowed().split(',').count(), tools::NAMES.len());
        let servers = servers(Path::new("/bin/swarm"), Path::new("/my project")).unwrap();
        let servers: Value = serde_json::from_str(&servers).unwrap();
        let server = &servers["mcpServers"]["swarm"];
        assert_eq!(server["command"], "/bin/swarm");
        assert_eq!(server["args"][2], "/my project");
    }

    #[test]
    fn a_program_that_fails_is_quoted_in_one_line() {
        for (said, complained, expected) in [
            (
                r#"{"result":"Not logged in\n· Please run /login"}"#,
                "",
                "Not logged in",
            ),
            (
                "",
                "error: unknown option '--tools'\n",
                "error: unknown option",
            ),
            ("", "", "the program said nothing"),
        ] {
            let words = why(said, complained);
            assert!(words.starts_with(expected), "{words}");
            assert_eq!(words.lines().count(), 1);
        }
    }
}
