//! Many tickets at once: all of them or none, in whatever order they refer to each other.

use ticket::filter::Filter;
use ticket::ticket::NewTicket;
use ticket::{Actor, Queue};

use crate::support::Fixture;

fn new(title: &str, blocked_by: &[i64]) -> NewTicket {
    NewTicket {
        title: title.into(),
        blocked_by: blocked_by.into(),
        ..NewTicket::default()
    }
}

#[test]
fn tickets_of_one_graph_refer_to_each_other_in_any_order() {
    let mut f = Fixture::new();
    let there = f.ticket("there before", &[]);
    let graph = [
        NewTicket {
            parent: Some(-3),
            ..new("first", &[-2, there])
        },
        new("second", &[]),
        NewTicket {
            wait_for_children: true,
            ..new("parent", &[])
        },
    ];
    let ids = f.human(|q| q.create_all(&graph)).unwrap();
    assert_eq!(ids, [2, 3, 4]);
    let first = f.show(2);
    assert_eq!(first.blocked_by, [1, 3]);
    assert_eq!(first.ticket.parent_id, Some(4));
    let blocked = Filter {
        blocked: true,
        ..Filter::default()
    };
    assert_eq!(
        f.human(|q| q.count(&blocked)).unwrap(),
        2,
        "parent and first"
    );
}

#[test]
fn a_ticket_cannot_name_itself_before_it_is_there() {
    let mut f = Fixture::new();
    let itself = [
        new("1", &[1]),
        NewTicket {
            parent: Some(1),
            ..new("1", &[])
        },
        NewTicket {
            block_dependents_of: vec![1],
            ..new("1", &[])
        },
    ];
    for ticket in itself {
        let refused = f.human(|q| q.create(&ticket)).unwrap_err();
        assert_eq!(refused.to_string(), "ticket 1 not found");
    }
}

#[test]
fn a_graph_is_made_whole_or_not_at_all() {
    let mut f = Fixture::new();
    for wrong in [
        vec![new("1", &[-2]), new("2", &[-1])],
        vec![new("1", &[]), new(" ", &[])],
        vec![new("1", &[-9])],
        vec![new("1", &[99])],
    ] {
        assert!(f.human(|q| q.create_all(&wrong)).is_err(), "{wrong:?}");
    }
    assert_eq!(f.human(|q| q.count(&Filter::default())).unwrap(), 0);
    assert!(f.actions().is_empty());
}

#[test]
fn a_long_chain_is_looked_at_once() {
    let mut f = Fixture::new();
    let chain: Vec<NewTicket> = (0..3000)
        .map(|n| new("link", if n == 0 { &[] } else { &[-1][..] }))
        .enumerate()
        .map(|(n, link)| NewTicket {
            blocked_by: link
                .blocked_by
                .iter()
                .map(|_| -i64::try_from(n).unwrap())
                .collect(),
            ..link
        })
        .collect();
    let ids = f.human(|q| q.create_all(&chain)).unwrap();
    let refused = f.human(|q| q.block(ids[0], ids[2999])).unwrap_err();
    assert_eq!(refused.to_string().matches(" waits for ").count(), 3000);
}

#[test]
fn an_agent_makes_graphs_in_its_own_name() {
    let mut f = Fixture::new();
    f.ticket("own", &[]);
    f.claim("agent-1").unwrap();
    let agent = Actor::Attempt {
        agent: "agent-1".into(),
        ticket: 1,
        attempt: 1,
    };
    let mut session = f.store.session(&agent);
    let ids = session
        .create_all(&[new("a", &[]), new("b", &[-1])])
        .unwrap();
    let assigned = NewTicket {
        assign: Some("agent-2".into()),
        ..new("c", &[])
    };
    assert!(session.create_all(&[assigned]).is_err());
    assert_eq!(f.show(ids[1]).ticket.created_by, "agent-1");
    assert_eq!(f.human(|q| q.count(&Filter::default())).unwrap(), 3);
}
