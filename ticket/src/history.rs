//! Whether a log can be true: no ticket lost, none claimed or finished twice, nothing acknowledged
//! that is not written down. Takes the rows one by one and remembers the unfinished tickets, so it
//! reads a log of any length. Pure: where the rows come from is the caller's affair.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::event::Event;
use crate::ticket::HUMAN;

/// What was read so far, and what was wrong with it.
#[derive(Debug, Default)]
pub struct History {
    /// Rows up to this moment were written under other rules: they are taken in, not judged.
    foreign_until: Option<String>,
    last_event: Option<i64>,
    open: HashMap<i64, Open>,
    done: Done,
    expected: HashSet<Acknowledged>,
    findings: Vec<Finding>,
    /// Findings that an import explains, if it says next that it was one.
    if_not_imported: Vec<Finding>,
}

/// A ticket that is not done.
#[derive(Debug, Default)]
struct Open {
    /// The number of its latest attempt; none when that happened elsewhere.
    latest: Option<i64>,
    /// The attempt that goes on, and whether its runner has left it to the landing queue.
    held: Option<(i64, bool)>,
}

/// What a client was told to have happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Acknowledged {
    /// This ticket was made.
    Created(i64),
    /// This attempt of this ticket is this agent's.
    Claimed(i64, i64, String),
    /// This ticket is done.
    Done(i64),
}

/// One thing that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The row that shows it; none when what shows it is that no row does.
    pub event: Option<i64>,
    /// The ticket it is about.
    pub ticket: Option<i64>,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Rows between this one and the one before are missing, or it comes twice.
    Gap(i64),
    /// No row says that the ticket was made.
    NeverCreated,
    /// Two rows say that it was made.
    CreatedTwice,
    /// It was claimed while this attempt went on.
    ClaimedTwice(i64),
    /// This attempt was to come next, and another one did.
    OutOfOrder(i64),
    /// The row tells of an attempt that does not go on.
    NotHeld,
    /// The ticket left its attempt, and no row says that the attempt ended.
    StillHeld(i64),
    /// It was finished twice.
    DoneTwice,
    /// This happened to a ticket that was done.
    AfterDone(String),
    /// A client was told so, and the log knows nothing of it.
    Lost(Acknowledged),
    /// Two clients were told the same.
    AcknowledgedTwice(Acknowledged),
}

impl History {
    /// A history whose rows up to this moment (`YYYY-MM-DD HH:MM:SS`) another system wrote.
    pub fn foreign_until(moment: &str) -> History {
        History {
            foreign_until: Some(moment.to_owned()),
            ..History::default()
        }
    }

    /// A client was told so: the rows to come must say it, too.
    pub fn expect(&mut self, told: Acknowledged) {
        if !self.expected.insert(told.clone()) {
            self.find(None, Some(told.ticket()), Fault::AcknowledgedTwice(told));
        }
    }

    /// Takes in the next row.
    pub fn observe(&mut self, event: &Event) {
        let foreign = self
            .foreign_until
            .as_ref()
            .is_some_and(|moment| event.created_at <= *moment);
        let last = self.last_event.replace(event.id);
        if foreign {
            return self.take_in(event);
        }
        if let Some(last) = last.filter(|last| event.id != last + 1) {
            self.find(Some(event.id), None, Fault::Gap(last));
        }
        match (event.ticket_id, event.action.as_str()) {
            (None, "imported") => self.explain_by_import(),
            (None, _) => (),
            (Some(id), "created") => self.created(event, id),
            (Some(id), _) if self.done.has(id) => self.after_done(event, id),
            (Some(id), _) => {
                if !self.open.contains_key(&id) {
                    self.find(Some(event.id), Some(id), Fault::NeverCreated);
                    self.open.insert(id, Open::default());
                }
                self.went_on(event, id);
            }
        }
    }

