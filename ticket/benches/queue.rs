//! What the queue's own work costs in process, and how it grows: claims among 1,000 to 1,000,000
//! tickets of which some are in the way, searches in a million, ten thousand made at once, and
//! tickets that many wait for. Claims happen inside one transaction, so that no flush to disk hides
//! what they cost.

#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use ticket::filter::{ClaimFilter, Search};
use ticket::ticket::{NewTicket, Resolution};
use ticket::{Actor, Queue, Store};

const SIZES: [i64; 3] = [1_000, 100_000, 1_000_000];
/// What `cargo test --benches` runs, to know that all still works.
const SMALL_SIZES: [i64; 3] = [1_000, 1_100, 1_200];
/// How many tickets are claimed before all of them are put back: as many as are always free.
const CLAIMS: u64 = 10;
const DEPENDENTS: [i64; 4] = [10, 100, 1_000, 10_000];

/// The claim at the largest size costs at most so many times that at the smallest.
const MAX_GROWTH: f64 = 1.3;
const MAX_SEARCH: Duration = Duration::from_millis(50);
const MAX_CREATION: Duration = Duration::from_secs(1);

/// What stands before the tickets that can be claimed.
#[derive(Clone, Copy)]
enum InTheWay {
    Blocked,
    Done,
}

const MIXES: [(&str, InTheWay, i64); 5] = [
    ("nothing", InTheWay::Blocked, 0),
    ("50 % blocked", InTheWay::Blocked, 50),
    ("99 % blocked", InTheWay::Blocked, 99),
    ("50 % done", InTheWay::Done, 50),
    ("99 % done", InTheWay::Done, 99),
];

fn main() {
    let in_full = std::env::args().any(|a| a == "--bench");
    let sizes = if in_full { SIZES } else { SMALL_SIZES };
    let mut criterion = Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    claims(&mut criterion, sizes);
    searches(&mut criterion, sizes[2]);
    let times = if in_full { 5 } else { 1 };
    at_once(times);
    dependents(times);
    criterion.final_summary();
}

// --- Claims ------------------------------------------------------------------------------------

fn claims(criterion: &mut Criterion, sizes: [i64; 3]) {
    let means: RefCell<BTreeMap<(usize, i64), Vec<f64>>> = RefCell::default();
    for (n, (mix, what, share)) in MIXES.into_iter().enumerate() {
        let mut group = criterion.benchmark_group(format!("claim, {mix} in the way"));
        group.sampling_mode(SamplingMode::Flat);
        for size in sizes {
            let dir = TempDir::new().unwrap();
            let path = database(dir.path(), size, what, share);
            let mut store = Store::open(&path).unwrap();
            let repair = Connection::open(&path).unwrap();
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter_custom(|iterations| {
                    let took = claim(&mut store, &repair, iterations);
                    let each = took.as_secs_f64() / iterations as f64;
                    means.borrow_mut().entry((n, size)).or_default().push(each);
                    took
                });
            });
        }
        group.finish();
    }
    let mut means = means.into_inner();
    if means.len() < MIXES.len() * sizes.len() {
        return;
    }
    println!("\nclaims, microseconds each; the ratio may be {MAX_GROWTH}");
    println!(
        "| in the way   | {:>9} | {:>9} | {:>9} | ratio |",
        sizes[0], sizes[1], sizes[2]
    );
    println!("|--------------|----------:|----------:|----------:|------:|");
    for (n, (mix, ..)) in MIXES.into_iter().enumerate() {
        let [small, middle, large] =
            sizes.map(|size| median(means.entry((n, size)).or_default()) * 1e6);
        println!(
            "| {mix:<12} | {small:>9.1} | {middle:>9.1} | {large:>9.1} | {:>5.2} |",
            large / small
        );
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Claims so often; what was claimed is put back meanwhile, which is not counted.
fn claim(store: &mut Store, repair: &Connection, times: u64) -> Duration {
    let mut took = Duration::ZERO;
    let mut left = times;
    while left > 0 {
        let now = left.min(CLAIMS);
        store
            .batch(|store| {
                let mut queue = store.session(&Actor::Human);
                let began = Instant::now();
                for _ in 0..now {
                    let claimed = queue.claim_next("a", &ClaimFilter::default()).unwrap();
                    assert!(claimed.is_some());
                }
                took += began.elapsed();
            })
            .unwrap();
        repair
            .execute_batch(
                "BEGIN IMMEDIATE;
                 UPDATE tickets SET status = 'open', assigned_to = NULL, attempt = 0
                 WHERE id IN (SELECT ticket_id FROM attempts);
                 DELETE FROM attempts;
                 COMMIT;",
            )
            .unwrap();
        left -= now;
    }
    took
}

/// A database of so many tickets, of which the first `share` of a hundred cannot be claimed.
fn database(dir: &Path, size: i64, what: InTheWay, share: i64) -> PathBuf {
    let path = dir.join("tickets.db");
    Store::migrate(&path, &mut |_| ()).unwrap();
    let conn = Connection::open(&path).unwrap();
    let in_the_way = size * share / 100;
    let done = match what {
        InTheWay::Blocked => 0,
        InTheWay::Done => in_the_way,
    };
    conn.execute_batch("PRAGMA synchronous = OFF; BEGIN")
        .unwrap();
    conn.execute(
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?1)
         INSERT INTO tickets (id, title, description, status, resolution)
         SELECT id, 'Ticket number ' || id || iif(id % (?1 / 1000) = 0, ' thousandth', ''),
                iif(id = ?1 / 2, 'The needle', 'What it is about, in a common sentence'),
                iif(id <= ?2, 'done', 'open'), iif(id <= ?2, 'passed', NULL) FROM n",
        params![size, done],
    )
    .unwrap();
    if let InTheWay::Blocked = what {
        conn.execute(
            "INSERT INTO blockers (ticket_id, blocked_by) SELECT id, ?1 FROM tickets WHERE id <= ?2",
            params![size, in_the_way],
        )
        .unwrap();
    }
    conn.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    path
}

