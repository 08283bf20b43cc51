//! `swarm init`: makes a folder a project, says what it wrote, and has the agent CLI ask the human about
//! it.

use std::io::{IsTerminal, Read, Write, stderr, stdin, stdout};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use swarm::Project;
use swarm::config::Config;
use swarm::config::backend::defaults;
use swarm::init::{self, Detected, Done, Options};
use swarm::interview::conversation::Interviewer;
use swarm::interview::take::{Taken, take};
use swarm::interview::{self, rules};
use ticket::backend::{Backend, Kind, PromptBy};
use ticket::text::one_line;

use super::talk::say;
use super::{count, print_json};
use crate::cli::{BackendKind, Init};

/// The longest description that is read from a file, in bytes.
const LONGEST_BRIEF: u64 = 256 << 10;

pub fn run(arguments: Init) -> Result<()> {
    let brief = arguments.from_prompt.as_deref().map(brief).transpose()?;
    let json = arguments.json;
    let asks = !arguments.no_interview && !json;
    if let Ok(project) = Project::open(&arguments.dir) {
        return match (brief, asks && is_terminal()) {
            (Some(brief), _) => again(&project, Some(&brief), json),
            (None, true) => ask_again(&project),
            (None, false) => Err(init::already(project.root())),
        };
    }
    let options = Options {
        backend: backend(arguments.backend, arguments.command.as_deref())?,
        base_image: arguments.base_image,
        ..Options::default()
    };
    let done = init::init(&arguments.dir, &options)?;
    let obstacle = match (&brief, asks) {
        (None, false) => Some(None),
        (Some(_), _) => obstacle(&options.backend).map(Some),
        (None, true) => obstacle(&options.backend)
            .or_else(|| (!is_terminal()).then(no_terminal))
            .map(Some),
    };
    if !json {
        say(report(&done, obstacle.is_none()));
    }
    let interview = match &obstacle {
        Some(why) => {
            if let Some(why) = why.as_ref().filter(|_| !json) {
                say(why);
            }
            None
        }
        None => {
            let about = About {
                project: &done.project,
                branch: &done.branch,
                base_image: &done.base_image,
                backend: &options.backend,
                detected: done.detected.as_ref(),
                seed: done.seed,
            };
            about.interview(brief.as_deref(), json)?
        }
    };
    if json {
        return print_json(&document(&done, interview.as_ref(), obstacle.flatten()));
    }
    say("Next: 'swarm start', then 'ticket create \"...\"', then 'swarm pull'.");
    Ok(())
}

/// A project that is there already keeps everything; only the interview can be held once more.
fn ask_again(project: &Project) -> Result<()> {
    let place = project.root().display();
    eprint!(
        "{place} is a swarm project already. Hold the interview again? Tickets, settings and code stay; PROJECT.md and the scripts are written anew. [y/N] "
    );
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => again(project, None, false),
        _ => {
            say("Nothing was changed.");
            Ok(())
        }
    }
}

fn again(project: &Project, brief: Option<&str>, json: bool) -> Result<()> {
    let config = Config::load(project)?;
    let backend = config.agents.backend.clone();
    if let Some(why) = obstacle(&backend) {
        bail!("{why}");
    }
    init::must_be_on(project, &config.project.branch)?;
    let detected = init::detect(project.root());
    let about = About {
        project,
        branch: &config.project.branch,
        base_image: &config.image.base,
        backend: &backend,
        detected: detected.as_ref(),
        seed: None,
    };
    let interview = about.interview(brief, json)?;
    match json {
        true => print_json(&json!({
            "project": project.root(),
            "branch": config.project.branch,
            "interview": interview.as_ref().map(settled),
        })),
        false => Ok(()),
    }
}

/// What an interview is about.
struct About<'a> {
    project: &'a Project,
    branch: &'a str,
    base_image: &'a str,
    backend: &'a Backend,
    detected: Option<&'a Detected>,
    seed: Option<i64>,
}

impl About<'_> {
    /// Holds it and takes over what it found out. One that the human ends leaves everything as it is, and
    /// comes to nothing.
    fn interview(&self, brief: Option<&str>, json: bool) -> Result<Option<Taken>> {
        let name = self.project.root().file_name().unwrap_or_default();
        let rules = rules(
            self.project,
            &name.to_string_lossy(),
            self.base_image,
            self.detected,
            brief.is_none(),
        );
        let interviewer = Interviewer {
            project: self.project,
            program: &self.backend.program,
            rules: &rules,
        };
        let root = self.project.root().display();
        match brief {
            Some(brief) => {
                let program = &self.backend.program;
                if !json {
                    say(format!(
                        "{program} reads the description and writes PROJECT.md and verify.sh …"
                    ));
                }
                interviewer.read(brief).with_context(|| {
                    format!("{root} is a project all the same, with what 'swarm init' wrote")
                })?;
            }
            None => {
                say(format!(
                    "Now {} asks you about the project. /exit ends that at any time.",
                    self.backend.program
                ));
                if !interviewer.ask()? {
                    say(format!(
                        "The interview ended before it was finished, and what was written before stays. 'swarm init {root}' asks again."
                    ));
                    return Ok(None);
                }
            }
        }
        let taken = take(self.project, self.branch, self.seed)?;
        if let Some(image) = &taken.base_image {
            init::set_base_image(self.project, image)?;
        }
        if !json {
            say(outcome(self.branch, &taken));
        }
        Ok(Some(taken))
    }
}

