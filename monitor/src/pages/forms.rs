//! What the human can say of a ticket that waits for them, as forms.

use askama::Template;
use ticket::waiting::Wanted;

/// The forms of one ticket.
#[derive(Default, Template)]
#[template(path = "forms.html")]
pub struct Forms {
    id: i64,
    forms: Vec<Form>,
}

struct Form {
    action: &'static str,
    button: &'static str,
    /// What is to be written, where anything is.
    field: Option<Field>,
}

struct Field {
    label: &'static str,
    required: bool,
}

impl Forms {
    /// What can be said to what is asked.
    pub fn of(id: i64, wanted: Wanted) -> Forms {
        let forms = match wanted {
            Wanted::Question => vec![form("answer", "Answer", Some(("Your answer", true)))],
            Wanted::Verify => vec![
                form("pass", "Pass", Some(("What to say about it", false))),
                form("fail", "Fail", Some(("What is wrong", true))),
            ],
            Wanted::Proposal | Wanted::Held | Wanted::NoChange => vec![
                form("approve", "Approve", None),
                form("reject", "Reject", Some(("Why not", true))),
            ],
            Wanted::Quarantine => vec![
                form(
                    "answer",
                    "Tell them and let them try again",
                    Some(("What agents should know", true)),
                ),
                form("retry", "Let agents try again", None),
            ],
            Wanted::Work => vec![
                form("answer", "It is done", Some(("What you did", true))),
                form("unclaim", "Give it to the agents", None),
            ],
        };
        Forms { id, forms }
    }
}

fn form(action: &'static str, button: &'static str, field: Option<(&'static str, bool)>) -> Form {
    Form {
        action,
        button,
        field: field.map(|(label, required)| Field { label, required }),
    }
}
