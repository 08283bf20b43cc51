//! The end of an attempt that does not land: its tree is kept and the hub is told, however long the
//! hub is away.

use ticket::Error;
use ticket::attempt::Outcome;
use ticket::wire::EndAttempt;

use super::Attempt;
use super::steps::{End, Step};
use crate::backoff::HUB;
use crate::patience::patiently;
use crate::pulse::Life;

impl Attempt<'_> {
    /// Carries out a last step. Returns the outcome, if the attempt ends by its own hand.
    pub(super) fn finish(&mut self, step: Step) -> Option<Outcome> {
        let outcome = match step {
            Step::End(end) => Some(self.end(&end)),
            Step::Leave(why) => {
                self.leave(&why);
                None
            }
            _ => None,
        };
        let (layout, console) = (&self.runner.layout, &self.runner.console);
        self.disk.make_room(layout, console);
        outcome
    }

    /// The attempt failed: its tree is kept, and the hub is told.
    fn end(&mut self, end: &End) -> Outcome {
        self.lease.say(&format!("{}: {}", end.outcome, end.reason));
        self.wait_for_hub();
        let snapshot = self.keep();
        self.tell(&EndAttempt {
            log_tail: end.log_tail.clone(),
            trouble: end.trouble,
            ..self.lease.ending(end.outcome, &end.reason, snapshot)
        });
        end.outcome
    }

    /// Somebody else ended the attempt: its tree is kept if the hub still takes it.
    fn leave(&mut self, why: &str) {
        self.lease.say(&format!("over: {why}"));
        self.wait_for_hub();
        let snapshot = self.keep();
        self.tell(&self.lease.ending(Outcome::Released, why, snapshot));
    }

    /// Keeps the tree. One that fills the disk is not taken up once more as a whole.
    fn keep(&self) -> Option<String> {
        match self.disk.is_over() {
            true => self.lease.keep_little("end"),
            false => self.lease.keep("end"),
        }
    }

    fn wait_for_hub(&mut self) {
        let mut backoff = HUB;
        while self.pulse.check("end") == Life::Away {
            self.runner.stop.pause(backoff.failed());
        }
    }

    fn tell(&self, end: &EndAttempt) {
        let (runner, lease) = (self.runner, &self.lease);
        let told = patiently(&runner.stop, &runner.console, || {
            runner.hub.end_attempt(lease.ticket, lease.attempt, end)
        });
        match told {
            // It was over and settled already.
            Ok(()) | Err(Error::Stale(_)) => {}
            Err(e) => lease.say(&format!("the hub did not take the end: {e}")),
        }
    }
}
