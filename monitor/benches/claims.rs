//! How many claims a second the hub answers over HTTP: 64 connections kept alive, each claiming the
//! next ticket as soon as it has the last. With many writes in one transaction, with one transaction
//! for each, beside a long read and beside exports; and as a measure of the machine and of HTTP
//! itself, the same listener's echo of a JSON body as long as a claim's answer.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::{Json, Router};
use monitor::database::Batch;
use monitor::hub::{Running, Settings, Shared};
use monitor::listener::doors::Traffic;
use monitor::listener::{BODY_TIMEOUT, EACH_HOST, Limits, MAX_BODY, serve};
use serde_json::Value;
use swarm::Project;
use ticket::filter::{ClaimFilter, Filter};
use ticket::ticket::NewTicket;
use ticket::wire::HubFile;
use ticket::{Actor, Queue, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyTimeoutLayer;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 9;
const ALONE: &str = "one transaction each";
const MANY: &str = "many in one transaction";
const ECHO: &str = "JSON echo";
const CLAIM: &str = "/api/v1/tickets/claim-next";
const AGENT: &str = r#"{"agent":"agent-1"}"#;
/// How often the size of the log is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What is needed of the hub.
const LEAST_OF_ALONE: f64 = 5.0;
const LEAST_OF_ECHO: f64 = 0.3;
const LONGEST_P99: Duration = Duration::from_millis(10);
const LARGEST_LOG: u64 = 64 << 20;

fn main() -> Result<()> {
    // `cargo test --benches` only wants to know that it still runs.
    let measures = std::env::args().any(|a| a == "--bench");
    let (tickets, time, rounds) = if measures {
        (100_000, Duration::from_millis(1500), ROUNDS)
    } else {
        (2_000, Duration::from_millis(200), 1)
    };
    let dir = tempfile::tempdir()?;
    let template = dir.path().join("template.db");
    fill(&template, tickets)?;
    println!("{tickets} tickets, {CONNECTIONS} connections, {rounds} rounds of {time:?} each");
    let mut table: Vec<(&str, Vec<Round>)> = Vec::new();
    for _ in 0..rounds {
        for (name, beside, most_at_once) in [
            (ALONE, Beside::Nothing, 1),
            (MANY, Beside::Nothing, Batch::default().writes),
        ] {
            let round = claims(&template, beside, most_at_once, time)?;
            add(&mut table, name, round);
        }
        let answer = claim_answer(&template)?;
        add(&mut table, ECHO, echo(answer, time)?);
    }
    for (name, beside) in [
        ("  beside a long read", Beside::LongRead),
        ("  beside exports", Beside::Exports),
    ] {
        let round = claims(&template, beside, Batch::default().writes, 2 * time)?;
        add(&mut table, name, round);
    }
    report(&table, measures)
}

fn add<'a>(table: &mut Vec<(&'a str, Vec<Round>)>, name: &'a str, round: Round) {
    match table.iter_mut().find(|(n, _)| *n == name) {
        Some((_, rounds)) => rounds.push(round),
        None => table.push((name, vec![round])),
    }
}

/// What else uses the database meanwhile.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nothing,
    /// Somebody reads one state for half of the time.
    LongRead,
    /// Somebody reads all tickets, again and again.
    Exports,
}

/// What one run gave.
#[derive(Clone, Default)]
struct Round {
    each_second: f64,
    /// Sorted.
    latencies: Vec<Duration>,
    largest_log: u64,
    log_at_end: u64,
}

impl Round {
    fn percentile(&self, hundredths: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = self.latencies.len() * hundredths / 100;
        self.latencies
            .get(at.min(last))
            .copied()
            .unwrap_or_default()
    }
}

