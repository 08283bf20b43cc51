//! `swarm pull`: brings what landed into the human's branch.

use anyhow::Result;
use serde_json::{Value, json};
use swarm::Project;
use swarm::config::Config;
use swarm::pull::{Allow, Finding, Pulled, pull};
use ticket::exit;
use ticket::text::one_line;

use super::talk::say;
use super::{count, print_json};

/// How many files a held pull lists.
const LISTED: usize = 200;
/// How many of them stand in the command that shows them.
const IN_COMMAND: usize = 8;

pub fn run(project: &Project, allow: Option<String>, json: bool) -> Result<u8> {
    let config = Config::load(project)?;
    let branch = &config.project.branch;
    let allow = match allow {
        None => Allow::Nothing,
        Some(commit) if commit.is_empty() => Allow::Everything,
        Some(commit) => Allow::UpTo(commit),
    };
    let pulled = pull(project, branch, &allow)?;
    match json {
        true => print_json(&document(branch, &pulled))?,
        false => tell(branch, &pulled),
    }
    Ok(match pulled {
        Pulled::Held { .. } => exit::REFUSED,
        _ => exit::OK,
    })
}

/// Says what a pull did; one that is held is an error.
pub fn tell(branch: &str, pulled: &Pulled) {
    let text = sentence(branch, pulled);
    match pulled {
        Pulled::Held { .. } => eprintln!("error: {text}"),
        _ => say(text),
    }
}

/// What a pull did, for `--json`.
pub fn document(branch: &str, pulled: &Pulled) -> Value {
    match pulled {
        Pulled::UpToDate => json!({ "branch": branch, "result": "up-to-date" }),
        Pulled::Ahead(commits) => {
            json!({ "branch": branch, "result": "ahead", "commits": commits })
        }
        Pulled::Moved {
            from,
            to,
            commits,
            checked_out,
        } => json!({
            "branch": branch,
            "result": "moved",
            "from": from.to_string(),
            "to": to.to_string(),
            "commits": commits,
            "checked_out": checked_out,
        }),
        Pulled::Held { from, to, findings } => {
            let findings = findings.iter().map(|finding| {
                let path = String::from_utf8_lossy(&finding.path);
                json!({ "path": path, "why": finding.why })
            });
            json!({
                "branch": branch,
                "result": "held",
                "from": from.to_string(),
                "to": to.to_string(),
                "findings": findings.collect::<Value>(),
            })
        }
    }
}

fn sentence(branch: &str, pulled: &Pulled) -> String {
    match pulled {
        Pulled::UpToDate => format!("'{branch}' is up to date."),
        Pulled::Ahead(commits) => format!(
            "'{branch}' is up to date, with {} of yours that the swarm takes over at its next start.",
            count(*commits, "commit")
        ),
        Pulled::Moved {
            from,
            to,
            commits,
            checked_out,
        } => {
            let commits = count(*commits, "commit");
            let elsewhere = match checked_out {
                true => "",
                false => " (another branch is checked out: no file changed)",
            };
            format!(
                "'{branch}' moved by {commits}: {:.7}..{:.7}{elsewhere}.",
                from.to_string(),
                to.to_string()
            )
        }
        Pulled::Held { from, to, findings } => {
            let (from, to) = (from.to_string(), to.to_string());
            held(branch, &from[..10], &to[..10], findings)
        }
    }
}

fn held(branch: &str, from: &str, to: &str, findings: &[Finding]) -> String {
    let mut lines = vec![format!(
        "'{branch}' was not moved. Look at this first, it may run on your machine once it is there:"
    )];
    let name = |finding: &Finding| one_line(&String::from_utf8_lossy(&finding.path));
    let listed = findings.iter().take(LISTED);
    lines.extend(listed.map(|finding| format!("  {}: {}", name(finding), finding.why)));
    if let Some(more) = findings.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more"));
    }
    let mut paths: Vec<String> = findings.iter().map(name).collect();
    paths.dedup();
    let paths = match paths.len() > IN_COMMAND {
        true => String::new(),
        false => format!(" -- {}", shell_words::join(&paths)),
    };
    lines.push(format!("See it:   git diff {from} {to}{paths}"));
    lines.push(format!("Bring it: swarm pull --allow {to}"));
    lines.join("\n")
}
