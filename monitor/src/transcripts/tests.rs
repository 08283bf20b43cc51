use std::fs;

use swarm::config::Size;
use tempfile::TempDir;
use ticket::transcript::{Begin, End, What};

use super::*;

const KEY: Key = Key {
    of: Of::Attempt {
        ticket: 1,
        attempt: 1,
    },
    run: 1,
};

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        Place {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn folder(&self) -> Folder {
        let project = swarm::Project::create(self.dir.path()).unwrap();
        Folder::of(&project)
    }

    fn open(&self) -> Transcripts {
        self.open_with(0)
    }

    fn open_with(&self, reserve: u64) -> Transcripts {
        let settings = config::Transcripts {
            keep_days: 30,
            max_size: Size(4 << 20),
            max_run_size: Size(1 << 20),
        };
        Transcripts::with_reserve(self.folder(), &settings, reserve).unwrap()
    }

    fn read(&self, form: Form) -> String {
        fs::read_to_string(self.folder().file(&KEY, form)).unwrap()
    }
}

fn line(what: What<'_>) -> String {
    what.line(ticket::transcript::now())
}

fn beginning() -> String {
    let begin = Begin {
        agent: "agent-1".into(),
        phase: "work".into(),
        backend: "command".into(),
        ..Begin::default()
    };
    line(What::Begin(&begin))
}

fn end() -> String {
    let end = End {
        ending: "completed".into(),
        ..End::default()
    };
    line(What::End(&end))
}

fn said(text: &str) -> String {
    line(What::Out(text, false))
}

fn take(transcripts: &Transcripts, offset: u64, piece: &str) -> Result<u64> {
    let kept = transcripts.append(KEY, "agent-1", offset, piece.as_bytes())?;
    Ok(kept.bytes)
}

#[test]
fn a_piece_is_kept_once_and_a_hole_never() {
    let place = Place::new();
    let transcripts = place.open();
    let (first, second) = (beginning(), said("one"));
    let at = first.len() as u64;
    let whole = at + second.len() as u64;
    assert_eq!(take(&transcripts, 5, &second).unwrap(), 0);
    assert_eq!(take(&transcripts, 0, &first).unwrap(), at);
    assert_eq!(take(&transcripts, at + 1, &second).unwrap(), at);
    assert_eq!(take(&transcripts, at, &second).unwrap(), whole);
    assert_eq!(take(&transcripts, at, &second).unwrap(), whole);
    let both = format!("{first}{second}");
    assert_eq!(take(&transcripts, 0, &both).unwrap(), whole);
    // The beginning came before, the end is new.
    let more = format!("{second}{}", said("two"));
    assert_eq!(
        take(&transcripts, at, &more).unwrap(),
        at + more.len() as u64
    );
    assert_eq!(
        take(&transcripts, u64::MAX, "x").unwrap(),
        at + more.len() as u64
    );
    assert_eq!(place.read(Form::Raw), format!("{first}{more}"));
    let text = place.read(Form::Text);
    assert!(
        text.ends_with("| one\n") || text.ends_with("| two\n"),
        "{text}"
    );
    assert_eq!(
        (text.matches("one").count(), text.matches("two").count()),
        (1, 1)
    );
}

#[test]
fn lines_may_come_in_any_pieces() {
    let place = Place::new();
    let transcripts = place.open();
    let all = format!("{}{}{}", beginning(), said("né"), end());
    for (at, byte) in all.bytes().enumerate() {
        let kept = transcripts
            .append(KEY, "agent-1", at as u64, &[byte])
            .unwrap();
        assert_eq!(kept.bytes, at as u64 + 1);
    }
    let text = place.read(Form::Text);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.ends_with("| né\n=== end: completed\n"), "{text}");
}

#[test]
fn a_run_that_said_how_it_ended_takes_no_more() {
    let place = Place::new();
    let transcripts = place.open();
    let all = beginning() + &end();
    let size = all.len() as u64;
    assert_eq!(take(&transcripts, 0, &all).unwrap(), size);
    // What is repeated because its answer was lost is no error.
    assert_eq!(take(&transcripts, 0, &all).unwrap(), size);
    let more = take(&transcripts, size, &said("more")).unwrap_err();
    assert_eq!(
        more.to_string(),
        "#1 attempt 1, run 1 has ended: it takes no more"
    );
    let entry = &transcripts.list(&Wanted::default(), 9)[0];
    assert_eq!(entry.ending.as_deref(), Some("completed"));
    assert_eq!((entry.bytes, entry.phase.as_str()), (size, "work"));
    assert_eq!(entry.text_bytes, place.read(Form::Text).len() as u64);
}

