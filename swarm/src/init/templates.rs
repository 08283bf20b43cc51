//! What init writes, rendered from `templates/project/`.

use ticket::backend::{Backend, PromptBy};
use toml::Value;

use super::Options;
use super::detect::Detected;
use crate::config::{
    DEFAULT_BASE_IMAGE, DEFAULT_CLAUDE_VERSION, DEFAULT_CODEX_VERSION, DEFAULT_GEMINI_VERSION,
    DEFAULT_OPENCODE_VERSION, backend,
};

const CONFIG: &str = include_str!("../../../templates/project/config.toml");
const VERIFY: &str = include_str!("../../../templates/project/verify.sh");
const SETUP: &str = include_str!("../../../templates/project/project-setup.sh");
const DESCRIPTION: &str = include_str!("../../../templates/project/PROJECT.md");
const SEED: &str = include_str!("../../../templates/project/seed-ticket.md");

/// What stands in verify.sh when nobody knows how the project is tested.
const UNKNOWN_TEST: &str = r#"echo "verify.sh does not know yet how this project is tested: write the commands into it" >&2
exit 1"#;
/// What stands in project-setup.sh then.
const UNKNOWN_SETUP: &str =
    "# apt-get update && apt-get install --yes --no-install-recommends ...\n:";

/// `config.toml` for a project.
pub fn config(name: &str, branch: &str, base_image: &str, options: &Options) -> String {
    CONFIG
        .replace("@NAME@", &quoted(name))
        .replace("@BRANCH@", &quoted(branch))
        .replace("@BASE@", &quoted(base_image))
        .replace("@CLAUDE_VERSION@", &quoted(DEFAULT_CLAUDE_VERSION))
        .replace("@CODEX_VERSION@", &quoted(DEFAULT_CODEX_VERSION))
        .replace("@OPENCODE_VERSION@", &quoted(DEFAULT_OPENCODE_VERSION))
        .replace("@GEMINI_VERSION@", &quoted(DEFAULT_GEMINI_VERSION))
        .replace("@BACKEND@", &backend_lines(&options.backend))
        .replace("@PROPOSALS@", &options.proposals.to_string())
}

/// The configuration with another base image.
pub fn with_base_image(text: &str, image: &str) -> String {
    let mut section = "";
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.trim();
        }
        let is_base = line
            .split('=')
            .next()
            .is_some_and(|key| key.trim() == "base");
        lines.push(match section == "[image]" && is_base {
            true => format!("base = {}", quoted(image)),
            false => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

/// Every key with its default, for whoever looks for what else there is.
pub fn config_reference() -> String {
    let all = config("", "main", DEFAULT_BASE_IMAGE, &Options::default());
    format!(
        "# Every key with its default, as this version knows them. Written by swarm, read by nobody:\n\
         # change config.toml instead.\n\n{all}"
    )
}

/// `verify.sh`.
pub fn verify(detected: Option<&Detected>) -> String {
    VERIFY.replace("@COMMANDS@", detected.map_or(UNKNOWN_TEST, |d| &d.verify))
}

/// `project-setup.sh`.
pub fn setup(detected: Option<&Detected>) -> String {
    SETUP.replace("@COMMANDS@", detected.map_or(UNKNOWN_SETUP, |d| &d.setup))
}

/// `PROJECT.md`.
pub fn description(name: &str) -> String {
    DESCRIPTION.replace("@NAME@", name)
}

/// Title and text of the first ticket.
pub fn seed_ticket() -> (&'static str, &'static str) {
    let (title, text) = SEED.split_once('\n').unwrap_or((SEED, ""));
    (title.trim(), text.trim())
}

fn backend_lines(backend: &Backend) -> String {
    let list = |args: &[String]| {
        let args = args.iter().map(|arg| Value::String(arg.clone()));
        Value::Array(args.collect()).to_string()
    };
    let mut lines = format!(
        "kind = {}\nprogram = {}\nargs = {}",
        quoted(backend.kind.as_str()),
        quoted(&backend.program),
        list(&backend.args)
    );
    if backend.prompt != backend::defaults(backend.kind).prompt {
        let prompt = match backend.prompt {
            PromptBy::Stdin => "stdin",
            PromptBy::Argument => "argument",
            PromptBy::File => "file",
        };
        lines.push_str(&format!("\nprompt = {}", quoted(prompt)));
    }
    lines
}

fn quoted(text: &str) -> String {
    Value::String(text.into()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ticket::backend::Kind;

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_reference_says_every_default() {
        let found = Config::parse(&config_reference(), Path::new("c")).unwrap();
        assert_eq!(found, Config::default());
    }

    #[test]
    fn what_init_is_told_survives_the_file() {
        let backend = Backend {
            program: "a \"b\"".into(),
            args: vec!["--x".into(), "{prompt_file}".into()],
            prompt: PromptBy::File,
            ..backend::defaults(Kind::Command)
        };
        let options = Options {
            base_image: None,
            backend: backend.clone(),
            proposals: false,
            seed: false,
            nested: false,
        };
        let text = config("it's \"mine\"\\", "feature/x", "python:3.12", &options);
        let found = Config::parse(&text, Path::new("c")).unwrap();
        assert_eq!(found.project.name, "it's \"mine\"\\");
        assert_eq!(found.project.branch, "feature/x");
        assert_eq!(found.image.base, "python:3.12");
        assert_eq!(found.agents.backend, backend);
        assert!(!found.proposals.enabled);
    }

    #[test]
    fn no_placeholder_is_left() {
        let texts = [
            config_reference(),
            verify(None),
            setup(None),
            description("x"),
            seed_ticket().1.into(),
        ];
        for text in texts {
            assert!(!text.contains('@'), "{text}");
        }
    }
}
