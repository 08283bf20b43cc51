//! Real runners against a real hub, with an agent CLI that misbehaves in every way that was ever
//! seen: what each behaviour is taken for, whether it costs an attempt, that its tree is kept and
//! nothing of it is left running, and that nothing becomes done that is not.

// Clippy lets tests unwrap, and the functions that only tests call are tests too.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use libtest_mimic::{Arguments, Trial};
use serde_json::json;
use ticket::attempt::{Attempt, Outcome};
use ticket::halt::{Cause, Halt};
use ticket::queue::Queue;
use ticket::ticket::{Resolution, TicketDetail};
use ticket::{Actor, Status};

/// Each function as a test of its name.
macro_rules! tests {
    ($($name:ident),* $(,)?) => { vec![$(test(stringify!($name), $name)),*] };
}

#[path = "../../../ticket/tests/it/programs.rs"]
mod programs;
mod scene;

use scene::Scene;

/// All of them run at once, unless told otherwise: what they do most is wait.
fn main() -> ExitCode {
    let tests = tests![
        each_behaviour_is_taken_for_what_it_is,
        what_concerns_the_account_halts_everybody_and_costs_no_attempt,
        an_agent_that_fills_the_disk_is_ended_and_the_disk_is_free_again,
        a_retry_is_told_what_the_last_attempt_changed,
        an_idle_swarm_starts_no_agent_and_none_is_taken_for_stalled,
        a_program_is_understood_by_its_patterns,
        a_paused_agent_stands_still_and_goes_on,
        a_frozen_agent_can_be_ended_and_a_drained_one_goes_on,
    ];
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(tests.len());
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// A test with a runtime of its own.
fn test<T: Future<Output = ()> + 'static>(name: &str, run: fn() -> T) -> Trial {
    Trial::test(name, move || {
        tokio::runtime::Runtime::new()?.block_on(run());
        Ok(())
    })
}

/// An agent asks for the next ticket at once; the rest is for a busy machine.
const NEXT_WITHIN_SECONDS: i64 = 15;
/// A runner's memory with a gigabyte on one line, in kilobytes.
const MEMORY: u64 = 150_000;

/// How many agents work off the table. Some are silent until they are taken for stalled.
const AGENTS: usize = 12;

/// What becomes of the first attempt of a ticket with such an agent.
struct Row {
    behaviour: &'static str,
    outcome: Outcome,
    /// What is kept of its tree.
    kept: Option<&'static str>,
}

const fn row(behaviour: &'static str, outcome: Outcome) -> Row {
    Row {
        behaviour,
        outcome,
        kept: None,
    }
}

const fn half(behaviour: &'static str, outcome: Outcome) -> Row {
    Row {
        behaviour,
        outcome,
        kept: Some("half"),
    }
}

/// Behaviours that concern their own ticket alone.
const TABLE: [Row; 43] = [
    row("hangs at start", Outcome::Stalled),
    half("hangs in the middle", Outcome::Stalled),
    half("ignores TERM", Outcome::Stalled),
    half("stops itself", Outcome::Stalled),
    row("waits as it says", Outcome::Landed),
    row("hangs after its result", Outcome::Landed),
    row("leaves children", Outcome::Landed),
    row("prints a gigabyte on one line", Outcome::Landed),
    row("talks without end", Outcome::Landed),
    row("prints broken JSON", Outcome::Landed),
    row("prints control sequences", Outcome::Landed),
    half("breaks off in its result", Outcome::AgentFailed),
    row("exits 0 without a word", Outcome::AgentFailed),
    row("exits 3 without a word", Outcome::InfraFailed),
    row("exits 3 after its result", Outcome::Landed),
    row("does nothing", Outcome::AgentFailed),
    half("closes its output and goes on", Outcome::AgentFailed),
    row("closes its output when it is done", Outcome::Landed),
    row("commits by itself", Outcome::Landed),
    row("removes .git", Outcome::Landed),
    row("switches the branch", Outcome::Landed),
    row("leaves the gate red", Outcome::Landed),
    row("may write no more", Outcome::AgentFailed),
    half("runs out of turns", Outcome::AgentFailed),
    half("spends its budget", Outcome::AgentFailed),
    row("finds its prompt too long", Outcome::AgentFailed),
    row("asks a question", Outcome::Released),
    row("waits for another ticket", Outcome::Released),
    half("gives the ticket back", Outcome::Released),
    row("completes with work", Outcome::Landed),
    row("completes without work", Outcome::AgentFailed),
    half("says that nothing has to change", Outcome::NoChange),
    row("marks its ticket as done", Outcome::AgentFailed),
    half("dies by HUP", Outcome::AgentFailed),
    half("dies by INT", Outcome::AgentFailed),
    half("dies by QUIT", Outcome::AgentFailed),
    half("dies by ILL", Outcome::AgentFailed),
    half("dies by ABRT", Outcome::AgentFailed),
    half("dies by FPE", Outcome::AgentFailed),
    half("dies by KILL", Outcome::AgentFailed),
    half("dies by SEGV", Outcome::AgentFailed),
    half("dies by PIPE", Outcome::AgentFailed),
    half("dies by TERM", Outcome::AgentFailed),
];

