//! The runner's recorder and the hub, together: nothing is lost, nothing is doubled, nobody waits.

use std::fs;
use std::time::{Duration, Instant};

use agent_runner::console::Console;
use agent_runner::recorder::{Recorder, Studio};
use monitor::hub::Running;
use swarm::transcripts::Folder;
use ticket::client::Client;
use ticket::transcript::{Begin, End, Entry, Form, Key, LeftOut, Of, Out, Record};

use crate::fixture::{Swarm, settings, until};

/// The most that is recorded here: the least that can be configured.
const MOST: u64 = 1 << 20;

const KEY: Key = Key {
    of: Of::Attempt {
        ticket: 1,
        attempt: 1,
    },
    run: 1,
};

/// A hub with a claimed ticket, and the recorder of its first run.
struct Recorded {
    swarm: Swarm,
    recorder: Recorder,
    tmp: tempfile::TempDir,
}

impl Recorded {
    async fn start(config: &str) -> Recorded {
        let swarm = Swarm::start_with(config).await;
        swarm.ticket("work").await;
        let worker = swarm.worker("agent-1").await;
        worker.work(0).await;
        let tmp = tempfile::tempdir().unwrap();
        let (url, token, dir) = (worker.url, worker.token, tmp.path().to_owned());
        let recorder = tokio::task::spawn_blocking(move || record(&url, &token, &dir));
        Recorded {
            recorder: recorder.await.unwrap(),
            swarm,
            tmp,
        }
    }

    fn say(&self, lines: std::ops::Range<u32>) {
        for n in lines {
            self.recorder.out(&format!("line {n}"), false);
        }
    }

    async fn finish(&self) {
        let recorder = self.recorder.clone();
        let finished = tokio::task::spawn_blocking(move || {
            recorder.finish(&End {
                ending: "completed".into(),
                ..End::default()
            });
        });
        finished.await.unwrap();
    }

    fn folder(&self) -> Folder {
        Folder::of(&self.swarm.project)
    }

    fn entry(&self) -> Option<Entry> {
        self.folder().entries().unwrap().into_iter().next()
    }

    async fn ended(&self) -> Entry {
        let over = || async { self.entry().filter(|entry| !entry.is_open()) };
        until("the whole run is with the hub", over).await
    }

