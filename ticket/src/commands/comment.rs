//! `ticket comment` and `ticket comments`.

use ticket::comment::NewComment;
use ticket::{Error, Result, text};

use super::print::{print, say};
use super::stdin::text_or_stdin;
use crate::cli::Format;
use crate::door::Door;

pub fn run(
    door: &mut Door,
    format: Format,
    id: i64,
    body: &str,
    author: Option<String>,
    reply_to: Option<i64>,
) -> Result<u8> {
    let new = NewComment {
        body: text_or_stdin(body)?,
        author,
        reply_to,
    };
    let made = door.queue(|queue| queue.comment(id, &new))?;
    if format == Format::Text {
        return say(&format!("Comment added to ticket {id}."));
    }
    let comments = door.queue(|queue| queue.comments(id))?;
    let comment = comments.iter().find(|comment| comment.id == made);
    let comment = comment.ok_or_else(|| Error::NotFound(format!("comment {made} not found")))?;
    print(format, comment, |comment| comment.body.clone())
}

pub fn list(door: &mut Door, format: Format, id: i64, ids: bool) -> Result<u8> {
    let comments = door.queue(|queue| queue.comments(id))?;
    print(format, &comments, |comments| text::comments(comments, ids))
}