/// Why there can be no interview with this agent CLI; none when there can.
fn obstacle(backend: &Backend) -> Option<String> {
    if let Err(why) = interview::possible(backend) {
        return Some(why);
    }
    let program = &backend.program;
    (!is_there(program)).then(|| {
        format!(
            "There is no program '{program}' here, so no interview: install it and run 'swarm init' again, or describe the project in PROJECT.md yourself."
        )
    })
}

fn no_terminal() -> String {
    "There is no terminal, so no interview: run 'swarm init' again in one, or use --from-prompt FILE.".into()
}

fn is_terminal() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Whether the shell would find the program.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).map(|folder| folder.join(program));
    program.contains('/') && Path::new(program).is_file() || places.into_iter().any(|p| p.is_file())
}

/// What the human wrote down; `-` is standard input.
fn brief(file: &Path) -> Result<String> {
    let mut text = String::new();
    let place = file.display();
    let read = match file.as_os_str() == "-" {
        true => stdin().take(LONGEST_BRIEF + 1).read_to_string(&mut text),
        false => std::fs::File::open(file)
            .and_then(|file| file.take(LONGEST_BRIEF + 1).read_to_string(&mut text)),
    };
    read.with_context(|| format!("cannot read {place}"))?;
    if text.len() as u64 > LONGEST_BRIEF {
        bail!("{place} is longer than {} KiB", LONGEST_BRIEF >> 10);
    }
    if text.trim().is_empty() {
        bail!("{place} is empty: write into it what the project is to be");
    }
    Ok(text)
}

fn backend(kind: BackendKind, command: Option<&str>) -> Result<Backend> {
    match (kind, command) {
        (BackendKind::Claude, None) => Ok(defaults(Kind::Claude)),
        (BackendKind::Codex, None) => Ok(defaults(Kind::Codex)),
        (BackendKind::Opencode, None) => Ok(defaults(Kind::Opencode)),
        (BackendKind::Gemini, None) => Ok(defaults(Kind::Gemini)),
        (BackendKind::Command, line) => {
            let words = shell_words::split(line.unwrap_or_default())
                .context("--command has a quote that does not end")?;
            let Some((program, args)) = words.split_first() else {
                bail!("--command names no program");
            };
            Ok(Backend {
                program: program.clone(),
                prompt: prompt_by(args),
                args: args.to_vec(),
                ..defaults(Kind::Command)
            })
        }
        (_, Some(_)) => bail!("--command goes with --backend command"),
    }
}

fn prompt_by(args: &[String]) -> PromptBy {
    let has = |place: &str| args.iter().any(|arg| arg.contains(place));
    match (has("{prompt}"), has("{prompt_file}")) {
        (true, _) => PromptBy::Argument,
        (false, true) => PromptBy::File,
        (false, false) => PromptBy::Stdin,
    }
}

/// What was made. Where an interview follows, what it will settle is left out.
fn report(done: &Done, interview: bool) -> String {
    let mut lines = Vec::new();
    let root = done.project.root().display();
    lines.push(format!(
        "{root} is now a project; work lands on '{}'.",
        done.branch
    ));
    if let Some(0) = done.first_commit {
        lines.push("Made a git repository.".into());
    } else if let Some(files) = done.first_commit {
        let files = count(files, "file");
        lines.push(format!(
            "Made a git repository with {files} in its first commit."
        ));
    }
    lines.push(
        "Made .swarm/: settings, the ticket database, and the repository that agents work from."
            .into(),
    );
    if let Some(taken_over) = &done.taken_over {
        lines.push(taken_over.clone());
    }
    if !done.files.committed.is_empty() {
        let names = done.files.committed.join(", ");
        lines.push(format!(
            "Committed {names} on '{}', and nothing else.",
            done.branch
        ));
    }
    if !done.files.kept.is_empty() {
        let names = done.files.kept.join(", ");
        lines.push(format!("Left as they were: {names}."));
    }
    let has_gate = done.files.kept.iter().any(|name| name == "verify.sh");
    match &done.detected {
        _ if has_gate => lines.push("Your verify.sh is the gate.".into()),
        Some(found) => {
            lines.push(format!(
                "This is {}: look whether verify.sh and project-setup.sh fit.",
                found.what
            ));
            lines.push(format!("verify.sh runs: {}.", commands(&found.verify)));
            if !found.also.is_empty() {
                let also = found.also.join(" and ");
                lines.push(format!("It is {also}, too: verify.sh does not check that yet."));
            }
        }
        None if interview => {}
        None => lines.push("How this project is tested was not recognised: write it into verify.sh (what it needs into project-setup.sh) and commit that, or nothing lands.".into()),
    }
    lines.push(format!(
        "Agents work in an image built on {}; --base-image names another one.",
        done.base_image
    ));
    if done.uncommitted > 0 {
        let files = count(done.uncommitted, "change");
        lines.push(format!(
            "{files} of yours not committed: agents see what is committed."
        ));
    }
    if let Some(ticket) = done.seed.filter(|_| !interview) {
        lines.push(format!(
            "Ticket {ticket} asks the agents to describe the project."
        ));
    }
    lines.join("\n")
}

