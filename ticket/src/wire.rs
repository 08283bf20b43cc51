//! What travels between hub, runner and CLI as JSON under `/api/v1`.
//!
//! | who | call | body → answer |
//! |---|---|---|
//! | runner | `POST /enroll` (no token) | [`Enroll`] → [`Enrolled`] |
//! | worker | `POST /work` (long poll) | [`WorkRequest`] → [`Work`] |
//! | worker | `POST /attempts/{ticket}/{n}/heartbeat` | [`Heartbeat`] → [`Heard`] |
//! | worker | `POST /attempts/{ticket}/{n}/submit` | [`Submit`] → [`Landing`](crate::landing::Landing) |
//! | worker | `GET /landings/{id}?wait=SECONDS` | → [`Landing`](crate::landing::Landing) |
//! | worker | `POST /attempts/{ticket}/{n}/end` | [`EndAttempt`] → 204 |
//! | worker | `POST /proposals/{run}/heartbeat` | [`Heartbeat`] → [`Heard`] |
//! | worker | `POST /proposals/{run}/end` | [`EndProposal`] → 204 |
//! | worker | `POST /attempts/{ticket}/{n}/runs/{k}/transcript?offset=BYTES` | JSONL → [`Kept`](crate::transcript::Kept) |
//! | worker | `POST /proposals/{run}/runs/{k}/transcript?offset=BYTES` | JSONL → [`Kept`](crate::transcript::Kept) |
//! | verifier | `POST /verifications/next` (long poll) | → [`Option<Verification>`] |
//! | verifier | `POST /verifications/{id}/verdict` | [`Verdict`] → 204 |
//! | agent CLI, human | the routes of [`crate::client`] | tickets |
//!
//! Errors are `{"error":{"kind":…,"message":…}}` with the kinds of [`crate::Error`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attempt::Outcome;
use crate::backend::AgentCli;
use crate::cost::Today;
use crate::filter::ClaimFilter;
use crate::halt::Trouble;
use crate::prompt::Background;
use crate::ticket::TicketDetail;
use crate::usage::{Allowance, Budget, RunUsage};

/// The body of every refusal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What [`ErrorBody`] holds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// One of the names of [`crate::Error::kind`].
    pub kind: String,
    /// One sentence for a person.
    pub message: String,
}

/// Who may speak on the agents' listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Works on tickets.
    Worker,
    /// Verifies one candidate, then goes away.
    Verifier,
}

impl Role {
    /// The word in the database and in container labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Worker => "worker",
            Role::Verifier => "verifier",
        }
    }
}

/// A runner trades its one-time code for a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enroll {
    /// The code that its container was started with.
    pub code: String,
}

/// The answer to [`Enroll`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    /// The agent's name, `agent-1`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its bearer token from now on; only in memory.
    pub token: String,
    /// An attempt that an earlier process under this name left behind, still under its lease. The
    /// runner keeps its tree (a snapshot) and ends it before it asks for work.
    pub unfinished: Option<Unfinished>,
}

/// See [`Enrolled::unfinished`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unfinished {
    /// The ticket.
    pub ticket: i64,
    /// The number of the attempt.
    pub attempt: i64,
    /// A fresh attempt token, good for pushing its branch.
    pub token: String,
}

/// A worker asks for something to do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WorkRequest {
    /// How long the hub may keep the call open, in seconds; at most 60.
    pub wait: u64,
}

/// The answer to [`WorkRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Work {
    /// A ticket was claimed.
    Ticket(Box<Assignment>),
    /// Nothing is claimable: propose something.
    Propose(Box<ProposalRun>),
    /// Nothing yet: ask again.
    Nothing,
    /// The swarm needs one agent less: exit with 0.
    Stop,
}

/// What a claim through the CLI gives: the ticket with its attempt and lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Claimed {
    /// The ticket.
    #[serde(flatten)]
    pub detail: TicketDetail,
    /// How long the attempt may go on unheard, in seconds.
    pub lease_seconds: i64,
}

/// Body of `POST /tickets/claim-next`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClaimNext {
    /// Who takes it.
    pub agent: String,
    /// Which tickets it takes.
    #[serde(flatten)]
    pub filter: ClaimFilter,
}

/// What a failed check led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failed {
    /// The ticket for the fix.
    pub fix: i64,
    /// The ticket to check again, blocked by the fix.
    pub verify: i64,
}