    /// What is wrong with what was read so far, in the order of its reading; then what is missing.
    pub fn findings(&self) -> Vec<Finding> {
        let mut lost: Vec<&Acknowledged> = self.expected.iter().collect();
        lost.sort_by_key(|told| told.ticket());
        let lost = lost.into_iter().map(|told| Finding {
            event: None,
            ticket: Some(told.ticket()),
            fault: Fault::Lost(told.clone()),
        });
        let found = self.findings.iter().chain(&self.if_not_imported);
        found.cloned().chain(lost).collect()
    }

    /// How many tickets are made and not done.
    pub fn unfinished(&self) -> usize {
        self.open.len()
    }

    /// A row of another system: it had no attempts, let done tickets be reopened, and may have been
    /// cut short.
    fn take_in(&mut self, event: &Event) {
        let Some(id) = event.ticket_id else { return };
        if event.action == "done" {
            self.open.remove(&id);
            self.done.add(id);
        } else {
            if event.action == "unclaimed" {
                self.done.remove(id);
            }
            if !self.done.has(id) {
                self.open.entry(id).or_default().latest = Some(0);
            }
        }
    }

    /// An import makes tickets that were begun elsewhere.
    fn explain_by_import(&mut self) {
        self.if_not_imported.clear();
        for ticket in self.open.values_mut().filter(|t| t.latest == Some(0)) {
            ticket.latest = None;
        }
    }

    fn created(&mut self, event: &Event, id: i64) {
        if self.done.has(id) || self.open.contains_key(&id) {
            return self.find(Some(event.id), Some(id), Fault::CreatedTwice);
        }
        let fresh = Open {
            latest: Some(0),
            held: None,
        };
        self.open.insert(id, fresh);
        self.expected.remove(&Acknowledged::Created(id));
    }

    fn after_done(&mut self, event: &Event, id: i64) {
        let fault = match event.action.as_str() {
            "done" => Fault::DoneTwice,
            // An agent's own word on an attempt that was ended by somebody else's hand.
            "completed" if event.agent_id.as_deref() != Some(HUMAN) => return,
            "claimed" | "attempt_ended" | "lease_expired" | "unclaimed" | "completed"
            | "submitted" | "approved" | "bounced" | "held" | "landed" | "left" | "phase"
            | "quarantined" => Fault::AfterDone(event.action.clone()),
            _ => return,
        };
        self.find(Some(event.id), Some(id), fault);
    }

    fn went_on(&mut self, event: &Event, id: i64) {
        match event.action.as_str() {
            "claimed" => self.claimed(event, id),
            "attempt_ended" | "lease_expired" => self.ended(event, id),
            "held" | "landed" => self.let_go(id),
            "bounced" if self.held(id).is_some_and(|(_, left)| left) => self.let_go(id),
            "left" => match self.open.get_mut(&id).and_then(|t| t.held.as_mut()) {
                Some((_, left)) => *left = true,
                None => self.find(Some(event.id), Some(id), Fault::NotHeld),
            },
            "submitted" | "phase" if self.held(id).is_none() => {
                self.find(Some(event.id), Some(id), Fault::NotHeld);
            }
            "unclaimed" => self.must_not_be_held(event, id),
            "completed" if event.agent_id.as_deref() == Some(HUMAN) => {
                self.must_not_be_held(event, id);
            }
            "done" => {
                self.must_not_be_held(event, id);
                self.open.remove(&id);
                self.done.add(id);
                self.expected.remove(&Acknowledged::Done(id));
            }
            _ => (),
        }
    }

    fn claimed(&mut self, event: &Event, id: i64) {
        let number = attempt(event);
        let Some(ticket) = self.open.get_mut(&id) else {
            return;
        };
        let (latest, held) = (ticket.latest, ticket.held);
        ticket.latest = number.or(latest.map(|n| n + 1));
        ticket.held = ticket.latest.map(|n| (n, false));
        if let Some((other, _)) = held {
            self.find(Some(event.id), Some(id), Fault::ClaimedTwice(other));
        }
        if let Some(latest) = latest
            && number != Some(latest + 1)
        {
            self.find(Some(event.id), Some(id), Fault::OutOfOrder(latest + 1));
        }
        if let (Some(number), Some(agent)) = (number, &event.agent_id) {
            let told = Acknowledged::Claimed(id, number, agent.clone());
            self.expected.remove(&told);
        }
    }

