//! Answers from a phone: what can be said about a ticket, and the form in which it comes in. Pure.

use crate::notice::Kind;
use crate::words::one_of;

/// How long a text may be, in characters.
const LONGEST_TEXT: usize = 4000;

/// What a code lets its holder do, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// `ticket answer`
    Answer,
    /// `ticket approve`
    Approve,
    /// `ticket reject`
    Reject,
    /// `ticket pass`
    Pass,
    /// `ticket fail`
    Fail,
    /// `ticket unclaim`: the agents try again.
    Retry,
}

/// Whether a text goes with an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Nothing is done without one.
    Needed,
    /// It becomes a comment.
    Welcome,
    /// There is no place for one.
    None,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 6] = [
        Action::Answer,
        Action::Approve,
        Action::Reject,
        Action::Pass,
        Action::Fail,
        Action::Retry,
    ];

    /// The word in the database and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Answer => "answer",
            Action::Approve => "approve",
            Action::Reject => "reject",
            Action::Pass => "pass",
            Action::Fail => "fail",
            Action::Retry => "retry",
        }
    }

    /// What can be said about a ticket that a message of this kind tells of.
    pub fn on(kind: Kind) -> &'static [Action] {
        match kind {
            Kind::Question => &[Action::Answer],
            Kind::Proposal | Kind::Held => &[Action::Approve, Action::Reject],
            Kind::Verify => &[Action::Pass, Action::Fail],
            Kind::Quarantine => &[Action::Retry],
            Kind::Limit
            | Kind::Login
            | Kind::Service
            | Kind::Budget
            | Kind::Main
            | Kind::Agents
            | Kind::Idle
            | Kind::Reply => &[],
        }
    }

    /// Whether a text goes with it.
    pub fn text(self) -> Text {
        match self {
            Action::Answer | Action::Fail => Text::Needed,
            Action::Reject | Action::Pass | Action::Retry => Text::Welcome,
            Action::Approve => Text::None,
        }
    }
}

impl std::str::FromStr for Action {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("action", word, &Action::ALL, Action::as_str)
    }
}

/// What came in: `12 CODE` or `12 CODE: a text`.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The ticket.
    pub ticket: i64,
    /// The code.
    pub code: String,
    /// What was written behind the colon.
    pub text: Option<String>,
}

impl Reply {
    /// What `message` says, when it has the form of an answer.
    pub fn parse(message: &str) -> Option<Reply> {
        let message = message.trim();
        let (ticket, rest) = message.split_once(char::is_whitespace)?;
        let ticket = ticket.strip_prefix('#').unwrap_or(ticket);
        let ticket = ticket.parse().ok().filter(|id| *id > 0)?;
        let (code, text) = match rest.split_once(':') {
            Some((code, text)) => (code, text.trim()),
            None => (rest, ""),
        };
        let code = code.trim().to_ascii_lowercase();
        let is_code =
            (4..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_code.then(|| Reply {
            ticket,
            code,
            text: Some(text)
                .filter(|text| !text.is_empty())
                .map(|text| text.chars().take(LONGEST_TEXT).collect()),
        })
    }
}

/// The code is as good as a password.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply(on ticket {}: {:?})", self.ticket, self.text)
    }
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done(Action),
    /// No such code for this ticket. True: so many were wrong that all codes of the ticket are void
    /// from now on.
    Unknown(bool),
    /// The code was right once; nothing was done.
    Refused(Refused),
}

/// Why nothing was done for a code that was right once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It was used before.
    Used,
    /// A newer message, another answer or wrong guesses made it void.
    Void,
    /// It was too old.
    Expired,
    /// The ticket is not what the message said any more.
    Changed,
    /// The action needs a text.
    WithoutText,
    /// The action has no place for a text.
    WithText,
    /// The queue said no.
    ByQueue(String),
}

impl Refused {
    /// The sentence for whoever sent the answer.
    pub fn sentence(&self) -> String {
        match self {
            Refused::Used => "It was used before, and works once.".into(),
            Refused::Void => "A newer message, another answer or wrong codes made it void.".into(),
            Refused::Expired => "It was too old.".into(),
            Refused::Changed => "The ticket has changed since that message.".into(),
            Refused::WithoutText => {
                "It needs a text: write it behind the colon. The code is still good.".into()
            }
            Refused::WithText => {
                "It takes no text: send it without one. The code is still good.".into()
            }
            Refused::ByQueue(why) => why.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(message: &str) -> Option<(i64, String, Option<String>)> {
        Reply::parse(message).map(|r| (r.ticket, r.code, r.text))
    }

    #[test]
    fn an_answer_is_a_ticket_a_code_and_perhaps_a_text() {
        let text = |text: &str| Some(text.to_owned());
        for (message, expected) in [
            ("12 k7q2m9", Some((12, "k7q2m9", None))),
            (" #12  K7Q2m9 \n", Some((12, "k7q2m9", None))),
            (
                "12 k7q2m9: Round: half up.\nAlways.",
                Some((12, "k7q2m9", text("Round: half up.\nAlways."))),
            ),
            ("12 k7q2m9 :  ", Some((12, "k7q2m9", None))),
            ("12", None),
            ("", None),
            ("k7q2m9 12", None),
            ("-3 k7q2m9", None),
            ("0 k7q2m9", None),
            ("12 k7 q2m9", None),
            ("12 k7q2m9; approve", None),
            ("99999999999999999999 k7q2m9", None),
            ("12 ../../etc", None),
        ] {
            let expected = expected.map(|(id, code, text)| (id, code.to_owned(), text));
            assert_eq!(parsed(message), expected, "{message:?}");
        }
        assert_eq!(parsed(&format!("1 {}", "a".repeat(65))), None);
        let long = parsed(&format!("1 abcdef: {}", "ä".repeat(9000))).unwrap();
        assert_eq!(long.2.unwrap().chars().count(), LONGEST_TEXT);
    }

    #[test]
    fn a_reply_in_a_log_hides_its_code() {
        let reply = Reply::parse("12 k7q2m9: yes").unwrap();
        assert!(!format!("{reply:?}").contains("k7q2m9"));
    }

    #[test]
    fn every_action_can_be_read_back() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
    }
}
