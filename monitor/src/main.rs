//! Starts the hub, and ends it when it is told to: by SIGTERM, SIGINT, or `swarm stop`. With `--keep` it
//! starts the hub as another process and looks after that.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use monitor::cli::Cli;
use monitor::hub::Running;
use monitor::keep;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let ended = match cli.keep {
        true => keep_hub(),
        false => hub(cli),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("monitor: {error:#}");
            ExitCode::from(ticket::exit::REFUSED)
        }
    }
}

fn keep_hub() -> anyhow::Result<u8> {
    let arguments = keep::hub_arguments(std::env::args_os().skip(1));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(keep::run(&arguments))
}

fn hub(cli: Cli) -> anyhow::Result<u8> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(cli))?;
    Ok(ticket::exit::OK)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = Running::start(cli.into()).await?;
    tracing::info!(
        "people reach the hub at {}, agents at {}",
        running.human,
        running.agents
    );
    let closing = running.hub.closing.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
        closing.cancel();
    });
    running.ended().await
}
