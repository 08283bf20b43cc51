//! A program in a container that runs already, with our terminal or our pipes around it.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::io::AsyncWrite;

use super::{Fleet, FleetError, Result};

/// What a program printed.
pub enum Printed {
    /// On standard output, or on the terminal.
    Out(Vec<u8>),
    /// On standard error.
    Err(Vec<u8>),
}

/// A program that was started.
pub struct Program {
    id: String,
    fleet: Fleet,
    /// What it prints, to its end.
    pub output: Pin<Box<dyn Stream<Item = Result<Printed>> + Send>>,
    /// Its standard input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Fleet {
    /// Starts `command` in the container, in `folder`; on a terminal of its own where `terminal` says so.
    pub async fn exec(
        &self,
        container: &str,
        command: &[String],
        folder: &str,
        terminal: bool,
    ) -> Result<Program> {
        let term = std::env::var("TERM").unwrap_or_else(|_| "xterm".into());
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(terminal),
            env: terminal.then(|| vec![format!("TERM={term}")]),
            cmd: Some(command.to_vec()),
            working_dir: Some(folder.to_owned()),
            ..CreateExecOptions::default()
        };
        let made = self.docker.create_exec(container, options).await?;
        let options = StartExecOptions {
            tty: terminal,
            ..StartExecOptions::default()
        };
        match self.docker.start_exec(&made.id, Some(options)).await? {
            StartExecResults::Attached { output, input } => Ok(Program {
                id: made.id,
                fleet: self.clone(),
                output: output.map_ok(printed).map_err(FleetError::from).boxed(),
                input,
            }),
            StartExecResults::Detached => Err(FleetError::Engine(format!(
                "{container}: the engine let go of the program"
            ))),
        }
    }
}

impl Program {
    /// Tells the program's terminal how large it is, in characters.
    pub async fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        let size = ResizeExecOptions {
            height: rows,
            width: columns,
        };
        Ok(self.fleet.docker.resize_exec(&self.id, size).await?)
    }

    /// The exit code, once it has ended; none while it runs.
    pub async fn exit_code(&self) -> Result<Option<i64>> {
        Ok(self.fleet.docker.inspect_exec(&self.id).await?.exit_code)
    }
}

fn printed(output: LogOutput) -> Printed {
    match output {
        LogOutput::StdErr { message } => Printed::Err(message.to_vec()),
        LogOutput::StdOut { message }
        | LogOutput::StdIn { message }
        | LogOutput::Console { message } => Printed::Out(message.to_vec()),
    }
}
