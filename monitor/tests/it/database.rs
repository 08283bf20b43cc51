//! Writes share transactions and stand by themselves; reads wait for nobody; the log stays short.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use monitor::database::{Batch, Database, Kept};
use tempfile::TempDir;
use ticket::filter::{ClaimFilter, Filter};
use ticket::store::Total;
use ticket::ticket::NewTicket;
use ticket::{Actor, Error, Queue, Result, Store};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::fixture::{PATIENCE, until};

/// From here on the log is begun anew, in bytes.
const LONG_LOG: u64 = 16 << 20;

struct Opened {
    database: Database,
    path: PathBuf,
    _dir: TempDir,
}

fn opened() -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tickets.db");
    Store::migrate(&path, &mut |_| ()).unwrap();
    // What waits together goes into one transaction, however slow the machine is.
    let most = Batch {
        open: PATIENCE,
        ..Batch::default()
    };
    let database = Database::with_batches(Store::open(&path).unwrap(), most).unwrap();
    Opened {
        database,
        path,
        _dir: dir,
    }
}

impl Opened {
    /// Begins a write now; what comes of it is awaited later.
    fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> JoinHandle<Result<T>> {
        let database = self.database.clone();
        tokio::spawn(async move { database.call(work).await })
    }

    /// Keeps the writer busy until told; what is begun meanwhile goes into one transaction.
    async fn busy(&self) -> (Sender<()>, JoinHandle<Result<()>>) {
        let (go_on, told) = channel();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let write = self.begin(move |_| {
            begun.send(()).unwrap();
            told.recv().unwrap();
            Ok(())
        });
        has_begun.await.unwrap();
        (go_on, write)
    }

    async fn titles(&self) -> Vec<String> {
        let list = |store: &mut Store| store.session(&Actor::Human).list(&Filter::default());
        let tickets = self.database.read(list).await.unwrap();
        tickets.into_iter().map(|t| t.title).collect()
    }
}

fn create(title: &str) -> impl FnOnce(&mut Store) -> Result<i64> + Send + 'static {
    let new = NewTicket {
        title: title.to_owned(),
        ..NewTicket::default()
    };
    move |store| store.session(&Actor::Human).create(&new)
}

fn size_of_log(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |found| found.len())
}

/// Lets every task that can run do so.
async fn all_queued() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_failed_write_leaves_those_before_and_after_it() {
    let opened = opened();
    let (go_on, busy) = opened.busy().await;
    let before = opened.begin(create("before"));
    let failed = opened.begin(|store| store.session(&Actor::Human).unclaim(99));
    all_queued().await;
    let path = opened.path.clone();
    let after = opened.begin(move |store| {
        let id = create("after")(store)?;
        // What was written before it is in the same transaction, which nobody else sees yet.
        let mut other = Store::open(&path)?;
        assert_eq!(other.session(&Actor::Human).count(&Filter::default())?, 0);
        Ok(id)
    });
    all_queued().await;
    go_on.send(()).unwrap();
    busy.await.unwrap().unwrap();
    assert_eq!(before.await.unwrap().unwrap(), 1);
    assert!(matches!(failed.await.unwrap(), Err(Error::NotFound(_))));
    assert_eq!(after.await.unwrap().unwrap(), 2);
    assert_eq!(opened.titles().await, ["before", "after"]);
}

#[tokio::test]
async fn a_panic_in_one_write_is_told_to_its_caller_alone() {
    let opened = opened();
    let (go_on, busy) = opened.busy().await;
    let before = opened.begin(create("before"));
    all_queued().await;
    let panicked = opened.begin(|_| -> Result<()> { panic!("one write went wrong") });
    all_queued().await;
    let after = opened.begin(create("after"));
    all_queued().await;
    go_on.send(()).unwrap();
    busy.await.unwrap().unwrap();
    before.await.unwrap().unwrap();
    let told = panicked.await.unwrap().unwrap_err().to_string();
    assert!(told.contains("one write went wrong"), "{told}");
    after.await.unwrap().unwrap();
    opened.database.call(create("later")).await.unwrap();
    assert_eq!(opened.titles().await, ["before", "after", "later"]);
}

