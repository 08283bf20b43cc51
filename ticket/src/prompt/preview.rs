//! What an agent would be told that claimed a ticket now: `ticket prompt`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Background, Fault, Finding, Kind, Prompts, Start, Subject, Templates};
use crate::diff;
use crate::error::{Error, Result};
use crate::moment;
use crate::status::Status;
use crate::ticket::Ticket;
use crate::wire::KnownProposal;

/// Who would claim a ticket when nobody says otherwise.
const AGENT: &str = "agent-1";
/// How often work comes back to an agent, where no configuration is at hand.
const RETRIES: u32 = 3;
/// Where refs of branches are in a repository.
const BRANCHES: &str = "refs/heads/";

/// Which prompt. On the wire these are query parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The ticket; none for a proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<i64>,
    /// What is asked for.
    #[param(inline)]
    pub kind: Kind,
    /// Who would claim it; `agent-1` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

impl Wanted {
    /// Who would claim it.
    pub fn agent(&self) -> &str {
        self.agent.as_deref().unwrap_or(AGENT)
    }

    /// The ticket that the prompt is about; none for a proposal, which is about none.
    pub fn subject(&self) -> Result<Option<i64>> {
        match (self.kind, self.ticket) {
            (Kind::Propose, None) => Ok(None),
            (Kind::Propose, Some(id)) => Err(Error::Usage(format!(
                "a proposal is about no ticket: leave out {id}"
            ))),
            (_, Some(id)) => Ok(Some(id)),
            (kind, None) => Err(Error::Usage(format!(
                "a prompt of the kind {kind} is about a ticket: name its id"
            ))),
        }
    }
}

/// What the queue knows for a prompt.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The ticket as the claim would make it; none for a proposal.
    pub background: Option<Background>,
    /// The commit that the last attempt left.
    pub start_from: Option<String>,
    /// Whether the conversation of the last attempt would go on.
    pub resumed: bool,
    /// What came back at last, for prompts that hand work back.
    pub finding: Option<Finding>,
    /// Why the ticket would not be claimed now.
    pub withheld: Option<String>,
    /// The newest proposals that are open or were turned down.
    pub known: Vec<KnownProposal>,
}

/// What the project has for a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where its own templates are.
    pub prompts: Option<PathBuf>,
    /// The bare repository, where there is one.
    pub repository: Option<PathBuf>,
    /// The branch that work lands on.
    pub base_branch: String,
    /// How often work comes back to an agent within an attempt.
    pub retries: u32,
}

impl Place {
    /// The project that this database belongs to; without one the built-in templates and `main`.
    pub fn beside(database: &Path) -> Place {
        let swarm = database.parent().and_then(Path::parent);
        let swarm = swarm.filter(|folder| folder.ends_with(".swarm"));
        let base_branch = swarm.and_then(|folder| head(&folder.join("repo.git")));
        Place {
            prompts: swarm.map(|folder| folder.join("prompts")),
            repository: diff::repository(database).ok(),
            base_branch: base_branch.unwrap_or_else(|| "main".to_owned()),
            retries: RETRIES,
        }
    }
}

/// The branch that a bare repository is on.
fn head(repository: &Path) -> Option<String> {
    let head = std::fs::read_to_string(repository.join("HEAD")).ok()?;
    let branch = head.trim().strip_prefix("ref: ")?.strip_prefix(BRANCHES)?;
    Some(branch.to_owned())
}

/// A prompt that nobody got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// What is asked for.
    pub kind: Kind,
    /// The ticket.
    pub ticket: Option<i64>,
    /// Who would have claimed it.
    pub agent: String,
    /// The number of the attempt that would begin.
    pub attempt: Option<i64>,
    /// Its branch.
    pub branch: Option<String>,
    /// Where it would begin.
    pub start: Option<Start>,
    /// Whether the conversation of the last attempt would go on.
    pub resumed: bool,
    /// Why the ticket would not be claimed now; null when it would be.
    pub withheld: Option<String>,
    /// What only the real attempt will know, one sentence each.
    pub notes: Vec<String>,
    /// The files of the project that replace built-in templates.
    pub own_templates: Vec<String>,
    /// The prompt.
    pub text: String,
}