/// One claimed ticket with everything that an attempt needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// The ticket and what is known around it.
    #[serde(flatten)]
    pub background: Background,
    /// How long the attempt may go on unheard, in seconds. Heartbeats go out at least three times
    /// as often.
    pub lease_seconds: i64,
    /// The attempt's token: for the `ticket` CLI inside it, and for git.
    pub token: String,
    /// The base branch's name and head.
    pub base: Base,
    /// The commit to start from instead of the base: the last attempt's snapshot.
    pub start_from: Option<String>,
    /// The conversation to resume, when the last attempt was this agent's.
    pub resume: Option<String>,
    /// What may still be spent; none for any amount.
    #[serde(default)]
    pub allowance: Option<Allowance>,
    /// How to run the agent CLI.
    pub agent: AgentSettings,
    /// How the gate behaves.
    pub gate: GateSettings,
}

/// A branch and the commit that it points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Base {
    /// `main`.
    pub branch: String,
    /// Its head, as 40 hex digits.
    pub commit: String,
}

/// How to run the agent CLI: data from the project's configuration, and the credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgentSettings {
    /// Which one, and its model.
    pub cli: AgentCli,
    /// Who mends what the gate, a merge or the landing found, where that is another one.
    #[serde(default)]
    pub mend: Option<AgentCli>,
    /// Variables for the agent CLI's environment.
    pub env: BTreeMap<String, String>,
    /// The credentials: also for its environment only, never written anywhere. Each agent CLI gets
    /// those that its backend names.
    pub secrets: BTreeMap<String, String>,
    /// A hard cap for one run of the agent CLI, in seconds.
    pub timeout_seconds: u64,
    /// So long without output and processor time, in seconds, and it is ended; 0 for never.
    #[serde(default)]
    pub stall_seconds: u64,
    /// The longest that all runs of an attempt may take together with the gate, in seconds, without
    /// the wait for the landing queue; 0 for as long as they like.
    #[serde(default)]
    pub attempt_timeout_seconds: u64,
    /// The most that is recorded of one run, in bytes.
    #[serde(default = "transcript_bytes")]
    pub transcript_bytes: u64,
    /// How much its work directory may hold, in bytes; 0 for any amount.
    #[serde(default)]
    pub disk_bytes: u64,
    /// The prompt templates by name: `work`, `verify-failed`, `conflict`, `bounced`, `propose`.
    pub prompts: BTreeMap<String, String>,
}

fn transcript_bytes() -> u64 {
    crate::transcript::MOST
}

/// How the gate behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSettings {
    /// How often a red gate, a conflict or a bounce goes back to the agent within one attempt.
    pub retries: u32,
    /// How long verify.sh may take, in seconds.
    pub timeout_seconds: u64,
}

/// A sign of life.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Heartbeat {
    /// What the runner does now, when that changed: `agent`, `verify`, `rebase`, `submitted` …
    pub phase: Option<String>,
    /// How long the previous phase took, in milliseconds.
    pub took_ms: Option<u64>,
    /// The agent CLI's conversation, when it became known.
    pub session_id: Option<String>,
    /// True once the model's service answered in this attempt: the account has no limit at present.
    #[serde(default)]
    pub served: bool,
    /// What runs of the agent CLI used so far, where that changed.
    #[serde(default)]
    pub usage: Vec<RunUsage>,
}

/// The answer to a [`Heartbeat`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The budget that is used up: the agent CLI must end.
    #[serde(default)]
    pub over_budget: Option<Budget>,
}

/// The attempt's branch is pushed and can land.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Submit {
    /// The head of `ticket/<id>/<n>`.
    pub commit: String,
    /// What was done, for the commit's body.
    pub summary: Option<String>,
}

/// The attempt is over. Its branch holds the last snapshot, if there was anything to keep.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndAttempt {
    /// How.
    pub outcome: Outcome,
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// The end of the log that shows it.
    pub log_tail: Option<String>,
    /// The commit that was pushed to keep the tree.
    pub snapshot: Option<String>,
    /// The agent CLI's conversation.
    pub session_id: Option<String>,
    /// True: the tree will follow by a push and a second call; nobody may claim the ticket until
    /// then (or for 30 seconds).
    #[serde(default)]
    pub unsettled: bool,
    /// What kept the agent CLI from its model, when that is how it ended: it concerns everybody.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// What every run of the agent CLI used.
    #[serde(default)]
    pub usage: Vec<RunUsage>,
}

impl EndAttempt {
    /// An end that leaves nothing more to say.
    pub fn new(outcome: Outcome, reason: impl Into<String>) -> EndAttempt {
        EndAttempt {
            outcome,
            reason: Some(reason.into()),
            log_tail: None,
            snapshot: None,
            session_id: None,
            unsettled: false,
            trouble: None,
            usage: Vec::new(),
        }
    }
}