// --- Searches ----------------------------------------------------------------------------------

fn searches(criterion: &mut Criterion, size: i64) {
    let dir = TempDir::new().unwrap();
    let path = database(dir.path(), size, InTheWay::Blocked, 0);
    let mut store = Store::open(&path).unwrap();
    let means: RefCell<BTreeMap<&str, Vec<f64>>> = RefCell::default();
    let mut group = criterion.benchmark_group(format!("search in {size} tickets"));
    for (hits, words) in [
        ("1", "needle"),
        ("1000", "thousandth"),
        ("all", "ticket"),
        ("1000 of all", "thousandth ticket"),
        ("all twice", "common ticket"),
        ("none", "unheard"),
    ] {
        let search = Search {
            words: words.into(),
            ..Search::default()
        };
        group.bench_function(BenchmarkId::new("hits", hits), |bencher| {
            bencher.iter_custom(|iterations| {
                let began = Instant::now();
                for _ in 0..iterations {
                    let found = store.session(&Actor::Human).search(&search).unwrap();
                    assert_eq!(found.is_empty(), hits == "none");
                }
                let took = began.elapsed();
                let each = took.as_secs_f64() / iterations as f64;
                means.borrow_mut().entry(hits).or_default().push(each);
                took
            });
        });
    }
    group.finish();
    println!(
        "\nsearches in {size} tickets, milliseconds; {} may be",
        MAX_SEARCH.as_millis()
    );
    for (hits, mut seconds) in means.into_inner() {
        println!("| {hits:<12} | {:>7.3} |", median(&mut seconds) * 1e3);
    }
}

// --- Many at once ------------------------------------------------------------------------------

fn at_once(times: usize) {
    let many: Vec<NewTicket> = (0..10_000)
        .map(|n| NewTicket {
            title: format!("Ticket number {n}"),
            description: Some("What it is about, in a sentence".into()),
            // Each waits for the one before it.
            blocked_by: if n == 0 { vec![] } else { vec![-n] },
            ..NewTicket::default()
        })
        .collect();
    let lines: String = (0..10_000)
        .map(|n| format!("{{\"kind\":\"ticket\",\"title\":\"Ticket number {n}\"}}\n"))
        .collect();
    println!("\n10,000 tickets in one transaction; {MAX_CREATION:?} may be");
    let took = timed(times, |store| {
        store.session(&Actor::Human).create_all(&many).unwrap();
    });
    println!(
        "| create --file, a chain | {:>6.0} ms |",
        took.as_secs_f64() * 1e3
    );
    let took = timed(times, |store| {
        let import = Box::new(Cursor::new(lines.clone().into_bytes()));
        store.session(&Actor::Human).import(import).unwrap();
    });
    println!(
        "| import                 | {:>6.0} ms |",
        took.as_secs_f64() * 1e3
    );
}

/// The median of so many, each on a database of its own.
fn timed(times: usize, mut work: impl FnMut(&mut Store)) -> Duration {
    let mut times: Vec<Duration> = (0..times)
        .map(|_| {
            let dir = TempDir::new().unwrap();
            let path = dir.path().join("tickets.db");
            Store::migrate(&path, &mut |_| ()).unwrap();
            let mut store = Store::open(&path).unwrap();
            let began = Instant::now();
            work(&mut store);
            began.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

// --- Dependents --------------------------------------------------------------------------------

fn dependents(times: usize) {
    println!("\nfinishing a ticket that others wait for");
    println!("| dependents | milliseconds | microseconds each |");
    println!("|-----------:|-------------:|------------------:|");
    for number in DEPENDENTS {
        let mut times: Vec<Duration> = (0..times).map(|_| finish(number)).collect();
        times.sort();
        let took = times[times.len() / 2].as_secs_f64();
        println!(
            "| {number:>10} | {:>12.2} | {:>17.2} |",
            took * 1e3,
            took * 1e6 / number as f64
        );
    }
}

fn finish(dependents: i64) -> Duration {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("tickets.db");
    Store::migrate(&path, &mut |_| ()).unwrap();
    let mut store = Store::open(&path).unwrap();
    let mut queue = store.session(&Actor::Human);
    let new = |blocked_by| NewTicket {
        title: "It waits".into(),
        blocked_by,
        ..NewTicket::default()
    };
    let all: Vec<_> = (0..=dependents)
        .map(|n| new(if n == 0 { vec![] } else { vec![-1] }))
        .collect();
    let first = queue.create_all(&all).unwrap()[0];
    let began = Instant::now();
    queue.mark_done(first, Some(Resolution::Passed)).unwrap();
    began.elapsed()
}
