//! What the events of a demo mean: the lines to print, and who spent how long on what. Pure but for
//! the moments that are given to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;
use ticket::event::Event;
use ticket::text::{beginning, one_line};

/// How much of a reason is printed.
const REASON_WIDTH: usize = 100;

/// Everything that happened so far.
#[derive(Default)]
pub struct Story {
    tickets: BTreeMap<i64, Course>,
    open: BTreeSet<i64>,
    landed: Vec<i64>,
    /// How often each of the things happened that the demo is there to show.
    pub shown: Shown,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// verify.sh was red in the agent's own container and the agent mended it.
    pub red_gates: u32,
    /// Main had changed the same lines.
    pub conflicts: u32,
    /// Green alone and red on top of main.
    pub bounces: u32,
    /// The human was asked.
    pub questions: u32,
    /// A ticket was given back and taken up again.
    pub hand_overs: u32,
}

/// One ticket's way.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Its title.
    pub title: String,
    /// Who has or had it.
    pub agent: String,
    /// How often it was claimed.
    pub attempts: u32,
    /// The commit on main.
    pub commit: Option<String>,
    /// Time per step, over all attempts.
    pub steps: Steps,
    claimed: Option<Instant>,
    now: Option<(Step, Instant)>,
    given_back: bool,
}

/// Time that one ticket took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Steps {
    /// From the claim to the start of the agent CLI.
    pub start: Duration,
    /// The agent CLI.
    pub agent: Duration,
    /// The gate in the agent's container, commits and merges of main included.
    pub verify: Duration,
    /// From being handed in to being on main or refused.
    pub landing: Duration,
    /// From the claim that led to main to its landing.
    pub total: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start,
    Agent,
    Verify,
    Update,
    Landing,
}

impl Story {
    /// Takes in what happened at `at`; returns the line to print, if it matters.
    pub fn take(&mut self, event: &Event, at: Instant) -> Option<String> {
        let who = one_line(event.agent_id.as_deref().unwrap_or("somebody"));
        let detail = event.detail.as_deref().unwrap_or_default();
        let id = event.ticket_id?;
        if event.action == "created" {
            return self.created(id, &who, detail);
        }
        let course = self.tickets.get_mut(&id)?;
        match event.action.as_str() {
            "claimed" => {
                course.claim(&who, at);
                let again = match course.given_back {
                    true => " and takes up what was left",
                    false => "",
                };
                if course.given_back {
                    self.shown.hand_overs += 1;
                    course.given_back = false;
                }
                Some(format!("{who} claims {}{again}", course.name(id)))
            }
            "phase" => self.phase(id, &who, detail, at),
            "submitted" => {
                course.enter(Some(Step::Landing), at);
                None
            }
            "bounced" => {
                course.enter(None, at);
                self.shown.bounces += 1;
                let reason = shorten(detail);
                Some(format!("{} bounced: {reason}", course.name(id)))
            }
            "landed" if course.commit.is_none() => {
                course.land(detail, at);
                self.landed.push(id);
                let seconds = course.steps.total.as_secs_f64();
                Some(format!("{} landed after {seconds:.1} s", course.name(id)))
            }
            "attempt_ended" => {
                course.enter(None, at);
                course.given_back = true;
                Some(format!(
                    "{} is given back: {}",
                    course.name(id),
                    shorten(detail)
                ))
            }
            "lease_expired" => {
                course.enter(None, at);
                course.given_back = true;
                Some(format!(
                    "{} is given back: its agent went silent",
                    course.name(id)
                ))
            }
            "held" => Some(format!(
                "{} waits for you: {}",
                course.name(id),
                shorten(detail)
            )),
            "quarantined" => Some(format!(
                "{} failed too often and is yours now",
                course.name(id)
            )),
            "done" => {
                self.open.remove(&id);
                None
            }
            _ => None,
        }
    }

    /// How many tickets there are, and how many are done.
    pub fn progress(&self) -> (usize, usize) {
        let all = self.tickets.len();
        (all, all - self.open.len())
    }

    /// True when there is nothing left to do.
    pub fn is_over(&self) -> bool {
        self.open.is_empty() && !self.tickets.is_empty()
    }

    /// What landed, in its order.
    pub fn landed(&self) -> impl Iterator<Item = (i64, &Course)> {
        let course = |id: &i64| self.tickets.get(id).map(|course| (*id, course));
        self.landed.iter().filter_map(course)
    }

    /// The ticket's number with its title.
    pub fn name(&self, id: i64) -> String {
        self.tickets
            .get(&id)
            .map_or_else(|| format!("#{id}"), |course| course.name(id))
    }

    fn created(&mut self, id: i64, who: &str, title: &str) -> Option<String> {
        let course = Course {
            title: one_line(title),
            ..Course::default()
        };
        self.tickets.insert(id, course);
        self.open.insert(id);
        (who != "human").then(|| format!("{who} creates {}", self.name(id)))
    }

    fn phase(&mut self, id: i64, who: &str, detail: &str, at: Instant) -> Option<String> {
        let course = self.tickets.get_mut(&id)?;
        let before = course.now.map(|(step, _)| step);
        let step = Step::of(detail.split(' ').next()?)?;
        // Handed in is handed in, whatever else the runner still says before it waits.
        if before == Some(Step::Landing) {
            return None;
        }
        course.enter(Some(step), at);
        let name = course.name(id);
        match (before, step) {
            (Some(Step::Verify), Step::Agent) => {
                self.shown.red_gates += 1;
                Some(format!("{name}: verify.sh is red, {who} looks at it again"))
            }
            (Some(Step::Update), Step::Agent) => {
                self.shown.conflicts += 1;
                Some(format!("{name} conflicts with main, {who} resolves it"))
            }
            _ => None,
        }
    }
}

