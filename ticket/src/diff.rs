//! What an attempt changed, as a patch, read from the bare repository by `git`. Nothing that agents
//! wrote runs: no hook, no filter, no external diff, no configuration but the repository's own.

pub mod stat;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::attempt::{branch, snapshot_ref};
use crate::error::{Error, Result};

/// The largest patch, in bytes.
const MAX_PATCH: usize = 16 << 20;
/// How long git may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where the trees of an attempt are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The ticket.
    pub ticket: i64,
    /// The number of the attempt.
    pub attempt: i64,
    /// The commit on main, when it landed.
    pub landed: Option<String>,
    /// The commit that keeps its tree.
    pub snapshot: Option<String>,
}

/// The bare repository of the project that this database belongs to.
pub fn repository(database: &Path) -> Result<PathBuf> {
    let swarm = database.parent().and_then(Path::parent);
    swarm
        .map(|folder| folder.join("repo.git"))
        .filter(|path| path.is_dir())
        .ok_or_else(|| {
            Error::NotFound(format!(
                "{} belongs to no project with a repository: a diff needs .swarm/repo.git beside it",
                database.display()
            ))
        })
}

/// The patch from where main was to what the attempt made of it. What landed is compared with main
/// just before.
pub fn of(repository: &Path, subject: &Subject) -> Result<Vec<u8>> {
    if let Some(commit) = &subject.landed {
        return patch(repository, &format!("{commit}^..{commit}"));
    }
    let Subject {
        ticket, attempt, ..
    } = *subject;
    let tips = [
        subject.snapshot.clone(),
        Some(snapshot_ref(ticket, attempt)),
        Some(format!("refs/heads/{}", branch(ticket, attempt))),
    ];
    for tip in tips.into_iter().flatten() {
        if exists(repository, &tip)? {
            return patch(repository, &format!("HEAD...{tip}"));
        }
    }
    Err(Error::NotFound(format!(
        "attempt {attempt} of ticket {ticket} has left no tree yet"
    )))
}

/// What a commit changes against where it left the base branch, file by file; none when it is not
/// there, or changes nothing. See [`stat::told`].
pub fn changed(repository: &Path, commit: &str) -> Result<Option<String>> {
    if !exists(repository, commit)? {
        return Ok(None);
    }
    let range = format!("HEAD...{commit}");
    let args = [
        "diff",
        "--numstat",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--end-of-options",
        &range,
    ];
    let output = git(repository, &args)?;
    Ok(stat::told(&output.stdout).filter(|_| output.status.success()))
}

fn exists(repository: &Path, revision: &str) -> Result<bool> {
    let wanted = format!("{revision}^{{commit}}");
    let args = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &wanted,
    ];
    Ok(git(repository, &args)?.status.success())
}

fn patch(repository: &Path, range: &str) -> Result<Vec<u8>> {
    let args = [
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--end-of-options",
        range,
    ];
    let output = git(repository, &args)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Unavailable(format!(
        "git could not compare {range}: {}",
        crate::text::one_line(said.trim())
    )))
}

/// Runs git with a deadline and a limit on what it may print: agents decide what is compared.
fn git(repository: &Path, args: &[&str]) -> Result<Output> {
    let mut child = command(repository, args)
        .spawn()
        .map_err(|e| Error::Io("cannot run git".into(), e))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::Unavailable("git has no output to read".into()));
    };
    let (stdout, stderr) = (read_in_thread(stdout), read_in_thread(stderr));
    let printed = stdout.recv_timeout(DEADLINE);
    if !matches!(&printed, Ok(bytes) if bytes.len() <= MAX_PATCH) {
        let _ = child.kill();
    }
    let status = child
        .wait()
        .map_err(|e| Error::Io("cannot wait for git".into(), e))?;
    match printed {
        Ok(stdout) if stdout.len() <= MAX_PATCH => Ok(Output {
            status,
            stdout,
            stderr: stderr.recv_timeout(DEADLINE).unwrap_or_default(),
        }),
        Ok(_) => Err(Error::Refused(format!(
            "the patch is larger than {} MiB: look at it with 'git --git-dir {} {}'",
            MAX_PATCH >> 20,
            repository.display(),
            args.join(" ")
        ))),
        Err(_) => Err(Error::Unavailable(format!(
            "git did not answer within {} s",
            DEADLINE.as_secs()
        ))),
    }
}

/// Reads one byte more than a patch may have, and no further.
fn read_in_thread(from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (done, wait) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read before an error is what there is.
        let _ = from.take(MAX_PATCH as u64 + 1).read_to_end(&mut bytes);
        let _ = done.send(bytes);
    });
    wait
}

fn command(repository: &Path, args: &[&str]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .arg("--git-dir")
        .arg(repository)
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor="])
        .args(["-c", "safe.directory=*"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
