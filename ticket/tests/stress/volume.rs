//! A great many operations through one process, and a log in which every one of them is right.

use std::time::Instant;

use rusqlite::Connection;
use ticket::filter::ClaimFilter;
use ticket::history::{Acknowledged, History};
use ticket::ticket::Resolution;
use ticket::{Actor, Queue, Store};

use super::audit::{read_log, sound};
use super::number;
use super::worker::{Scene, titled};

/// How many operations share a transaction.
const BATCH: usize = 1_000;

#[test]
fn the_history_of_a_great_many_operations_is_flawless() {
    let operations = number("TICKET_STRESS_OPERATIONS", 20_000);
    let scene = Scene::new(0);
    let mut store = Store::open(&scene.database()).unwrap();
    let mut history = History::default();
    let began = Instant::now();
    let mut left = operations;
    while left > 0 {
        let now = left.min(BATCH);
        store
            .batch(|store| (0..now).for_each(|_| step(store, &mut history)))
            .unwrap();
        left -= now;
    }
    let worked = began.elapsed().as_secs_f64();
    let rows = read_log(&scene.database(), &mut history);
    println!(
        "{operations} operations in {worked:.1} s; {rows} rows of the log checked in {:.1} s, \
         {} tickets unfinished",
        began.elapsed().as_secs_f64() - worked,
        history.unfinished()
    );
    let conn: Connection = sound(&scene.database());
    let unfinished: u32 = conn
        .query_row(
            "SELECT count(*) FROM tickets WHERE status <> 'done'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(history.unfinished(), unfinished as usize);
}

/// One operation, and what it promised.
fn step(store: &mut Store, history: &mut History) {
    let agent = format!("agent-{}", rand::random_range(0..8));
    let mut queue = store.session(&Actor::Human);
    if rand::random_range(0..3) == 0 {
        let id = queue.create(&titled("One of many")).unwrap();
        return history.expect(Acknowledged::Created(id));
    }
    let claimed = queue.claim_next(&agent, &ClaimFilter::default()).unwrap();
    let Some(ticket) = claimed.map(|claimed| claimed.detail.ticket) else {
        return;
    };
    history.expect(Acknowledged::Claimed(ticket.id, ticket.attempt, agent));
    match rand::random_range(0..4) {
        0 => queue.unclaim(ticket.id).unwrap(),
        1 => queue.complete(ticket.id).unwrap(),
        _ => {
            queue
                .mark_done(ticket.id, Some(Resolution::Passed))
                .unwrap();
            history.expect(Acknowledged::Done(ticket.id));
        }
    }
}
