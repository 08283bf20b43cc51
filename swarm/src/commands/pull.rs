//! `swarm pull`: brings what landed into the human's branch.

use anyhow::Result;
use swarm::Project;
use swarm::config::Config;
use swarm::pull::{Pulled, pull};

use super::count;

pub fn run(project: &Project) -> Result<()> {
    let config = Config::load(project)?;
    let branch = &config.project.branch;
    println!("{}", sentence(branch, pull(project, branch)?));
    Ok(())
}

pub fn sentence(branch: &str, pulled: Pulled) -> String {
    match pulled {
        Pulled::UpToDate => format!("'{branch}' is up to date."),
        Pulled::Ahead(commits) => format!(
            "'{branch}' is up to date, with {} of yours that the swarm takes over at its next start.",
            count(commits, "commit")
        ),
        Pulled::Moved {
            from,
            to,
            commits,
            checked_out,
        } => {
            let commits = count(commits, "commit");
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
    }
}
