//! What is worth telling: what is so now against what was so at the last look. Pure; the memory goes
//! into the database together with the messages, so no restart tells anything twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use ticket::halt::{Cause, Halt};
use ticket::notice::{Change, Kind, NewNotice};
use ticket::waiting::{Waiting, Wanted};
use ticket::{moment, text};

use crate::login::SOON;

/// A service that fails shorter than this is not worth a message, in seconds.
const SERVICE_PATIENCE: i64 = 10 * 60;
/// The same for what hinders containers.
const PROBLEM_PATIENCE: i64 = 60;
/// For so long something must be gone before that is told, in seconds: what comes and goes is one
/// trouble.
const GONE_PATIENCE: i64 = 10 * 60;
/// The same for agents without work: work often comes at once.
const IDLE_PATIENCE: i64 = 60;
/// When the work of so many tickets in a row is red, main itself is probably broken.
const RED_IN_A_ROW: usize = 4;
/// How many characters of a title are sent.
const TITLE: usize = 120;
/// How many characters of somebody's words are sent.
const WORDS: usize = 600;

/// What is so now.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The time, in Unix seconds.
    pub now: i64,
    /// What waits for the human.
    pub waiting: Vec<Waiting>,
    /// What halts claims.
    pub halt: Option<Halt>,
    /// When the login ends, in Unix seconds, where that is known.
    pub login_ends_at: Option<i64>,
    /// What hinders containers: what it is about, and the sentence.
    pub problems: BTreeMap<String, String>,
    /// Tickets whose work was red since something last landed.
    pub red: Vec<i64>,
    /// Agents could do something.
    pub has_work: bool,
    /// Tickets that are not done.
    pub unfinished: i64,
    /// Answers from the phone that were not taken.
    pub not_taken: Vec<NotTaken>,
}

/// An answer from the phone that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// The ticket that it was about.
    pub ticket: i64,
    /// Why it was not taken.
    pub said: String,
    /// The ticket is not what was told: tell it anew.
    pub anew: bool,
}

/// What was so, and what of it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Makes every key a new one.
    told: u64,
    waiting: BTreeMap<i64, Wanted>,
    halt: Option<SeenHalt>,
    /// The end of the login that was warned of.
    login_ends_at: Option<i64>,
    problems: BTreeMap<String, SeenProblem>,
    red_was_told: bool,
    idle_since: Option<i64>,
    idle_was_told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SeenHalt {
    cause: Cause,
    since: i64,
    was_told: bool,
    /// A claim may try whether it is over.
    is_tried: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SeenProblem {
    since: i64,
    was_told: bool,
    gone_since: Option<i64>,
}

impl Memory {
    /// For the first look of all: what waits already is no news.
    pub fn first(facts: &Facts) -> Memory {
        Memory {
            waiting: wanted(facts),
            idle_was_told: !facts.has_work,
            ..Memory::default()
        }
    }

    /// What is remembered of a time that is not yet, since the clock was set back, was now.
    fn not_ahead_of(mut self, now: i64) -> Memory {
        for seen in self.problems.values_mut() {
            seen.since = seen.since.min(now);
            seen.gone_since = seen.gone_since.map(|gone| gone.min(now));
        }
        self.idle_since = self.idle_since.map(|since| since.min(now));
        self
    }

    /// What is to be told now, and the memory from then on.
    pub fn look(&self, facts: &Facts) -> (Memory, Vec<Change>) {
        let mut look = Look {
            memory: self.clone().not_ahead_of(facts.now),
            facts,
            changes: Vec::new(),
        };
        look.not_taken();
        look.waiting();
        look.halt();
        look.login();
        look.problems();
        look.main();
        look.idle();
        (look.memory, look.changes)
    }
}

fn wanted(facts: &Facts) -> BTreeMap<i64, Wanted> {
    let waiting = facts.waiting.iter();
    waiting.map(|w| (w.ticket, w.wanted)).collect()
}

struct Look<'a> {
    memory: Memory,
    facts: &'a Facts,
    changes: Vec<Change>,
}