#[test]
fn nobody_writes_into_anothers_run() {
    let place = Place::new();
    let transcripts = place.open();
    take(&transcripts, 0, &beginning()).unwrap();
    let foreign = transcripts.append(KEY, "agent-2", 0, b"x").unwrap_err();
    assert_eq!(foreign.kind(), "forbidden");
    for run in [0, MOST_RUNS + 1] {
        let odd = transcripts.append(Key { run, ..KEY }, "agent-1", 0, b"x");
        assert_eq!(odd.unwrap_err().kind(), "invalid");
    }
}

#[test]
fn a_run_has_its_cap() {
    let place = Place::new();
    let transcripts = place.open();
    let mut offset = 0;
    let piece = said(&"x".repeat(100_000));
    let refused = loop {
        match take(&transcripts, offset, &piece) {
            Ok(kept) => offset = kept,
            Err(refused) => break refused,
        }
        assert!(offset <= (1 << 20) + SLACK);
    };
    assert_eq!(refused.kind(), "refused");
    assert!(offset + piece.len() as u64 > 1 << 20);
    // The line that says so still fits.
    take(&transcripts, offset, &end()).unwrap();
    assert_eq!(
        place.read(Form::Raw).len() as u64,
        offset + end().len() as u64
    );
}

#[test]
fn a_restart_goes_on_where_it_was_with_the_same_text() {
    let place = Place::new();
    let (first, second) = (beginning() + &said("one"), said("two") + &end());
    let half = second.len() / 2;
    let transcripts = place.open();
    let at = take(&transcripts, 0, &first).unwrap();
    take(&transcripts, at, &second[..half]).unwrap();
    let text = place.read(Form::Text);
    drop(transcripts);
    let transcripts = place.open();
    let entry = transcripts.list(&Wanted::default(), 9).remove(0);
    assert!(entry.is_open());
    assert_eq!(entry.bytes, at + half as u64);
    take(&transcripts, at, &second).unwrap();
    assert_eq!(place.read(Form::Raw), first + &second);
    assert!(place.read(Form::Text).starts_with(&text));
    assert_eq!(place.read(Form::Text).lines().count(), 4);
    assert!(!transcripts.list(&Wanted::default(), 9)[0].is_open());
    let again = place.open().list(&Wanted::default(), 9);
    assert_eq!(again, transcripts.list(&Wanted::default(), 9));
}

#[test]
fn a_run_that_the_index_lost_is_found_again() {
    let place = Place::new();
    take(&place.open(), 0, &beginning()).unwrap();
    fs::remove_file(place.folder().path().join("index.jsonl")).unwrap();
    let transcripts = place.open();
    let entry = transcripts.list(&Wanted::default(), 9).remove(0);
    assert_eq!((entry.key, entry.agent.as_str()), (KEY, "agent-1"));
    assert_eq!(entry.phase, "work");
    take(&transcripts, entry.bytes, &end()).unwrap();
}

#[test]
fn a_run_that_was_closed_without_a_word_takes_what_comes_late() {
    let place = Place::new();
    let transcripts = place.open();
    let at = take(&transcripts, 0, &beginning()).unwrap();
    assert_eq!(transcripts.silent(Duration::ZERO), [KEY]);
    assert_eq!(transcripts.silent(Duration::from_secs(60)), []);
    transcripts.close(&KEY);
    let closed = transcripts.list(&Wanted::default(), 9).remove(0);
    assert_eq!((closed.is_open(), closed.ending), (false, None));
    assert!(transcripts.read(closed.id, Form::Raw, at).unwrap().is_last);
    take(&transcripts, at, &said("late")).unwrap();
    assert!(transcripts.list(&Wanted::default(), 9)[0].is_open());
}

#[test]
fn a_full_disk_stops_the_recording_and_says_so() {
    let place = Place::new();
    let transcripts = place.open_with(u64::MAX);
    let error = take(&transcripts, 0, &beginning()).unwrap_err();
    assert_eq!(error.kind(), "unavailable");
    let problem = transcripts.problem().unwrap();
    assert!(problem.contains("are free; the work goes on"), "{problem}");
    transcripts.look_again();
    assert!(transcripts.problem().is_some());
    let roomy = place.open();
    take(&roomy, 0, &beginning()).unwrap();
    assert_eq!(roomy.problem(), None);
}

