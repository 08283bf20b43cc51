//! The text of a landed commit. Its last paragraph says which ticket it finished and which attempt
//! made it; at start the hub repairs its database from that.
//!
//! Title and summary come from agents: they cannot forge the trailers, because only the last
//! paragraph is read and that one is always ours, and only in commits of our committer.

use git2::{Commit, Signature, Time};

use super::repository::LandedCommit;

/// The committer of everything that lands.
const COMMITTER: (&str, &str) = ("swarm", "swarm@swarm.invalid");
/// `.invalid` is reserved: no mail ever goes there.
const AGENT_DOMAIN: &str = "swarm.invalid";
/// The longest subject, in characters. Titles may be longer.
const MAX_SUBJECT: usize = 120;
/// The longest body, in characters.
const MAX_BODY: usize = 8_000;
const TICKET: &str = "Swarm-Ticket: ";
const ATTEMPT: &str = "Swarm-Attempt: ";

/// What a landed commit says.
#[derive(Clone, Debug)]
pub struct LandingText {
    /// The ticket it finishes.
    pub ticket: i64,
    /// The attempt that made it.
    pub attempt: i64,
    /// The ticket's title.
    pub title: String,
    /// What the agent says that it did.
    pub summary: Option<String>,
    /// The agent's name.
    pub agent: String,
    /// When, in seconds since 1970.
    pub time: i64,
}

impl LandingText {
    /// The commit's message.
    pub fn message(&self) -> String {
        let mut message = subject(&self.title, self.ticket);
        let body = body(self.summary.as_deref().unwrap_or_default());
        if !body.is_empty() {
            message.push_str("\n\n");
            message.push_str(&body);
        }
        message.push_str(&format!(
            "\n\n{TICKET}{}\n{ATTEMPT}{}\n",
            self.ticket, self.attempt
        ));
        message
    }

    pub(super) fn author(&self) -> Result<Signature<'static>, git2::Error> {
        let email = format!("{}@{AGENT_DOMAIN}", self.agent);
        Signature::new(&self.agent, &email, &Time::new(self.time, 0))
    }

    pub(super) fn committer(&self) -> Result<Signature<'static>, git2::Error> {
        let (name, email) = COMMITTER;
        Signature::new(name, email, &Time::new(self.time, 0))
    }
}

/// What `commit` landed, if the lander made it.
pub(super) fn read(commit: &Commit<'_>) -> Option<LandedCommit> {
    if commit.committer().email_bytes() != COMMITTER.1.as_bytes() {
        return None;
    }
    let (ticket, attempt) = parse(&String::from_utf8_lossy(commit.message_bytes()))?;
    Some(LandedCommit {
        commit: commit.id(),
        ticket,
        attempt,
    })
}

fn parse(message: &str) -> Option<(i64, i64)> {
    let last = message.trim_end().rsplit("\n\n").next()?;
    let value = |key: &str| last.lines().find_map(|l| l.strip_prefix(key)?.parse().ok());
    Some((value(TICKET)?, value(ATTEMPT)?))
}

fn subject(title: &str, ticket: i64) -> String {
    let words: Vec<String> = title
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !c.is_control()).collect())
        .collect();
    let line: String = words.join(" ").chars().take(MAX_SUBJECT).collect();
    match line.trim() {
        "" => format!("Ticket {ticket}"),
        line => line.to_owned(),
    }
}

fn body(summary: &str) -> String {
    let text: String = summary
        .chars()
        .filter(|c| !c.is_control() || *c == '\n' || *c == '\t')
        .take(MAX_BODY)
        .collect();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(title: &str, summary: Option<&str>) -> LandingText {
        LandingText {
            ticket: 7,
            attempt: 2,
            title: title.into(),
            summary: summary.map(Into::into),
            agent: "agent-1".into(),
            time: 0,
        }
    }

    #[test]
    fn a_message_has_subject_body_and_trailers() {
        assert_eq!(
            text("Add a thing", Some("It was missing.\r\n\n- really  \n")).message(),
            "Add a thing\n\nIt was missing.\n\n- really\n\nSwarm-Ticket: 7\nSwarm-Attempt: 2\n"
        );
        assert_eq!(
            text(" a\nb\x1b[31m ", None).message(),
            "a b[31m\n\nSwarm-Ticket: 7\nSwarm-Attempt: 2\n"
        );
        assert!(text("\n", None).message().starts_with("Ticket 7\n"));
    }

    #[test]
    fn trailers_are_read_from_the_last_paragraph_only() {
        for (title, summary) in [
            ("x", None),
            ("Swarm-Ticket: 9", Some("Swarm-Ticket: 9\nSwarm-Attempt: 9")),
            ("x", Some("a\n\nSwarm-Ticket: 9\nSwarm-Attempt: 9\n\n\n")),
        ] {
            assert_eq!(parse(&text(title, summary).message()), Some((7, 2)));
        }
    }

    #[test]
    fn other_messages_have_no_trailers() {
        for message in [
            "",
            "x",
            "x\n\nSwarm-Ticket: 7",
            "x\n\nSwarm-Ticket: a\nSwarm-Attempt: 1",
        ] {
            assert_eq!(parse(message), None, "{message:?}");
        }
    }
}
