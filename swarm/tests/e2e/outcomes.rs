//! How attempts end when something other than good work happens: nothing done, a stop, a kill, a hub
//! that goes away and comes back, fewer agents, another project beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use ticket::Status;
use ticket::attempt::Outcome;
use ticket::ticket::{HUMAN, TicketType};

use crate::support::engine::docker;
use crate::support::puppet::{
    SOON, attempts, is_landed, landed_subjects, puppets, seen, set, swarm_ends, task,
    until_comment, until_landed,
};
use crate::support::swarm::Swarm;

/// A stopped runner has a second; the rest is for the engine's client and a busy machine.
const RELEASED_WITHIN: Duration = Duration::from_secs(2);
/// The wait after a first failed attempt, less a second that times without fractions may hide.
const FIRST_BACKOFF_SECONDS: i64 = 9;
/// So long agents that have nothing to do are watched for a proposal too many.
const IDLE: Duration = Duration::from_secs(3);

/// Says that it works, and ends when it is told to go on.
const PATIENT: &str = "\
write(f'work-{TICKET}', 'work\\n')
ticket('comment', TICKET, 'working')
seen['told to go on'] = wait_for(lambda: 'go on' in comments(TICKET), 110)
";
/// The first attempt is in the middle of something for ever, and so are its helpers; the next one
/// finds what it left.
const HALF_DONE: &str = "\
if ATTEMPT == '1':
    write(f'half-{TICKET}', f'done by {AGENT}\\n')
    git('add', '--all')
    git('commit', '--message', 'Half')
    write(f'more-{TICKET}', 'not committed\\n')
    subprocess.Popen(['setsid', 'sh', '-c', 'trap \"\" TERM HUP; sleep 600; sleep 600'])
    ticket('comment', TICKET, 'working')
    time.sleep(600)
seen['found'] = [Path(name).read_text() for name in (f'half-{TICKET}', f'more-{TICKET}')]
";
/// Takes more memory than there is, at the first attempt.
const GREEDY: &str = "\
if ATTEMPT == '1':
    write(f'half-{TICKET}', 'half\\n')
    taken = []
    while True:
        taken.append(b'x' * (1 << 20))
write(f'work-{TICKET}', 'work\\n')
";
/// Takes more of the disk than it may, in a folder that not even its own user can look into, beside the
/// work tree.
const HIDES: &str = "\
if ATTEMPT == '1':
    hidden = WORK / 'hidden' / 'deeper'
    hidden.mkdir(parents=True)
    for number in range(10):
        (hidden / str(number)).write_bytes(os.urandom(20_000_000))
    hidden.chmod(0)
    hidden.parent.chmod(0)
    time.sleep(600)
write(f'work-{TICKET}', 'work\\n')
";
/// The same in files that are memory: nobody who is killed gives that back.
const FILLS_MEMORY: &str = "\
if ATTEMPT == '1':
    with open('/tmp/much', 'wb') as much:
        while True:
            much.write(b'x' * (1 << 20))
write(f'work-{TICKET}', 'work\\n')
";
const COMMITS_ITSELF: &str = "\
write('own', 'work\\n')
git('add', 'own')
git('commit', '--message', 'My own words')
";
const COMMITS_RED: &str = "\
if KIND == 'work':
    write('red', 'red\\n')
    git('add', 'red')
    git('commit', '--no-verify', '--message', 'Surely green')
else:
    seen[KIND] = PROMPT
    git('rm', 'red')
    git('commit', '--message', 'Green now')
";

#[test]
fn nothing_done_is_a_failure_and_own_commits_pass_the_same_gate() {
    let swarm = puppets();
    swarm.configure(|config| set(config, "queue", "max_attempts", 2));
    let nothing = task(&swarm, "Do nothing", "pass");
    let own = task(&swarm, "Commit by itself", COMMITS_ITSELF);
    let red = task(&swarm, "Commit what is red", COMMITS_RED);
    swarm.start(&["--agents", "2"]);
    until_landed(&swarm, &[own, red]);
    swarm.wait_until("the ticket that failed twice is the human's", SOON, || {
        swarm.show(nothing).ticket.assigned_to.as_deref() == Some(HUMAN)
    });

    let detail = swarm.show(nothing);
    assert_eq!(
        (detail.ticket.status, detail.ticket.failures),
        (Status::Open, 2)
    );
    let [first, second] = detail.attempts.as_slice() else {
        panic!("not two attempts: {detail:?}");
    };
    for attempt in [first, second] {
        assert_eq!(attempt.outcome, Some(Outcome::AgentFailed));
        let reason = attempt.reason.as_deref();
        assert_eq!(reason, Some("the agent exited 0 but changed nothing"));
    }
    let pause = time(&second.started_at) - time(first.ended_at.as_deref().expect("an end"));
    assert!(pause.num_seconds() >= FIRST_BACKOFF_SECONDS, "{pause}");
    assert!(
        detail.comments[0].body.starts_with("2 attempts failed"),
        "{detail:?}"
    );

    let subjects: BTreeSet<_> = landed_subjects(&swarm).into_iter().collect();
    assert_eq!(
        subjects,
        BTreeSet::from(["Commit by itself".into(), "Commit what is red".into()])
    );
    let history = swarm.repository(&["log", "--format=%s", &format!("refs/attempts/{own}/1")]);
    assert!(history.contains("My own words"), "{history}");
    let noted: BTreeMap<String, String> = seen(&swarm, red);
    assert!(
        noted["verify failed"].contains("there is a file called red"),
        "{noted:?}"
    );
    swarm.swarm(&["verify", "--all"]);
    swarm.stop();
}