    fn records(&self) -> Vec<Record> {
        let raw = fs::read_to_string(self.folder().file(&KEY, Form::Raw)).unwrap();
        raw.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn said(&self) -> Vec<String> {
        let said = self.records().into_iter().filter_map(|record| record.out);
        said.map(|out| match out {
            Out::Text(text) => text,
            Out::Json(value) => value.to_string(),
        })
        .collect()
    }

    /// Nothing of it is left on the runner's disk.
    fn leaves_nothing(&self) {
        assert_eq!(fs::read_dir(self.tmp.path()).unwrap().count(), 0);
    }
}

fn record(url: &str, token: &str, tmp: &std::path::Path) -> Recorder {
    let begin = Begin {
        agent: "agent-1".into(),
        run: KEY.to_string(),
        phase: "work".into(),
        ..Begin::default()
    };
    let console = Console::default();
    console.hide("sk-secret-12345");
    let prompt = "swarm: work\nthe key is sk-secret-12345";
    let client = Client::new(url, token).unwrap();
    let studio = Studio {
        hub: &client,
        tmp,
        console: &console,
        most: MOST,
    };
    Recorder::start(&studio, KEY, &begin, prompt)
}

fn lines(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("line {n}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_with_the_hub_when_it_has_ended() {
    let recorded = Recorded::start("{}").await;
    recorded.say(0..100);
    recorded.recorder.err("a complaint", true);
    recorded.finish().await;
    assert!(!recorded.entry().unwrap().is_open());
    assert_eq!(recorded.said(), lines(0..100));
    let records = recorded.records();
    assert_eq!(records[0].begin.as_ref().unwrap().phase, "work");
    assert!(
        records[1]
            .prompt
            .as_ref()
            .unwrap()
            .starts_with("swarm: work")
    );
    let complaint = &records[102];
    assert_eq!(
        (complaint.err.as_deref(), complaint.cut),
        (Some("a complaint"), true)
    );
    assert_eq!(records[103].end.as_ref().unwrap().ending, "completed");
    // What comes after the end is not recorded.
    recorded.recorder.out("too late", false);
    assert_eq!(recorded.records().len(), 104);
    recorded.leaves_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_arrive_within_a_second() {
    let recorded = Recorded::start("{}").await;
    recorded.say(0..1);
    let said = Instant::now();
    let arrived =
        || async { (recorded.entry().is_some() && !recorded.said().is_empty()).then_some(()) };
    until("the line is with the hub", arrived).await;
    assert!(
        said.elapsed() < Duration::from_secs(2),
        "{:?}",
        said.elapsed()
    );
    recorded.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_away_and_lost_its_last_bytes_gets_everything_once() {
    let mut recorded = Recorded::start("{}").await;
    recorded.say(0..500);
    let some = || async { recorded.entry().filter(|e| e.bytes > 10_000) };
    until("some of it is with the hub", some).await;
    let mut settings = settings(&recorded.swarm.project);
    settings.agents = recorded.swarm.running.agents;
    recorded.swarm.running.end().await.unwrap();
    // As after a loss of power: the end of the file is gone.
    let file = Folder::of(&recorded.swarm.project).file(&KEY, Form::Raw);
    let raw = fs::OpenOptions::new().write(true).open(&file).unwrap();
    raw.set_len(5_003).unwrap();
    for n in 500..1000 {
        recorded.recorder.out(&format!("line {n}"), false);
    }
    let begun = Instant::now();
    let recorder = recorded.recorder.clone();
    let finish = tokio::task::spawn_blocking(move || {
        recorder.finish(&End {
            ending: "completed".into(),
            ..End::default()
        });
    });
    finish.await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    recorded.swarm.running = Running::start(settings).await.unwrap();
    recorded.ended().await;
    assert_eq!(recorded.said(), lines(0..1000));
    assert_eq!(recorded.records().len(), 1003);
    let text = fs::read_to_string(recorded.folder().file(&KEY, Form::Text)).unwrap();
    assert_eq!(text.matches(" | line ").count(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_hub_that_does_not_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().to_owned();
    let waited = tokio::task::spawn_blocking(move || {
        let recorder = record(&url, "token", &dir);
        let begun = Instant::now();
        for n in 0..20_000 {
            recorder.out(&format!("line {n}"), false);
        }
        let written = begun.elapsed();
        recorder.finish(&End::default());
        (written, begun.elapsed())
    });
    let (written, finished) = waited.await.unwrap();
    assert!(written < Duration::from_secs(5), "{written:?}");
    assert!(finished - written < Duration::from_secs(4), "{finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_counted_and_the_end_is_still_there() {
    let recorded = Recorded::start(r#"{"transcripts": {"max_run_size": "1m"}}"#).await;
    let long = "x".repeat(1000);
    for _ in 0..2000 {
        recorded.recorder.out(&long, false);
    }
    recorded.finish().await;
    let entry = recorded.ended().await;
    assert!(entry.bytes <= MOST, "{}", entry.bytes);
    let kept = recorded.said().len();
    let records = recorded.records();
    let left_out = records[records.len() - 2].left_out.unwrap();
    assert_eq!(left_out.lines, 2000 - kept as u64);
    assert!(left_out.bytes > left_out.lines * 1000 && left_out != LeftOut::default());
    assert_eq!(entry.ending.as_deref(), Some("completed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_recorded() {
    let recorded = Recorded::start("{}").await;
    recorded.recorder.out("printed sk-secret-12345", false);
    recorded
        .recorder
        .out(r#"{"text":"sk-secret-12345"}"#, false);
    recorded.recorder.err("sk-secret-12345", false);
    let recorder = recorded.recorder.clone();
    let finish = tokio::task::spawn_blocking(move || {
        recorder.finish(&End {
            ending: "agent-failed".into(),
            reason: Some("it said sk-secret-12345".into()),
            session: None,
        });
    });
    finish.await.unwrap();
    recorded.ended().await;
    for form in [Form::Raw, Form::Text] {
        let kept = fs::read_to_string(recorded.folder().file(&KEY, form)).unwrap();
        assert!(!kept.contains("sk-secret"), "{kept}");
        assert_eq!(kept.matches("[secret]").count(), 5, "{kept}");
    }
}
