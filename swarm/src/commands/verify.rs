//! `swarm verify`: has the hub run verify.sh on commits of the base branch.

use anyhow::{Context, Result, bail};
use git2::{Oid, Repository};
use serde_json::json;
use swarm::config::Config;
use swarm::{Project, bare, hub};
use ticket::text::{one_line, plain};
use ticket::wire::{Verdict, VerdictResult};

use crate::exit;

pub fn run(project: &Project, revisions: &[String], all: bool, json: bool) -> Result<u8> {
    let config = Config::load(project)?;
    let repository = bare::open(project)?;
    let head = bare::head(&repository, &config.project.branch)?;
    let commits = match (all, revisions) {
        (true, _) => bare::since_start(&repository, head)?,
        (false, []) => vec![head],
        (false, named) => named
            .iter()
            .map(|name| resolve(&repository, head, name))
            .collect::<Result<_>>()?,
    };
    let client = hub::client(project)?;
    let mut green = true;
    for commit in commits {
        let verdict = client.verify_commit(&commit.to_string())?;
        let subject = repository.find_commit(commit)?;
        let subject = one_line(subject.summary()?.unwrap_or_default());
        let is_green = verdict.result == VerdictResult::Green;
        green &= is_green;
        if json {
            let line =
                json!({ "commit": commit.to_string(), "subject": subject, "verdict": verdict });
            println!("{line}");
            continue;
        }
        println!("{:.10} {} {subject}", commit.to_string(), words(&verdict));
        if !is_green {
            print!("{}", plain(&verdict.log_tail));
        }
    }
    Ok(match green {
        true => exit::OK,
        false => exit::REFUSED,
    })
}

fn resolve(repository: &Repository, head: Oid, name: &str) -> Result<Oid> {
    let found = repository.revparse_single(name);
    let commit = found.and_then(|object| object.peel_to_commit());
    let commit = commit.with_context(|| format!("no commit '{name}'"))?.id();
    if commit != head && !bare::is_ahead(repository, head, commit) {
        bail!("'{name}' is not a commit of the base branch");
    }
    Ok(commit)
}

/// `green 1.2 s`.
pub fn words(verdict: &Verdict) -> String {
    let result = match verdict.result {
        VerdictResult::Green => "green",
        VerdictResult::Red => "red  ",
        VerdictResult::Error => "error",
    };
    format!("{result} {:5.1} s", verdict.took_ms as f64 / 1000.0)
}
