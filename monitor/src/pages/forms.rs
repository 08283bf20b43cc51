//! What the human can say of a ticket that waits for them, as forms.

use askama::Template;
use ticket::ticket::HUMAN;
use ticket::{Status, Ticket, TicketType};

/// The forms of one ticket.
#[derive(Template)]
#[template(path = "forms.html")]
pub struct Forms {
    id: i64,
    forms: Vec<Form>,
}

struct Form {
    action: &'static str,
    button: &'static str,
    field: Option<Field>,
}

struct Field {
    label: &'static str,
    required: bool,
}

impl Forms {
    /// What can be answered to this ticket now; none when it does not wait for the human. `is_held`:
    /// a landing of it changes protected paths.
    pub fn of(ticket: &Ticket, is_held: bool) -> Forms {
        let waits = ticket.status != Status::Done && ticket.assigned_to.as_deref() == Some(HUMAN);
        let forms = match ticket.kind {
            _ if !waits && !is_held => Vec::new(),
            TicketType::Question => vec![asks("answer", "Answer", "Your answer")],
            TicketType::Verify => vec![
                may_say("pass", "Pass", "What to say about it"),
                asks("fail", "Fail", "What is wrong"),
            ],
            TicketType::Proposal => approve_or_reject(),
            TicketType::Task if is_held => approve_or_reject(),
            TicketType::Task => vec![says("unclaim", "Let agents try again")],
        };
        Forms {
            id: ticket.id,
            forms,
        }
    }
}

fn approve_or_reject() -> Vec<Form> {
    vec![
        says("approve", "Approve"),
        asks("reject", "Reject", "Why not"),
    ]
}

fn says(action: &'static str, button: &'static str) -> Form {
    Form {
        action,
        button,
        field: None,
    }
}

fn asks(action: &'static str, button: &'static str, label: &'static str) -> Form {
    let required = true;
    Form {
        action,
        button,
        field: Some(Field { label, required }),
    }
}

fn may_say(action: &'static str, button: &'static str, label: &'static str) -> Form {
    let required = false;
    Form {
        action,
        button,
        field: Some(Field { label, required }),
    }
}
