//! What an attempt does next. Pure: [`Progress::next`] goes from what was seen to the next step, and
//! counts how often the work may still come back to the agent.

use ticket::attempt::Outcome;
use ticket::halt::Trouble;
use ticket::landing::{Landing, LandingState};
use ticket::text::exact_size;

use crate::agent::Ending;
use crate::interrupt::Why;

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Give the agent something to do; `fresh` in a new conversation.
    Ask {
        /// What.
        handback: Handback,
        /// Not in the conversation so far.
        fresh: bool,
    },
    /// Commit what the agent left.
    Commit,
    /// Run the gate.
    Gate,
    /// Bring main in.
    Update,
    /// Push and hand in.
    Submit,
    /// Wait for the landing.
    Await,
    /// The attempt failed: keep the tree and say so.
    End(End),
    /// The attempt was ended by somebody else: keep the tree and go on.
    Leave(String),
    /// Nothing is left to do.
    Done,
}

/// What the agent is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handback {
    /// The ticket.
    Work,
    /// Mend what the gate found.
    VerifyFailed {
        /// The end of its log.
        log: String,
    },
    /// Resolve a conflict.
    Conflict {
        /// The files.
        files: Vec<String>,
        /// Why the work did not land, when that is how it was found.
        reason: Option<String>,
    },
    /// Mend what kept the work from landing.
    Bounced(Bounce),
}

/// Why a landing was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// In one sentence.
    pub reason: String,
    /// The end of the log that shows it.
    pub log: Option<String>,
}

/// How an attempt ends by its own hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// In one word.
    pub outcome: Outcome,
    /// In one sentence.
    pub reason: String,
    /// The end of the log that shows it.
    pub log_tail: Option<String>,
    /// What kept the agent CLI from its model.
    pub trouble: Option<Trouble>,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The agent CLI ended.
    Asked {
        /// How.
        ending: Ending,
        /// Whether the attempt goes on, as far as is known.
        live: bool,
        /// The end of what it said.
        log: String,
    },
    /// The branch differs from main.
    Committed,
    /// It does not.
    Unchanged,
    /// Git would not take the tree, for this reason.
    NotCommitted(String),
    /// Conflict markers are left in these files of a merge.
    MarkersLeft(Vec<String>),
    /// The agent took the merge back.
    MergeUndone,
    /// The gate is green.
    Green,
    /// The gate is red.
    Red(String),
    /// The gate was ended because the work directory holds more than so many bytes.
    DiskFull(u64),
    /// Main was part of the branch already.
    Current,
    /// Main was merged in; the branch still differs from it.
    Merged,
    /// Main was merged in, and it had all of the branch.
    MergedAway,
    /// Main does not merge by itself.
    Conflicts(Vec<String>),
    /// The hub did not take the push, for this reason.
    Refused(String),
    /// Handed in.
    Submitted,
    /// What became of the landing.
    Settled(Box<Landing>),
    /// The hub says that the attempt is over.
    Lost(String),
    /// Our own machinery failed.
    Broken(String),
}

/// What the decisions depend on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// How often the work may still come back to the agent.
    retries_left: u32,
    /// What the agent was asked last.
    last: Handback,
    /// A landing was refused, and main is not merged in yet.
    bounce: Option<Bounce>,
    /// Main was merged in since the agent last ran.
    updated: bool,
    /// A conversation was given up already.
    restarted: bool,
}

impl Progress {
    /// At the beginning of an attempt.
    pub fn new(retries: u32) -> Progress {
        Progress {
            retries_left: retries,
            last: Handback::Work,
            bounce: None,
            updated: false,
            restarted: false,
        }
    }

    /// The first step.
    pub fn first(&self) -> Step {
        Step::Ask {
            handback: Handback::Work,
            fresh: false,
        }
    }

    /// How often the work may still come back.
    pub fn retries_left(&self) -> u32 {
        self.retries_left
    }

    /// Whether a bounced landing is being mended.
    pub fn is_bounced(&self) -> bool {
        self.bounce.is_some()
    }