#[test]
fn what_the_disk_refused_is_taken_when_it_has_room_again() {
    let place = Place::new();
    let transcripts = place.open();
    let at = take(&transcripts, 0, &beginning()).unwrap();
    // A folder in the text's place cannot be written, whoever tries.
    transcripts.lock().tapes.clear();
    let text = place.folder().file(&KEY, Form::Text);
    fs::remove_file(&text).unwrap();
    fs::create_dir(&text).unwrap();
    assert_eq!(
        take(&transcripts, at, &said("one")).unwrap_err().kind(),
        "io"
    );
    assert!(
        transcripts
            .problem()
            .unwrap()
            .contains("run 1 cannot be recorded")
    );
    fs::remove_dir(&text).unwrap();
    take(&transcripts, at, &said("one")).unwrap();
    assert_eq!(transcripts.problem(), None);
    assert!(place.read(Form::Text).ends_with("| one\n"));
    assert_eq!(place.read(Form::Raw).lines().count(), 2);
}

#[test]
fn what_is_too_much_goes_with_its_files_and_never_what_runs() {
    let place = Place::new();
    let transcripts = place.open();
    let body = said(&"x".repeat(400_000));
    for ticket in 1..=12 {
        let of = Of::Attempt { ticket, attempt: 1 };
        let key = Key { of, run: 1 };
        let end = if ticket == 1 { String::new() } else { end() };
        let all = format!("{}{body}{end}", beginning());
        transcripts
            .append(key, "agent-1", 0, all.as_bytes())
            .unwrap();
    }
    assert!(transcripts.is_too_large());
    assert_eq!(transcripts.tickets().len(), 12);
    transcripts.thin_out(true, &|ticket| ticket == 2);
    assert!(!transcripts.is_too_large());
    let left: Vec<Of> = transcripts
        .list(&Wanted::default(), 99)
        .into_iter()
        .map(|entry| entry.key.of)
        .collect();
    let has = |ticket| left.contains(&Of::Attempt { ticket, attempt: 1 });
    assert!(has(1) && has(2) && !has(3) && has(12), "{left:?}");
    assert_eq!(place.folder().found().unwrap().len(), left.len());
    assert_eq!(place.folder().entries().unwrap().len(), left.len());
    // A number is not given twice.
    let newest = transcripts.list(&Wanted::default(), 1)[0].id;
    transcripts.append(KEY, "agent-1", 0, b"").unwrap();
    assert_eq!(newest, 12);
}

#[test]
fn runs_are_found_by_agent_and_by_ticket() {
    let place = Place::new();
    let transcripts = place.open();
    let of = |ticket, attempt, run| Key {
        of: Of::Attempt { ticket, attempt },
        run,
    };
    let idea = Key {
        of: Of::Proposal { proposal: 1 },
        run: 1,
    };
    for (key, agent) in [
        (of(1, 1, 1), "agent-1"),
        (of(1, 1, 2), "agent-1"),
        (of(1, 2, 1), "agent-2"),
        (idea, "agent-2"),
    ] {
        transcripts
            .append(key, agent, 0, beginning().as_bytes())
            .unwrap();
    }
    let found = |wanted: Wanted| -> Vec<u64> {
        let entries = transcripts.list(&wanted, 99).into_iter();
        entries.map(|entry| entry.id).collect()
    };
    let any = Wanted::default;
    let agent = |name: &str| Some(name.to_owned());
    assert_eq!(found(any()), [4, 3, 2, 1]);
    assert_eq!(
        found(Wanted {
            agent: agent("agent-2"),
            ..any()
        }),
        [4, 3]
    );
    assert_eq!(
        found(Wanted {
            ticket: Some(1),
            ..any()
        }),
        [3, 2, 1]
    );
    assert_eq!(
        found(Wanted {
            ticket: Some(1),
            attempt: Some(1),
            ..any()
        }),
        [2, 1]
    );
    assert_eq!(
        found(Wanted {
            ticket: Some(1),
            run: Some(2),
            ..any()
        }),
        [2]
    );
    assert_eq!(
        found(Wanted {
            after: Some(3),
            ..any()
        }),
        [4]
    );
    assert_eq!(
        found(Wanted {
            agent: agent("agent-3"),
            ..any()
        }),
        [] as [u64; 0]
    );
    assert_eq!(transcripts.list(&any(), 1).len(), 1);
}
