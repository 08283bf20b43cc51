//! What is said about a ticket. A comment may answer another one on the same ticket.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, Result};
use crate::ticket::check_text;

/// A comment on a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    /// Its number.
    pub id: i64,
    /// The ticket it is on.
    pub ticket_id: i64,
    /// Who wrote it.
    pub author: String,
    /// What it says.
    pub body: String,
    /// When it was written.
    pub created_at: String,
    /// The comment that it answers.
    pub reply_to: Option<i64>,
}

/// What `comment` needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewComment {
    /// What to say; not blank.
    pub body: String,
    /// Who says it; an agent's own name wins over this.
    pub author: Option<String>,
    /// The comment that it answers; on the same ticket.
    pub reply_to: Option<i64>,
}

impl NewComment {
    /// A comment that answers none.
    pub fn new(body: &str) -> NewComment {
        NewComment {
            body: body.to_owned(),
            ..NewComment::default()
        }
    }

    /// Refuses what no comment may be.
    pub fn check(&self) -> Result<()> {
        if self.body.trim().is_empty() {
            return Err(Error::Invalid("the comment cannot be empty".into()));
        }
        check_text("comment", &self.body)
    }
}

/// Comments as threads: each with its depth, right below what it answers, oldest first.
pub fn threads(comments: &[Comment]) -> Vec<(usize, &Comment)> {
    let mut out = Vec::with_capacity(comments.len());
    let mut to_visit: Vec<(usize, &Comment)> = comments
        .iter()
        .rev()
        .filter(|c| c.reply_to.is_none())
        .map(|c| (0, c))
        .collect();
    while let Some((depth, comment)) = to_visit.pop() {
        out.push((depth, comment));
        let answers = comments.iter().rev();
        to_visit.extend(
            answers
                .filter(|c| c.reply_to == Some(comment.id))
                .map(|c| (depth + 1, c)),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stands_below_what_it_answers() {
        let comment = |id, reply_to| Comment {
            id,
            ticket_id: 1,
            author: "a".into(),
            body: "b".into(),
            created_at: "c".into(),
            reply_to,
        };
        let all = [
            comment(1, None),
            comment(2, None),
            comment(3, Some(1)),
            comment(4, Some(3)),
            comment(5, Some(1)),
        ];
        let order: Vec<(usize, i64)> = threads(&all).iter().map(|(d, c)| (*d, c.id)).collect();
        assert_eq!(order, [(0, 1), (1, 3), (2, 4), (1, 5), (0, 2)]);
    }
}
