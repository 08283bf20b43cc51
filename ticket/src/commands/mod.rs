//! One file per command; each returns the exit code.

mod approve;
mod attempts;
mod backup;
mod block;
mod claim_next;
mod comment;
mod completions;
mod create;
mod diff;
mod doctor;
mod export;
mod finish;
mod import;
mod learn;
mod list;
mod log;
mod migrate;
mod pause;
mod print;
mod prompt;
mod schema;
mod search;
mod show;
mod stdin;
mod update;

use ticket::Result;
use ticket::filter::{ClaimFilter, LogFilter, Search};
use ticket::learning::{LearningFilter, NewLearning};
use ticket::prompt::Wanted;

use crate::cli::{Cli, Command, Format};
use crate::door::Door;

pub use print::{complain, fail};

/// Runs the command that was asked for.
pub fn run(cli: Cli) -> Result<u8> {
    let format = cli.format;
    match cli.command {
        Command::Migrate => return migrate::run(cli.db.as_deref(), format),
        Command::Schema => return schema::run(),
        Command::Doctor { repair } => return doctor::run(cli.db.as_deref(), format, repair),
        Command::Completions { shell } => return completions::run(shell),
        Command::Man { dir } => return completions::man(&dir),
        _ => (),
    }
    let mut door = Door::open(cli.db.as_deref())?;
    let ended = ask(&mut door, format, cli.command);
    door.leave();
    ended
}

fn ask(door: &mut Door, format: Format, command: Command) -> Result<u8> {
    match command {
        Command::Migrate
        | Command::Schema
        | Command::Doctor { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(ticket::exit::OK),
        Command::Backup { file, force } => backup::run(door, format, &file, force),
        Command::Export { file, force } => export::run(door, format, file.as_deref(), force),
        Command::Import { file } => import::run(door, format, &file),
        Command::Create(create) => create::run(door, format, create),
        Command::Update(update) => update::run(door, format, update),
        Command::List { find, limit } => list::run(door, format, find, limit),
        Command::Search {
            words,
            status,
            limit,
        } => {
            let search = Search {
                words: words.join(" "),
                status,
                limit: Some(limit),
            };
            search::run(door, format, &search)
        }
        Command::Show { id } => show::run(door, format, id),
        Command::Count { find } => list::count(door, format, find),
        Command::ClaimNext { agent, kind, label } => {
            let label = list::joined(&label);
            claim_next::run(door, format, &agent, &ClaimFilter { kind, label })
        }
        Command::Comment {
            id,
            body,
            author,
            reply_to,
        } => comment::run(door, format, id, &body, author, reply_to),
        Command::Comments { id, ids } => comment::list(door, format, id, ids),
        Command::Complete { id, no_change } => {
            finish::complete(door, format, id, no_change.as_deref())
        }
        Command::MarkDone { id, resolution } => finish::mark_done(door, format, id, resolution),
        Command::Unclaim { id } => finish::unclaim(door, format, id),
        Command::Retry { id } => finish::retry(door, format, id),
        Command::Cancel { id, reason } => finish::cancel(door, format, id, reason.as_deref()),
        Command::Reopen { id, reason } => finish::reopen(door, format, id, &reason),
        Command::Block { id, by } => block::run(door, format, id, by),
        Command::Unblock { id, by } => block::unblock(door, format, id, by),
        Command::Log {
            limit,
            ticket,
            follow,
        } => {
            let limit = Some(limit);
            let filter = LogFilter { limit, ticket };
            match follow {
                true => log::follow(door, format, &filter),
                false => log::run(door, format, &filter),
            }
        }
        Command::Answer { id, body } => approve::answer(door, format, id, &body),
        Command::Approve { id } => approve::run(door, format, id),
        Command::Reject { id, reason } => approve::reject(door, format, id, &reason),
        Command::Pass { id, comment } => approve::pass(door, format, id, comment.as_deref()),
        Command::Fail { id, reason } => approve::fail(door, format, id, &reason),
        Command::Attempts { id } => attempts::run(door, format, id),
        Command::Diff { id, attempt } => diff::run(door, format, id, attempt),
        Command::Prompt { id, kind, agent } => {
            let wanted = Wanted {
                ticket: id,
                kind,
                agent,
            };
            prompt::run(door, format, &wanted)
        }
        Command::Learn {
            text,
            category,
            ticket,
            author,
        } => {
            let new = NewLearning {
                body: stdin::text_or_stdin(&text)?,
                category,
                author,
                ticket,
            };
            learn::run(door, format, &new)
        }
        Command::Learnings {
            category,
            search,
            limit,
        } => {
            let filter = LearningFilter {
                category,
                search,
                limit,
                ..LearningFilter::default()
            };
            learn::list(door, format, &filter)
        }
        Command::Pause { reason } => pause::run(door, format, &reason),
        Command::Drain { reason } => pause::drain(door, format, &reason),
        Command::Resume => pause::resume(door, format),
        Command::Paused => pause::state(door, format),
    }
}
