//! `git upload-pack` and `git receive-pack` on the bare repository, in an environment that nothing
//! on the machine and nothing in the repository can colour: no hooks, no user or system settings.

use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::slots::Slot;

/// How long one fetch or push may take in all. A first clone of a large project over a busy disk
/// takes minutes; what takes longer hangs.
pub const DEADLINE: Duration = Duration::from_secs(600);
/// How much of git's complaints goes to the log, in bytes.
const MAX_COMPLAINT: u64 = 8 << 10;

/// Settings for both services.
const SETTINGS: [&str; 4] = [
    // Tests and some hosts run the hub as another user than the one who made the repository.
    "safe.directory=*",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
];
const UPLOAD_SETTINGS: [&str; 1] = [
    // A verifier asks for a candidate by its id, whichever version of the protocol it speaks.
    "uploadpack.allowAnySHA1InWant=true",
];
const RECEIVE_SETTINGS: [&str; 7] = [
    // Larger files are written as they come and do not pass through memory.
    "core.bigFileThreshold=16m",
    "receive.fsckObjects=true",
    "receive.denyNonFastForwards=true",
    "receive.denyDeletes=true",
    "receive.autogc=false",
    // What was acknowledged survives a power loss.
    "core.fsync=committed,reference",
    "core.fsyncMethod=batch",
];

/// One of git's two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Serves a fetch.
    Upload,
    /// Takes a push.
    Receive {
        /// The largest pack that is taken, in bytes.
        max_bytes: u64,
    },
}

/// A service for one request, or for the list of refs that comes before.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    service: Service,
    advertise: bool,
}

impl From<Service> for Run {
    fn from(service: Service) -> Run {
        Run {
            service,
            advertise: false,
        }
    }
}

impl Service {
    /// Its name in addresses and on git's command line.
    pub fn name(self) -> &'static str {
        match self {
            Service::Upload => "upload-pack",
            Service::Receive { .. } => "receive-pack",
        }
    }

    /// The list of refs that it begins with.
    pub fn advertising(self) -> Run {
        Run {
            service: self,
            advertise: true,
        }
    }

    fn settings(self) -> Vec<String> {
        let own: &[&str] = match self {
            Service::Upload => &UPLOAD_SETTINGS,
            Service::Receive { .. } => &RECEIVE_SETTINGS,
        };
        let mut settings: Vec<String> = SETTINGS.iter().chain(own).map(|s| (*s).into()).collect();
        if let Service::Receive { max_bytes } = self {
            settings.push(format!("receive.maxInputSize={max_bytes}"));
        }
        settings
    }
}

impl Run {
    /// Starts git on `repository`. `protocol` is the client's `Git-Protocol` header. `slot` is given
    /// back when git is done with, at [`DEADLINE`] at the latest.
    pub fn start(self, repository: &Path, protocol: Option<&str>, slot: Slot) -> Result<Running> {
        let mut child = self
            .command(repository, protocol)
            .spawn()
            .context("cannot run git")?;
        let stdout = child.stdout.take().context("git has no output")?;
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(log_complaints(self.service, stderr));
        }
        let (dropped, done) = oneshot::channel();
        tokio::spawn(end_in_time(group(&child), done, slot));
        Ok(Running {
            stdin: child.stdin.take(),
            child,
            stdout,
            _dropped: dropped,
        })
    }

    fn command(self, repository: &Path, protocol: Option<&str>) -> Command {
        let mut command = Command::new("git");
        command.env_clear();
        // Where git finds itself and the programs of its own.
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.envs([
            ("HOME", "/nonexistent"),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ]);
        if let Some(version) = protocol.filter(|v| is_protocol(v)) {
            command.env("GIT_PROTOCOL", version);
        }
        for setting in self.service.settings() {
            command.arg("-c").arg(setting);
        }
        command.arg(self.service.name());
        if self.service == Service::Upload {
            command.arg("--strict");
        }
        command.arg("--stateless-rpc");
        if self.advertise {
            command.arg("--http-backend-info-refs");
        }
        command
            .arg(repository)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }
}

/// A git process that serves one request; reading from it reads its answer. Dropped, it is ended
/// with all that it started.
pub struct Running {
    /// Where it reads the request.
    pub stdin: Option<ChildStdin>,
    child: Child,
    stdout: ChildStdout,
    _dropped: oneshot::Sender<()>,
}

impl Running {
    /// Waits for its end, which must be a good one.
    pub async fn must_succeed(mut self) -> Result<()> {
        let status = self.child.wait().await?;
        if !status.success() {
            bail!("git failed: {status}");
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        terminate(group(&self.child));
    }
}

fn group(child: &Child) -> Option<Pid> {
    let id = i32::try_from(child.id()?).ok()?;
    Some(Pid::from_raw(id))
}

/// Ends git with all that it started, in a way that lets it remove what it had begun to store.
fn terminate(group: Option<Pid>) {
    if let Some(group) = group {
        // It may be gone already: then there is nothing to end.
        let _ = killpg(group, Signal::SIGTERM);
    }
}

/// Holds the slot while git runs. A client that does not read what git says cannot hold it for ever:
/// nobody asks the answer's stream for more then, so this is a task of its own.
async fn end_in_time(group: Option<Pid>, done: oneshot::Receiver<()>, slot: Slot) {
    if timeout(DEADLINE, done).await.is_err() {
        terminate(group);
    }
    drop(slot);
}

impl AsyncRead for Running {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(context, buffer)
    }
}

async fn log_complaints(service: Service, mut stderr: ChildStderr) {
    let mut bytes = Vec::new();
    let read = (&mut stderr)
        .take(MAX_COMPLAINT)
        .read_to_end(&mut bytes)
        .await;
    let complaint = String::from_utf8_lossy(&bytes);
    if read.is_ok() && !complaint.trim().is_empty() {
        tracing::warn!(service = service.name(), "git: {:?}", complaint.trim());
    }
    // git must not stand still because nobody reads on.
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
}

/// True for what git itself sends: `version=2`, and at most a few more such words.
fn is_protocol(value: &str) -> bool {
    value.len() <= 64
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b':' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_protocol_header_is_passed_on() {
        assert!(is_protocol("version=2"));
        assert!(is_protocol("version=2:x"));
        assert!(!is_protocol("version=2\nx"));
        assert!(!is_protocol(&"x".repeat(65)));
    }

    #[test]
    fn nothing_of_the_hubs_environment_reaches_git() {
        let run = Service::Upload.advertising();
        let command = run.command(Path::new("/x"), Some("version=2"));
        let names: Vec<_> = command
            .as_std()
            .get_envs()
            .map(|(k, _)| k.to_owned())
            .collect();
        assert_eq!(
            names,
            [
                "GIT_CONFIG_GLOBAL",
                "GIT_CONFIG_NOSYSTEM",
                "GIT_PROTOCOL",
                "GIT_TERMINAL_PROMPT",
                "HOME",
                "LC_ALL",
                "PATH"
            ]
        );
    }
}
