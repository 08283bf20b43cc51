//! What the hub itself takes for one landing in a repository of 1,000 files: from the submission to
//! the done ticket, with a verifier that says green at once. Prints the median and the worst of each
//! step; the sum is to stay under 30 ms.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use git2::build::TreeUpdateBuilder;
use git2::{Oid, Repository, Signature, Time};
use monitor::database::Database;
use monitor::git::Bare;
use monitor::git::repository::Advance;
use monitor::lander::build::{Built, build};
use monitor::lander::{Lander, LanderSettings};
use monitor::verification::Verifications;
use ticket::landing::{Landing, LandingState};
use ticket::store::ClaimPolicy;
use ticket::ticket::NewTicket;
use ticket::wire::{Submit, Verdict, VerdictResult};
use ticket::{Actor, Queue, Store};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const FILES: usize = 1_000;
const FOLDERS: usize = 40;
const LANDINGS: usize = 100;
const AGENT: &str = "agent-1";

fn main() -> Result<()> {
    // `cargo test --benches` only wants to know that it still runs.
    let landings = if std::env::args().any(|a| a == "--bench") {
        LANDINGS
    } else {
        3
    };
    println!("{landings} landings in a repository of {FILES} files, each changes one file");
    steps(landings)?;
    whole(landings)
}

/// The steps of the lander, one after the other.
fn steps(landings: usize) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (bare, mut store, work) = project(dir.path(), landings)?;
    let repository = bare.open()?;
    let mut taken: [(&str, Vec<Duration>); 6] = [
        ("candidate: merge, tree policy, commit, ref", vec![]),
        ("database: verifying", vec![]),
        ("main: compare-and-swap", vec![]),
        ("database: landed, ticket done", vec![]),
        ("refs: candidate dropped, branch kept", vec![]),
        ("sum", vec![]),
    ];
    for work in work {
        let landing = submit(&mut store, bare.path(), work)?;
        let mut clock = vec![Instant::now()];
        let head = repository.head()?;
        let Built::Candidate { commit, .. } = build(&repository, &landing, head, 0)? else {
            bail!("no candidate for {landing:?}");
        };
        clock.push(Instant::now());
        store.landing_verifying(landing.id, &commit.to_string())?;
        clock.push(Instant::now());
        if repository.advance(head, commit)? != Advance::Done {
            bail!("main was moved by somebody else");
        }
        clock.push(Instant::now());
        store.land(landing.id, &commit.to_string())?;
        clock.push(Instant::now());
        repository.drop_candidate(landing.id)?;
        repository.keep_attempt(landing.ticket_id, landing.attempt)?;
        clock.push(Instant::now());
        for (step, pair) in clock.windows(2).enumerate() {
            taken[step].1.push(pair[1] - pair[0]);
        }
        taken[5].1.push(clock[5] - clock[0]);
    }
    for (step, times) in &mut taken {
        report(step, times);
    }
    Ok(())
}

/// The lander itself, from the submission to the landed row, with everything in between.
fn whole(landings: usize) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (bare, store, work) = project(dir.path(), landings)?;
    let runtime = Runtime::new()?;
    let database = Database::new(store)?;
    let verifications = Verifications::new(1);
    let closing = CancellationToken::new();
    let settings = LanderSettings {
        window: 1,
        gate_timeout: Duration::from_secs(60),
    };
    let (queue, stores) = (verifications.clone(), database.clone());
    let lander = Lander::new(bare.clone(), database, verifications, settings);
    let times = runtime.block_on(async {
        tokio::spawn(lander.run(closing.clone()));
        tokio::spawn(always_green(queue));
        let mut times = Vec::new();
        for work in work {
            let bare = bare.clone();
            let mut events = stores.last_event();
            let landing = stores.call(move |s| submit(s, bare.path(), work)).await?;
            let began = Instant::now();
            loop {
                events.borrow_and_update();
                let now = stores.call(move |s| s.landing(landing.id)).await?;
                match now.state {
                    LandingState::Landed => break,
                    LandingState::Queued | LandingState::Verifying => events.changed().await?,
                    _ => bail!("it did not land: {now:?}"),
                }
            }
            times.push(began.elapsed());
        }
        Ok(times)
    });
    closing.cancel();
    report("lander: submitted to landed", &mut times?);
    Ok(())
}

