//! From the project's settings to a program ready to start: which backend, its arguments, how the
//! prompt reaches it, its environment.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ticket::wire::{AgentSettings, Backend, PromptBy};

use super::claude::{self, Session};
use super::command::Plain;
use super::stream::Transcript;
use super::stream::archive::Archive;
use super::{Place, Reader};
use crate::environment::inherit;

/// Stands for the prompt in an argument.
const PROMPT: &str = "{prompt}";
/// Stands for the name of a file that holds the prompt.
const PROMPT_FILE: &str = "{prompt_file}";

/// An agent has no terminal: nothing may ask there, page or open an editor.
const NO_TERMINAL: [(&str, &str); 4] = [
    ("GIT_EDITOR", "true"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("PAGER", "cat"),
];

/// A program ready to start.
pub struct Invocation {
    /// The program.
    pub command: Command,
    /// What it gets on standard input.
    pub stdin: Vec<u8>,
    /// Understands what it prints.
    pub reader: Box<dyn Reader>,
}

/// What the backend is called.
pub fn name(backend: &Backend) -> &'static str {
    match backend {
        Backend::Claude { .. } => "claude",
        Backend::Command { .. } => "command",
    }
}

/// Whether the backend can go on with an earlier conversation.
pub fn can_resume(backend: &Backend) -> bool {
    match backend {
        Backend::Claude { .. } => true,
        Backend::Command { .. } => false,
    }
}

impl Invocation {
    /// Puts a run together. The session is only for backends that can resume one.
    pub fn new(
        settings: &AgentSettings,
        place: &Place,
        prompt: &str,
        session: &Session,
    ) -> io::Result<Invocation> {
        let mut invocation = match &settings.backend {
            Backend::Claude { program, args } => Invocation {
                command: claude::command(program, args, settings.model.as_deref(), session),
                stdin: claude::escape_mentions(prompt).into_bytes(),
                reader: Box::new(
                    Transcript::new(matches!(session, Session::Resume(_))).with_archive(
                        Archive::before(&claude_folder(settings, place), session.id()),
                    ),
                ),
            },
            Backend::Command {
                program,
                args,
                prompt: by,
            } => plain(program, args, *by, prompt, &place.tmp)?,
        };
        inherit(&mut invocation.command);
        invocation.command.envs(NO_TERMINAL);
        if matches!(settings.backend, Backend::Claude { .. }) {
            invocation.command.envs(claude::ENVIRONMENT);
        }
        invocation
            .command
            .current_dir(&place.tree)
            .env("HOME", &place.home)
            .env("TMPDIR", &place.tmp)
            .envs(&settings.env)
            .envs(&settings.secrets)
            .envs(place.env.iter().cloned());
        Ok(invocation)
    }
}

/// Where Claude Code keeps its conversations.
fn claude_folder(settings: &AgentSettings, place: &Place) -> PathBuf {
    match settings.env.get("CLAUDE_CONFIG_DIR") {
        Some(folder) => place.tree.join(folder),
        None => place.home.join(".claude"),
    }
}

fn plain(
    program: &str,
    args: &[String],
    by: PromptBy,
    prompt: &str,
    tmp: &Path,
) -> io::Result<Invocation> {
    let mut args = args.to_vec();
    let mut stdin = Vec::new();
    match by {
        PromptBy::Stdin => stdin = prompt.as_bytes().to_vec(),
        PromptBy::Argument => fill(&mut args, PROMPT, prompt),
        PromptBy::File => {
            let file = tmp.join("prompt.txt");
            write_private(&file, prompt)?;
            fill(&mut args, PROMPT_FILE, &file.to_string_lossy());
        }
    }
    let mut command = Command::new(program);
    command.args(args);
    Ok(Invocation {
        command,
        stdin,
        reader: Box::<Plain>::default(),
    })
}

/// Puts `value` where `mark` stands, or behind everything else.
fn fill(args: &mut Vec<String>, mark: &str, value: &str) {
    let marked = args.iter().any(|a| a.contains(mark));
    for arg in args.iter_mut() {
        *arg = arg.replace(mark, value);
    }
    if !marked {
        args.push(value.to_owned());
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_goes_where_it_is_wanted() {
        for (args, expected) in [
            (
                vec!["--ask", "{prompt}", "--yes"],
                vec!["--ask", "P", "--yes"],
            ),
            (vec!["--ask={prompt}"], vec!["--ask=P"]),
            (vec!["run"], vec!["run", "P"]),
        ] {
            let mut args: Vec<String> = args.into_iter().map(Into::into).collect();
            fill(&mut args, PROMPT, "P");
            assert_eq!(args, expected);
        }
    }
}