fn report(table: &[(&str, Vec<Round>)], measures: bool) -> Result<()> {
    println!(
        "                            each second        p50        p99    largest -wal    at the end"
    );
    let median = |rounds: &[Round]| {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(|a, b| a.each_second.total_cmp(&b.each_second));
        sorted[sorted.len() / 2].clone()
    };
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    for (name, rounds) in table {
        let round = median(rounds);
        println!(
            "{name:<26} {:>12.0} {:>7.2} ms {:>7.2} ms {:>11.1} MiB {:>9.1} MiB",
            round.each_second,
            ms(round.percentile(50)),
            ms(round.percentile(99)),
            mib(round.largest_log),
            mib(round.log_at_end),
        );
    }
    let of = |wanted: &str| {
        let found = table.iter().find(|(name, _)| *name == wanted);
        found.map_or(&[][..], |(_, rounds)| rounds)
    };
    // The machine has its moods, so what is compared ran one right after the other.
    let ratio = |to: &str| {
        let pairs = of(MANY).iter().zip(of(to));
        let mut ratios: Vec<f64> = pairs.map(|(a, b)| a.each_second / b.each_second).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    let (of_alone, of_echo) = (ratio(ALONE), ratio(ECHO));
    let many_round = median(of(MANY));
    println!(
        "many in one transaction: {of_alone:.1} x one transaction each, {of_echo:.2} x the echo"
    );
    if !measures {
        return Ok(());
    }
    ensure!(
        of_alone >= LEAST_OF_ALONE,
        "less than {LEAST_OF_ALONE} x one transaction each"
    );
    ensure!(
        of_echo >= LEAST_OF_ECHO,
        "less than {LEAST_OF_ECHO} x the echo"
    );
    ensure!(
        many_round.percentile(99) < LONGEST_P99,
        "p99 over {LONGEST_P99:?}"
    );
    ensure!(
        many_round.largest_log < LARGEST_LOG,
        "the log grew to {LARGEST_LOG} bytes"
    );
    Ok(())
}

/// Claims at a hub until the time is up.
fn claims(template: &Path, beside: Beside, most_at_once: usize, time: Duration) -> Result<Round> {
    let dir = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let round = runtime.block_on(async {
        let (running, token) = hub(dir.path(), template, most_at_once).await?;
        let hub = running.hub.clone();
        let log = Log::watch(&hub.project.database())?;
        let company = tokio::spawn(company(hub.clone(), beside, time / 2));
        let mut round = load(running.human, CLAIM, &token, AGENT, time).await?;
        company.abort();
        round.largest_log = log.largest();
        hub.database.call(|store| store.last_event_id()).await?;
        round.log_at_end = log.now();
        running.end().await?;
        Ok(round)
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    round
}

/// Does what goes on beside the claims.
async fn company(hub: Shared, beside: Beside, time: Duration) -> Result<()> {
    match beside {
        Beside::Nothing => Ok(()),
        Beside::LongRead => {
            let read = move |store: &mut Store| {
                store.last_event_id()?;
                std::thread::sleep(time);
                Ok(())
            };
            Ok(hub.database.read(read).await?)
        }
        Beside::Exports => loop {
            let all = Filter::default();
            hub.read(Actor::Human, move |queue| queue.list(&all))
                .await
                .map_err(|e| e.0)?;
        },
    }
}

/// The same listener without a hub behind it.
fn echo(body: String, time: Duration) -> Result<Round> {
    let runtime = Runtime::new()?;
    let round = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/echo", post(async |Json(body): Json<Value>| Json(body)))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT));
        let closing = CancellationToken::new();
        let limits = Limits::with(EACH_HOST);
        let traffic = Traffic::default();
        tokio::spawn(serve(listener, router, limits, traffic, closing.clone()));
        let round = load(address, "/echo", "", &body, time).await;
        closing.cancel();
        round
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    round
}

/// Asks on all connections until the time is up or nothing is left to claim.
async fn load(
    address: SocketAddr,
    path: &str,
    token: &str,
    body: &str,
    time: Duration,
) -> Result<Round> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let request: Arc<[u8]> = request.into_bytes().into();
    let until = Instant::now() + time;
    let mut clients = JoinSet::new();
    let began = Instant::now();
    for _ in 0..CONNECTIONS {
        clients.spawn(client(address, request.clone(), until));
    }
    let mut latencies = Vec::new();
    for client in clients.join_all().await {
        latencies.extend(client?);
    }
    let took = began.elapsed();
    latencies.sort();
    Ok(Round {
        each_second: latencies.len() as f64 / took.as_secs_f64(),
        latencies,
        ..Round::default()
    })
}

/// One connection; how long each answer took.
async fn client(address: SocketAddr, request: Arc<[u8]>, until: Instant) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut answer) = (Vec::new(), Vec::with_capacity(16 << 10));
    while Instant::now() < until {
        let began = Instant::now();
        stream.write_all(&request).await?;
        match status(&mut stream, &mut answer).await? {
            200 => latencies.push(began.elapsed()),
            204 => break,
            other => bail!("status {other}: {}", String::from_utf8_lossy(&answer)),
        }
    }
    Ok(latencies)
}

