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
        Err(error) => {
            let _ = error.print();
            let code = if error.use_stderr() {
                ticket::exit::USAGE
            } else {
                ticket::exit::OK
            };
            return ExitCode::from(code);
        }
    };
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("ticket: {}", ticket::text::plain(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}
