//! `swarm completions` and `swarm man`: what a shell and `man` want to know of the commands.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use super::talk::say;
use crate::cli::Cli;

/// Prints the script that completes `swarm` in this shell.
pub fn run(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "swarm", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}

/// Writes one manual page for each command into this folder.
pub fn man(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    say(format!("Wrote the manual pages into {}", folder.display()));
    Ok(())
}
