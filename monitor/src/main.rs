//! Starts the hub, and ends it when it is told to: by SIGTERM, SIGINT, or `swarm stop`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use monitor::cli::Cli;
use monitor::hub::Running;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run(cli).await {
        Ok(()) => ExitCode::from(ticket::exit::OK),
        Err(error) => {
            eprintln!("monitor: {error:#}");
            ExitCode::from(ticket::exit::REFUSED)
        }
    }
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
