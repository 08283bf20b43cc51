//! Comments as text, answers below what they answer.

use super::{one_line, plain};
use crate::comment::{Comment, threads};

/// How far an answer stands in from what it answers.
const STEP: usize = 2;

/// `[time] author: body` each, or a sentence when there is none; with the ids in front if wanted.
pub fn comments(comments: &[Comment], ids: bool) -> String {
    if comments.is_empty() {
        return "No comments.".into();
    }
    let lines: Vec<String> = threads(comments)
        .into_iter()
        .map(|(depth, comment)| {
            let id = match ids {
                true => format!("{}: ", comment.id),
                false => String::new(),
            };
            let margin = " ".repeat(depth * STEP);
            let text = format!("{margin}{id}{}", line(comment));
            // The next lines of an answer stand below its first.
            text.replace('\n', &format!("\n{margin}"))
        })
        .collect();
    lines.join("\n")
}

fn line(c: &Comment) -> String {
    format!(
        "[{}] {}: {}",
        c.created_at,
        one_line(&c.author),
        plain(&c.body)
    )
}
