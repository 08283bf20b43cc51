//! The queue as a whole through the hub: export, import, backup and doctor, by the same client as the
//! CLI's, while others work.

use std::io::{Cursor, Read};
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::json;
use ticket::client::Client;
use ticket::partial::Partial;
use ticket::store::{backup, doctor};
use ticket::ticket::NewTicket;
use ticket::{Error, Queue};

use crate::fixture::{Door, Swarm, answer, kind};

/// Runs `work` with the CLI's client, on a thread that may wait.
async fn as_client<T: Send + 'static>(
    door: &Door,
    work: impl FnOnce(&mut Client) -> T + Send + 'static,
) -> T {
    let door = door.clone();
    let done = tokio::task::spawn_blocking(move || {
        let mut client = Client::new(&door.url, &door.token).unwrap();
        work(&mut client)
    });
    done.await.unwrap()
}

fn export(client: &mut Client) -> String {
    let mut out = Vec::new();
    client.export(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn titled(title: &str) -> NewTicket {
    NewTicket {
        title: title.into(),
        ..NewTicket::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_comes_back_through_the_hub_as_it_was() {
    let (one, other) = (Swarm::start().await, Swarm::start().await);
    let exported = as_client(&one.human(), |client| {
        for n in 0..300 {
            let id = client.create(&titled(&format!("number {n}"))).unwrap();
            let text = "x".repeat(20_000);
            client
                .comment(id, &ticket::comment::NewComment::new(&text))
                .unwrap();
        }
        export(client)
    })
    .await;
    assert!(exported.len() > 5 << 20, "more than other bodies may have");
    let lines = exported.clone();
    let again = as_client(&other.human(), move |client| {
        let imported = client.import(Box::new(Cursor::new(lines))).unwrap();
        assert_eq!(imported.counts.tickets, 300);
        export(client)
    })
    .await;
    assert!(again == exported, "the bytes differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_hears_of_imported_tickets() {
    let swarm = Swarm::start().await;
    let mut events = swarm.running.hub.database.last_event();
    events.mark_unchanged();
    as_client(&swarm.human(), |client| {
        let line = "{\"kind\":\"ticket\",\"title\":\"by hand\"}";
        client.import(Box::new(line.as_bytes())).unwrap();
    })
    .await;
    assert!(events.has_changed().unwrap());
    assert_eq!(swarm.status_of(1).await, "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_import_leaves_nothing_and_names_the_line() {
    let swarm = Swarm::start().await;
    let said = as_client(&swarm.human(), |client| {
        let lines =
            "{\"kind\":\"ticket\",\"title\":\"good\"}\n{\"kind\":\"ticket\",\"title\":\"\"}";
        client.import(Box::new(lines.as_bytes())).unwrap_err()
    })
    .await;
    assert!(
        matches!(&said, Error::Invalid(s) if s.starts_with("line 2: title: ")),
        "{said}"
    );
    let (_, count) = swarm.human().get("/tickets/count").await;
    assert_eq!(count["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_too_large_is_refused_before_it_is_sent() {
    let swarm = Swarm::start().await;
    let said = as_client(&swarm.human(), |client| {
        let blank = std::io::repeat(b'\n').take(ticket::transfer::MAX_IMPORT + 1);
        client.import(Box::new(blank)).unwrap_err()
    })
    .await;
    assert!(said.to_string().contains("more than 256 MB"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_others_write() {
    let swarm = Swarm::start().await;
    let dir = tempfile::tempdir().unwrap();
    let human = swarm.human();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let acknowledged = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let (stop, acknowledged) = (stop.clone(), acknowledged.clone());
            let human = human.clone();
            tokio::task::spawn_blocking(move || {
                let mut client = Client::new(&human.url, &human.token).unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let id = client.create(&titled("t")).unwrap();
                    acknowledged.lock().unwrap().push(id);
                }
            })
        })
        .collect();
    for n in 0..4 {
        let before = acknowledged.lock().unwrap().clone();
        let to = dir.path().join(format!("copy-{n}.db"));
        let copy = to.clone();
        as_client(&human, move |client| back_up(client, &to)).await;
        let found = doctor::examine(&copy).unwrap();
        assert_eq!(found.findings, [], "{}", found.text());
        assert!(found.tickets.unwrap() >= before.len() as u64);
        let looked = as_client(&human, |client| client.doctor(false).unwrap()).await;
        assert_eq!(looked.faults(), 0, "{}", looked.text());
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let folder = swarm.project.database();
    let left = std::fs::read_dir(folder.parent().unwrap()).unwrap();
    let names: Vec<_> = left.map(|e| e.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|n| n.to_string_lossy().contains("partial")),
        "{names:?}"
    );
}

fn back_up(client: &mut Client, to: &Path) {
    let copy = Partial::begin(to, false).unwrap();
    client.backup(copy.path()).unwrap();
    backup::check(copy.path()).unwrap();
    copy.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_and_mends_through_the_hub() {
    let swarm = Swarm::start().await;
    swarm.ticket("t").await;
    let human = swarm.human();
    let look = |repair| as_client(&human, move |client| client.doctor(repair).unwrap());
    assert_eq!(look(false).await.findings, []);
    let database = swarm.project.database();
    let damage = "UPDATE tickets SET open_blockers = 3";
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute(damage, [])
        .unwrap();
    assert_eq!(look(false).await.faults(), 1);
    let mended = look(true).await;
    assert_eq!((mended.faults(), mended.repaired.len()), (0, 1));
    assert_eq!(look(true).await.repaired, [""; 0]);
    let (_, log) = human.get("/log?limit=1").await;
    assert_eq!(log[0]["action"], "repaired");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_get_none_of_it() {
    let swarm = Swarm::start().await;
    let runner = swarm.worker("agent-1").await;
    swarm.ticket("t").await;
    let work = runner.work(10).await;
    let agent = runner.with_token(work["token"].as_str().unwrap());
    for (method, path) in [
        (Method::GET, "/export"),
        (Method::POST, "/import"),
        (Method::GET, "/backup"),
        (Method::GET, "/doctor"),
        (Method::POST, "/doctor"),
    ] {
        for door in [&runner, &agent] {
            let (status, body) = answer(door.request(method.clone(), path)).await;
            assert_eq!(
                (status, kind(&body)),
                (StatusCode::NOT_FOUND, "not-found"),
                "{path}"
            );
        }
        let stranger = swarm.human().with_token("wrong");
        let (status, _) = answer(stranger.request(method.clone(), path).json(&json!({}))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
}