#[test]
fn a_stopped_and_a_killed_agent_lose_nothing() {
    let swarm = puppets();
    let stopped = task(&swarm, "Be stopped", HALF_DONE);
    let killed = task(&swarm, "Be killed", HALF_DONE);
    swarm.start(&["--agents", "2"]);
    for id in [stopped, killed] {
        until_comment(&swarm, id, "working");
    }

    let container = container_of(&swarm, stopped);
    let begun = Instant::now();
    docker(&["kill", "--signal", "TERM", &container]);
    while attempts(&swarm, stopped)[0].outcome.is_none() {
        assert!(begun.elapsed() < RELEASED_WITHIN, "not released");
    }
    docker(&["kill", &container_of(&swarm, killed)]);

    until_landed(&swarm, &[stopped, killed]);
    for (id, outcome) in [(stopped, Outcome::Released), (killed, Outcome::InfraFailed)] {
        let attempts = attempts(&swarm, id);
        let outcomes: Vec<_> = attempts.iter().filter_map(|a| a.outcome).collect();
        assert_eq!(outcomes, [outcome, Outcome::Landed]);
        let half = format!("done by {}\n", attempts[0].agent);
        let noted: BTreeMap<String, Vec<String>> = seen(&swarm, id);
        assert_eq!(noted["found"], [half.as_str(), "not committed\n"]);
        for (file, text) in [("half", half.trim()), ("more", "not committed")] {
            let kept = swarm.repository(&["show", &format!("refs/attempts/{id}/1:{file}-{id}")]);
            assert_eq!(kept, text);
        }
        assert_eq!(swarm.show(id).ticket.failures, 0);
    }
    swarm.stop();
}

#[test]
fn an_agent_without_memory_is_told_of_and_the_next_ticket_starts() {
    let swarm = puppets();
    swarm.configure(|config| set(config, "limits", "memory", "128m"));
    let tickets = [
        task(&swarm, "Take memory", GREEDY),
        task(&swarm, "Fill memory with files", FILLS_MEMORY),
        task(&swarm, "Do good work", "write('good', 'work\\n')"),
    ];
    swarm.start(&["--agents", "1"]);
    until_landed(&swarm, &tickets);
    let [greedy, fills, _] = tickets.map(|id| attempts(&swarm, id));
    assert_eq!(greedy[0].outcome, Some(Outcome::AgentFailed), "{greedy:?}");
    let kept = swarm.repository(&["show", &format!("refs/attempts/{}/1:half-{0}", tickets[0])]);
    assert_eq!(kept, "half");
    // The program is killed, or all of the container.
    let ended = fills[0].outcome;
    assert!(
        [Some(Outcome::AgentFailed), Some(Outcome::InfraFailed)].contains(&ended),
        "{fills:?}"
    );
    for attempts in [&greedy, &fills] {
        let reason = attempts[0].reason.as_deref().unwrap_or_default();
        assert!(
            reason.contains("out of memory (limits.memory 128m)"),
            "{reason}"
        );
        assert_eq!(attempts.len(), 2, "{attempts:?}");
    }
    assert_eq!(landed_subjects(&swarm).len(), 3);
    swarm.stop();
}

#[test]
fn what_an_agent_hides_from_its_own_user_counts_and_is_removed() {
    let swarm = puppets();
    swarm.configure(|config| set(config, "limits", "disk", "128m"));
    let hides = task(&swarm, "Hide what fills the disk", HIDES);
    swarm.start(&["--agents", "1"]);
    until_landed(&swarm, &[hides]);
    let attempts = attempts(&swarm, hides);
    let outcomes: Vec<_> = attempts.iter().map(|a| a.outcome).collect();
    assert_eq!(
        outcomes,
        [Some(Outcome::AgentFailed), Some(Outcome::Landed)]
    );
    let reason = attempts[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("128m (limits.disk)"), "{reason}");
    let agent = format!("swarm-{}-agent-1", swarm.id().expect("an id"));
    let left = docker(&["exec", &agent, "ls", "/work"]);
    assert!(!left.contains("hidden"), "{left}");
    swarm.stop();
}

