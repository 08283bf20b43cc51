//! The command line of `ticket`. Nothing below this file and its folder knows clap.

mod arguments;
mod refusal;
mod values;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use ticket::prompt::Kind;
use ticket::ticket::Resolution;

pub use arguments::{Create, Find, Update};
pub use refusal::refuse;
use values::{id, number, prose};

/// Where the help lists the options of all commands.
const EVERYWHERE: &str = "Options of every command";

/// The ticket queue that agents, scripts and people share.
///
/// The database is --db, else TICKET_DB, else the nearest .swarm/tickets/tickets.db upwards, else
/// ./tickets.db. With TICKET_URL and TICKET_TOKEN, or while a hub runs, the hub is asked instead.
///
/// Exit codes: 0 done; 1 not found, nothing to claim, or refused; 2 usage.
#[derive(Debug, Parser)]
#[command(name = "ticket", version, arg_required_else_help = false)]
pub struct Cli {
    /// The database file
    #[arg(long, global = true, value_name = "PATH", help_heading = EVERYWHERE)]
    pub db: Option<PathBuf>,
    /// How to print data and refusals ('ticket schema' describes the JSON)
    #[arg(long, global = true, value_enum, default_value_t, help_heading = EVERYWHERE)]
    pub format: Format,
    #[command(subcommand)]
    pub command: Command,
}

/// How to print data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

