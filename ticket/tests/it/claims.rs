//! Which ticket a claim takes, and which it leaves alone.

use ticket::TicketType;
use ticket::filter::{ClaimFilter, Filter};
use ticket::ticket::{NewTicket, TicketChange};

use crate::support::Fixture;

fn new(title: &str) -> NewTicket {
    NewTicket {
        title: title.into(),
        ..NewTicket::default()
    }
}

/// Claims as a script does and gives the id.
fn claim(f: &mut Fixture, filter: &ClaimFilter) -> Option<i64> {
    f.human(|q| q.claim_next("a", filter))
        .unwrap()
        .map(|claimed| claimed.detail.ticket.id)
}

fn any() -> ClaimFilter {
    ClaimFilter::default()
}

#[test]
fn claims_go_by_priority_and_then_by_age() {
    let mut f = Fixture::new();
    for priority in [2, 4, 0, 2, 0] {
        let ticket = NewTicket {
            priority: Some(priority),
            ..new("t")
        };
        f.human(|q| q.create(&ticket)).unwrap();
    }
    let order: Vec<i64> = std::iter::from_fn(|| claim(&mut f, &any())).collect();
    assert_eq!(order, [3, 5, 1, 4, 2]);
}

#[test]
fn a_released_ticket_keeps_its_place() {
    let mut f = Fixture::new();
    let first = f.ticket("1", &[]);
    f.ticket("2", &[]);
    claim(&mut f, &any());
    f.human(|q| q.unclaim(first)).unwrap();
    assert_eq!(claim(&mut f, &any()), Some(first));
}

#[test]
fn a_claim_takes_only_what_its_filter_lets_through() {
    let mut f = Fixture::new();
    let labelled = |labels: &[&str], kind| NewTicket {
        labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        kind: Some(kind),
        ..new("t")
    };
    for (labels, kind) in [
        (&[][..], TicketType::Task),
        (&["ui"], TicketType::Task),
        (&["ui", "fast"], TicketType::Verify),
        (&["ui", "fast"], TicketType::Task),
    ] {
        f.human(|q| q.create(&labelled(labels, kind))).unwrap();
    }
    let filter = |kind: Option<&str>, label: Option<&str>| ClaimFilter {
        kind: kind.map(Into::into),
        label: label.map(Into::into),
    };
    assert_eq!(
        claim(&mut f, &filter(Some("task"), Some("fast,ui"))),
        Some(4)
    );
    assert_eq!(claim(&mut f, &filter(None, Some("fast"))), Some(3));
    assert_eq!(claim(&mut f, &filter(Some("question"), None)), None);
    assert_eq!(claim(&mut f, &filter(None, Some("ui"))), Some(2));
    assert!(
        f.human(|q| q.claim_next("a", &filter(Some("tusk"), None)))
            .is_err()
    );
    assert_eq!(claim(&mut f, &any()), Some(1));
}

#[test]
fn a_deferred_ticket_waits_for_its_moment() {
    let mut f = Fixture::new();
    let later = NewTicket {
        not_before: Some(i64::from(u32::MAX)),
        ..new("later")
    };
    let id = f.human(|q| q.create(&later)).unwrap();
    assert_eq!(claim(&mut f, &any()), None);
    let ready = Filter {
        ready: true,
        ..Filter::default()
    };
    assert_eq!(f.human(|q| q.count(&ready)).unwrap(), 0);
    let now = TicketChange {
        not_before: Some(0),
        ..TicketChange::default()
    };
    f.human(|q| q.update(id, &now)).unwrap();
    assert_eq!(f.human(|q| q.count(&ready)).unwrap(), 1);
    assert_eq!(claim(&mut f, &any()), Some(id));
}

#[test]
fn a_pause_withholds_every_claim() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.human(|q| q.pause("the account's limit")).unwrap();
    assert_eq!(claim(&mut f, &any()), None);
    assert!(f.claim("agent-1").is_none());
    let said = f.human(|q| q.paused()).unwrap();
    assert_eq!(said.as_deref(), Some("the account's limit"));
    assert!(f.human(|q| q.resume()).unwrap());
    assert!(!f.human(|q| q.resume()).unwrap());
    assert_eq!(claim(&mut f, &any()), Some(id));
}

