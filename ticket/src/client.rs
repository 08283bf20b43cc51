//! The hub's HTTP API, blocking: the queue for CLIs, and the runner's calls.

mod bulk;
mod pages;
mod transcripts;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::{Body, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use self::pages::count;
use crate::attempt::Attempt;
use crate::comment::{Comment, NewComment};
use crate::cost::{Cost, CostFilter};
use crate::diagnosis::Diagnosis;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::filter::{ClaimFilter, Filter, Hit, LogFilter, Search};
use crate::landing::Landing;
use crate::learning::{Learning, LearningFilter, NewLearning};
use crate::prompt::{Preview, Wanted};
use crate::queue::Queue;
use crate::shift::Shift;
use crate::ticket::{NewTicket, Resolution, Ticket, TicketChange, TicketDetail};
use crate::transfer::Imported;
use crate::wire::{
    AwaitFrozen, ClaimNext, Claimed, EndAttempt, EndProposal, Enroll, Enrolled, ErrorBody, Failed,
    Heard, Heartbeat, Scale, Submit, SwarmStatus, TestMessage, Tried, Verdict, Verification,
    VerifyCommit, Work, WorkRequest,
};

/// How long an answer may take to which thousands of tickets belong.
const BULK_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// How long to wait before a stream of events that broke off is taken up again.
const RECONNECT: Duration = Duration::from_millis(500);
/// Where the routes of a hub are.
const ROUTES: &str = "/api/v1";
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take that has nothing to wait for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for a message that goes out by every way there is.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(90);
/// The same for an agent that is ended, which gives its ticket back first.
const AGENT_TIMEOUT: Duration = Duration::from_secs(90);
/// What a long poll may take beyond the wait that it asked for.
const POLL_SLACK: Duration = Duration::from_secs(15);
/// How long the hub may take to have agents leave. One that does not answer is ended from outside, and
/// that is not to wait.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one verification of a commit may take before its caller gives up.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);

/// A hub, and the token to speak to it with.
#[derive(Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    base: String,
    token: String,
    patience: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the hub at `url` (`http://127.0.0.1:3000`). Connects at the first call.
    pub fn new(url: &str, token: &str) -> Result<Client> {
        let http = reqwest::blocking::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(None)
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(|e| Error::Unavailable(format!("cannot set up an HTTP client: {e}")))?;
        Ok(Client {
            http,
            base: format!("{}{ROUTES}", url.trim_end_matches('/')),
            token: token.to_owned(),
            patience: Duration::ZERO,
        })
    }

    /// The same hub, with time for it to come back from a restart.
    pub fn patient(self, patience: Duration) -> Client {
        Client { patience, ..self }
    }

