//! Which buttons a message has that can be answered. What needs no words is one tap; what needs some is
//! copied, so that they can be written behind it. Codes are nowhere but behind the buttons. Pure.

use swarm::channel::Button;
use swarm::channel::ntfy::replies::Replies;
use ticket::reply::{Action, Text};

/// How many buttons ntfy shows.
const MOST: usize = 3;

/// The buttons for these codes, in the order of the actions.
pub fn of(replies: &Replies, ticket: i64, codes: &[(Action, String)]) -> Vec<Button> {
    let body = |code: &str| format!("{ticket} {code}");
    let taps = codes
        .iter()
        .filter(|(action, _)| action.text() != Text::Needed)
        .map(|(action, code)| replies.tap(label(*action), body(code)));
    let with_words = codes
        .iter()
        .rev()
        .find(|(action, _)| action.text() != Text::None);
    let copy = with_words.map(|(action, code)| Button::Copy {
        label: label_of_copy(*action).into(),
        value: format!("{}: ", body(code)),
    });
    let view = with_words.map(|_| replies.view("Paste it here"));
    taps.chain(copy).chain(view).take(MOST).collect()
}

fn label(action: Action) -> &'static str {
    match action {
        Action::Answer => "Answer",
        Action::Approve => "Approve",
        Action::Reject => "Reject",
        Action::Pass => "Pass",
        Action::Fail => "Fail",
        Action::Retry => "Try again",
    }
}

fn label_of_copy(action: Action) -> &'static str {
    match action {
        Action::Answer => "Copy to answer",
        Action::Approve => "Copy to approve",
        Action::Reject => "Copy to reject with words",
        Action::Pass => "Copy to pass with words",
        Action::Fail => "Copy to fail it",
        Action::Retry => "Copy to advise",
    }
}
