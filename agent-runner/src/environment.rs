//! What a child process inherits: the image's variables, none of the runner's and no secret. The
//! agent CLI gets its credential on top of this; verify.sh and git never do.

use std::ffi::OsString;
use std::process::Command;

/// What belongs to the runner, the queue or git, by the beginning of its name.
const WITHHELD_PREFIXES: [&str; 4] = ["SWARM_", "TICKET_", "GIT_", "AGENT_"];
/// Credentials that a plain process may have around it.
const WITHHELD: [&str; 9] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CODEX_API_KEY",
    "GEMINI_API_KEY",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "OPENAI_API_KEY",
    "SSH_AUTH_SOCK",
];

/// Gives `command` the inherited variables and nothing else.
pub fn inherit(command: &mut Command) {
    command.env_clear();
    command.envs(kept(std::env::vars_os()));
    command.env("TERM", "dumb");
    if std::env::var_os("LANG").is_none() {
        command.env("LANG", "C.UTF-8");
    }
}

fn kept(
    vars: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    vars.filter(|(name, _)| {
        let name = name.to_string_lossy();
        !WITHHELD.contains(&&*name) && !WITHHELD_PREFIXES.iter().any(|p| name.starts_with(p))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_own_variables_and_credentials_stay_behind() {
        let vars = [
            "PATH",
            "JAVA_HOME",
            "SWARM_CODE",
            "TICKET_TOKEN",
            "GIT_DIR",
            "ANTHROPIC_API_KEY",
        ];
        let names: Vec<OsString> = kept(vars.iter().map(|v| (v.into(), "x".into())))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["PATH", "JAVA_HOME"]);
    }
}
