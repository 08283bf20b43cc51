//! The way to main: bring it in, push, hand in, wait for the landing.

use ticket::landing::{Landing, LandingState};
use ticket::wire::Submit;

use super::Attempt;
use super::steps::Seen;
use super::trouble::{GIT_TRIES, Trouble};
use crate::git;
use crate::merge::Merge;
use crate::patience::patiently;
use crate::pulse::Life;
use crate::push::Push;

/// How long the hub may keep a question after a landing open, in seconds.
const LANDING_WAIT: u64 = 50;

impl Attempt<'_> {
    /// Merges main into the branch.
    pub(super) fn update(&mut self, bounced: bool) -> Result<Seen, Trouble> {
        self.pulse.phase("update");
        let (tree, base) = (&self.runner.tree, &self.assignment.base.branch);
        let credential = self.lease.credential.clone();
        let main = self.remote(GIT_TRIES, || tree.fetch_main(&credential, base))?;
        if !bounced && self.straight && main == self.base {
            return Ok(Seen::Current);
        }
        let message = format!("Merge {base} into {}", self.branch);
        let merged = tree.merge(&self.head, &main, &message)?;
        self.straight = !matches!(merged, Merge::Conflict(_));
        match merged {
            Merge::Current => {
                if bounced {
                    tree.reset(&self.head)?;
                }
                self.base = main;
                Ok(Seen::Current)
            }
            Merge::Clean(merged) => {
                self.head = merged;
                let gone = tree.tree_of(&self.head)? == tree.tree_of(&main)?;
                self.base = main;
                Ok(if gone { Seen::MergedAway } else { Seen::Merged })
            }
            Merge::Conflict(conflict) => {
                tree.reset(&self.head)?;
                tree.lay_out(&conflict, &self.branch)?;
                let files = conflict.files.clone();
                self.lease
                    .say(&format!("conflicts with {base}: {}", files.join(", ")));
                self.conflict = Some(conflict);
                Ok(Seen::Conflicts(files))
            }
        }
    }

    pub(super) fn submit(&mut self) -> Result<Seen, Trouble> {
        self.pulse.phase("submit");
        let (tree, message) = (&self.runner.tree, format!("Hand in {}", self.branch));
        let (credential, branch, head) = (
            self.lease.credential.clone(),
            self.branch.clone(),
            self.head.clone(),
        );
        let pushed = self.remote(GIT_TRIES, || {
            let (commit, push) = tree.push(&credential, &branch, &head, &message)?;
            match push {
                Push::Done => Ok(Ok(commit)),
                Push::Refused(why) => Ok(Err(why)),
                Push::Unreachable(said) => Err(git::Error::Said {
                    verb: "push".into(),
                    said,
                    code: None,
                }),
            }
        })?;
        let commit = match pushed {
            Ok(commit) => commit,
            Err(why) if self.pulse.check("submit") == Life::Lost => return Ok(Seen::Lost(why)),
            Err(why) => {
                self.refused = true;
                return Ok(Seen::Refused(why));
            }
        };
        let submit = Submit {
            commit,
            summary: self.summary.clone(),
        };
        let (runner, lease) = (self.runner, &self.lease);
        let landing = patiently(&runner.stop, &runner.console, || {
            runner.hub.submit(lease.ticket, lease.attempt, &submit)
        })?;
        self.landing = Some(landing.id);
        self.lease.set_handed_in(true);
        self.pulse.phase("landing");
        Ok(Seen::Submitted)
    }

    pub(super) fn await_landing(&mut self) -> Result<Seen, Trouble> {
        let Some(id) = self.landing else {
            return Ok(Seen::Broken("nothing was handed in".into()));
        };
        let runner = self.runner;
        let landing = patiently(&runner.stop, &runner.console, || {
            runner.hub.landing(id, LANDING_WAIT)
        })?;
        self.lease.say(&describe(&landing));
        self.lease
            .set_handed_in(landing.state != LandingState::Bounced);
        Ok(Seen::Settled(Box::new(landing)))
    }
}

fn describe(landing: &Landing) -> String {
    match &landing.reason {
        Some(reason) => format!(
            "landing {}: {}: {reason}",
            landing.id,
            landing.state.as_str()
        ),
        None => format!("landing {}: {}", landing.id, landing.state.as_str()),
    }
}
