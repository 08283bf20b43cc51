//! The lander: the only one that moves main.
//!
//! It is woken by the activity log (a submission, an approval, a cancelled landing) and by verdicts,
//! and then does what [`queue::next`] says until that says nothing more. Each step is written down
//! before the next, so that it can stop anywhere: candidate and its ref, `verifying` in the
//! database, the verdict, main's compare-and-swap, `landed` in the database. A hub that dies in
//! between finds its way by [`crate::reconcile`].

pub mod build;
pub mod keeper;
pub mod policy;
pub mod protected;
pub mod queue;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;
use git2::Oid;
use ticket::Actor;
use ticket::landing::{Landing, LandingState};
use ticket::wire::{Verdict, VerdictResult};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::build::Built;
use self::queue::{Action, InFlight, Standing};
use crate::database::Database;
use crate::git::Bare;
use crate::git::repository::Advance;
use crate::pace::Paced;
use crate::verification::{Order, Verifications};

/// The pause before the lander tries again what the disk or the database refused.
const RETRY: Duration = Duration::from_secs(5);
/// How late the lander may hear of a submission.
const LONGEST_REST: Duration = Duration::from_millis(5);
/// How often a candidate that cannot be built for such a reason is tried before it is bounced.
const MAX_BUILDS: u32 = 3;

/// How the lander behaves.
#[derive(Clone, Copy, Debug)]
pub struct LanderSettings {
    /// How many candidates are verified at once, each on top of the one before.
    pub window: usize,
    /// How long verify.sh may take.
    pub gate_timeout: Duration,
}

/// The actor. Everything it knows beyond the database and the repository can be lost.
pub struct Lander {
    bare: Bare,
    database: Database,
    verifications: Verifications,
    settings: LanderSettings,
    chain: Vec<InFlight>,
    details: HashMap<i64, Detail>,
    verdicts: JoinSet<(i64, Oid, Verdict)>,
    unrecorded: Vec<Moved>,
    failed_builds: HashMap<i64, u32>,
}

/// What is known of a landing in the chain beside its place.
#[derive(Default)]
struct Detail {
    refusal: Option<Refusal>,
    verification: Option<AbortHandle>,
}

/// Why a landing is bounced.
struct Refusal {
    reason: String,
    log_tail: Option<String>,
}

/// Main is at this landing's candidate, and the database does not know it yet.
#[derive(Clone, Copy, Debug)]
struct Moved {
    landing: i64,
    commit: Oid,
}

/// What a step led to.
enum Step {
    /// Look again at what is next.
    Again,
    /// Nothing more to do until something happens.
    Wait,
}

impl Lander {
    /// A lander for `bare`; call [`Lander::run`] once, after [`crate::reconcile`].
    pub fn new(
        bare: Bare,
        database: Database,
        verifications: Verifications,
        settings: LanderSettings,
    ) -> Lander {
        Lander {
            bare,
            database,
            verifications,
            settings,
            chain: Vec::new(),
            details: HashMap::new(),
            verdicts: JoinSet::new(),
            unrecorded: Vec::new(),
            failed_builds: HashMap::new(),
        }
    }

    /// Lands, and keeps what ended attempts pushed, until `closing`.
    pub async fn run(self, closing: CancellationToken) {
        let keeper = keeper::run(self.bare.clone(), self.database.clone(), closing.clone());
        tokio::join!(self.land_until(closing), keeper);
    }

    async fn land_until(mut self, closing: CancellationToken) {
        let mut events = Paced::new(self.database.last_event(), LONGEST_REST);
        loop {
            events.look();
            let retry = match self.settle().await {
                Ok(()) => None,
                Err(error) => {
                    tracing::warn!("landing stopped, and tries again: {error:#}");
                    Some(RETRY)
                }
            };
            tokio::select! {
                () = closing.cancelled() => return,
                changed = events.changed() => if changed.is_err() { return },
                Some(done) = self.verdicts.join_next() => match done {
                    Ok((landing, commit, verdict)) => self.judge(landing, commit, verdict).await,
                    // Taken back.
                    Err(_) => continue,
                },
                () = after(retry) => (),
            }
        }
    }