#[test]
fn agents_work_on_while_the_hub_is_killed_and_restarted() {
    let swarm = puppets();
    let tickets = [1, 2].map(|n| task(&swarm, &format!("Outlive the hub {n}"), PATIENT));
    swarm.start(&["--agents", "2"]);
    for id in tickets {
        until_comment(&swarm, id, "working");
    }
    let agents = agents(&swarm);
    let hub = format!("swarm-{}-hub", swarm.id().expect("an id"));

    docker(&["exec", &hub, "sh", "-c", "kill -9 $(pidof monitor)"]);
    until_it_answers(&swarm);
    docker(&["restart", &hub]);
    until_it_answers(&swarm);

    assert_eq!(self::agents(&swarm), agents, "an agent was replaced");
    for id in tickets {
        swarm.ticket(&["comment", &id.to_string(), "go on"]);
    }
    until_landed(&swarm, &tickets);
    for id in tickets {
        assert_eq!(attempts(&swarm, id).len(), 1);
    }
    assert_eq!(landed_subjects(&swarm).len(), 2);
    swarm.stop();
}

#[test]
fn fewer_agents_end_no_work_and_idle_ones_propose_once() {
    let swarm = puppets();
    swarm.configure(|config| {
        set(config, "proposals", "enabled", true);
        set(config, "proposals", "max_open", 1);
        set(config, "proposals", "every_minutes", 0);
    });
    swarm.start(&["--agents", "1"]);
    swarm.wait_until("an idle agent proposed something", SOON, || {
        !proposals(&swarm).is_empty()
    });
    let tickets = [1, 2, 3].map(|n| task(&swarm, &format!("Outlive the change {n}"), PATIENT));
    swarm.swarm(&["scale", "3"]);
    for id in tickets {
        until_comment(&swarm, id, "working");
    }
    swarm.swarm(&["scale", "1"]);
    assert_eq!(swarm.status_json().desired_agents, 1);
    for id in tickets {
        swarm.ticket(&["comment", &id.to_string(), "go on"]);
    }
    until_landed(&swarm, &tickets);
    for id in tickets {
        assert_eq!(attempts(&swarm, id).len(), 1);
    }
    swarm.wait_until("one agent is left", SOON, || {
        agent_containers(&swarm).len() == 1
    });

    std::thread::sleep(IDLE);
    let [idea] = proposals(&swarm)[..] else {
        panic!("not one proposal: {:?}", proposals(&swarm));
    };
    swarm.ticket(&["approve", &idea.to_string()]);
    until_landed(&swarm, &[idea]);
    swarm.stop();
}

#[test]
fn two_projects_on_one_machine_do_not_meet() {
    let (one, other) = (puppets(), puppets());
    assert_ne!(one.id(), other.id());
    for swarm in [&one, &other] {
        swarm.start(&["--agents", "1"]);
    }
    let first = task(&one, "For the one", "write('one', 'work\\n')");
    let second = task(&other, "For the other", "write('other', 'work\\n')");
    until_landed(&one, &[first]);
    until_landed(&other, &[second]);
    one.stop();
    let third = task(&other, "For the other again", "write('again', 'work\\n')");
    until_landed(&other, &[third]);
    assert_eq!(landed_subjects(&one), ["For the one"]);
    assert_eq!(
        landed_subjects(&other),
        ["For the other", "For the other again"]
    );
    assert!(is_landed(&one, first));
    other.stop();
}

fn agent_containers(swarm: &Swarm) -> Vec<String> {
    let mut names = swarm.containers();
    names.retain(|name| name.contains("-agent-"));
    names.sort();
    names
}

/// What tells each agent's container from its replacement.
fn agents(swarm: &Swarm) -> Vec<String> {
    let format = "{{.Name}} {{.Id}} {{.State.StartedAt}}";
    let names = agent_containers(swarm).into_iter();
    let started = names.map(|name| docker(&["inspect", "--format", format, &name]));
    started.collect()
}

fn container_of(swarm: &Swarm, ticket: i64) -> String {
    let agent = &attempts(swarm, ticket)[0].agent;
    format!("swarm-{}-{agent}", swarm.id().expect("an id"))
}

fn until_it_answers(swarm: &Swarm) {
    swarm.wait_until("the hub answers", SOON, || {
        let said = swarm_ends(swarm, &["status", "--json"]);
        said.status.success()
            && serde_json::from_slice::<ticket::wire::SwarmStatus>(&said.stdout).is_ok()
    });
}

fn proposals(swarm: &Swarm) -> Vec<i64> {
    let tickets = swarm.tickets().into_iter();
    let proposals = tickets.filter(|t| t.kind == TicketType::Proposal);
    proposals.map(|t| t.id).collect()
}

fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").expect("a time")
}
