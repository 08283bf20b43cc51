//! The command line of `ticket`. Nothing below this file knows clap.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use ticket::ticket::Resolution;
use ticket::{Status, TicketType};

/// The ticket queue that agents, scripts and people share.
///
/// The database is --db, else TICKET_DB, else the nearest .swarm/tickets/tickets.db upwards, else
/// ./tickets.db. With TICKET_URL and TICKET_TOKEN, or while a hub runs, the hub is asked instead.
///
/// Exit codes: 0 done; 1 not found, nothing to claim, or refused; 2 usage.
#[derive(Debug, Parser)]
#[command(name = "ticket", version, arg_required_else_help = false)]
pub struct Cli {
    /// The database file.
    #[arg(long, global = true, value_name = "PATH")]
    pub db: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

/// How to print data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a ticket; prints its id
    Create {
        /// One line that says what it is about
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        title: String,
        /// The whole text; - reads standard input
        #[arg(long, short, allow_hyphen_values = true)]
        description: Option<String>,
        /// The ticket that it is a part of
        #[arg(long, value_name = "ID")]
        parent: Option<i64>,
        /// An agent's name, or human
        #[arg(long, value_name = "WHO")]
        assign: Option<String>,
        /// A ticket that it waits for (repeatable)
        #[arg(long, value_name = "ID")]
        blocked_by: Vec<i64>,
        /// Whatever waits for this ticket also waits for the new one (repeatable)
        #[arg(long, value_name = "ID")]
        block_dependents_of: Vec<i64>,
        /// Who makes it
        #[arg(long, value_name = "WHO")]
        created_by: Option<String>,
        /// task, proposal, question or verify
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<TicketType>,
        /// 0 (most urgent) to 4; 2 without it
        #[arg(long, value_name = "0-4")]
        priority: Option<i64>,
    },
    /// Change a ticket
    Update {
        /// The ticket
        id: i64,
        /// A new title
        #[arg(long, allow_hyphen_values = true)]
        title: Option<String>,
        /// A new description; - reads standard input
        #[arg(long, short, allow_hyphen_values = true)]
        description: Option<String>,
        /// A new assignee; empty for nobody
        #[arg(long, value_name = "WHO")]
        assign: Option<String>,
        /// open, in_progress or ready (done: see mark-done)
        #[arg(long)]
        status: Option<Status>,
        /// task, proposal, question or verify
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<TicketType>,
        /// 0 (most urgent) to 4
        #[arg(long, value_name = "0-4")]
        priority: Option<i64>,
    },
    /// List tickets; without --status all but done
    List {
        /// Statuses, joined by commas
        #[arg(long)]
        status: Option<String>,
        /// Only this assignee's
        #[arg(long, value_name = "WHO")]
        assigned_to: Option<String>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one ticket with blockers, attempts and comments
    Show {
        /// The ticket
        id: i64,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Count tickets; without --status all but done
    Count {
        /// Statuses, joined by commas
        #[arg(long)]
        status: Option<String>,
    },
    /// Take the next claimable ticket; exit code 1 and no output when there is none
    ClaimNext {
        /// Who takes it
        #[arg(long)]
        agent: String,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Say something about a ticket
    Comment {
        /// The ticket
        id: i64,
        /// What to say; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        body: String,
        /// Who says it
        #[arg(long)]
        author: Option<String>,
    },
    /// Print what was said about a ticket
    Comments {
        /// The ticket
        id: i64,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// The work on a ticket is complete: it becomes ready
    Complete {
        /// The ticket
        id: i64,
    },
    /// Finish a ticket and free its dependents
    MarkDone {
        /// The ticket
        id: i64,
        /// Why it is done; without it: answered, approved or passed, by the type
        #[arg(long)]
        resolution: Option<Resolution>,
    },
    /// Give a ticket back
    Unclaim {
        /// The ticket
        id: i64,
    },
    /// Make a ticket wait for another
    Block {
        /// The ticket that waits
        id: i64,
        /// The ticket that it waits for
        #[arg(long, value_name = "ID")]
        by: i64,
    },
    /// Make a ticket wait no longer for another
    Unblock {
        /// The ticket that waits
        id: i64,
        /// The ticket that it waits for
        #[arg(long, value_name = "ID")]
        by: i64,
    },
    /// Print the activity log, newest first
    Log {
        /// How many rows
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Answer a question: a comment, and the question is done
    Answer {
        /// The question
        id: i64,
        /// The answer; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        body: String,
    },
    /// Turn a proposal into an open task, or let a held landing pass
    Approve {
        /// The ticket
        id: i64,
    },
    /// Turn a proposal down, or send a held landing back
    Reject {
        /// The ticket
        id: i64,
        /// Why; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        reason: String,
    },
    /// Make the database, or bring it to the newest version
    Migrate,
}

/// A text may begin with a dash, as a list in Markdown does; a single word that does is an option
/// that nobody knows.
fn prose(text: &str) -> Result<String, String> {
    if text.starts_with('-') && text != "-" && !text.contains(char::is_whitespace) {
        return Err("there is no such option".into());
    }
    Ok(text.into())
}
