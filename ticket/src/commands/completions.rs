//! `ticket completions`.

use clap::CommandFactory;
use ticket::Result;

use super::print::raw;
use crate::cli::Cli;

pub fn run(shell: clap_complete::Shell) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ticket", &mut script);
    raw(&script)
}
