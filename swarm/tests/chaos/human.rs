//! What the human does meanwhile: answers questions, makes tickets so that nobody is idle, and waits
//! for the end. The hub may be dead at any moment, so that a command may fail and is given again.

use std::path::Path;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use ticket::ticket::{Ticket, TicketType};
use ticket::{Status, exit};

use crate::support::command::output;
use crate::support::swarm::Swarm;

/// How many tickets per agent there should be to work on.
const TICKETS_PER_AGENT: usize = 2;
/// How often it is looked whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whoever uses this swarm.
pub struct Human<'a> {
    swarm: &'a Swarm,
}

impl<'a> Human<'a> {
    /// The user of `swarm`.
    pub fn new(swarm: &'a Swarm) -> Human<'a> {
        Human { swarm }
    }

    /// Answers what is asked, and makes a ticket when there is too little to do.
    pub fn keep_busy(&self, agents: u32) {
        let Some(left) = self.left() else { return };
        self.answer(&left);
        let to_do = left.iter().filter(|t| t.kind == TicketType::Task).count();
        for _ in to_do..agents as usize * TICKETS_PER_AGENT {
            self.ticket(&["create", "Write a note"]);
        }
    }

    /// Until every ticket is done.
    pub fn see_it_through(&self, deadline: Duration) {
        let give_up = Instant::now() + deadline;
        loop {
            let left = self.left();
            match &left {
                Some(left) if left.is_empty() => return,
                Some(left) => self.answer(left),
                None => (),
            }
            assert!(
                Instant::now() < give_up,
                "{} s after the last kill these are not done: {left:#?}",
                deadline.as_secs()
            );
            thread::sleep(LOOK_EVERY);
        }
    }

    fn answer(&self, tickets: &[Ticket]) {
        for question in tickets.iter().filter(|t| t.kind == TicketType::Question) {
            self.ticket(&["answer", &question.id.to_string(), "up"]);
        }
    }

    /// The tickets that are not done; `None` when the hub cannot be asked at present.
    fn left(&self) -> Option<Vec<Ticket>> {
        let printed = self.ticket(&["list", "--format", "json"]);
        let known = printed.status.code() == Some(exit::OK.into());
        let left: Vec<Ticket> = known.then(|| serde_json::from_slice(&printed.stdout).ok())??;
        assert!(left.iter().all(|t| t.status != Status::Done));
        Some(left)
    }

    fn ticket(&self, arguments: &[&str]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_swarm")).with_file_name("ticket");
        output(self.swarm.command(&program).args(arguments))
    }
}