#[test]
fn a_pause_freezes_what_runs_and_a_drain_does_not() {
    let mut f = Fixture::new();
    f.ticket("t", &[]);
    for frozen in [true, false, true, true] {
        match frozen {
            true => f.human(|q| q.pause("lunch")).unwrap(),
            false => f.human(|q| q.drain("lunch")).unwrap(),
        }
        assert_eq!(f.store.is_frozen().unwrap(), frozen);
        assert!(f.claim("agent-1").is_none());
    }
    assert!(f.human(|q| q.resume()).unwrap());
    assert!(!f.store.is_frozen().unwrap());
    assert!(f.claim("agent-1").is_some());
}

#[test]
fn a_parent_waits_for_its_children_only_when_told_to() {
    let mut f = Fixture::new();
    let plain = f.human(|q| q.create(&new("plain"))).unwrap();
    let waits = NewTicket {
        wait_for_children: true,
        ..new("waits")
    };
    let waits = f.human(|q| q.create(&waits)).unwrap();
    let child = |parent| NewTicket {
        parent: Some(parent),
        priority: Some(4),
        ..new("child")
    };
    f.human(|q| q.create(&child(plain))).unwrap();
    let first = f.human(|q| q.create(&child(waits))).unwrap();
    let second = f.human(|q| q.create(&child(waits))).unwrap();
    assert_eq!(claim(&mut f, &any()), Some(plain), "its child is open");
    f.human(|q| q.mark_done(first, None)).unwrap();
    assert_ne!(claim(&mut f, &any()), Some(waits), "one child is open");
    let elsewhere = TicketChange {
        parent: Some(plain),
        ..TicketChange::default()
    };
    f.human(|q| q.update(second, &elsewhere)).unwrap();
    assert_eq!(claim(&mut f, &any()), Some(waits), "no child is left");
}

#[test]
fn circles_through_children_are_refused() {
    let mut f = Fixture::new();
    let parent = NewTicket {
        wait_for_children: true,
        ..new("parent")
    };
    let parent = f.human(|q| q.create(&parent)).unwrap();
    let needs_parent = f.ticket("needs the parent", &[parent]);
    let child = NewTicket {
        parent: Some(parent),
        blocked_by: vec![needs_parent],
        ..new("child")
    };
    let refused = f.human(|q| q.create(&child)).unwrap_err().to_string();
    assert!(refused.contains("#1 waits for"), "{refused}");
    let adopt = TicketChange {
        parent: Some(parent),
        ..TicketChange::default()
    };
    assert!(f.human(|q| q.update(needs_parent, &adopt)).is_err());
    assert!(
        f.human(|q| q.update(parent, &adopt)).is_err(),
        "its own parent"
    );
    assert_eq!(f.human(|q| q.count(&Filter::default())).unwrap(), 2);
}

#[test]
fn a_done_ticket_keeps_nobody_in_a_circle() {
    let mut f = Fixture::new();
    let one = f.ticket("1", &[]);
    let two = f.ticket("2", &[one]);
    f.human(|q| q.mark_done(one, None)).unwrap();
    let three = f.ticket("3", &[two]);
    assert!(f.human(|q| q.block(two, three)).is_err());
    assert!(f.human(|q| q.block(two, two)).is_err());
}

#[test]
fn a_label_finds_a_ticket_whatever_became_of_it() {
    let mut f = Fixture::new();
    let labelled = NewTicket {
        labels: vec!["ui".into()],
        ..new("labelled")
    };
    let id = f.human(|q| q.create(&labelled)).unwrap();
    let late = f.ticket("labelled late", &[]);
    let change = TicketChange {
        add_labels: vec!["ui".into()],
        priority: Some(0),
        ..TicketChange::default()
    };
    f.human(|q| q.update(late, &change)).unwrap();
    let blocker = f.ticket("blocker", &[]);
    f.human(|q| q.block(id, blocker)).unwrap();
    let ui = ClaimFilter {
        label: Some("ui".into()),
        ..any()
    };
    assert_eq!(claim(&mut f, &ui), Some(late));
    assert_eq!(claim(&mut f, &ui), None, "the other one is blocked");
    f.human(|q| q.mark_done(blocker, None)).unwrap();
    assert_eq!(claim(&mut f, &ui), Some(id));
    f.human(|q| q.unclaim(id)).unwrap();
    let without = TicketChange {
        remove_labels: vec!["ui".into()],
        ..TicketChange::default()
    };
    f.human(|q| q.update(id, &without)).unwrap();
    assert_eq!(claim(&mut f, &ui), None);
}
