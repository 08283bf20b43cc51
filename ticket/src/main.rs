//! The `ticket` command: parses, opens the queue, runs one command, exits.

#![cfg_attr(all(unix, not(test)), no_main)]

mod cli;
mod commands;
mod door;
#[cfg(all(unix, not(test)))]
mod start;

use clap::Parser;

/// Returns the exit code.
fn run() -> u8 {
    ticket::text::quiet_broken_pipe();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::refuse(&error),
    };
    let format = cli.format;
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => commands::fail(format, &error),
    }
}

#[cfg(any(not(unix), test))]
fn main() -> std::process::ExitCode {
    run().into()
}