// Only the command that is called gets its arguments built: every call pays for that.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Make a ticket and print its id; or a whole graph of them from a file
    Create(Create),
    /// Change a ticket
    Update(Update),
    /// List tickets by id; without --status all but done
    List {
        #[command(flatten)]
        find: Find,
        /// At most so many
        #[arg(long, value_name = "N", value_parser = number)]
        limit: Option<u32>,
    },
    /// Find tickets by the words in titles, descriptions and comments, newest first
    Search {
        /// Words that must all occur; "a phrase" in quotes, begin* for all that begin so
        #[arg(required = true)]
        words: Vec<String>,
        /// Statuses, joined by commas; without it all, done ones too
        #[arg(long)]
        status: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", value_parser = number, default_value_t = 20)]
        limit: u32,
    },
    /// Show one ticket with blockers, attempts and comments
    Show {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
    },
    /// Count tickets; without --status all but done
    Count {
        #[command(flatten)]
        find: Find,
    },
    /// Take the next claimable ticket; exit code 1 and no output when there is none
    ClaimNext {
        /// Who takes it
        #[arg(long)]
        agent: String,
        /// Types, joined by commas: any of them
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// A label that it must have (repeatable)
        #[arg(long, value_name = "LABEL")]
        label: Vec<String>,
    },
    /// Say something about a ticket
    Comment {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// What to say; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        body: String,
        /// Who says it; human without it
        #[arg(long)]
        author: Option<String>,
        /// The comment that this one answers, by its id in 'ticket comments --ids'
        #[arg(long, value_name = "COMMENT", value_parser = id)]
        reply_to: Option<i64>,
    },
    /// Print what was said about a ticket, answers below what they answer
    Comments {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// With the id of each comment, for --reply-to
        #[arg(long)]
        ids: bool,
    },
    /// The work on a ticket is complete: it becomes ready
    Complete {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// For an agent: nothing has to change, for this reason. Its attempt ends, and the human says
        /// by 'ticket approve' or 'ticket reject' whether that is so
        #[arg(long, value_name = "REASON")]
        no_change: Option<String>,
    },
    /// Finish a ticket and free its dependents
    MarkDone {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// Why it is done; without it: answered, approved or passed, by the type
        #[arg(long)]
        resolution: Option<Resolution>,
    },
    /// Give a ticket back
    Unclaim {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
    },
    /// Have a task tried again at once at which agents failed; its failures are forgotten
    Retry {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
    },
    /// Nobody needs a ticket any more: it is done as cancelled
    Cancel {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// Why, as a comment; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        reason: Option<String>,
    },
    /// Make a ticket that goes on with one that is done, and print its id
    ///
    /// The done one stays done for those that waited for it. The new one has its text, type, priority,
    /// labels and parent, and says why.
    Reopen {
        /// The done ticket
        #[arg(value_parser = id)]
        id: i64,
        /// Why; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        reason: String,
    },
    /// Make a ticket wait for another
    Block {
        /// The ticket that waits
        #[arg(value_parser = id)]
        id: i64,
        /// The ticket that it waits for
        #[arg(long, value_name = "ID", value_parser = id)]
        by: i64,
    },
    /// Make a ticket wait no longer for another
    Unblock {
        /// The ticket that waits
        #[arg(value_parser = id)]
        id: i64,
        /// The ticket that it waits for
        #[arg(long, value_name = "ID", value_parser = id)]
        by: i64,
    },
    /// Print the activity log, newest first
    Log {
        /// How many rows
        #[arg(long, value_name = "N", value_parser = number, default_value_t = 20)]
        limit: u32,
        /// Only this ticket's
        #[arg(long, value_name = "ID", value_parser = id)]
        ticket: Option<i64>,
        /// The last rows oldest first, then each as it comes, until Ctrl-C
        #[arg(long, short)]
        follow: bool,
    },
    /// Answer a question, or say that your own work is done: a comment, and the ticket is done; of one
    /// that agents could not do: a comment, and they try again
    Answer {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// The answer; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        body: String,
    },
    /// Turn a proposal into an open task, let a held landing pass, or believe an agent that says that
    /// nothing has to change
    Approve {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
    },
    /// Turn a proposal down, send a held landing back, or have a ticket tried again of which an agent
    /// says that nothing has to change
    Reject {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// Why; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        reason: String,
    },
    /// A check found nothing wrong: the verify ticket is done
    Pass {
        /// The verify ticket
        #[arg(value_parser = id)]
        id: i64,
        /// What to say about it; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        comment: Option<String>,
    },
    /// A check found something wrong: makes a ticket for the fix and one to check again
    Fail {
        /// The verify ticket
        #[arg(value_parser = id)]
        id: i64,
        /// What is wrong; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        reason: String,
    },
    /// Print who had a ticket, when, and how each attempt ended
    Attempts {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
    },
    /// Print what an attempt changed, as a patch
    Diff {
        /// The ticket
        #[arg(value_parser = id)]
        id: i64,
        /// The attempt's number; without it the latest that left a tree
        #[arg(long, value_name = "N", value_parser = id)]
        attempt: Option<i64>,
    },
    /// Print what an agent would be told that claimed a ticket now; claims nothing
    ///
    /// The same templates and the same code as for a real attempt. What only a real attempt can know,
    /// and why the ticket would not be claimed at present, is said on standard error.
    Prompt {
        /// The ticket; none with --kind propose
        #[arg(value_parser = id)]
        id: Option<i64>,
        /// work, verify-failed, conflict, bounced or propose
        #[arg(long, default_value_t)]
        kind: Kind,
        /// Who would claim it; agent-1 without it
        #[arg(long, value_name = "NAME")]
        agent: Option<String>,
    },
    /// Keep what was found out, for the prompts of those who come after
    Learn {
        /// What was found out; - reads standard input
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        text: String,
        /// What it is about, in one word; general without it
        #[arg(long)]
        category: Option<String>,
        /// The ticket that it came from
        #[arg(long, value_name = "ID", value_parser = id)]
        ticket: Option<i64>,
        /// Who found it out; human without it
        #[arg(long)]
        author: Option<String>,
    },
    /// Print what was found out, oldest first
    Learnings {
        /// Only this category's
        #[arg(long)]
        category: Option<String>,
        /// Only those with all of these words
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
        /// Only the newest so many
        #[arg(long, value_name = "N", value_parser = number)]
        limit: Option<u32>,
    },
    /// Withhold claims until 'ticket resume'; agents that a hub runs stand still
    Pause {
        /// Why, on one line
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        reason: String,
    },
    /// Withhold claims until 'ticket resume'; what runs is finished
    Drain {
        /// Why, on one line
        #[arg(allow_hyphen_values = true, value_parser = prose)]
        reason: String,
    },
    /// Let claims happen again, and work go on
    Resume,
    /// Say whether claims are withheld, and why
    Paused,
    /// Write tickets, learnings and the activity log as JSON lines
    ///
    /// The first line says what follows; then comes one line for each ticket with its labels,
    /// blockers, comments, attempts and landings, one for each learning and one for each event. What
    /// 'ticket import' makes of it in an empty database exports the same bytes again. Secrets,
    /// agents, proposal runs with what they used, and settings are not in it: for those there is
    /// 'ticket backup'.
    Export {
        /// Where to; standard output without it
        file: Option<PathBuf>,
        /// Replace a file that exists
        #[arg(long)]
        force: bool,
    },
    /// Take in the lines of an export, or of a file written by hand: all of them or none
    ///
    /// Into a database without tickets everything comes as it was. In one with tickets the new ones
    /// get new numbers and what refers to them follows; work that was under way is given back. By
    /// hand {"kind":"ticket","title":"…"} on a line is enough; ids, blocked_by and parent_id then
    /// are numbers within the file.
    Import {
        /// The file; - reads standard input
        file: PathBuf,
    },
    /// Copy the database while others go on working
    ///
    /// The copy is a database: to go back to it, end everything that uses the old one, remove that
    /// with its -wal and -shm files, and put the copy in its place.
    Backup {
        /// Where to
        file: PathBuf,
        /// Replace a file that exists
        #[arg(long)]
        force: bool,
    },
    /// Look the database over; exit code 1 when something is wrong
    Doctor {
        /// First mend what the rest of the database determines: counters, indexes, triggers,
        /// full-text words, and work that goes on although its ticket does not
        #[arg(long)]
        repair: bool,
    },
    /// Make the database, or bring it to the newest version
    Migrate,
    /// Print a JSON Schema of everything that --format json prints
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish …
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write a manual page for each command into a folder
    Man {
        /// The folder; made when it is not there
        dir: PathBuf,
    },
}