impl Course {
    fn name(&self, id: i64) -> String {
        format!("#{id} {}", self.title)
    }

    fn claim(&mut self, who: &str, at: Instant) {
        self.agent = who.into();
        self.attempts += 1;
        self.claimed = Some(at);
        self.enter(Some(Step::Start), at);
    }

    fn land(&mut self, commit: &str, at: Instant) {
        self.enter(None, at);
        self.commit = Some(one_line(commit));
        self.steps.total = self.claimed.map_or(Duration::ZERO, |claimed| at - claimed);
    }

    /// The time of the step that ends is counted.
    fn enter(&mut self, step: Option<Step>, at: Instant) {
        if let Some((before, since)) = self.now {
            *self.steps.of(before) += at.saturating_duration_since(since);
        }
        self.now = step.map(|step| (step, at));
    }
}

impl Steps {
    fn of(&mut self, step: Step) -> &mut Duration {
        match step {
            Step::Start => &mut self.start,
            Step::Agent => &mut self.agent,
            Step::Verify | Step::Update => &mut self.verify,
            Step::Landing => &mut self.landing,
        }
    }
}

impl Step {
    /// What a runner calls the things that it does.
    fn of(phase: &str) -> Option<Step> {
        match phase {
            "fetch" => Some(Step::Start),
            "agent" => Some(Step::Agent),
            "verify" => Some(Step::Verify),
            "update" => Some(Step::Update),
            "submit" | "landing" => Some(Step::Landing),
            _ => None,
        }
    }
}

fn shorten(text: &str) -> String {
    beginning(&one_line(text), REASON_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays events a second apart: who, action, detail. Returns the story and what it printed.
    fn play(events: &[(i64, &str, &str, &str)]) -> (Story, Vec<String>) {
        let (mut story, start) = (Story::default(), Instant::now());
        let mut lines = Vec::new();
        for (second, (ticket, who, action, detail)) in (0u64..).zip(events) {
            let event = Event {
                id: 0,
                ticket_id: Some(*ticket),
                agent_id: Some((*who).into()),
                action: (*action).into(),
                detail: Some((*detail).into()),
                created_at: String::new(),
            };
            lines.extend(story.take(&event, start + Duration::from_secs(second)));
        }
        (story, lines)
    }

    #[test]
    fn a_ticket_that_needs_every_kind_of_mending() {
        let (story, lines) = play(&[
            (1, "human", "created", "Sort"),
            (1, "agent-1", "claimed", "attempt 1"),
            (1, "agent-1", "phase", "fetch"),
            (1, "agent-1", "phase", "agent (fetch took 5 ms)"),
            (1, "agent-1", "phase", "verify (agent took 5 ms)"),
            (1, "agent-1", "phase", "agent (verify took 5 ms)"),
            (1, "agent-1", "phase", "verify"),
            (1, "agent-1", "phase", "update"),
            (1, "agent-1", "phase", "agent"),
            (1, "agent-1", "phase", "verify"),
            (1, "agent-1", "phase", "submit"),
            (1, "agent-1", "submitted", "abc"),
            (1, "agent-1", "phase", "landing"),
            (1, "hub", "bounced", "verify.sh is red on top of main"),
            (1, "agent-1", "phase", "agent"),
            (1, "agent-1", "phase", "verify"),
            (1, "agent-1", "submitted", "def"),
            (1, "hub", "landed", "0123"),
            (1, "hub", "done", "landed"),
        ]);
        assert_eq!(
            lines,
            [
                "agent-1 claims #1 Sort",
                "#1 Sort: verify.sh is red, agent-1 looks at it again",
                "#1 Sort conflicts with main, agent-1 resolves it",
                "#1 Sort bounced: verify.sh is red on top of main",
                "#1 Sort landed after 16.0 s",
            ]
        );
        let shown = Shown {
            red_gates: 1,
            conflicts: 1,
            bounces: 1,
            ..Shown::default()
        };
        assert_eq!(story.shown, shown);
        assert!(story.is_over());
        let (_, course) = story.landed().next().unwrap();
        let seconds = |n| Duration::from_secs(n);
        let expected = Steps {
            start: seconds(2),
            agent: seconds(4),
            verify: seconds(5),
            landing: seconds(4),
            total: seconds(16),
        };
        assert_eq!(course.steps, expected);
        assert_eq!(
            (course.attempts, course.commit.as_deref()),
            (1, Some("0123"))
        );
    }

    #[test]
    fn a_ticket_that_waits_for_an_answer_and_one_that_changes_hands() {
        let (story, lines) = play(&[
            (1, "human", "created", "Round"),
            (1, "agent-1", "claimed", "attempt 1"),
            (2, "agent-1", "created", "Up or\u{1b}[2J down?"),
            (
                1,
                "agent-1",
                "attempt_ended",
                "attempt 1: released: waits for ticket 2",
            ),
            (2, "human", "done", "answered"),
            (1, "agent-2", "claimed", "attempt 2"),
            (1, "hub", "landed", "0123"),
            (1, "hub", "landed", "0123"),
            (1, "hub", "done", "landed"),
            (7, "agent-2", "phase", "agent"),
        ]);
        assert_eq!(lines[1], "agent-1 creates #2 Up or[2J down?");
        assert_eq!(
            lines[3],
            "agent-2 claims #1 Round and takes up what was left"
        );
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert_eq!(story.shown.hand_overs, 1);
        assert_eq!(story.progress(), (2, 2));
        assert_eq!(story.landed().count(), 1);
    }
}
