//! Takes over what an interview found out: the files at the project's root, in one commit of the human's,
//! and the ticket that has an agent plan the work.

use std::path::PathBuf;

use anyhow::{Context, Result};
use git2::Repository;
use ticket::store::lock::HubLock;
use ticket::ticket::{NewTicket, TicketChange};
use ticket::{Actor, Queue, Status, Store};

use super::drafts::{Document, Drafts};
use crate::bare;
use crate::hub;
use crate::init::{NewFile, replace};
use crate::project::Project;

const TICKET: &str = include_str!("../../../templates/project/plan-ticket.md");
const MESSAGE: &str = "Describe the project and its gate\n";

/// What became of an interview.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Files that are committed now.
    pub committed: Vec<String>,
    /// Files of the human's that were changed and not committed: they stay, and the new text is here.
    pub left: Vec<(String, PathBuf)>,
    /// The base image that was chosen.
    pub base_image: Option<String>,
    /// The ticket that asks for a plan.
    pub ticket: Option<i64>,
    /// What the project is, in the interviewer's sentence.
    pub summary: String,
}

/// Takes over the drafts of a finished interview. `seed` is the ticket that init made, which becomes
/// the one for the plan while nobody has it.
pub fn take(project: &Project, branch: &str, seed: Option<i64>) -> Result<Taken> {
    let drafts = Drafts::of(project);
    let mut files = Vec::new();
    for document in Document::ALL {
        if let Some(text) = drafts.read(document)? {
            files.push(NewFile {
                name: document.name(),
                text,
                executable: document.is_script(),
            });
        }
    }
    let repository = Repository::open(project.root())?;
    let replaced = replace(&repository, project.root(), branch, &files, MESSAGE)?;
    let left = replaced.left.into_iter();
    let taken = Taken {
        committed: replaced.committed,
        left: left
            .map(|name| (name.clone(), drafts.folder().join(name)))
            .collect(),
        base_image: drafts.image()?,
        ticket: plan(project, seed)?,
        summary: drafts.summary()?,
    };
    // While a hub runs, commits of the human's are taken over at its next start.
    if let Some(_lock) = HubLock::shared(&project.hub_lock())? {
        bare::take(project, branch)?;
    }
    Ok(taken)
}

/// Makes the seed the ticket for the plan, or adds one. None when there was one before.
fn plan(project: &Project, seed: Option<i64>) -> Result<Option<i64>> {
    match HubLock::shared(&project.hub_lock())? {
        Some(_lock) => {
            let mut store = Store::open(&project.database())?;
            plan_in(&mut store.session(&Actor::Human), seed)
        }
        None => plan_in(&mut hub::client(project)?, seed),
    }
    .context("cannot ask for a plan")
}

fn plan_in(queue: &mut dyn Queue, seed: Option<i64>) -> Result<Option<i64>> {
    let (title, text) = TICKET.split_once('\n').unwrap_or((TICKET, ""));
    let (title, text) = (title.trim().to_owned(), text.trim().to_owned());
    if let Some(id) = seed {
        let ticket = queue.show(id)?.ticket;
        if ticket.status == Status::Open && ticket.assigned_to.is_none() {
            let change = TicketChange {
                title: Some(title),
                description: Some(text),
                ..TicketChange::default()
            };
            queue.update(id, &change)?;
            return Ok(Some(id));
        }
    }
    let open = queue.list(&ticket::filter::Filter::default())?;
    if open.iter().any(|ticket| ticket.title == title) {
        return Ok(None);
    }
    let ticket = NewTicket {
        title,
        description: Some(text),
        ..NewTicket::default()
    };
    Ok(Some(queue.create(&ticket)?))
}
