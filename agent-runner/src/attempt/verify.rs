//! The gate of an attempt: conflict markers in the whole change, then verify.sh.

use std::time::Duration;

use super::Attempt;
use super::steps::Seen;
use super::trouble::Trouble;
use crate::gate::{Gate, Verdict};
use crate::interrupt::Why;

impl Attempt<'_> {
    pub(super) fn gate(&mut self) -> Result<Seen, Trouble> {
        self.pulse.phase("verify");
        let tree = &self.runner.tree;
        let markers = tree.added_markers(&self.base, &self.head)?;
        if !markers.is_empty() {
            let log = format!("the change adds conflict markers:\n{}", markers.join("\n"));
            self.lease.say(&log);
            return Ok(Seen::Red(log));
        }
        let gate = Gate {
            tree,
            layout: &self.runner.layout,
            env: self.ticket_env(),
            timeout: Duration::from_secs(self.assignment.gate.timeout_seconds),
            console: &self.runner.console,
            speaker: &format!("#{} verify", self.lease.ticket),
        };
        match gate.run(&self.base, true, &self.interrupt)? {
            Verdict::Green(_) => Ok(Seen::Green),
            Verdict::Red(run) => {
                // What verify.sh left behind is not the agent's work.
                tree.reset(&self.head)?;
                Ok(Seen::Red(run.log_tail))
            }
            Verdict::Interrupted(Why::Disk(limit)) => {
                self.runner.stop.checkpoint();
                Ok(Seen::DiskFull(limit))
            }
            Verdict::Interrupted(_) => {
                self.runner.stop.checkpoint();
                Ok(Seen::Lost("the attempt was ended from outside".into()))
            }
        }
    }
}