    fn ended(&mut self, event: &Event, id: i64) {
        let number = attempt(event);
        let held = self.held(id).map(|(number, _)| number);
        if held.is_none() || held != number {
            let finding = Finding {
                event: Some(event.id),
                ticket: Some(id),
                fault: Fault::NotHeld,
            };
            let never_here = self.open.get(&id).is_some_and(|t| t.latest == Some(0));
            match never_here {
                true => self.if_not_imported.push(finding),
                false => self.findings.push(finding),
            }
        }
        self.let_go(id);
    }

    fn must_not_be_held(&mut self, event: &Event, id: i64) {
        if let Some((number, _)) = self.held(id) {
            self.find(Some(event.id), Some(id), Fault::StillHeld(number));
            self.let_go(id);
        }
    }

    fn held(&self, id: i64) -> Option<(i64, bool)> {
        self.open.get(&id).and_then(|ticket| ticket.held)
    }

    fn let_go(&mut self, id: i64) {
        if let Some(ticket) = self.open.get_mut(&id) {
            ticket.held = None;
        }
    }

    fn find(&mut self, event: Option<i64>, ticket: Option<i64>, fault: Fault) {
        self.findings.push(Finding {
            event,
            ticket,
            fault,
        });
    }
}

/// The number in `attempt 3`, `attempt 3: released: …` and `attempt 3 of agent-1`.
fn attempt(event: &Event) -> Option<i64> {
    let rest = event.detail.as_deref()?.strip_prefix("attempt ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// Which tickets are done: one bit each.
#[derive(Debug, Default)]
struct Done(HashMap<i64, u64>);

impl Done {
    fn has(&self, id: i64) -> bool {
        let bits = self.0.get(&(id >> 6)).copied().unwrap_or(0);
        bits & 1 << (id & 63) != 0
    }

    fn add(&mut self, id: i64) {
        *self.0.entry(id >> 6).or_default() |= 1 << (id & 63);
    }

    fn remove(&mut self, id: i64) {
        if let Some(bits) = self.0.get_mut(&(id >> 6)) {
            *bits &= !(1 << (id & 63));
        }
    }
}

impl Acknowledged {
    fn ticket(&self) -> i64 {
        match self {
            Acknowledged::Created(id) | Acknowledged::Claimed(id, ..) | Acknowledged::Done(id) => {
                *id
            }
        }
    }
}

impl fmt::Display for Acknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Acknowledged::Created(_) => write!(f, "it was created"),
            Acknowledged::Claimed(_, number, agent) => {
                write!(f, "attempt {number} is {agent}'s")
            }
            Acknowledged::Done(_) => write!(f, "it is done"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(event) = self.event {
            write!(f, "row {event} of the log: ")?;
        }
        if let Some(ticket) = self.ticket {
            write!(f, "ticket {ticket} ")?;
        }
        match &self.fault {
            Fault::Gap(last) => write!(f, "the row before it is {last}: rows are missing"),
            Fault::NeverCreated => write!(f, "was never created"),
            Fault::CreatedTwice => write!(f, "was created already"),
            Fault::ClaimedTwice(held) => write!(f, "was claimed while attempt {held} went on"),
            Fault::OutOfOrder(next) => write!(f, "was claimed when attempt {next} was to come"),
            Fault::NotHeld => write!(f, "has no such attempt that goes on"),
            Fault::StillHeld(held) => write!(f, "left attempt {held}, which never ended"),
            Fault::DoneTwice => write!(f, "was done already"),
            Fault::AfterDone(action) => write!(f, "was done, and then '{action}'"),
            Fault::Lost(told) => write!(f, "is not in the log as a client was told: {told}"),
            Fault::AcknowledgedTwice(told) => write!(f, "was promised twice: {told}"),
        }
    }
}

#[cfg(test)]
mod tests;