impl Look<'_> {
    fn tell(&mut self, kind: Kind, subject: &str, priority: u8, title: &str, body: &str) {
        self.tell_of((None, None), kind, subject, priority, title, body);
    }

    fn tell_of(
        &mut self,
        (ticket, version): (Option<i64>, Option<i64>),
        kind: Kind,
        subject: &str,
        priority: u8,
        title: &str,
        body: &str,
    ) {
        self.memory.told += 1;
        self.changes.push(Change::Tell(NewNotice {
            key: format!("{}-{}", kind.as_str(), self.memory.told),
            kind,
            subject: subject.to_owned(),
            ticket,
            version,
            title: text::beginning(&text::one_line(title), TITLE),
            body: text::plain(body),
            priority,
        }));
    }

    fn not_taken(&mut self) {
        let anew = self.facts.not_taken.iter().filter(|answer| answer.anew);
        let anew: BTreeSet<i64> = anew.map(|answer| answer.ticket).collect();
        self.memory
            .waiting
            .retain(|ticket, _| !anew.contains(ticket));
        for NotTaken { ticket, said, .. } in &self.facts.not_taken {
            let title = format!("#{ticket}: your answer was not taken");
            let subject = format!("answer to {ticket}");
            let about = (Some(*ticket), None);
            self.tell_of(
                about,
                Kind::Reply,
                &subject,
                4,
                &title,
                &text::beginning(said, WORDS),
            );
        }
    }

    fn waiting(&mut self) {
        for waiting in &self.facts.waiting {
            if self.memory.waiting.get(&waiting.ticket) != Some(&waiting.wanted) {
                self.new_wish(waiting);
            }
        }
        let now = wanted(self.facts);
        for ticket in self.memory.waiting.keys() {
            if !now.contains_key(ticket) {
                self.changes.push(Change::Withdraw(subject_of(*ticket)));
            }
        }
        self.memory.waiting = now;
    }

    fn new_wish(&mut self, waiting: &Waiting) {
        let by_human = waiting.created_by == ticket::ticket::HUMAN;
        let (kind, what, priority) = match waiting.wanted {
            Wanted::Quarantine => (Kind::Quarantine, "failed too often", 4),
            Wanted::Held => (Kind::Held, "changes protected paths", 4),
            Wanted::NoChange => (Kind::Held, "nothing has to change, says its agent", 3),
            // What people make for themselves is no news to them.
            _ if by_human => return,
            Wanted::Question => (Kind::Question, "a question", 4),
            Wanted::Proposal => (Kind::Proposal, "a proposal", 3),
            Wanted::Verify => (Kind::Verify, "please check", 3),
            Wanted::Work => (Kind::Question, "work for you", 3),
        };
        let title = format!("#{} {what}: {}", waiting.ticket, waiting.title);
        let detail = waiting.detail.as_deref().unwrap_or_default().trim();
        let body = format!(
            "{}\n\n{}",
            text::beginning(detail, WORDS),
            waiting.command()
        );
        let subject = subject_of(waiting.ticket);
        let about = (Some(waiting.ticket), Some(waiting.version));
        self.tell_of(about, kind, &subject, priority, &title, body.trim());
    }

    fn halt(&mut self) {
        let (before, now) = (self.memory.halt, self.facts.now);
        let Some(halt) = &self.facts.halt else {
            if let Some(over) = before.filter(|halt| halt.was_told) {
                self.halt_is_over(over);
            }
            self.memory.halt = None;
            return;
        };
        let is_tried = halt.until.is_some() || halt.probe.is_some();
        let known =
            before.filter(|b| b.cause == halt.cause && (b.since == halt.since || b.since > now));
        // Somebody mended the login, an agent tried, and it was refused again.
        let refused_again =
            halt.cause == Cause::Login && known.is_some_and(|known| known.is_tried) && !is_tried;
        let mut was_told = known.is_some_and(|known| known.was_told) && !refused_again;
        let patience = match halt.cause {
            Cause::Service => SERVICE_PATIENCE,
            Cause::Limit | Cause::Login | Cause::Program | Cause::Budget => 0,
        };
        if !was_told && now - halt.since.min(now) >= patience {
            self.halted(halt);
            was_told = true;
        }
        self.memory.halt = Some(SeenHalt {
            cause: halt.cause,
            since: halt.since,
            was_told,
            is_tried,
        });
    }

    fn halted(&mut self, halt: &Halt) {
        let said = text::beginning(&text::one_line(&halt.said), WORDS);
        let again = halt.until.and_then(moment::text).unwrap_or_default();
        let (kind, priority, title, body) = match halt.cause {
            Cause::Limit => (
                Kind::Limit,
                3,
                "Usage limit: the agents wait",
                format!(
                    "One agent tries again at {again} UTC; nothing needs to be done.\n\n{said}"
                ),
            ),
            Cause::Login => (
                Kind::Login,
                5,
                "The login is refused: nothing is worked on",
                format!(
                    "Run 'claude' once to log in, or 'claude setup-token', then 'swarm login'. \
                     No attempt was used up.\n\n{said}"
                ),
            ),
            Cause::Service => (
                Kind::Service,
                4,
                "The model's service has failed for 10 minutes",
                format!(
                    "The agents try again by themselves, next at {again} UTC; no attempt is used \
                     up.\n\n{said}"
                ),
            ),
            Cause::Program => (
                Kind::Service,
                4,
                "The agent CLI cannot be started: nothing is worked on",
                format!(
                    "Look at agents.backend and agents.model in .swarm/config.json, and at \
                     'swarm backend test'. One agent tries again at {again} UTC; no attempt is \
                     used up.\n\n{said}"
                ),
            ),
            Cause::Budget => (
                Kind::Budget,
                4,
                "The day's budget is used up: the agents wait",
                format!(
                    "They cost {said}. They go on at {again} UTC, when the hub's day is over; \
                     'ticket resume' lets them go on today."
                ),
            ),
        };
        self.tell(kind, "halt", priority, title, &body);
    }

    fn halt_is_over(&mut self, halt: SeenHalt) {
        let (kind, title) = match halt.cause {
            Cause::Limit => (Kind::Limit, "The usage limit is over"),
            Cause::Login => (Kind::Login, "The login works again"),
            Cause::Service => (Kind::Service, "The model's service works again"),
            Cause::Program => (Kind::Service, "The agent CLI starts again"),
            Cause::Budget => (Kind::Budget, "The day's budget lasts again"),
        };
        let lasted = span(self.facts.now - halt.since);
        let body = format!("The agents work again. It lasted {lasted}.");
        self.tell(kind, "halt", 2, title, &body);
    }

    fn login(&mut self) {
        let ends = self.facts.login_ends_at;
        let Some(ends) = ends.filter(|ends| ends - self.facts.now <= SOON) else {
            return;
        };
        if self.memory.login_ends_at == Some(ends) {
            return;
        }
        self.memory.login_ends_at = Some(ends);
        let at = moment::text(ends).unwrap_or_default();
        let title = match ends - self.facts.now {
            left if left > 0 => format!("The login ends in {}", span(left)),
            _ => "The login has ended".into(),
        };
        let body = format!(
            "It ends at {at} UTC. Run 'claude' once, then 'swarm login'; a token made by \
             'claude setup-token' lasts for a year."
        );
        self.tell(Kind::Login, "login", 4, &title, &body);
    }

    fn problems(&mut self) {
        let now = self.facts.now;
        for (about, said) in &self.facts.problems {
            let seen = self.memory.problems.get(about).copied();
            let mut seen = seen.unwrap_or(SeenProblem {
                since: now,
                was_told: false,
                gone_since: None,
            });
            seen.gone_since = None;
            if !seen.was_told && now - seen.since >= PROBLEM_PATIENCE {
                let title = format!("{about}: it does not run");
                self.tell(
                    Kind::Agents,
                    about,
                    4,
                    &title,
                    &text::beginning(said, WORDS),
                );
                seen.was_told = true;
            }
            self.memory.problems.insert(about.clone(), seen);
        }
        for (about, mut seen) in self.memory.problems.clone() {
            if self.facts.problems.contains_key(&about) {
                continue;
            }
            let gone_since = *seen.gone_since.get_or_insert(now);
            if seen.was_told && now - gone_since < GONE_PATIENCE {
                self.memory.problems.insert(about, seen);
                continue;
            }
            self.memory.problems.remove(&about);
            if seen.was_told {
                let lasted = span(gone_since - seen.since);
                let title = format!("{about}: it runs again");
                let body = format!("The trouble lasted {lasted}.");
                self.tell(Kind::Agents, &about, 2, &title, &body);
            }
        }
    }

    fn main(&mut self) {
        let red = &self.facts.red;
        let is_red = red.len() >= RED_IN_A_ROW;
        if is_red && !self.memory.red_was_told {
            let tickets: Vec<String> = red.iter().map(|id| format!("#{id}")).collect();
            let body = format!(
                "verify.sh was red for {}, and nothing landed since. 'swarm verify' checks main \
                 itself.",
                text::beginning(&tickets.join(", "), WORDS)
            );
            let title = format!("The work of {} tickets in a row is red", red.len());
            self.tell(Kind::Main, "main", 4, &title, &body);
        }
        self.memory.red_was_told = is_red;
    }

    fn idle(&mut self) {
        if self.facts.has_work {
            if self.memory.idle_was_told {
                self.changes.push(Change::Withdraw("idle".into()));
            }
            (self.memory.idle_since, self.memory.idle_was_told) = (None, false);
            return;
        }
        let since = *self.memory.idle_since.get_or_insert(self.facts.now);
        if self.memory.idle_was_told || self.facts.now - since < IDLE_PATIENCE {
            return;
        }
        self.memory.idle_was_told = true;
        let (title, body) = match (self.facts.unfinished, self.facts.waiting.len()) {
            (0, _) => (
                "The queue is empty",
                "Every ticket is done. 'ticket create' makes more.".to_owned(),
            ),
            (_, 0) => (
                "The agents have nothing to do",
                "What is not done waits for other tickets: see 'ticket list'.".to_owned(),
            ),
            (_, waiting) => (
                "The agents have nothing to do",
                format!("Waiting for you: {waiting}. 'swarm status' shows what to type."),
            ),
        };
        self.tell(Kind::Idle, "idle", 3, title, &body);
    }
}

fn subject_of(ticket: i64) -> String {
    format!("ticket {ticket}")
}

/// A number of seconds, for people.
pub fn span(seconds: i64) -> String {
    let minutes = seconds.max(0) / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0 | 1) => "1 minute".into(),
        (0, minutes) => format!("{minutes} minutes"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests;
