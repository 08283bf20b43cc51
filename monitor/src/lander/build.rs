//! One submission and one parent make a candidate, or a reason why not. Synchronous, on the bare
//! repository; writes objects and the candidate's own ref, never a branch.

use anyhow::Result;
use git2::Oid;
use ticket::landing::Landing;

use super::policy;
use super::protected::{FILE, LONGEST, Protected};
use crate::git::Repository;
use crate::git::candidate::{Merge, Onto};
use crate::git::changes::Change;
use crate::git::trailers::LandingText;

/// How many conflicting files a reason names.
const NAMED_FILES: usize = 20;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Built {
    /// A commit on top of the parent, ready to be fetched by a verifier.
    Candidate {
        /// The commit.
        commit: Oid,
        /// It changes verify.sh, and a human let that pass.
        changes_gate: bool,
    },
    /// It does not land on this parent; the sentence goes to the agent.
    Refused(String),
    /// Only a human lets it pass; the sentence says what it changes.
    Held(String),
}

/// Merges what `landing` submitted onto `parent`; `time` is the commit's, in seconds since 1970.
pub fn build(repository: &Repository, landing: &Landing, parent: Oid, time: i64) -> Result<Built> {
    let (ticket, attempt) = (landing.ticket_id, landing.attempt);
    let pushed = Oid::from_str(&landing.commit_id)
        .ok()
        .filter(|_| landing.commit_id.len() == 40);
    let submitted = match pushed {
        Some(commit) if repository.was_pushed(ticket, attempt, commit)? => commit,
        _ => {
            let branch = ticket::attempt::branch(ticket, attempt);
            return refused(format!(
                "{} is not on {branch}: push it first",
                landing.commit_id
            ));
        }
    };
    let onto = Onto { submitted, parent };
    let Some(parting) = repository.parting(onto)? else {
        return refused("the branch shares no history with main".into());
    };
    // Before the merge, because git2 fails on trees with some of the names that are refused here.
    if let Some(reason) = policy::refusal(&repository.changes(parting, submitted)?) {
        return refused(reason);
    }
    let tree = match repository.merge(onto)? {
        Merge::Clean { tree } => tree,
        Merge::Conflict { files } => return refused(conflict(&files)),
        Merge::NoChange => return refused("it changes nothing: main has all of it".into()),
    };
    let changes = repository.changes(parent, tree)?;
    if let Some(reason) = policy::refusal(&changes) {
        return refused(reason);
    }
    match doubt(repository, parent, tree, &changes)? {
        Some(Doubt::Refused(reason)) => return refused(reason),
        Some(Doubt::Held(reason)) if landing.approved_by.is_none() => {
            return Ok(Built::Held(reason));
        }
        Some(Doubt::Held(_)) | None => (),
    }
    let text = LandingText {
        ticket,
        attempt,
        title: landing.title.clone(),
        summary: landing.summary.clone(),
        agent: landing.agent.clone(),
        time,
    };
    let commit = repository.commit(tree, parent, &text)?;
    repository.publish_candidate(landing.id, commit)?;
    Ok(Built::Candidate {
        commit,
        changes_gate: policy::changes_gate(&changes),
    })
}

/// Why only a human lets this pass, or why it cannot pass at all.
enum Doubt {
    Held(String),
    Refused(String),
}

/// What speaks against these changes, by the lists of protected paths: ours, and the project's as
/// main has it. While that one cannot be read, nothing is known to be harmless.
fn doubt(
    repository: &Repository,
    parent: Oid,
    tree: Oid,
    changes: &[Change],
) -> Result<Option<Doubt>> {
    let list = |commit_or_tree: Oid| {
        let content = repository.file(commit_or_tree, FILE, LONGEST)?;
        anyhow::Ok(Protected::parse(&content.unwrap_or_default()))
    };
    if policy::changes_list(changes)
        && let Err(reason) = list(tree)?
    {
        return Ok(Some(Doubt::Refused(reason)));
    }
    let own = match list(parent)? {
        Ok(own) => own,
        Err(reason) => {
            let held = format!("main's list of protected paths cannot be read: {reason}");
            return Ok(Some(Doubt::Held(held)));
        }
    };
    let protected = policy::protected(changes, &own);
    Ok((!protected.is_empty()).then(|| {
        Doubt::Held(format!(
            "it changes protected paths: {}",
            listed(&protected)
        ))
    }))
}

fn refused(reason: String) -> Result<Built> {
    Ok(Built::Refused(reason))
}

fn conflict(files: &[String]) -> String {
    format!("it conflicts with main in {}", listed(files))
}

fn listed(paths: &[String]) -> String {
    let named = paths[..paths.len().min(NAMED_FILES)].join(", ");
    match paths.len().saturating_sub(NAMED_FILES) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut() {
        let files: Vec<String> = (1..=22).map(|n| n.to_string()).collect();
        assert!(conflict(&files).ends_with("19, 20 and 2 more"));
        assert_eq!(conflict(&files[..2]), "it conflicts with main in 1, 2");
    }
}