/// What was made, for `--json`. `obstacle` says why there was no interview where one was wanted.
fn document(done: &Done, interview: Option<&Taken>, obstacle: Option<String>) -> Value {
    let base_image = interview.and_then(|taken| taken.base_image.as_ref());
    json!({
        "project": done.project.root(),
        "branch": done.branch,
        "repository_made": done.first_commit.is_some(),
        "base_image": base_image.unwrap_or(&done.base_image),
        "detected": done.detected.as_ref().map(|found| found.what),
        "unchecked": done.detected.as_ref().map_or(&[][..], |found| &found.also),
        "committed": done.files.committed,
        "kept": done.files.kept,
        "uncommitted": done.uncommitted,
        "ticket": done.seed,
        "taken_over": done.taken_over,
        "interview": interview.map(settled),
        "obstacle": obstacle,
    })
}

/// What an interview settled, for `--json`.
fn settled(taken: &Taken) -> Value {
    let left = taken.left.iter();
    let left = left.map(|(file, draft)| json!({ "file": file, "draft": draft }));
    json!({
        "summary": taken.summary,
        "committed": taken.committed,
        "left": left.collect::<Value>(),
        "base_image": taken.base_image,
        "ticket": taken.ticket,
    })
}

/// The commands among the lines of a script.
fn commands(script: &str) -> String {
    let is_command = |line: &&str| {
        !line.starts_with([' ', '#'])
            && !["export ", "if ", "fi"]
                .iter()
                .any(|word| line.starts_with(word))
    };
    let commands: Vec<&str> = script.lines().filter(is_command).collect();
    commands.join("; ")
}

fn outcome(branch: &str, taken: &Taken) -> String {
    let mut lines = Vec::new();
    if !taken.summary.is_empty() {
        lines.push(one_line(&taken.summary));
    }
    if !taken.committed.is_empty() {
        let names = taken.committed.join(", ");
        lines.push(format!("Committed {names} on '{branch}'."));
    }
    for (name, draft) in &taken.left {
        lines.push(format!(
            "{name} has changes of yours that are not committed, and stays: the new one is {}.",
            draft.display()
        ));
    }
    if let Some(image) = &taken.base_image {
        lines.push(format!("Agents work in an image built on {image}."));
    }
    if let Some(ticket) = taken.ticket {
        lines.push(format!(
            "Ticket {ticket} asks an agent to break PROJECT.md into tickets."
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_becomes_a_backend() {
        let table = [
            ("my-agent", "my-agent", vec![], PromptBy::Stdin),
            (
                "a --say '{prompt} now'",
                "a",
                vec!["--say", "{prompt} now"],
                PromptBy::Argument,
            ),
            (
                "a -f {prompt_file}",
                "a",
                vec!["-f", "{prompt_file}"],
                PromptBy::File,
            ),
        ];
        for (line, program, args, prompt) in table {
            let found = backend(BackendKind::Command, Some(line)).unwrap();
            let expected = Backend {
                program: program.into(),
                args: args.into_iter().map(String::from).collect(),
                prompt,
                ..defaults(Kind::Command)
            };
            assert_eq!(found, expected);
        }
        for bad in ["", "'open"] {
            assert!(backend(BackendKind::Command, Some(bad)).is_err());
        }
    }

    #[test]
    fn the_commands_of_a_script_are_told_without_what_is_around_them() {
        let script = "export A=1\nif [ ! -x b ]; then\n    c\nfi\n# d\ncargo fmt\ncargo test";
        assert_eq!(commands(script), "cargo fmt; cargo test");
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        assert!(is_there("sh") && is_there("/bin/sh"));
        assert!(!is_there("no-such-program-anywhere"));
    }
}