async fn always_green(queue: Verifications) {
    for n in 0.. {
        let name = format!("verifier-{n}");
        let Ok(job) = queue.next(&name).await else {
            return;
        };
        let verdict = Verdict {
            result: VerdictResult::Green,
            log_tail: String::new(),
            took_ms: 0,
        };
        if queue.verdict(job.id, &name, verdict).is_err() {
            return;
        }
        queue.verifier_gone(&name);
    }
}

fn report(step: &str, times: &mut [Duration]) {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{step:<45} median {:>7.2} ms, worst {:>7.2} ms",
        ms(median),
        ms(worst)
    );
}

/// A repository whose main holds one commit, with the work for each ticket on top of it.
fn project(dir: &Path, landings: usize) -> Result<(Bare, Store, Vec<Oid>)> {
    let path = dir.join("repo.git");
    let git = Repository::init_bare(&path)?;
    let mut update = TreeUpdateBuilder::new();
    for n in 0..FILES {
        let blob = git.blob(format!("file {n}\n").repeat(50).as_bytes())?;
        update.upsert(file(n), blob, git2::FileMode::Blob);
    }
    let empty = git.find_tree(git.treebuilder(None)?.write()?)?;
    let tree = update.create_updated(&git, &empty)?;
    let first = commit(&git, Some("refs/heads/main"), tree, &[])?;
    // The folder of the attempts' branches must not vanish while one is made: git makes it anew,
    // git2, which stands in for the push here, does not.
    git.reference("refs/heads/ticket/none", first, false, "")?;
    let mut work = Vec::new();
    for n in 1..=landings {
        let blob = git.blob(format!("file {n}, changed\n").repeat(50).as_bytes())?;
        let mut update = TreeUpdateBuilder::new();
        update.upsert(file(n % FILES), blob, git2::FileMode::Blob);
        let tree = update.create_updated(&git, &git.find_tree(tree)?)?;
        work.push(commit(&git, None, tree, &[first])?);
    }
    let database = dir.join("tickets.db");
    Store::migrate(&database, &mut |_| ())?;
    Ok((Bare::new(path, "main"), Store::open(&database)?, work))
}

fn file(n: usize) -> String {
    format!("folder-{}/file-{n}", n % FOLDERS)
}

fn commit(git: &Repository, name: Option<&str>, tree: Oid, parents: &[Oid]) -> Result<Oid> {
    let who = Signature::new("agent", "agent@example.invalid", &Time::new(0, 0))?;
    let parents: Vec<_> = parents
        .iter()
        .map(|p| git.find_commit(*p))
        .collect::<Result<_, _>>()?;
    let parents: Vec<_> = parents.iter().collect();
    Ok(git.commit(name, &who, &who, "work", &git.find_tree(tree)?, &parents)?)
}

/// Creates and claims the next ticket, pushes `work` to its branch and submits it.
fn submit(store: &mut Store, bare: &Path, work: Oid) -> ticket::Result<Landing> {
    let new = NewTicket {
        title: format!("Do {work}"),
        ..NewTicket::default()
    };
    let policy = ClaimPolicy {
        lease_seconds: 60,
        max_attempts: 5,
    };
    let ticket = store.session(&Actor::Human).create(&new)?;
    store.claim(AGENT, policy)?;
    let name = format!("refs/heads/{}", ticket::attempt::branch(ticket, 1));
    Repository::open_bare(bare)
        .and_then(|git| git.reference(&name, work, false, "").map(|_| ()))
        .map_err(|error| ticket::Error::Refused(error.to_string()))?;
    let submit = Submit {
        commit: work.to_string(),
        summary: None,
    };
    store.submit(AGENT, ticket, 1, &submit)
}