    /// The step after `seen`.
    pub fn next(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Asked { live: false, .. } => {
                Step::Leave("the attempt was ended from outside".into())
            }
            Seen::Asked {
                ending,
                live: true,
                log,
            } => self.after_agent(ending, log),
            Seen::Committed => Step::Gate,
            Seen::Unchanged => failed(
                Outcome::AgentFailed,
                "the agent exited 0 but changed nothing",
                None,
            ),
            Seen::NotCommitted(log) | Seen::Red(log) => {
                self.hand_back(Handback::VerifyFailed { log })
            }
            Seen::DiskFull(limit) => failed(
                Outcome::VerifyRed,
                &format!(
                    "verify.sh filled the disk: the work directory held more than {} (limits.disk)",
                    exact_size(limit)
                ),
                None,
            ),
            Seen::MarkersLeft(files) => self.hand_back(Handback::Conflict {
                files,
                reason: None,
            }),
            Seen::MergeUndone => Step::Update,
            Seen::Green if self.updated => Step::Submit,
            Seen::Green => Step::Update,
            Seen::Current | Seen::Merged | Seen::MergedAway if self.bounce.is_some() => {
                let bounce = self.bounce.take();
                match bounce {
                    Some(bounce) => self.hand_back(Handback::Bounced(bounce)),
                    None => Step::Gate,
                }
            }
            Seen::Current => Step::Submit,
            Seen::Merged => {
                self.updated = true;
                Step::Gate
            }
            Seen::MergedAway => failed(
                Outcome::AgentFailed,
                "main has all of this change already: nothing is left of it",
                None,
            ),
            Seen::Conflicts(files) => {
                let reason = self.bounce.take().map(|b| b.reason);
                self.hand_back(Handback::Conflict { files, reason })
            }
            Seen::Refused(reason) => {
                self.hand_back(Handback::Bounced(Bounce { reason, log: None }))
            }
            Seen::Submitted => Step::Await,
            Seen::Settled(landing) => self.after_landing(*landing),
            Seen::Lost(why) => Step::Leave(why),
            Seen::Broken(why) => failed(Outcome::InfraFailed, &why, None),
        }
    }

    fn after_agent(&mut self, ending: Ending, log: String) -> Step {
        match ending {
            Ending::Completed(_) => Step::Commit,
            Ending::Interrupted(Why::Lost | Why::Stop) => Step::Leave(ending.outcome().1),
            Ending::NoConversation(_) | Ending::Unusable(_) if !self.restarted => {
                self.restarted = true;
                Step::Ask {
                    handback: self.last.clone(),
                    fresh: true,
                }
            }
            // Somebody else's signal says nothing about the work: it goes on where it was.
            Ending::Killed(_) if self.retries_left > 0 => {
                self.retries_left -= 1;
                Step::Ask {
                    handback: self.last.clone(),
                    fresh: false,
                }
            }
            ending => {
                let (outcome, reason) = ending.outcome();
                Step::End(End {
                    outcome,
                    reason,
                    log_tail: Some(log).filter(|l| !l.trim().is_empty()),
                    trouble: ending.trouble(),
                })
            }
        }
    }

    fn after_landing(&mut self, landing: Landing) -> Step {
        match landing.state {
            LandingState::Landed | LandingState::Held => Step::Done,
            LandingState::Queued | LandingState::Verifying => Step::Await,
            LandingState::Cancelled => Step::Leave(
                landing
                    .reason
                    .unwrap_or_else(|| "the landing was cancelled".into()),
            ),
            LandingState::Bounced => {
                self.bounce = Some(Bounce {
                    reason: landing
                        .reason
                        .unwrap_or_else(|| "no reason was given".into()),
                    log: landing.log_tail,
                });
                Step::Update
            }
        }
    }

    /// Once more to the agent, or the end when it had its share.
    fn hand_back(&mut self, handback: Handback) -> Step {
        if self.retries_left == 0 {
            return out_of_retries(handback);
        }
        self.retries_left -= 1;
        self.updated = false;
        self.last = handback.clone();
        Step::Ask {
            handback,
            fresh: false,
        }
    }
}

fn out_of_retries(handback: Handback) -> Step {
    match handback {
        Handback::Work => failed(Outcome::AgentFailed, "there are no retries left", None),
        Handback::VerifyFailed { log } => {
            failed(Outcome::VerifyRed, "the gate stayed red", Some(log))
        }
        Handback::Conflict { files, .. } => failed(
            Outcome::Conflict,
            &format!("conflicts with main remain in {}", files.join(", ")),
            None,
        ),
        Handback::Bounced(bounce) => failed(Outcome::VerifyRed, &bounce.reason, bounce.log),
    }
}

fn failed(outcome: Outcome, reason: &str, log_tail: Option<String>) -> Step {
    Step::End(End {
        outcome,
        reason: reason.to_owned(),
        log_tail,
        trouble: None,
    })
}

#[cfg(test)]
mod tests;