/// An idle agent may propose work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProposalRun {
    /// Its number.
    pub run: i64,
    /// A token that can read, and create one proposal.
    pub token: String,
    /// The base branch's name and head.
    pub base: Base,
    /// The newest proposals that are open or were turned down.
    pub known: Vec<KnownProposal>,
    /// How many agents had this run, this one with them.
    pub tries: i64,
    /// The conversation to resume, when this agent had the run before.
    pub resume: Option<String>,
    /// What may still be spent; none for any amount.
    #[serde(default)]
    pub allowance: Option<Allowance>,
    /// How to run the agent CLI.
    pub agent: AgentSettings,
}

/// A proposal that an agent should not make again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownProposal {
    /// What was proposed.
    pub title: String,
    /// True when it was turned down; else it is open.
    pub rejected: bool,
    /// Why it was turned down, in the human's words.
    pub reason: Option<String>,
}

/// A proposal run is over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EndProposal {
    /// What went wrong, if anything.
    pub reason: Option<String>,
    /// How it ended, in the words of attempts, when something went wrong.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// What kept the agent CLI from its model, when that is how it ended: it concerns everybody.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// What every run of the agent CLI used.
    #[serde(default)]
    pub usage: Vec<RunUsage>,
}

/// Body of `POST /frozen`: a runner asks whether its work is to stand still.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwaitFrozen {
    /// What it knows.
    pub known: bool,
    /// How long the answer may wait for another one, in seconds.
    pub wait: u64,
}

/// A commit to verify.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verification {
    /// Its number.
    pub id: u64,
    /// The commit to check out.
    pub commit: String,
    /// The commit whose verify.sh is the gate.
    pub gate_commit: String,
    /// Also run the commit's own verify.sh: it was changed, and a human approved that.
    pub own_gate_too: bool,
    /// `TICKET_ID`, `TICKET_TITLE`, `AGENT_ID`.
    pub env: BTreeMap<String, String>,
    /// A token that can fetch and nothing else; it ends when `started` is reported.
    pub token: String,
    /// How long verify.sh may take, in seconds.
    pub timeout_seconds: u64,
}

/// What verify.sh said.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// How it ended.
    pub result: VerdictResult,
    /// The end of its output.
    pub log_tail: String,
    /// How long it ran, in milliseconds.
    pub took_ms: u64,
}

/// How a verification ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerdictResult {
    /// verify.sh ran and exited with 0.
    Green,
    /// It ran and said no, it took too long, or there is none.
    Red,
    /// It could not be run at all; to be tried again.
    Error,
}

/// The swarm at a glance: `GET /status` on the human listener.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SwarmStatus {
    /// The project's name.
    pub project: String,
    /// The base branch's name and head.
    pub base: Base,
    /// How many agents there should be.
    pub desired_agents: u32,
    /// The agents, by name.
    pub agents: Vec<AgentStatus>,
    /// How many tickets have each status.
    pub tickets: BTreeMap<String, u64>,
    /// The landing queue in its order, live entries only.
    pub landings: Vec<crate::landing::Landing>,
    /// What hinders the swarm at present, one sentence each.
    pub problems: Vec<String>,
    /// What today cost; none from a hub that does not say.
    #[serde(default)]
    pub cost: Option<Today>,
}

/// One agent at a glance.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AgentStatus {
    /// `agent-1`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// `starting`, `idle`, `working`, `proposing`, `frozen` while the swarm is paused, `stopping`,
    /// `stopped` by the human, `down`.
    pub state: String,
    /// The container's name.
    pub container: Option<String>,
    /// The ticket it works on.
    pub ticket: Option<i64>,
    /// The attempt's number.
    pub attempt: Option<i64>,
    /// What it does on that: the attempt's phase.
    pub phase: Option<String>,
    /// When it was last heard of, in UTC.
    pub seen_at: Option<String>,
}

/// Body of `PUT /fleet` on the human listener.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Scale {
    /// How many agents there should be.
    pub agents: u32,
}

/// Body of `POST /verifications` on the human listener: verify one commit of the base branch.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VerifyCommit {
    /// The commit.
    pub commit: String,
}

/// Body of `POST /notify/test` on the human listener.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestMessage {
    /// Only by this way: `ntfy`, `slack`, `discord`, `webhook` or `mail`.
    pub channel: Option<String>,
}

/// What came of a test message on one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// The way.
    pub channel: String,
    /// Whether it was taken.
    pub taken: bool,
    /// The same in one sentence, with the reason when it was not.
    pub said: String,
}

/// What `.swarm/hub.json` says: where the hub is and how to speak to it. Mode 0600.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HubFile {
    /// `http://127.0.0.1:3000`.
    pub url: String,
    /// The human's bearer token.
    pub token: String,
}
