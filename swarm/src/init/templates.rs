//! What init writes, rendered from `templates/project/`.

use serde_json::json;

use super::Options;
use super::detect::Detected;
use crate::config::{Config, backend, edit};

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

/// `config.json` for a project: what was decided at init, and no default.
pub fn config(name: &str, branch: &str, base_image: &str, options: &Options) -> String {
    let mut backend = json!({ "kind": options.backend.kind });
    let usual = backend::defaults(options.backend.kind);
    let own = &options.backend;
    for (key, is_own, value) in [
        ("program", own.program != usual.program, json!(own.program)),
        ("args", own.args != usual.args, json!(own.args)),
        ("prompt", own.prompt != usual.prompt, json!(own.prompt)),
    ] {
        if is_own {
            backend[key] = value;
        }
    }
    let mut config = json!({
        "project": { "name": name, "branch": branch },
        "agents": { "count": Config::default().agents.count, "backend": backend },
        "image": { "base": base_image },
    });
    if !options.proposals {
        config["proposals"] = json!({ "enabled": false });
    }
    edit::fresh(&config)
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ticket::backend::{Backend, Kind, PromptBy};

    use super::*;

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