fn first_outcome(detail: &TicketDetail) -> Option<Outcome> {
    detail.attempts.first()?.outcome
}

async fn each_behaviour_is_taken_for_what_it_is() {
    let scene = Scene::with_agents(AGENTS).await;
    let mut ids = Vec::new();
    for row in &TABLE {
        ids.push(scene.ticket(row.behaviour).await);
    }
    let gate = scene.ticket("edits verify.sh").await;
    let mut wrong = Vec::new();
    for (row, id) in TABLE.iter().zip(&ids) {
        let ended = |detail: &TicketDetail| first_outcome(detail).is_some();
        let detail = scene.until(row.behaviour, *id, ended).await;
        let attempt = &detail.attempts[0];
        if attempt.outcome != Some(row.outcome) {
            wrong.push(format!("{}: {attempt:#?}", row.behaviour));
        }
        if let Some(left) = scene.left_running(*id).await {
            wrong.push(format!("{} left {left:?} running", row.behaviour));
        }
        if let Some(name) = row.kept
            && !scene.keeps(*id, 1, &format!("{name}-{id}")).await
        {
            wrong.push(format!(
                "the tree of '{}' is lost: {attempt:#?}",
                row.behaviour
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), scene.logs());

    answer_question(&scene).await;
    doubt_that_nothing_has_to_change(&scene, &ids).await;
    for id in &ids {
        scene
            .until("everything lands in the end", *id, |detail| {
                detail.ticket.resolution == Some(Resolution::Landed)
            })
            .await;
    }
    let held = scene
        .until("the gate's change is held", gate, |d| {
            d.ticket.status == Status::Ready
        })
        .await;
    assert_eq!(held.attempts.len(), 1);

    let mut attempts: Vec<Attempt> = Vec::new();
    for id in &ids {
        let detail = scene.show(*id).await;
        let counted = detail
            .attempts
            .iter()
            .filter(|a| a.outcome.is_some_and(Outcome::counts));
        assert_eq!(
            detail.ticket.failures,
            i64::try_from(counted.count()).unwrap(),
            "{detail:#?}"
        );
        assert!(scene.left_over(*id).is_empty(), "{}", detail.ticket.title);
        attempts.extend(detail.attempts);
    }
    the_next_ticket_starts_soon(attempts);
    nothing_is_done_that_did_not_land(&scene).await;
    let printed = scene.printed();
    assert!(
        !printed.contains(&0x1b) && !printed.contains(&0x07),
        "a control sequence was printed"
    );
    let peak = scene.peak();
    assert!(peak < MEMORY, "{peak} kB");
    scene.end().await;
}

async fn answer_question(scene: &Scene) {
    let asked = scene
        .store(|store| {
            let mut session = store.session(&Actor::Human);
            let all = session.list(&ticket::filter::Filter::default())?;
            let question = all
                .iter()
                .find(|t| t.title == "Which colour?")
                .map(|t| t.id);
            if let Some(id) = question {
                session.answer(id, "Blue.")?;
            }
            Ok(question)
        })
        .await;
    assert!(asked.is_some(), "no question was asked");
}

async fn doubt_that_nothing_has_to_change(scene: &Scene, ids: &[i64]) {
    let said = TABLE
        .iter()
        .position(|row| row.outcome == Outcome::NoChange);
    let id = ids[said.unwrap()];
    let ticket = scene.show(id).await.ticket;
    assert_eq!(ticket.status, Status::Ready);
    assert_eq!(ticket.assigned_to.as_deref(), Some("human"));
    scene
        .store(move |store| store.session(&Actor::Human).reject(id, "Look again."))
        .await;
}

/// An agent whose attempt ended takes the next ticket that never was tried without delay.
fn the_next_ticket_starts_soon(attempts: Vec<Attempt>) {
    let mut by_agent: BTreeMap<String, Vec<Attempt>> = BTreeMap::new();
    for attempt in attempts {
        by_agent
            .entry(attempt.agent.clone())
            .or_default()
            .push(attempt);
    }
    for (agent, mut attempts) in by_agent {
        attempts.sort_by(|a, b| a.started_at.cmp(&b.started_at));
        for pair in attempts.windows(2) {
            let [before, after] = pair else { continue };
            if after.number > 1 || before.outcome == Some(Outcome::InfraFailed) {
                continue;
            }
            let ended = before.ended_at.as_deref().unwrap();
            let waited = (time(&after.started_at) - time(ended)).num_seconds();
            assert!(
                waited <= NEXT_WITHIN_SECONDS,
                "{agent}: {before:#?} {after:#?}"
            );
        }
    }
}

fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
}

/// Every done ticket has exactly one commit with its trailer on main, and every commit a done ticket.
async fn nothing_is_done_that_did_not_land(scene: &Scene) {
    let format = "--format=%(trailers:key=Swarm-Ticket,valueonly,separator=%x2C)";
    let log = scene.git(&["log", format, "main"]);
    let mut landed: Vec<i64> = log.lines().filter_map(|line| line.parse().ok()).collect();
    landed.sort_unstable();
    let done = scene
        .store(|store| {
            let filter = ticket::filter::Filter {
                status: Some("done".into()),
                ..Default::default()
            };
            let done = store.session(&Actor::Human).list(&filter)?;
            let answered = Some(Resolution::Answered);
            let done = done.into_iter().filter(|t| t.resolution != answered);
            Ok(done.map(|t| t.id).collect::<Vec<i64>>())
        })
        .await;
    assert_eq!(landed, done);
}

/// A behaviour, how its attempt ends, and what it halts.
type Halting = (&'static str, Outcome, Option<Lasts>);
/// What halts, and for how many seconds; none where only a human ends it.
type Lasts = (Cause, Option<i64>);

/// Behaviours that concern the account: what halts, and for how long in seconds from now; none where
/// only a human ends it.
const HALTS: [Halting; 13] = [
    (
        "limit that ended",
        Outcome::RateLimited,
        Some((Cause::Limit, Some(60))),
    ),
    (
        "limit for two days",
        Outcome::RateLimited,
        Some((Cause::Limit, Some(6 * 3600))),
    ),
    (
        "weekly limit for two days",
        Outcome::RateLimited,
        Some((Cause::Limit, Some(2 * 86_400 + 67))),
    ),
    (
        "limit without an end",
        Outcome::RateLimited,
        Some((Cause::Limit, Some(300))),
    ),
    (
        "limit with an unreadable end",
        Outcome::RateLimited,
        Some((Cause::Limit, Some(300))),
    ),
    (
        "throttle",
        Outcome::InfraFailed,
        Some((Cause::Service, Some(15))),
    ),
    (
        "overloaded",
        Outcome::InfraFailed,
        Some((Cause::Service, Some(15))),
    ),
    (
        "500",
        Outcome::InfraFailed,
        Some((Cause::Service, Some(15))),
    ),
    (
        "connection cut",
        Outcome::InfraFailed,
        Some((Cause::Service, Some(15))),
    ),
    ("401", Outcome::AuthFailed, Some((Cause::Login, None))),
    ("403", Outcome::AuthFailed, Some((Cause::Login, None))),
    (
        "cannot pay",
        Outcome::AuthFailed,
        Some((Cause::Login, None)),
    ),
    ("no such model", Outcome::InfraFailed, None),
];
/// How far an end may be from where it is expected: its jitter, and a busy machine.
const ABOUT_SECONDS: i64 = 40;

async fn what_concerns_the_account_halts_everybody_and_costs_no_attempt() {
    let mut wrong = Vec::new();
    let scenes = HALTS.map(|row| tokio::spawn(halted_by(row)));
    for scene in scenes {
        if let Err(panic) = scene.await {
            wrong.push(panic.to_string());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn halted_by((behaviour, outcome, expected): Halting) {
    let scene = Scene::with_agents(1).await;
    let id = scene.ticket(behaviour).await;
    let detail = scene
        .until(behaviour, id, |detail| first_outcome(detail).is_some())
        .await;
    let now = ticket::moment::now();
    let attempt = &detail.attempts[0];
    assert_eq!(attempt.outcome, Some(outcome), "{behaviour}: {attempt:#?}");
    assert_eq!(detail.ticket.failures, 0, "{behaviour} costs no attempt");
    assert_eq!(detail.ticket.status, Status::Open);
    let halt: Option<Halt> = scene.store(|store| store.halt()).await;
    match (expected, &halt) {
        (None, None) => {}
        (Some((cause, None)), Some(halt)) => {
            assert_eq!((halt.cause, halt.until), (cause, None), "{behaviour}");
        }
        (Some((cause, Some(seconds))), Some(halt)) => {
            assert_eq!(halt.cause, cause, "{behaviour}");
            let lasts = halt.until.unwrap() - now;
            assert!(
                (lasts - seconds).abs() <= ABOUT_SECONDS,
                "{behaviour}: {lasts} s"
            );
        }
        (expected, halt) => panic!("{behaviour}: {halt:?} and not {expected:?}"),
    }
    if halt.is_some() {
        scene
            .store(|store| store.session(&Actor::Human).resume())
            .await;
    }
    let landed = scene
        .until("it lands when the halt is over", id, |detail| {
            detail.ticket.resolution == Some(Resolution::Landed)
        })
        .await;
    assert_eq!(landed.ticket.failures, 0, "{behaviour}");
    assert!(scene.left_over(id).is_empty(), "{behaviour}");
    scene.end().await;
}

/// The agents that speak stream-json.
const CLAUDE: &str = r#"{"kind": "claude", "program": "@AGENT@"}"#;

async fn an_agent_that_fills_the_disk_is_ended_and_the_disk_is_free_again() {
    let small = json!({ "proposals": { "enabled": false }, "limits": { "disk": "128m" } });
    let scene = Scene::with_settings(1, CLAUDE, small).await;
    let id = scene.ticket("fills the disk").await;
    let next = scene.ticket("good").await;
    let detail = scene
        .until("it is ended", id, |detail| first_outcome(detail).is_some())
        .await;
    let attempt = &detail.attempts[0];
    assert_eq!(attempt.outcome, Some(Outcome::AgentFailed), "{attempt:#?}");
    let reason = attempt.reason.as_deref().unwrap();
    assert!(reason.contains("128m (limits.disk)"), "{reason}");
    assert_eq!(detail.ticket.failures, 1);
    assert!(scene.keeps(id, 1, &format!("half-{id}")).await);
    for ticket in [next, id] {
        scene
            .until("the next work lands", ticket, |detail| {
                detail.ticket.resolution == Some(Resolution::Landed)
            })
            .await;
    }
    assert!(scene.left_over(id).is_empty());
    let held = scene.held("agent-1");
    assert!(held < 64 << 20, "{held} bytes are left");
    scene.end().await;
}

async fn a_retry_is_told_what_the_last_attempt_changed() {
    let scene = Scene::with_agents(1).await;
    let id = scene.ticket("leaves files").await;
    let landed = scene
        .until("the next attempt lands", id, |detail| {
            detail.ticket.resolution == Some(Resolution::Landed)
        })
        .await;
    let outcomes: Vec<_> = landed.attempts.iter().map(|a| a.outcome).collect();
    let failed = Some(Outcome::AgentFailed);
    assert_eq!(outcomes, [failed, Some(Outcome::Landed)]);
    let prompt = scene.git(&["show", &format!("main:prompt-{id}")]);
    let (_, told) = prompt.split_once("It changes these files:").unwrap();
    for line in [
        "folder/committed +2 -0".to_owned(),
        format!("half-{id} +1 -0"),
        "verify.sh +1 -0".to_owned(),
        "3 in all: +4 -0".to_owned(),
    ] {
        assert!(told.contains(&line), "{line:?} is not in {prompt}");
    }
    scene.end().await;
}

/// Longer than an agent may be silent while it works.
const IDLE: Duration = Duration::from_secs(75);

async fn an_idle_swarm_starts_no_agent_and_none_is_taken_for_stalled() {
    let rationed = json!({ "proposals": { "max_open": 1, "every_minutes": 0 } });
    let scene = Scene::with_settings(2, CLAUDE, rationed).await;
    let proposals = |store: &mut ticket::Store| {
        let filter = ticket::filter::Filter {
            kind: Some("proposal".into()),
            ..Default::default()
        };
        store.session(&Actor::Human).list(&filter)
    };
    let begun = Instant::now();
    while scene.store(proposals).await.is_empty()
        || !scene.store(|s| s.live_proposals()).await.is_empty()
    {
        assert!(begun.elapsed() < scene::PATIENCE, "{}", scene.logs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(scene.starts("propose"), 1);
    let cost = |store: &mut ticket::Store| store.session(&Actor::Human).cost(&Default::default());
    let spent = scene.store(cost).await;
    tokio::time::sleep(IDLE).await;
    assert_eq!(scene.starts("propose"), 1, "{}", scene.logs());
    assert_eq!(scene.store(cost).await, spent);
    let id = scene.ticket("good").await;
    let landed = scene
        .until("who was idle works at once", id, |detail| {
            detail.ticket.resolution == Some(Resolution::Landed)
        })
        .await;
    assert_eq!(landed.attempts.len(), 1, "{:#?}", landed.attempts);
    scene.end().await;
}

/// A program that prints for people; its patterns say what its words mean.
const PLAIN: &str = r#"{
    "kind": "command",
    "program": "@AGENT@",
    "args": ["--plain"],
    "resume": ["--continue", "{session}"],
    "patterns": {
        "session": ["^conversation (?P<session>\\S+)"],
        "limit": ["limit reached, resets (?P<reset>.+)"],
        "activity": ["^conversation"]
    }
}"#;

async fn a_program_is_understood_by_its_patterns() {
    let scene = Scene::with_backend(1, PLAIN).await;
    let resumed = scene.ticket("dies in a conversation").await;
    let landed = scene
        .until("it goes on and lands", resumed, |detail| {
            detail.ticket.resolution == Some(Resolution::Landed)
        })
        .await;
    assert_eq!(landed.attempts.len(), 1);
    let session = format!("c{resumed}");
    assert_eq!(landed.attempts[0].session_id, Some(session.clone()));
    let args = scene.git(&["show", &format!("main:args-{resumed}")]);
    assert_eq!(args, format!("--plain --continue {session}"));
    let spins = scene.ticket("spins").await;
    let stalled = scene
        .until("what shows no activity is stalled", spins, |detail| {
            first_outcome(detail).is_some()
        })
        .await;
    assert_eq!(first_outcome(&stalled), Some(Outcome::Stalled));
    let limited = scene.ticket("says its limit").await;
    let detail = scene
        .until("the limit is seen", limited, |detail| {
            first_outcome(detail).is_some()
        })
        .await;
    let attempt = &detail.attempts[0];
    assert_eq!(attempt.outcome, Some(Outcome::RateLimited));
    let reason = attempt.reason.as_deref();
    assert_eq!(reason, Some("Sorry: limit reached, resets in 2 hours"));
    let halt = scene.store(|store| store.halt()).await.unwrap();
    let lasts = halt.until.unwrap() - ticket::moment::now();
    assert!((lasts - 2 * 3600 - 67).abs() <= ABOUT_SECONDS, "{lasts} s");
    scene.end().await;
}

/// Longer than an agent may be silent, and longer than a lease.
const STANDS_STILL: Duration = Duration::from_secs(75);

/// Paused, an agent's processes do nothing at all, and neither the limit on silence nor the lease nor
/// the attempt's time counts; then it goes on where it was.
async fn a_paused_agent_stands_still_and_goes_on() {
    let scene = Scene::with_agents(1).await;
    let id = scene.ticket("ticks").await;
    scene.until("it works", id, |_| scene.ticks(id) > 20).await;
    scene
        .hub()
        .pause(Actor::Human, "lunch".into())
        .await
        .unwrap();
    let still = scene.until_still(id).await;
    tokio::time::sleep(STANDS_STILL).await;
    assert_eq!(scene.ticks(id), still, "{}", scene.logs());
    let detail = scene.show(id).await;
    assert_eq!(detail.ticket.status, Status::InProgress, "{detail:#?}");

    assert!(scene.hub().resume(Actor::Human).await.unwrap());
    let landed = |detail: &TicketDetail| detail.ticket.status == Status::Done;
    let detail = scene.until("it lands", id, landed).await;
    assert_eq!(detail.attempts.len(), 1, "{detail:#?}");
    assert!(scene.ticks(id) > still);
    assert_eq!(scene.left_running(id).await, None);
    scene.end().await;
}

/// A frozen agent can be ended, with its tree kept; drained, it would have gone on.
async fn a_frozen_agent_can_be_ended_and_a_drained_one_goes_on() {
    let scene = Scene::with_agents(1).await;
    let id = scene.ticket("ticks").await;
    scene.until("it works", id, |_| scene.ticks(id) > 20).await;
    scene
        .hub()
        .drain(Actor::Human, "lunch".into())
        .await
        .unwrap();
    let so_far = scene.ticks(id);
    scene
        .until("it goes on", id, |_| scene.ticks(id) > so_far + 10)
        .await;
    scene
        .hub()
        .pause(Actor::Human, "lunch".into())
        .await
        .unwrap();
    scene.until_still(id).await;
    scene
        .store(move |store| store.session(&Actor::Human).cancel(id, Some("not needed")))
        .await;
    assert_eq!(scene.left_running(id).await, None);
    let detail = scene.show(id).await;
    assert_eq!(detail.ticket.resolution, Some(Resolution::Cancelled));
    scene.end().await;
}
