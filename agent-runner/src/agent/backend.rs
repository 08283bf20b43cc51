//! From the project's settings to a program ready to start: its arguments, how the prompt reaches it,
//! its environment, and the reader of its output. What differs between agent CLIs is data.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ticket::backend::{
    ARGS, AgentCli, BUDGET_FLAG, Backend, CONVERSATION, MODEL, MODEL_FLAG, Output, PROMPT,
    PROMPT_FILE, PromptBy, SESSION, USD,
};
use ticket::prompt::Kind;
use ticket::transcript::{Begin, Key};
use ticket::usd::Usd;
use ticket::wire::AgentSettings;

use super::codex::Codex;
use super::gemini::Gemini;
use super::mentions::escape_mentions;
use super::opencode::Opencode;
use super::patterns::Patterns;
use super::stream::Transcript;
use super::stream::archive::Archive;
use super::text::Text;
use super::{Place, Reader, Session};
use crate::environment::inherit;

/// An agent has no terminal: nothing may ask there, page or open an editor.
const NO_TERMINAL: [(&str, &str); 4] = [
    ("GIT_EDITOR", "true"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("PAGER", "cat"),
];
/// What the kernel takes as one argument, in bytes.
const ARGUMENT_LIMIT: usize = 128 * 1024 - 1;

/// A program ready to start.
pub struct Invocation {
    /// The program.
    pub command: Command,
    /// What it gets on standard input.
    pub stdin: Vec<u8>,
    /// Understands what it prints.
    pub reader: Box<dyn Reader>,
}

/// The beginning of a run's transcript.
pub fn begin(cli: &AgentCli, agent: &str, run: Key, kind: Kind, session: &Session) -> Begin {
    let known = session.is_resumed() || cli.backend.names_sessions();
    Begin {
        agent: agent.to_owned(),
        run: run.to_string(),
        phase: kind.as_str().to_owned(),
        backend: cli.backend.name.clone(),
        format: cli.backend.output,
        model: cli.model.clone(),
        session: known.then(|| session.id().to_owned()),
        resumed: session.is_resumed(),
    }
}

impl Invocation {
    /// Puts a run together. The session is only for backends that can resume one.
    pub fn new(
        cli: &AgentCli,
        settings: &AgentSettings,
        place: &Place,
        prompt: &str,
        session: &Session,
    ) -> io::Result<Invocation> {
        let backend = &cli.backend;
        let escaped;
        let prompt = match backend.attaches_files {
            true => {
                escaped = escape_mentions(prompt);
                &escaped
            }
            false => prompt,
        };
        let mut words = arguments(backend, cli.model.as_deref(), session, place.may_spend);
        let mut stdin = Vec::new();
        match backend.prompt {
            PromptBy::Stdin => stdin = prompt.as_bytes().to_vec(),
            PromptBy::Argument => pass(&mut words, PROMPT, prompt)?,
            PromptBy::File => {
                let file = place.tmp.join("prompt.txt");
                write_private(&file, prompt)?;
                pass(&mut words, PROMPT_FILE, &file.to_string_lossy())?;
            }
        }
        let mut command = Command::new(&backend.program);
        command.args(words);
        inherit(&mut command);
        let secrets = settings
            .secrets
            .iter()
            .filter(|(name, _)| backend.wants_secret(name));
        command
            .envs(NO_TERMINAL)
            .envs(&backend.env)
            .current_dir(&place.tree)
            .env("HOME", &place.home)
            .env("TMPDIR", &place.tmp)
            .envs(&settings.env)
            .envs(secrets)
            .envs(place.env.iter().cloned());
        Ok(Invocation {
            command,
            stdin,
            reader: reader(cli, settings, place, session)?,
        })
    }
}

/// Where Claude Code keeps its conversations.
fn claude_folder(cli: &AgentCli, settings: &AgentSettings, place: &Place) -> PathBuf {
    let set = |env: &BTreeMap<String, String>| env.get("CLAUDE_CONFIG_DIR").cloned();
    match set(&settings.env).or_else(|| set(&cli.backend.env)) {
        Some(folder) => place.tree.join(folder),
        None => place.home.join(".claude"),
    }
}

/// Understands what the backend prints.
fn reader(
    cli: &AgentCli,
    settings: &AgentSettings,
    place: &Place,
    session: &Session,
) -> io::Result<Box<dyn Reader>> {
    let patterns = Patterns::new(&cli.backend.patterns)?;
    let model = cli.model.as_deref();
    Ok(match cli.backend.output {
        Output::Text => Box::new(Text::new(patterns)),
        Output::ClaudeStreamJson => {
            let archive = Archive::before(&claude_folder(cli, settings, place), session.id());
            Box::new(Transcript::new(session.is_resumed()).with_archive(archive))
        }
        Output::CodexJson => {
            let resumed = session.is_resumed().then(|| session.id());
            Box::new(Codex::new(patterns, model, place.home.clone(), resumed))
        }
        Output::OpencodeJson => Box::new(Opencode::new(patterns, model)),
        Output::GeminiStreamJson => Box::new(Gemini::new(patterns)),
    })
}

/// All arguments but the prompt.
fn arguments(
    backend: &Backend,
    model: Option<&str>,
    session: &Session,
    may_spend: Option<Usd>,
) -> Vec<String> {
    let may_spend = may_spend.filter(|most| own_budget(backend).is_none_or(|own| own > *most));
    let conversation = match session {
        Session::New(_) => &backend.new_session,
        Session::Resume(_) => &backend.resume,
    };
    let mut words = Vec::new();
    for word in &backend.call {
        let list: &[String] = match word.as_str() {
            ARGS => &backend.args,
            CONVERSATION => conversation,
            MODEL_FLAG if model.is_some() => &backend.model_flag,
            MODEL_FLAG => &[],
            BUDGET_FLAG if may_spend.is_some() => &backend.budget_flag,
            BUDGET_FLAG => &[],
            _ => std::slice::from_ref(word),
        };
        words.extend(list.iter().map(|word| {
            word.replace(MODEL, model.unwrap_or_default())
                .replace(SESSION, session.id())
                .replace(USD, &may_spend.unwrap_or_default().dollars().to_string())
        }));
    }
    words
}

/// The budget that the project gives each run, among the further arguments.
fn own_budget(backend: &Backend) -> Option<Usd> {
    let flag = backend.budget_flag.first()?;
    let mut words = backend.args.iter().skip_while(|word| *word != flag);
    words.nth(1)?.parse().ok()
}

/// Puts `value` where `mark` stands, or behind everything else.
fn pass(words: &mut Vec<String>, mark: &str, value: &str) -> io::Result<()> {
    let marked = words.iter().any(|word| word.contains(mark));
    for word in words.iter_mut() {
        *word = word.replace(mark, value);
    }
    if !marked {
        words.push(value.to_owned());
    }
    match words.iter().map(String::len).max() {
        Some(length) if length > ARGUMENT_LIMIT => Err(io::Error::other(format!(
            "the prompt makes an argument of {length} bytes, and {ARGUMENT_LIMIT} are the most: set prompt = \"stdin\" or \"file\" for this backend"
        ))),
        _ => Ok(()),
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
pub(super) mod tests;