/// The prompt that `wanted` names.
pub fn preview(place: &Place, wanted: &Wanted, material: Material) -> Result<Preview> {
    let templates = match &place.prompts {
        Some(folder) => Templates::load(folder)?,
        None => Templates::built_in(),
    };
    let (here, elsewhere): (Vec<Fault>, Vec<Fault>) = templates
        .faults()
        .into_iter()
        .partition(|fault| fault.template == wanted.kind.as_str());
    if let Some(fault) = here.into_iter().next() {
        return Err(fault.into());
    }
    let notes: Vec<String> = elsewhere.iter().map(Fault::to_string).collect();
    let prompts = Prompts::new(templates.texts());
    let agent = wanted.agent().to_owned();
    let own = templates.own().values();
    let nothing_yet = Preview {
        kind: wanted.kind,
        ticket: None,
        agent: agent.clone(),
        attempt: None,
        branch: None,
        start: None,
        resumed: false,
        withheld: material.withheld,
        notes: notes.clone(),
        own_templates: own.map(|file| file.display().to_string()).collect(),
        text: String::new(),
    };
    let Some(background) = &material.background else {
        let text = prompts
            .for_proposal(&agent, &place.base_branch, &material.known, false)
            .map_err(|fault| templates.locate(fault))?;
        return Ok(Preview {
            text,
            ..nothing_yet
        });
    };
    let mut notes = notes;
    let start = match material.start_from {
        None => Start::Main,
        Some(commit) => {
            notes.push(format!(
                "whether {} still merges with what the last attempt left shows when the attempt \
                 begins: here it does",
                place.base_branch
            ));
            Start::Snapshot { commit }
        }
    };
    let background = &Background {
        left: left(place, &start),
        ..background.clone()
    };
    let finding = finding(wanted.kind, material.finding, place.retries, &mut notes);
    let subject = Subject::new(background, &agent, &place.base_branch, start.clone());
    let resumed = material.resumed;
    let text = prompts
        .for_ticket(wanted.kind, &subject, &finding, resumed)
        .map_err(|fault| templates.locate(fault))?;
    let ticket = &background.ticket.ticket;
    Ok(Preview {
        ticket: Some(ticket.id),
        attempt: Some(ticket.attempt),
        branch: Some(crate::attempt::branch(ticket.id, ticket.attempt)),
        start: Some(start),
        resumed,
        notes,
        text,
        ..nothing_yet
    })
}

/// What the last attempt left, as far as it can be looked at.
fn left(place: &Place, start: &Start) -> Option<String> {
    let (Some(repository), Start::Snapshot { commit }) = (&place.repository, start) else {
        return None;
    };
    diff::changed(repository, commit).ok().flatten()
}

fn finding(kind: Kind, known: Option<Finding>, retries: u32, notes: &mut Vec<String>) -> Finding {
    let left = retries.saturating_sub(1);
    if let Some(finding) = known {
        return Finding {
            retries_left: left,
            ..finding
        };
    }
    if kind == Kind::Work {
        return Finding {
            retries_left: retries,
            ..Finding::default()
        };
    }
    notes.push("no attempt has come back so yet: what came back is made up".to_owned());
    Finding {
        reason: Some("(why it came back)".to_owned()),
        log: Some("(the end of the log)".to_owned()),
        files: vec!["(a file)".to_owned()],
        retries_left: left,
    }
}

/// Why nobody would claim `ticket` now, in one sentence. `waits_for` are the unfinished tickets that
/// it waits for, `halted` is why nothing is claimed.
pub fn withheld(
    ticket: &Ticket,
    waits_for: &[i64],
    halted: Option<&str>,
    now: i64,
) -> Option<String> {
    let id = ticket.id;
    let who = ticket.assigned_to.as_deref().unwrap_or("nobody");
    let why = match ticket.status {
        Status::Done => "it is done".to_owned(),
        Status::Ready => "its work is handed in".to_owned(),
        Status::InProgress => format!("{who} works on it"),
        Status::Open if ticket.assigned_to.is_some() => format!("it is assigned to {who}"),
        Status::Open if !waits_for.is_empty() => {
            let ids: Vec<String> = waits_for.iter().map(|id| format!("#{id}")).collect();
            format!("it waits for {}", ids.join(", "))
        }
        Status::Open if ticket.not_before > now => {
            let at = moment::text(ticket.not_before).unwrap_or_default();
            format!("it is deferred until {at} UTC")
        }
        Status::Open => match halted {
            Some(why) => format!("claims are withheld: {why}"),
            None => return None,
        },
    };
    Some(format!("ticket {id} would not be claimed now: {why}"))
}
