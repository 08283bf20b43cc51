//! The `ticket` command: parses, opens the queue, runs one command, exits.

mod cli;
mod commands;
mod door;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ticket::text::quiet_broken_pipe();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(cli::refuse(&error)),
    };
    let format = cli.format;
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => ExitCode::from(commands::fail(format, &error)),
    }
}
