//! `swarm init`: makes a folder a project and says what it wrote.

use anyhow::{Context, Result, bail};
use swarm::config::backend::defaults;
use swarm::init::{self, Done, Options};
use ticket::backend::{Backend, Kind, PromptBy};

use super::count;
use crate::cli::{BackendKind, Init};

pub fn run(arguments: Init) -> Result<()> {
    let mut options = Options {
        backend: backend(arguments.backend, arguments.command.as_deref())?,
        ..Options::default()
    };
    if let Some(image) = arguments.base_image {
        options.base_image = image;
    }
    let done = init::init(&arguments.dir, &options)?;
    if !arguments.no_interview {
        println!("The interview is not part of this version: going on as with --no-interview.");
    }
    print!("{}", report(&done));
    Ok(())
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

fn report(done: &Done) -> String {
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
    lines.push(match (&done.detected, done.files.kept.iter().any(|name| name == "verify.sh")) {
        (_, true) => "Your verify.sh is the gate.".into(),
        (Some(found), false) => {
            format!("This is {}: look whether verify.sh and project-setup.sh fit.", found.what)
        }
        (None, false) => "How this project is tested was not recognised: write it into verify.sh (what it needs into project-setup.sh) and commit that, or nothing lands.".into(),
    });
    if done.uncommitted > 0 {
        let files = count(done.uncommitted, "change");
        lines.push(format!(
            "{files} of yours not committed: agents see what is committed."
        ));
    }
    if let Some(ticket) = done.seed {
        lines.push(format!(
            "Ticket {ticket} asks the agents to describe the project."
        ));
    }
    lines.push("Next: 'swarm start', then 'ticket create \"...\"', then 'swarm pull'.".into());
    lines.join("\n") + "\n"
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
}
