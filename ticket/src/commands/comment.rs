//! `ticket comment` and `ticket comments`.

use ticket::comment::NewComment;
use ticket::{Result, text};

use super::{print, say, text_or_stdin};
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, id: i64, body: &str, author: Option<&str>) -> Result<u8> {
    let new = NewComment {
        body: text_or_stdin(body)?,
        author: author.map(str::to_owned),
        reply_to: None,
    };
    door.queue(|queue| queue.comment(id, &new))?;
    say(&format!("Comment added to ticket {id}."))
}

pub fn list(door: &mut Door, id: i64, format: Format) -> Result<u8> {
    let comments = door.queue(|queue| queue.comments(id))?;
    print(format, &comments, |comments| text::comments(comments))
}