/// A promise to a ticket that never comes: SQLite finds that out when it commits.
const BROKEN_PROMISE: &str = "
    CREATE TABLE promises (ticket INTEGER REFERENCES tickets (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER promised AFTER INSERT ON tickets WHEN NEW.title = 'promise'
    BEGIN INSERT INTO promises VALUES (-1); END";

/// As a full disk does, it ends the transaction at once.
const ROLLS_BACK: &str = "
    CREATE TRIGGER rolled_back AFTER INSERT ON tickets WHEN NEW.title = 'promise'
    BEGIN SELECT RAISE(ROLLBACK, 'nothing goes any more'); END";

#[tokio::test]
async fn what_cannot_be_committed_fails_for_all_that_are_in_it() {
    for damage in [BROKEN_PROMISE, ROLLS_BACK] {
        let opened = opened();
        let other = rusqlite::Connection::open(&opened.path).unwrap();
        other.execute_batch(damage).unwrap();
        let mut events = opened.database.last_event();
        let (go_on, busy) = opened.busy().await;
        let mut all = Vec::new();
        for title in ["before", "promise", "after"] {
            all.push(opened.begin(create(title)));
            all_queued().await;
        }
        go_on.send(()).unwrap();
        busy.await.unwrap().unwrap();
        events.borrow_and_update();
        for one in all {
            let error = one.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        }
        assert!(opened.titles().await.is_empty());
        assert!(
            !events.has_changed().unwrap(),
            "nobody is woken for nothing"
        );
        opened.database.call(create("later")).await.unwrap();
        assert_eq!(opened.titles().await, ["later"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_claimers_get_every_ticket_once() {
    const TICKETS: i64 = 500;
    let opened = opened();
    for n in 0..TICKETS {
        opened
            .begin(create(&format!("ticket {n}")))
            .await
            .unwrap()
            .unwrap();
    }
    let claimers: Vec<_> = (0..64)
        .map(|n| {
            let database = opened.database.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let agent = format!("agent-{n}");
                    let claim = move |store: &mut Store| {
                        let filter = ClaimFilter::default();
                        store.session(&Actor::Human).claim_next(&agent, &filter)
                    };
                    match database.call(claim).await.unwrap() {
                        Some(claimed) => mine.push(claimed.detail.ticket.id),
                        None => return mine,
                    }
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await.unwrap());
    }
    assert_eq!(all.len(), usize::try_from(TICKETS).unwrap());
    let distinct: BTreeSet<i64> = all.into_iter().collect();
    assert_eq!(distinct, (1..=TICKETS).collect());
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_has_gone() {
    let opened = opened();
    let (go_on, busy) = opened.busy().await;
    let given_up = opened.begin(create("given up"));
    all_queued().await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();
    busy.await.unwrap().unwrap();
    // Writes keep their order, so what was given up was made before this one.
    opened.database.call(create("next")).await.unwrap();
    assert_eq!(opened.titles().await, ["given up", "next"]);
}

#[tokio::test]
async fn a_read_waits_for_no_writer_and_sees_what_was_acknowledged() {
    let opened = opened();
    opened.database.call(create("there")).await.unwrap();
    let (go_on, busy) = opened.busy().await;
    let unfinished = opened.begin(create("to come"));
    let titles = timeout(PATIENCE, opened.titles()).await.unwrap();
    assert_eq!(titles, ["there"]);
    go_on.send(()).unwrap();
    busy.await.unwrap().unwrap();
    unfinished.await.unwrap().unwrap();
    assert_eq!(opened.titles().await, ["there", "to come"]);
}

#[tokio::test]
async fn a_read_cannot_write_and_a_panic_in_one_keeps_its_connection() {
    let opened = opened();
    for _ in 0..10 {
        assert!(opened.database.read(create("no")).await.is_err());
        let panicked = |_: &mut Store| -> Result<()> { panic!("a read went wrong") };
        assert!(opened.database.read(panicked).await.is_err());
    }
    assert!(opened.titles().await.is_empty());
}

#[tokio::test]
async fn the_log_shrinks_again_when_a_long_read_is_over() {
    let opened = opened();
    let (go_on, told) = channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let database = opened.database.clone();
    let read = tokio::spawn(async move {
        let long = move |store: &mut Store| {
            store.last_event_id()?;
            begun.send(()).unwrap();
            told.recv().unwrap();
            Ok(())
        };
        database.read(long).await
    });
    has_begun.await.unwrap();
    while size_of_log(&opened.path) < LONG_LOG + LONG_LOG / 2 {
        let new = NewTicket {
            title: "long".into(),
            description: Some("x".repeat(200_000)),
            ..NewTicket::default()
        };
        let create = move |store: &mut Store| store.session(&Actor::Human).create(&new);
        opened.database.call(create).await.unwrap();
    }
    go_on.send(()).unwrap();
    read.await.unwrap().unwrap();
    until("a short log", async || {
        (size_of_log(&opened.path) < LONG_LOG).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_closed_database_is_whole_in_its_one_file() {
    let opened = opened();
    let last = opened.begin(create("the last"));
    all_queued().await;
    timeout(PATIENCE, opened.database.close()).await.unwrap();
    assert_eq!(last.await.unwrap().unwrap(), 1);
    assert_eq!(size_of_log(&opened.path), 0);
    let copy = opened.path.with_file_name("copy.db");
    std::fs::copy(&opened.path, &copy).unwrap();
    let mut copy = Store::open(&copy).unwrap();
    assert_eq!(
        copy.session(&Actor::Human).show(1).unwrap().ticket.title,
        "the last"
    );
    let late = opened.database.call(create("late")).await.unwrap_err();
    assert!(matches!(late, Error::Unavailable(_)), "{late:?}");
    timeout(Duration::from_secs(5), opened.database.close())
        .await
        .expect("closed is closed");
}

/// It is read once for all who ask at the same time, and anew for what is asked otherwise.
#[tokio::test]
async fn what_was_read_is_kept_until_something_is_written() {
    let opened = opened();
    let database = &opened.database;
    let (kept, looks) = (Kept::default(), Arc::new(AtomicU64::new(0)));
    let ask = async |asked: &'static str| {
        let looks = Arc::clone(&looks);
        let read = move |store: &mut Store, _| {
            looks.fetch_add(1, Ordering::Relaxed);
            store.status_counts().map(|counts| counts["open"])
        };
        database.read_kept(&kept, asked, read).await.unwrap()
    };
    assert_eq!(tokio::join!(ask("today"), ask("today")), (0, 0));
    assert_eq!(looks.load(Ordering::Relaxed), 1);
    assert_eq!(ask("tomorrow").await, 0);
    assert_eq!(looks.load(Ordering::Relaxed), 2);
    for made in 1..4 {
        database.call(create("x")).await.unwrap();
        assert_eq!((ask("tomorrow").await, ask("tomorrow").await), (made, made));
        assert_eq!(looks.load(Ordering::Relaxed), 2 + made);
    }
}

/// Each value may go on from the last one.
#[tokio::test]
async fn tickets_are_counted_on_from_the_last_count() {
    let opened = opened();
    let database = &opened.database;
    let mut total = Total::default();
    for (made, done) in [(2, 0), (3, 1), (1, 2), (0, 1)] {
        let (counts, next, expected) = database
            .call(move |store| {
                for _ in 0..made {
                    create("x")(store)?;
                }
                for _ in 0..done {
                    let claimed = store.session(&Actor::Human).list(&Filter::default())?;
                    let first = claimed.first().unwrap().id;
                    store.session(&Actor::Human).mark_done(first, None)?;
                }
                let (counts, next) = store.status_counts_from(total)?;
                Ok((counts, next, store.status_counts()?))
            })
            .await
            .unwrap();
        assert_eq!(counts, expected);
        total = next;
    }
    let counts = database.read(|store| store.status_counts()).await.unwrap();
    assert_eq!((counts["open"], counts["done"]), (2, 4));
}
