//! The arguments of the commands that have many.

use std::path::PathBuf;

use clap::Args;
use ticket::usd::Usd;
use ticket::{Status, TicketType};

use super::values::{budget, budget_or_none, id, moment, prose};

/// What `ticket create` takes.
#[derive(Debug, Args)]
pub struct Create {
    /// One line that says what it is about
    #[arg(allow_hyphen_values = true, value_parser = prose, required_unless_present = "file")]
    pub title: Option<String>,
    /// The whole text; - reads standard input
    #[arg(long, short, allow_hyphen_values = true)]
    pub description: Option<String>,
    /// The ticket that it is a part of
    #[arg(long, value_name = "ID", value_parser = id)]
    pub parent: Option<i64>,
    /// An agent's name, or human
    #[arg(long, value_name = "WHO")]
    pub assign: Option<String>,
    /// A ticket that it waits for (repeatable)
    #[arg(long, value_name = "ID", value_parser = id)]
    pub blocked_by: Vec<i64>,
    /// Whatever waits for this ticket also waits for the new one (repeatable)
    #[arg(long, value_name = "ID", value_parser = id)]
    pub block_dependents_of: Vec<i64>,
    /// Who makes it; human without it
    #[arg(long, value_name = "WHO")]
    pub created_by: Option<String>,
    /// task, proposal, question or verify; without it a task, or for human a question when it blocks
    /// or is blocked, else a proposal
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<TicketType>,
    /// 0 (most urgent) to 4; 2 without it
    #[arg(long, value_name = "0-4")]
    pub priority: Option<i64>,
    /// A word to find it by (repeatable)
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    /// Nobody claims it before its children are done
    #[arg(long)]
    pub wait_for_children: bool,
    /// Nobody claims it before then: +30m, +2h, +1d, or a time such as 2030-01-31 08:00:00 (UTC)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = moment)]
    pub not_before: Option<i64>,
    /// What its attempts may cost together, in US dollars; budgets.max_usd_per_ticket of the
    /// configuration without it
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub max_budget_usd: Option<Usd>,
    /// Make all tickets of this file in one step; - reads standard input. One JSON object a line, or
    /// an array of them, with the fields that 'ticket schema' calls TicketOfFile; "key" is a name by
    /// which the others can refer to it
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "title", "description", "parent", "assign", "blocked_by", "block_dependents_of",
            "created_by", "kind", "priority", "label", "wait_for_children", "not_before",
            "max_budget_usd",
        ]
    )]
    pub file: Option<PathBuf>,
}

/// What `ticket update` takes.
#[derive(Debug, Args)]
pub struct Update {
    /// The ticket
    #[arg(value_parser = id)]
    pub id: i64,
    /// A new title
    #[arg(long, allow_hyphen_values = true)]
    pub title: Option<String>,
    /// A new description; - reads standard input
    #[arg(long, short, allow_hyphen_values = true)]
    pub description: Option<String>,
    /// A new assignee; empty for nobody
    #[arg(long, value_name = "WHO")]
    pub assign: Option<String>,
    /// open, in_progress or ready (done: see mark-done)
    #[arg(long)]
    pub status: Option<Status>,
    /// task, proposal, question or verify
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<TicketType>,
    /// 0 (most urgent) to 4
    #[arg(long, value_name = "0-4")]
    pub priority: Option<i64>,
    /// The ticket that it is a part of; 0 for none
    #[arg(long, value_name = "ID", value_parser = id)]
    pub parent: Option<i64>,
    /// A label to put on it (repeatable)
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    /// A label to take off it (repeatable)
    #[arg(long, value_name = "LABEL")]
    pub remove_label: Vec<String>,
    /// Nobody claims it before then: +30m, +2h, +1d, or a time such as 2030-01-31 08:00:00 (UTC);
    /// now for at once
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = moment)]
    pub not_before: Option<i64>,
    /// What its attempts may cost together, in US dollars; none for what the configuration says
    #[arg(long, value_name = "USD", value_parser = budget_or_none)]
    pub max_budget_usd: Option<Usd>,
}

/// Which tickets `ticket list` and `ticket count` look at. Every condition must hold.
#[derive(Debug, Args)]
pub struct Find {
    /// Statuses, joined by commas
    #[arg(long)]
    pub status: Option<String>,
    /// Types, joined by commas
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only this assignee's; empty for nobody's
    #[arg(long, value_name = "WHO")]
    pub assigned_to: Option<String>,
    /// Only those with this label (repeatable)
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    /// Only the parts of this ticket
    #[arg(long, value_name = "ID", value_parser = id)]
    pub parent: Option<i64>,
    /// Only those of this priority
    #[arg(long, value_name = "0-4")]
    pub priority: Option<i64>,
    /// Only those that wait for another ticket
    #[arg(long)]
    pub blocked: bool,
    /// Only those that could be claimed now
    #[arg(long)]
    pub ready: bool,
}
