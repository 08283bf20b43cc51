//! `ticket completions` and `ticket man`: what a shell and `man` want to know of the commands.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use ticket::{Error, Result};

use super::print::raw;
use crate::cli::Cli;

/// Prints the script that completes `ticket` in this shell.
pub fn run(shell: clap_complete::Shell) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ticket", &mut script);
    raw(&script)
}

/// Writes one manual page for each command into this folder.
pub fn man(folder: &Path) -> Result<u8> {
    let failed = |error| Error::Io(format!("cannot write into {}", folder.display()), error);
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    Ok(ticket::exit::OK)
}