/// Reads one answer whole; returns its status.
async fn status(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<u16> {
    answer.clear();
    loop {
        ensure!(stream.read_buf(answer).await? > 0, "the hub hung up");
        let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&answer[..end])?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(Ok(0), str::parse)?;
        if answer.len() >= end + 4 + length {
            let status = head.get(9..12).context("not HTTP")?;
            return Ok(status.parse()?);
        }
    }
}

/// A database with open tickets.
fn fill(path: &Path, tickets: usize) -> Result<()> {
    Store::migrate(path, &mut |_| ())?;
    let mut store = Store::open(path)?;
    let mut made = Ok(0);
    store.batch(|store| {
        for n in 0..tickets {
            let new = NewTicket {
                title: format!("Ticket {n} of many"),
                description: Some("What is to be done, in a sentence or two.".into()),
                ..NewTicket::default()
            };
            made = store.session(&Actor::Human).create(&new);
            if made.is_err() {
                return;
            }
        }
    })?;
    made?;
    store.empty_log(Duration::ZERO)?;
    Ok(())
}

/// What a claim answers.
fn claim_answer(template: &Path) -> Result<String> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("tickets.db");
    fs::copy(template, &path)?;
    let mut store = Store::open(&path)?;
    let claimed = store
        .session(&Actor::Human)
        .claim_next("agent-1", &ClaimFilter::default())?;
    Ok(serde_json::to_string(
        &claimed.context("nothing to claim")?,
    )?)
}

/// A hub as it runs for a project, without containers.
async fn hub(dir: &Path, template: &Path, most_at_once: usize) -> Result<(Running, String)> {
    let project = Project::create(dir)?;
    fs::write(
        project.config_file(),
        r#"{"proposals": {"enabled": false}}"#,
    )?;
    let git = git2::Repository::init_bare(project.repository())?;
    let who = git2::Signature::now("somebody", "somebody@example.org")?;
    let tree = git.find_tree(git.treebuilder(None)?.write()?)?;
    git.commit(Some("refs/heads/main"), &who, &who, "first", &tree, &[])?;
    project.commit_id()?;
    fs::copy(template, project.database())?;
    let loopback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let settings = Settings {
        project: project.root().to_owned(),
        human: loopback,
        agents: loopback,
        container: None,
    };
    let most = Batch {
        writes: most_at_once,
        ..Batch::default()
    };
    let running = Running::start_with(settings, most).await?;
    let file: HubFile = serde_json::from_slice(&fs::read(project.hub_file())?)?;
    Ok((running, file.token))
}

/// The size of the log's file, watched.
struct Log {
    file: PathBuf,
    largest: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Log {
    fn watch(database: &Path) -> Result<Log> {
        let mut file = database.as_os_str().to_owned();
        file.push("-wal");
        let log = Log {
            file: file.into(),
            largest: Arc::default(),
            over: Arc::default(),
        };
        let (file, largest, over) = (log.file.clone(), log.largest.clone(), log.over.clone());
        std::thread::Builder::new().spawn(move || {
            while !over.load(Ordering::Relaxed) {
                largest.fetch_max(size(&file), Ordering::Relaxed);
                std::thread::sleep(LOOK);
            }
        })?;
        Ok(log)
    }

    fn largest(&self) -> u64 {
        self.largest.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        size(&self.file)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |found| found.len())
}