    /// Does all that can be done now.
    async fn settle(&mut self) -> Result<()> {
        self.record_moves().await?;
        while let Step::Again = self.step().await? {
            self.record_moves().await?;
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<Step> {
        let head = self.bare.call(|repository| repository.head()).await?;
        let mut landings = self.database.read(|store| store.landing_queue()).await?;
        landings.retain(|landing| landing.state != LandingState::Held);
        let order: Vec<i64> = landings.iter().map(|landing| landing.id).collect();
        let Some(action) = queue::next(head, &order, &self.chain, self.settings.window) else {
            return Ok(Step::Wait);
        };
        let find = |id| landings.iter().find(|landing| landing.id == id);
        let done = match action {
            Action::Discard { landing } => self.discard(landing).await,
            Action::Land { landing, from, to } => match find(landing) {
                Some(landing) => self.land(landing, from, to).await,
                None => Ok(()),
            },
            Action::Bounce { landing } => self.bounce(landing).await,
            Action::Build { landing, parent } => match find(landing) {
                Some(landing) => self.build(landing, parent).await,
                None => Ok(()),
            },
        };
        match done {
            Ok(()) => Ok(Step::Again),
            // The landing was cancelled in this moment: the queue says so now.
            Err(error) if is_stale(&error) => Ok(Step::Again),
            Err(error) => Err(error),
        }
    }

    async fn build(&mut self, landing: &Landing, parent: Oid) -> Result<()> {
        let (id, began) = (landing.id, Instant::now());
        let submitted = landing.clone();
        let time = Utc::now().timestamp();
        let built = self
            .bare
            .call(move |repository| build::build(repository, &submitted, parent, time))
            .await;
        let built = match built {
            Ok(built) => built,
            Err(error) => {
                let failures = self.failed_builds.entry(id).or_default();
                *failures += 1;
                if *failures < MAX_BUILDS {
                    return Err(error);
                }
                Built::Refused(format!("its candidate could not be made: {error:#}"))
            }
        };
        self.failed_builds.remove(&id);
        let took_ms = began.elapsed().as_millis();
        match built {
            Built::Held(reason) => {
                tracing::info!(landing = id, "held: {reason}");
                self.database
                    .call(move |store| store.hold(id, &reason))
                    .await?;
                Ok(())
            }
            Built::Refused(reason) => {
                self.refuse(id, parent, reason, None);
                Ok(())
            }
            Built::Candidate {
                commit,
                changes_gate,
            } => {
                tracing::info!(landing = id, %commit, took_ms, "candidate made");
                let name = commit.to_string();
                self.database
                    .call(move |store| store.landing_verifying(id, &name))
                    .await?;
                self.order(landing, parent, commit, changes_gate);
                Ok(())
            }
        }
    }

    fn order(&mut self, landing: &Landing, parent: Oid, commit: Oid, changes_gate: bool) {
        let id = landing.id;
        let env = [
            ("TICKET_ID", landing.ticket_id.to_string()),
            ("TICKET_TITLE", landing.title.clone()),
            ("AGENT_ID", landing.agent.clone()),
        ];
        let pending = self.verifications.order(Order {
            commit: commit.to_string(),
            gate_commit: parent.to_string(),
            own_gate_too: changes_gate,
            env: BTreeMap::from(env.map(|(name, value)| (name.to_owned(), value))),
            timeout: self.settings.gate_timeout,
        });
        let verification = self
            .verdicts
            .spawn(async move { (id, commit, pending.verdict().await) });
        self.chain.push(InFlight {
            landing: id,
            parent,
            standing: Standing::Verifying(commit),
        });
        let detail = self.details.entry(id).or_default();
        detail.verification = Some(verification);
    }

    fn refuse(&mut self, landing: i64, parent: Oid, reason: String, log_tail: Option<String>) {
        tracing::info!(landing, "refused: {reason}");
        self.chain.push(InFlight {
            landing,
            parent,
            standing: Standing::Refused,
        });
        let detail = self.details.entry(landing).or_default();
        detail.refusal = Some(Refusal { reason, log_tail });
    }

    /// A verdict came for a candidate that is still in the chain, or not any more.
    async fn judge(&mut self, landing: i64, commit: Oid, verdict: Verdict) {
        let place = self
            .chain
            .iter_mut()
            .find(|e| e.landing == landing && e.standing == Standing::Verifying(commit));
        let Some(entry) = place else {
            return;
        };
        let took_ms = verdict.took_ms;
        let (standing, reason) = match verdict.result {
            VerdictResult::Green => (Standing::Green(commit), None),
            VerdictResult::Red => (Standing::Refused, Some("verify.sh is red on top of main")),
            VerdictResult::Error => (Standing::Refused, Some("verify.sh could not be run")),
        };
        entry.standing = standing;
        let detail = self.details.entry(landing).or_default();
        detail.verification = None;
        detail.refusal = reason.map(|reason| Refusal {
            reason: reason.to_owned(),
            log_tail: Some(verdict.log_tail),
        });
        let said = match reason {
            None => format!("green in {took_ms} ms: {commit}"),
            Some(reason) => format!("{reason}, in {took_ms} ms: {commit}"),
        };
        tracing::info!(landing, "{said}");
        let noted = self.database.call(move |store| {
            let ticket = store.landing(landing)?.ticket_id;
            store.note(&Actor::Hub, Some(ticket), "verified", Some(&said))
        });
        if let Err(error) = noted.await {
            tracing::warn!(landing, "the verdict was not written down: {error}");
        }
    }

    async fn land(&mut self, landing: &Landing, from: Oid, to: Oid) -> Result<()> {
        let advance = self
            .bare
            .call(move |repository| repository.advance(from, to))
            .await?;
        match advance {
            Advance::Raced { head } => {
                tracing::warn!(landing = landing.id, %head, "main was moved by somebody else");
                Ok(())
            }
            Advance::Done => {
                self.unrecorded.push(Moved {
                    landing: landing.id,
                    commit: to,
                });
                self.forget(landing.id);
                Ok(())
            }
        }
    }

    /// Tells the database where main is. What it cannot write now it writes at the next try, before
    /// anything else is built.
    async fn record_moves(&mut self) -> Result<()> {
        while let Some(moved) = self.unrecorded.first().copied() {
            let commit = moved.commit.to_string();
            let landed = self
                .database
                .call(move |store| store.land(moved.landing, &commit))
                .await;
            match landed {
                Ok(()) => tracing::info!(landing = moved.landing, commit = %moved.commit, "landed"),
                // A human finished the ticket in the same moment; main has the work all the same.
                Err(ticket::Error::Refused(reason)) => {
                    tracing::warn!(landing = moved.landing, "landed, but {reason}");
                }
                Err(error) => return Err(error).context("main moved, the database did not"),
            }
            self.unrecorded.remove(0);
            self.drop_candidate(moved.landing).await?;
        }
        Ok(())
    }

    async fn bounce(&mut self, id: i64) -> Result<()> {
        let Some(refusal) = self.details.get_mut(&id).and_then(|d| d.refusal.take()) else {
            return self.discard(id).await;
        };
        let (reason, log_tail) = (refusal.reason.clone(), refusal.log_tail.clone());
        let bounced = self
            .database
            .call(move |store| store.bounce(id, &reason, log_tail.as_deref()))
            .await;
        if let Err(error) = bounced {
            self.details.entry(id).or_default().refusal = Some(refusal);
            return Err(error.into());
        }
        self.forget(id);
        self.drop_candidate(id).await
    }

    async fn discard(&mut self, id: i64) -> Result<()> {
        tracing::info!(landing = id, "its candidate is void");
        self.database
            .call(move |store| store.landing_requeue(id))
            .await?;
        self.forget(id);
        self.drop_candidate(id).await
    }

    /// Takes a landing out of the chain, and its order out of the verifiers' queue.
    fn forget(&mut self, id: i64) {
        self.chain.retain(|entry| entry.landing != id);
        if let Some(verification) = self.details.remove(&id).and_then(|d| d.verification) {
            verification.abort();
        }
    }

    async fn drop_candidate(&self, id: i64) -> Result<()> {
        self.bare
            .call(move |repository| repository.drop_candidate(id))
            .await
    }
}

fn is_stale(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<ticket::Error>(),
        Some(ticket::Error::Stale(_) | ticket::Error::NotFound(_))
    )
}

async fn after(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}
