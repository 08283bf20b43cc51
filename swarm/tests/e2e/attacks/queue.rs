//! Other people's tickets, the human's decisions, and a token whose attempt was given away.

use std::collections::BTreeMap;

use serde::Deserialize;
use ticket::Status;
use ticket::attempt::Outcome;
use ticket::ticket::HUMAN;

use crate::support::puppet::{Ran, SOON, attempts, is_landed, puppets, seen, task, until_landed};
use crate::support::swarm::Swarm;

const VICTIM: &str = "\
ticket('comment', TICKET, 'working')
seen['told to go on'] = wait_for(lambda: 'go on' in comments(TICKET), 110)
";

type Tried = BTreeMap<String, Ran>;

#[derive(Deserialize)]
struct Sabotage {
    victims: Tried,
    humans: Tried,
    routes: Tried,
    made: Ran,
}

#[derive(Deserialize)]
struct Stale {
    #[serde(rename = "old token")]
    old: Tried,
    #[serde(rename = "new token")]
    new: Tried,
}

#[test]
fn an_agent_writes_on_its_own_ticket_while_it_has_it() {
    let swarm = puppets();
    let question = swarm.create("Which one?", &["--type", "question", "--assign", HUMAN]);
    let proposal = swarm.create("An idea", &["--type", "proposal", "--assign", HUMAN]);
    let victim = task(&swarm, "Be left alone", VICTIM);
    let names = format!("VICTIM, QUESTION, PROPOSAL = {victim}, {question}, {proposal}\n");
    let program = names + include_str!("queue.py");
    let saboteur = task(&swarm, "Act on everything", &program);
    swarm.start(&["--agents", "2"]);

    until_landed(&swarm, &[saboteur]);
    nothing_came_of(&seen(&swarm, saboteur));
    made_in_its_own_name(&swarm, saboteur, &seen(&swarm, saboteur));
    the_victim_was_left_alone(&swarm, victim);
    for id in [question, proposal] {
        let ticket = swarm.show(id).ticket;
        assert_eq!(ticket.status, Status::Open, "{ticket:?}");
        assert_eq!(ticket.assigned_to.as_deref(), Some(HUMAN), "{ticket:?}");
    }
    swarm.ticket(&["comment", &victim.to_string(), "go on"]);
    until_landed(&swarm, &[victim]);

    let given_away = task(&swarm, "Be given away", include_str!("stale.py"));
    what_was_given_away_is_not_the_old_tokens_any_more(&swarm, given_away);
    assert_eq!(swarm.status_json().desired_agents, 2);
    swarm.stop();
}

fn nothing_came_of(tried: &Sabotage) {
    for (what, (code, said)) in tried.victims.iter().chain(&tried.humans) {
        assert_eq!(*code, 1, "{what}: {said}");
        let refused = said.contains("may not") || said.contains("only the human");
        assert!(refused, "{what}: {said}");
    }
    for (what, (status, said)) in &tried.routes {
        let refused = [401, 403, 404, 405].contains(status);
        assert!(refused, "{what}: {status} {said}");
    }
}

fn made_in_its_own_name(swarm: &Swarm, saboteur: i64, tried: &Sabotage) {
    let detail = swarm.show(saboteur);
    let agent = &detail.attempts[0].agent;
    assert_eq!(detail.attempts.len(), 1);
    assert_eq!(&detail.comments[0].author, agent);
    let made = tried
        .made
        .1
        .parse()
        .expect("the id of the question it made");
    assert_eq!(&swarm.show(made).ticket.created_by, agent);
    let mine: Vec<_> = swarm
        .tickets()
        .into_iter()
        .filter(|t| t.title == "Mine")
        .collect();
    assert!(mine.is_empty(), "{mine:?}");
}

fn the_victim_was_left_alone(swarm: &Swarm, victim: i64) {
    let detail = swarm.show(victim);
    assert_eq!(detail.ticket.status, Status::InProgress);
    assert_eq!(detail.ticket.title, "Be left alone");
    assert!(detail.blocked_by.is_empty());
    assert_eq!(detail.attempts.len(), 1);
    assert_eq!(detail.attempts[0].outcome, None);
    let said: Vec<_> = detail.comments.iter().map(|c| c.body.as_str()).collect();
    assert_eq!(said, ["working"]);
}

fn what_was_given_away_is_not_the_old_tokens_any_more(swarm: &Swarm, ticket: i64) {
    let id = ticket.to_string();
    swarm.wait_until("the first attempt gave its token away", SOON, || {
        !swarm.show(ticket).comments.is_empty()
    });
    swarm.ticket(&["unclaim", &id]);
    until_landed(swarm, &[ticket]);

    let tried: Stale = seen(swarm, ticket);
    assert_eq!(tried.old.len(), 8);
    for (what, (code, said)) in tried.old.iter().chain(&tried.new) {
        assert_ne!(*code, 0, "{what}: {said}");
    }
    let outcomes: Vec<_> = attempts(swarm, ticket).iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Released), Some(Outcome::Landed)]);
    assert_eq!(swarm.show(ticket).comments.len(), 1);
    assert!(is_landed(swarm, ticket));
}