    /// The same hub with another token.
    pub fn with_token(&self, token: &str) -> Client {
        Client {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// Trades a one-time code for a token. Use [`Client::with_token`] with the answer.
    pub fn enroll(&self, code: &str) -> Result<Enrolled> {
        self.post(
            "/enroll",
            &Enroll {
                code: code.to_owned(),
            },
            ANSWER_TIMEOUT,
        )
    }

    /// Asks for something to do; the hub keeps the call open for `request.wait` seconds at most.
    pub fn work(&self, request: &WorkRequest) -> Result<Work> {
        let deadline = Duration::from_secs(request.wait) + POLL_SLACK;
        self.post("/work", request, deadline)
    }

    /// A sign of life. [`Error::Stale`] when the attempt is over.
    pub fn heartbeat(&self, ticket: i64, attempt: i64, beat: &Heartbeat) -> Result<Heard> {
        self.beat(&format!("/attempts/{ticket}/{attempt}/heartbeat"), beat)
    }

    /// The same of a proposal run.
    pub fn proposal_heartbeat(&self, run: i64, beat: &Heartbeat) -> Result<Heard> {
        self.beat(&format!("/proposals/{run}/heartbeat"), beat)
    }

    fn beat(&self, path: &str, beat: &Heartbeat) -> Result<Heard> {
        let heard: Option<Heard> = self.post(path, beat, ANSWER_TIMEOUT)?;
        Ok(heard.unwrap_or_default())
    }

    /// Hands in the attempt's branch.
    pub fn submit(&self, ticket: i64, attempt: i64, submit: &Submit) -> Result<Landing> {
        self.post(
            &format!("/attempts/{ticket}/{attempt}/submit"),
            submit,
            ANSWER_TIMEOUT,
        )
    }

    /// A landing as soon as it is settled, or as it is after `wait` seconds.
    pub fn landing(&self, id: i64, wait: u64) -> Result<Landing> {
        let request = self
            .request(Method::GET, &format!("/landings/{id}"))
            .query(&[("wait", wait)])
            .timeout(Duration::from_secs(wait) + POLL_SLACK);
        read(self.send(request)?)
    }

    /// The attempt is over, or its tree has come.
    pub fn end_attempt(&self, ticket: i64, attempt: i64, end: &EndAttempt) -> Result<()> {
        self.post_only(&format!("/attempts/{ticket}/{attempt}/end"), end)
    }

    /// The proposal run is over.
    pub fn end_proposal(&self, run: i64, end: &EndProposal) -> Result<()> {
        self.post_only(&format!("/proposals/{run}/end"), end)
    }

    /// The next commit to verify, or none within `wait` seconds.
    pub fn next_verification(&self, wait: u64) -> Result<Option<Verification>> {
        let deadline = Duration::from_secs(wait) + POLL_SLACK;
        self.post("/verifications/next", &WorkRequest { wait }, deadline)
    }

    /// What verify.sh said.
    pub fn verdict(&self, id: u64, verdict: &Verdict) -> Result<()> {
        self.post_only(&format!("/verifications/{id}/verdict"), verdict)
    }

    /// Has one commit verified in a fresh verifier container; waits for the verdict.
    pub fn verify_commit(&self, commit: &str) -> Result<Verdict> {
        let body = VerifyCommit {
            commit: commit.to_owned(),
        };
        self.post("/verifications", &body, VERIFY_TIMEOUT)
    }

    /// The swarm at a glance.
    pub fn status(&self) -> Result<SwarmStatus> {
        self.get("/status")
    }

    /// What happened since that moment, in Unix seconds; since the last start when none is given.
    pub fn shift(&self, since: Option<i64>) -> Result<Shift> {
        match since {
            Some(since) => self.get(&format!("/shift?since={since}")),
            None => self.get("/shift"),
        }
    }

    /// How many agents there should be from now on.
    pub fn scale(&self, agents: u32) -> Result<()> {
        let request = self.request(Method::PUT, "/fleet").json(&Scale { agents });
        self.send(request.timeout(ANSWER_TIMEOUT)).map(drop)
    }

    /// Has all agents finish what they have and go, for 30 s; whoever waits asks again.
    pub fn leave(&self) -> Result<()> {
        self.send(self.leaving(Method::POST)).map(drop)
    }

    /// Has agents stay that were to leave.
    pub fn stay(&self) -> Result<()> {
        self.send(self.leaving(Method::DELETE)).map(drop)
    }

    fn leaving(&self, method: Method) -> RequestBuilder {
        self.request(method, "/fleet/leave").timeout(LEAVE_TIMEOUT)
    }

    /// Ends an agent; it stays away until it is restarted. Returns when its container is gone.
    pub fn stop_agent(&self, name: &str) -> Result<()> {
        self.order_agent(name, "stop")
    }

    /// Ends an agent where it runs; its container is made anew.
    pub fn restart_agent(&self, name: &str) -> Result<()> {
        self.order_agent(name, "restart")
    }

    fn order_agent(&self, name: &str, what: &str) -> Result<()> {
        let path = format!("/agents/{name}/{what}");
        let request = self.request(Method::POST, &path).json(&json!({}));
        self.send(request.timeout(AGENT_TIMEOUT)).map(drop)
    }

    /// Whether work is to stand still, as soon as that is not `known`, or after `wait` seconds.
    pub fn frozen(&self, known: bool, wait: u64) -> Result<bool> {
        let request = AwaitFrozen { known, wait };
        let deadline = Duration::from_secs(wait) + POLL_SLACK;
        self.post("/frozen", &request, deadline)
    }

    /// Sends one message to the people who are away; returns what came of it, for each way.
    pub fn notify_test(&self, wanted: &TestMessage) -> Result<Vec<Tried>> {
        self.post("/notify/test", wanted, NOTIFY_TIMEOUT)
    }

    /// Ends agents, verifiers and the hub; returns when the agents are gone.
    pub fn shutdown(&self) -> Result<()> {
        self.send(
            self.request(Method::POST, "/shutdown")
                .timeout(Duration::from_secs(120)),
        )
        .map(drop)
    }

    /// The log of an agent or of the hub, as it comes.
    pub fn logs(
        &self,
        service: &str,
        follow: bool,
        tail: Option<u32>,
    ) -> Result<impl Read + use<>> {
        let mut request = self
            .request(Method::GET, &format!("/services/{service}/logs"))
            .query(&[("follow", follow)]);
        if let Some(lines) = tail {
            request = request.query(&[("tail", lines)]);
        }
        self.send(request)
    }

    /// What verify.sh prints for a landing, as it comes: the last `tail` lines or all, of what was printed
    /// since this moment, in Unix seconds; with `follow` until the landing is settled.
    pub fn landing_log(
        &self,
        id: i64,
        follow: bool,
        tail: Option<u64>,
        since: Option<i64>,
    ) -> Result<impl Read + use<>> {
        let request = self
            .request(Method::GET, &format!("/landings/{id}/log"))
            .query(&[("follow", follow)])
            .query(&[("tail", tail)])
            .query(&[("since", since)]);
        self.send(request)
    }

    /// The events after `after`, first those that happened, then each as it happens. Ends when the
    /// hub does.
    pub fn events(&self, after: i64) -> Result<impl Iterator<Item = Result<Event>> + use<>> {
        let request = self
            .request(Method::GET, "/events")
            .query(&[("after", after)]);
        let lines = BufReader::new(self.send(request)?).lines();
        Ok(lines.filter_map(|line| match line {
            Err(e) => Some(Err(Error::Unavailable(format!(
                "the event stream broke off: {e}"
            )))),
            Ok(line) => line.strip_prefix("data:").map(|data| {
                serde_json::from_str(data.trim_start()).map_err(|e| {
                    Error::Unavailable(format!("the hub sent an unreadable event: {e}"))
                })
            }),
        }))
    }

    /// Sends, and turns a refusal back into the error that the hub meant. A connection that is not
    /// even taken has done nothing, so it is safe to try again.
    fn send(&self, mut request: RequestBuilder) -> Result<Response> {
        let deadline = Instant::now() + self.patience;
        loop {
            let again = request.try_clone();
            match (request.send(), again) {
                (Ok(response), _) => return accepted(response),
                (Err(error), Some(next)) if error.is_connect() && Instant::now() < deadline => {
                    std::thread::sleep(RECONNECT);
                    request = next;
                }
                (Err(error), _) => {
                    let (cause, hub) = (cause(&error), self.base.trim_end_matches(ROUTES));
                    return Err(Error::Unavailable(format!(
                        "the hub at {hub} does not answer: {cause}"
                    )));
                }
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        read(self.send(self.request(Method::GET, path).timeout(ANSWER_TIMEOUT))?)
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        deadline: Duration,
    ) -> Result<T> {
        read(
            self.send(
                self.request(Method::POST, path)
                    .json(body)
                    .timeout(deadline),
            )?,
        )
    }

    fn post_only(&self, path: &str, body: &impl Serialize) -> Result<()> {
        self.send(
            self.request(Method::POST, path)
                .json(body)
                .timeout(ANSWER_TIMEOUT),
        )
        .map(drop)
    }

    fn find<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T> {
        let request = self.request(Method::GET, path).query(query);
        read(self.send(request.timeout(ANSWER_TIMEOUT))?)
    }

    fn made(&self, path: &str, body: &impl Serialize) -> Result<i64> {
        let made: serde_json::Value = self.post(path, body, ANSWER_TIMEOUT)?;
        made["id"]
            .as_i64()
            .ok_or_else(|| unreadable("an answer without an id"))
    }
}

impl Queue for Client {
    fn create(&mut self, new: &NewTicket) -> Result<i64> {
        self.made("/tickets", new)
    }

    fn create_all(&mut self, new: &[NewTicket]) -> Result<Vec<i64>> {
        self.post("/tickets/batch", &new, BULK_TIMEOUT)
    }

    fn update(&mut self, id: i64, change: &TicketChange) -> Result<()> {
        let request = self
            .request(Method::PATCH, &format!("/tickets/{id}"))
            .json(change);
        self.send(request.timeout(ANSWER_TIMEOUT)).map(drop)
    }

    fn list(&mut self, filter: &Filter) -> Result<Vec<Ticket>> {
        self.pages("/tickets", filter.limit, |last: Option<&Ticket>, limit| {
            let after = last.map_or(filter.after, |ticket| Some(ticket.id));
            Filter {
                after,
                limit,
                ..filter.clone()
            }
        })
    }

    fn count(&mut self, filter: &Filter) -> Result<u64> {
        let counted: serde_json::Value = self.find("/tickets/count", filter)?;
        counted["count"]
            .as_u64()
            .ok_or_else(|| unreadable("an answer without a count"))
    }

    fn search(&mut self, search: &Search) -> Result<Vec<Hit>> {
        self.find("/search", search)
    }

    fn show(&mut self, id: i64) -> Result<TicketDetail> {
        self.get(&format!("/tickets/{id}"))
    }

    fn claim_next(&mut self, agent: &str, filter: &ClaimFilter) -> Result<Option<Claimed>> {
        let claim = ClaimNext {
            agent: agent.to_owned(),
            filter: filter.clone(),
        };
        self.post("/tickets/claim-next", &claim, ANSWER_TIMEOUT)
    }

    fn comment(&mut self, id: i64, new: &NewComment) -> Result<i64> {
        self.made(&format!("/tickets/{id}/comments"), new)
    }

    fn comments(&mut self, id: i64) -> Result<Vec<Comment>> {
        self.get(&format!("/tickets/{id}/comments"))
    }

    fn complete(&mut self, id: i64) -> Result<()> {
        self.post_only(&format!("/tickets/{id}/complete"), &json!({}))
    }

    fn no_change(&mut self, id: i64, reason: &str) -> Result<()> {
        let body = json!({ "reason": reason });
        self.post_only(&format!("/tickets/{id}/no-change"), &body)
    }

    fn mark_done(&mut self, id: i64, resolution: Option<Resolution>) -> Result<()> {
        let body = json!({ "resolution": resolution });
        self.post_only(&format!("/tickets/{id}/mark-done"), &body)
    }

    fn unclaim(&mut self, id: i64) -> Result<()> {
        self.post_only(&format!("/tickets/{id}/unclaim"), &json!({}))
    }

    fn retry(&mut self, id: i64) -> Result<()> {
        self.post_only(&format!("/tickets/{id}/retry"), &json!({}))
    }

    fn cancel(&mut self, id: i64, reason: Option<&str>) -> Result<()> {
        let body = json!({ "reason": reason });
        self.post_only(&format!("/tickets/{id}/cancel"), &body)
    }

    fn reopen(&mut self, id: i64, reason: &str) -> Result<i64> {
        let body = json!({ "reason": reason });
        self.made(&format!("/tickets/{id}/reopen"), &body)
    }

    fn block(&mut self, id: i64, by: i64) -> Result<()> {
        self.post_only(&format!("/tickets/{id}/block"), &json!({ "by": by }))
    }

    fn unblock(&mut self, id: i64, by: i64) -> Result<()> {
        self.post_only(&format!("/tickets/{id}/unblock"), &json!({ "by": by }))
    }

    fn log(&mut self, filter: &LogFilter) -> Result<Vec<Event>> {
        let most = Some(filter.limit());
        self.pages("/log", most, |last: Option<&Event>, limit| pages::Rows {
            limit,
            ticket: filter.ticket,
            before: last.map(|event| event.id),
        })
    }

    fn follow(
        &mut self,
        after: Option<i64>,
        each: &mut dyn FnMut(&Event) -> Result<()>,
    ) -> Result<()> {
        let mut cursor = match after {
            Some(cursor) => cursor,
            None => self.log(&LogFilter::newest())?.first().map_or(0, |e| e.id),
        };
        loop {
            for event in self.events(cursor)? {
                // A stream that breaks off is taken up again where it was.
                let Ok(event) = event else { break };
                each(&event)?;
                cursor = event.id;
            }
            std::thread::sleep(RECONNECT);
        }
    }

    fn answer(&mut self, id: i64, body: &str) -> Result<()> {
        self.post_only(&format!("/tickets/{id}/answer"), &json!({ "body": body }))
    }

    fn approve(&mut self, id: i64) -> Result<()> {
        self.post_only(&format!("/tickets/{id}/approve"), &json!({}))
    }

    fn reject(&mut self, id: i64, reason: &str) -> Result<()> {
        self.post_only(
            &format!("/tickets/{id}/reject"),
            &json!({ "reason": reason }),
        )
    }

    fn pass(&mut self, id: i64, comment: Option<&str>) -> Result<()> {
        let body = json!({ "comment": comment });
        self.post_only(&format!("/tickets/{id}/pass"), &body)
    }

    fn fail(&mut self, id: i64, reason: &str) -> Result<Failed> {
        let body = json!({ "reason": reason });
        self.post(&format!("/tickets/{id}/fail"), &body, ANSWER_TIMEOUT)
    }

    fn attempts(&mut self, id: i64) -> Result<Vec<Attempt>> {
        self.get(&format!("/tickets/{id}/attempts"))
    }

    fn diff(&mut self, id: i64, attempt: Option<i64>) -> Result<Vec<u8>> {
        let request = self
            .request(Method::GET, &format!("/tickets/{id}/diff"))
            .query(&[("attempt", attempt)]);
        let patch = self.send(request.timeout(BULK_TIMEOUT))?.bytes();
        Ok(patch.map_err(|e| broken_off(&e))?.into())
    }

    fn prompt(&mut self, wanted: &Wanted) -> Result<Preview> {
        self.find("/prompt", wanted)
    }

    fn learn(&mut self, new: &NewLearning) -> Result<i64> {
        self.made("/learnings", new)
    }

    fn learnings(&mut self, filter: &LearningFilter) -> Result<Vec<Learning>> {
        // Each page goes further back, and is the oldest first by itself.
        let mut found: Vec<Learning> = Vec::new();
        let mut page = filter.clone();
        loop {
            let (mut rows, more) = self.page::<Learning>("/learnings", &page)?;
            let first = rows.first().map(|learning| learning.id);
            rows.append(&mut found);
            found = rows;
            page.limit = filter.limit.map(|most| most.saturating_sub(count(&found)));
            page.before = first;
            if !more || first.is_none() || page.limit == Some(0) {
                return Ok(found);
            }
        }
    }

    fn cost(&mut self, filter: &CostFilter) -> Result<Cost> {
        self.find("/cost", filter)
    }

    fn pause(&mut self, reason: &str) -> Result<()> {
        self.post_only("/pause", &json!({ "reason": reason }))
    }

    fn drain(&mut self, reason: &str) -> Result<()> {
        self.post_only("/drain", &json!({ "reason": reason }))
    }

    fn resume(&mut self) -> Result<bool> {
        self.post("/resume", &json!({}), ANSWER_TIMEOUT)
    }

    fn paused(&mut self) -> Result<Option<String>> {
        self.get("/paused")
    }

    fn export(&mut self, to: &mut dyn Write) -> Result<()> {
        self.fetch("/export", to)
    }

    fn import(&mut self, from: Box<dyn Read + Send>) -> Result<Imported> {
        let body = Body::new(bulk::Limited::new(from));
        let request = self.request(Method::POST, "/import").body(body);
        read(self.send(request.timeout(BULK_TIMEOUT))?)
    }

    fn backup(&mut self, to: &Path) -> Result<()> {
        let cannot = |e| Error::Io(format!("cannot write {}", to.display()), e);
        let mut file = File::options().write(true).open(to).map_err(cannot)?;
        self.fetch("/backup", &mut file)
    }

    fn doctor(&mut self, repair: bool) -> Result<Diagnosis> {
        let method = if repair { Method::POST } else { Method::GET };
        read(self.send(self.request(method, "/doctor").timeout(BULK_TIMEOUT))?)
    }
}

/// The answer, or the refusal that the hub meant.
fn accepted(response: Response) -> Result<Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    Err(match response.json::<ErrorBody>() {
        Ok(body) => Error::from_kind(&body.error.kind, body.error.message),
        Err(_) => Error::Unavailable(format!("the hub answered with status {status}")),
    })
}

/// Reads the body; an empty one (204) reads as JSON's `null`.
fn read<T: DeserializeOwned>(response: Response) -> Result<T> {
    let body = response.bytes().map_err(|e| broken_off(&e))?;
    let body: &[u8] = if body.is_empty() { b"null" } else { &body };
    serde_json::from_slice(body).map_err(|e| unreadable(&e.to_string()))
}

fn broken_off(error: &reqwest::Error) -> Error {
    Error::Unavailable(format!("the hub's answer broke off: {}", cause(error)))
}

fn unreadable(what: &str) -> Error {
    Error::Unavailable(format!("the hub sent an unreadable answer: {what}"))
}

/// The innermost cause says what happened; the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
