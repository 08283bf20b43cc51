//! What a demo ends with: the table of what landed, and the same as JSON.

use std::path::PathBuf;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use ticket::wire::{Verdict, VerdictResult};

use super::super::count;
use super::story::{Shown, Story};

/// How much of a title the table shows.
const TITLE_WIDTH: usize = 36;

/// The whole demo.
#[derive(Serialize)]
pub struct Report {
    /// Where the project lies.
    pub directory: PathBuf,
    /// How many agents there were.
    pub agents: u32,
    /// Every ticket is done and every commit of main is green.
    pub ok: bool,
    /// From the start of the hub to the last ticket, in seconds.
    pub seconds: f64,
    /// How many tickets there are.
    pub tickets: usize,
    /// How many of them are done.
    pub done: usize,
    /// How often what happened.
    pub shown: Shown,
    /// What landed, in its order.
    pub landed: Vec<Row>,
    /// Every commit of main with what verify.sh said of it, oldest first.
    pub commits: Vec<Checked>,
}

/// A ticket that landed. Times in seconds.
#[derive(Serialize)]
pub struct Row {
    ticket: i64,
    title: String,
    agent: String,
    attempts: u32,
    commit: String,
    claim_to_agent: f64,
    agent_seconds: f64,
    verify: f64,
    landing: f64,
    total: f64,
}

/// A commit of main and its verdict.
#[derive(Serialize)]
pub struct Checked {
    /// The commit.
    pub commit: String,
    /// Its subject.
    pub subject: String,
    /// What verify.sh said.
    pub result: VerdictResult,
    /// How long it ran, in seconds.
    pub seconds: f64,
    /// The end of its output, when it is not green.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl Checked {
    /// A commit with its verdict.
    pub fn new(commit: String, subject: String, verdict: Verdict) -> Checked {
        let green = verdict.result == VerdictResult::Green;
        Checked {
            commit,
            subject,
            result: verdict.result,
            seconds: verdict.took_ms as f64 / 1000.0,
            log: (!green).then_some(verdict.log_tail),
        }
    }
}

/// What landed, as rows.
pub fn rows(story: &Story) -> Vec<Row> {
    story
        .landed()
        .map(|(ticket, course)| Row {
            ticket,
            title: course.title.clone(),
            agent: course.agent.clone(),
            attempts: course.attempts,
            commit: course.commit.clone().unwrap_or_default(),
            claim_to_agent: seconds(course.steps.start),
            agent_seconds: seconds(course.steps.agent),
            verify: seconds(course.steps.verify),
            landing: seconds(course.steps.landing),
            total: seconds(course.steps.total),
        })
        .collect()
}

impl Report {
    /// What a person reads.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header([
                "", "Ticket", "", "Agent", "Tries", "To agent", "Agent", "Verify", "Landing",
                "On main",
            ]);
        for (place, row) in (1..).zip(&self.landed) {
            table.add_row([
                place.to_string(),
                format!("#{}", row.ticket),
                row.title.chars().take(TITLE_WIDTH).collect(),
                row.agent.clone(),
                row.attempts.to_string(),
                format!("{:.1} s", row.claim_to_agent),
                format!("{:.1} s", row.agent_seconds),
                format!("{:.1} s", row.verify),
                format!("{:.1} s", row.landing),
                self.verdict(&row.commit),
            ]);
        }
        for column in [0, 4, 5, 6, 7, 8] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: String = table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        format!("\n{lines}\n{}\n", self.sentences())
    }

    fn verdict(&self, commit: &str) -> String {
        let checked = self.commits.iter().find(|checked| checked.commit == commit);
        checked
            .map_or("not verified", |checked| word(checked.result))
            .into()
    }

    fn sentences(&self) -> String {
        let green = self
            .commits
            .iter()
            .filter(|c| c.result == VerdictResult::Green);
        let shown = [
            (self.shown.red_gates, "red gate mended", "red gates mended"),
            (
                self.shown.conflicts,
                "conflict resolved",
                "conflicts resolved",
            ),
            (
                self.shown.bounces,
                "landing bounced and mended",
                "landings bounced and mended",
            ),
            (
                self.shown.questions,
                "question answered",
                "questions answered",
            ),
            (
                self.shown.hand_overs,
                "time work was taken up again",
                "times work was taken up again",
            ),
        ];
        let shown = shown.map(|(number, one, many)| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {many}"),
        });
        format!(
            "{} of {} tickets done in {:.0} s by {}. verify.sh is green on {} of the {} commits of main.\n\
             On the way: {}.\n\
             The project is in {}",
            self.done,
            self.tickets,
            self.seconds,
            count(self.agents as usize, "agent"),
            green.count(),
            self.commits.len(),
            shown.join(", "),
            self.directory.display(),
        )
    }
}

fn word(result: VerdictResult) -> &'static str {
    match result {
        VerdictResult::Green => "green",
        VerdictResult::Red => "RED",
        VerdictResult::Error => "ERROR",
    }
}

/// To a millisecond: more is noise.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
