//! Export and import: what goes out comes in again, all of it or nothing.

use std::io::{Cursor, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use ticket::filter::{Filter, LogFilter};
use ticket::learning::LearningFilter;
use ticket::store::doctor;
use ticket::ticket::Resolution;
use ticket::transfer::{Imported, MAX_LINE};
use ticket::{Actor, Error, Queue, Status, Store, TicketType};

use crate::full;
use crate::support::Fixture;

fn export(f: &mut Fixture) -> String {
    let mut out = Vec::new();
    f.human(|q| q.export(&mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

fn import(f: &mut Fixture, lines: &str) -> ticket::Result<Imported> {
    let lines = Cursor::new(lines.as_bytes().to_vec());
    f.human(|q| q.import(Box::new(lines)))
}

fn refusal(lines: &str) -> String {
    let mut f = Fixture::new();
    let refused = import(&mut f, lines).unwrap_err();
    assert_eq!(f.actions(), [""; 0], "nothing is kept");
    let all = Filter {
        status: Some("open,in_progress,ready,done".into()),
        ..Filter::default()
    };
    assert_eq!(f.human(|q| q.count(&all)).unwrap(), 0, "nothing is kept");
    refused.to_string()
}

#[test]
fn an_export_comes_back_as_it_was() {
    let mut from = full::queue();
    // Numbers that were given out and are gone are not given out again.
    rusqlite::Connection::open(&from.path)
        .unwrap()
        .execute("UPDATE sqlite_sequence SET seq = seq + 7", [])
        .unwrap();
    let exported = export(&mut from);
    let mut to = Fixture::new();
    let imported = import(&mut to, &exported).unwrap();
    assert!(!imported.renumbered);
    assert_eq!((imported.ended, imported.known_learnings), (0, 0));
    assert_eq!(export(&mut to), exported);
    assert_eq!(doctor::examine(&to.path).unwrap().findings, []);
    let next = to.ticket("the next", &[]);
    assert_eq!(next, from.ticket("the next", &[]));
}

#[test]
fn whatever_was_under_way_goes_on_after_a_restore() {
    let exported = export(&mut full::queue());
    let mut to = Fixture::new();
    import(&mut to, &exported).unwrap();
    assert_eq!(to.show(5).ticket.status, Status::InProgress);
    let beat = ticket::wire::Heartbeat::default();
    to.store.heartbeat("b", 5, 2, &beat).unwrap();
    assert_eq!(to.store.landing_queue().unwrap().len(), 2);
}

#[test]
fn beside_other_tickets_the_new_ones_get_new_numbers_and_references_follow() {
    let mut from = full::queue();
    let exported = export(&mut from);
    let mut to = Fixture::new();
    for _ in 0..40 {
        to.ticket("was here", &[]);
    }
    let known = ticket::learning::NewLearning {
        body: "tests need a port".into(),
        ..Default::default()
    };
    to.human(|q| q.learn(&known)).unwrap();
    let imported = import(&mut to, &exported).unwrap();
    assert!(imported.renumbered);
    assert_eq!(imported.known_learnings, 1);
    let ids: Vec<_> = imported.ids.iter().map(|i| (i.from, i.to)).collect();
    let moved: Vec<_> = (1..=ids.len() as i64).map(|n| (Some(n), n + 40)).collect();
    assert_eq!(ids, moved);

    for (id, here) in moved.iter().map(|(id, here)| (id.unwrap(), here)) {
        let (old, new) = (from.show(id), to.show(*here));
        let by = |ids: &[i64]| ids.iter().map(|i| i + 40).collect::<Vec<_>>();
        assert_eq!(new.blocked_by, by(&old.blocked_by));
        assert_eq!(new.children, by(&old.children));
        assert_eq!(new.ticket.title, old.ticket.title);
        assert_eq!(new.ticket.created_at, old.ticket.created_at);
        let said = |d: &ticket::TicketDetail| -> Vec<(String, Option<String>)> {
            let body = |id: i64| d.comments.iter().find(|c| c.id == id).unwrap().body.clone();
            let comments = d.comments.iter();
            comments
                .map(|c| (c.body.clone(), c.reply_to.map(body)))
                .collect()
        };
        assert_eq!(said(&new), said(&old));
    }
    let learned = to
        .human(|q| q.learnings(&LearningFilter::default()))
        .unwrap();
    assert_eq!(learned.last().unwrap().ticket_id, Some(41));
    let of_waiting = LogFilter {
        limit: Some(10),
        ticket: Some(49),
    };
    let log = to.human(|q| q.log(&of_waiting)).unwrap();
    let added = log.iter().find(|e| e.action == "blocker_added").unwrap();
    assert_eq!(added.detail.as_deref(), Some("47"));
    assert_eq!(to.actions().last().unwrap(), "imported");
    assert_eq!(doctor::examine(&to.path).unwrap().findings, []);
}

#[test]
fn work_that_went_on_elsewhere_is_given_back() {
    let exported = export(&mut full::queue());
    let mut to = Fixture::new();
    to.ticket("was here", &[]);
    let imported = import(&mut to, &exported).unwrap();
    assert_eq!(imported.ended, 4);
    assert_eq!(to.store.live_attempts().unwrap(), []);
    assert_eq!(to.store.landing_queue().unwrap(), []);
    let tried = to.show(6);
    assert_eq!(tried.ticket.status, Status::Open);
    let why = tried.attempts[1].reason.as_deref().unwrap();
    assert!(why.contains("imported"), "{why}");
}

#[test]
fn a_file_written_by_hand_needs_only_titles() {
    let mut f = Fixture::new();
    let imported = import(
        &mut f,
        "\u{feff}{\"kind\":\"ticket\",\"title\":\"one\"}\r\n\n  {\"title\":\"two\",\"kind\":\"ticket\"}",
    )
    .unwrap();
    assert_eq!(imported.to_string(), "Imported 2 tickets.");
    let one = f.show(1).ticket;
    assert_eq!((one.status, one.priority), (Status::Open, 2));
    assert_eq!(
        (one.kind, one.created_by.as_str()),
        (TicketType::Task, "human")
    );
    assert_eq!(f.actions(), ["created", "created", "imported"]);
    let again = import(&mut f, "{\"kind\":\"ticket\",\"title\":\"three\"}").unwrap();
    assert_eq!(again.to_string(), "Imported 1 ticket (renumbered from #3).");
}

#[test]
fn tickets_of_a_file_may_refer_to_later_ones_and_have_any_status() {
    let mut f = Fixture::new();
    import(
        &mut f,
        r#"{"kind":"ticket","id":10,"title":"a","blocked_by":[30],"parent_id":20,"labels":["x"]}
           {"kind":"ticket","id":20,"title":"b","wait_for_children":true,"status":"ready"}
           {"kind":"ticket","id":30,"title":"c","status":"done","comments":[{"id":1,"body":"x"},{"body":"y","reply_to":1}]}
           {"kind":"ticket","id":40,"title":"d","assigned_to":"human","blocked_by":[10],"status":"in_progress"}
           {"kind":"learning","body":"it is so","ticket_id":30}"#,
    )
    .unwrap();
    let first = f.show(10);
    assert_eq!(
        (first.blocked_by, first.ticket.parent_id),
        (vec![30], Some(20))
    );
    assert_eq!(f.show(30).ticket.resolution, Some(Resolution::Passed));
    assert_eq!(f.show(40).ticket.kind, TicketType::Question);
    assert_eq!(
        f.claim("a").unwrap().background.ticket.ticket.id,
        10,
        "30 is done"
    );
    assert_eq!(f.human(|q| q.create(&titled("next"))).unwrap(), 41);
    let found = doctor::examine(&f.path).unwrap();
    assert_eq!(found.faults(), 0, "{}", found.text());
}

fn titled(title: &str) -> ticket::ticket::NewTicket {
    ticket::ticket::NewTicket {
        title: title.into(),
        ..Default::default()
    }
}

#[test]
fn a_refusal_names_the_line_and_the_field() {
    let header = export(&mut Fixture::new());
    let attempt = r#"{"number":1,"agent":"a","lease_seconds":1,"phase":"x","base_commit":null,"snapshot":null,"session_id":null,"outcome":null,"reason":null,"log_tail":null,"settled":false,"started_at":"2026-01-01 00:00:00","heartbeat_at":"2026-01-01 00:00:00","ended_at":null}"#;
    for (rest, expected) in [
        (r#""title":" ""#, "line 2: title: the title cannot be empty"),
        (
            r#""title":"a\nb""#,
            "line 2: title: the title has a control character",
        ),
        (
            r#""title":"a","priority":9"#,
            "line 2: priority: priority 9",
        ),
        (
            r#""title":"a","labels":["x y"]"#,
            "line 2: labels[0]: 'x y' is not a label",
        ),
        (
            r#""title":"a","type":"tusk""#,
            "line 2: type: unknown type 'tusk': use task",
        ),
        (r#""title":"a","colour":1"#, "line 2: colour: unknown field"),
        (
            r#""title":"a","created_at":"yesterday""#,
            "line 2: created_at: 'yesterday' is not a time",
        ),
        (
            r#""title":"a","resolution":"passed""#,
            "line 2: resolution: only a done ticket",
        ),
        (r#""title":"a","id":0"#, "line 2: id: 0 is not an id"),
        (
            r#""title":"a","id":9223372036854775807"#,
            "line 2: id: 9223372036854775807 is not an id",
        ),
        (
            r#""title":"a","id":1,"blocked_by":[1]"#,
            "line 2: blocked_by[0]: ticket 1 cannot wait for itself",
        ),
        (
            r#""title":"a","blocked_by":[7]"#,
            "line 2: blocked_by: no ticket of this file is number 7",
        ),
        (
            r#""title":"a","parent_id":7"#,
            "line 2: parent_id: no ticket of this file is number 7",
        ),
        (
            r#""title":"a","comments":[{"body":" "}]"#,
            "line 2: comments[0]: body: the comment cannot be empty",
        ),
        (
            r#""title":"a","comments":[{"body":"x","reply_to":3}]"#,
            "line 2: comments[0]: reply_to: no earlier",
        ),
        (
            r#""title":"a","assigned_to":"a\u0007""#,
            "line 2: assigned_to: 'a' is not a name",
        ),
        (
            &format!(r#""title":"a","attempts":[{attempt}]"#),
            "line 2: attempts: ",
        ),
        (
            r#""title":"a","attempt":3"#,
            "line 2: attempts: the ticket's attempt is 3",
        ),
        (
            r#""title":"a"} trailing {"#,
            "line 2: there is more than one",
        ),
    ] {
        let line = format!("{{\"kind\":\"ticket\",{rest}}}");
        let said = refusal(&format!(
            "{{\"kind\":\"ticket\",\"title\":\"good\"}}\n{line}\n"
        ));
        assert!(said.starts_with(expected), "{line}: {said}");
    }
    let twice = r#"{"kind":"ticket","id":1,"title":"a"}"#;
    for (lines, expected) in [
        (String::new(), "nothing to import"),
        (format!("{twice}\n{twice}"), "line 2: id: number 1 is taken"),
        (format!("{twice}\n{header}"), "line 2: a header stands only in the first line"),
        (header.replace("\"format\":1", "\"format\":2"), "line 1: format: this file has format 2"),
        (format!("{header}{twice}"), "the file is not whole: its first line announces 0 tickets, but it has 1 ticket"),
        ("{\"kind\":\"ticket\",\"title\":\"\u{fffd}\"}".replace('\u{fffd}', "\\ud800"), "line 1: "),
        (format!("{{\"kind\":\"learning\",\"body\":\"x\"}}\n{twice}"), "line 2: tickets come before"),
        ("{\"kind\":\"learning\",\"body\":\"x\",\"ticket_id\":4}".into(), "line 1: ticket_id: no ticket"),
        ("{\"kind\":\"event\",\"id\":1,\"ticket_id\":null,\"agent_id\":null,\"action\":\"done\",\"detail\":null,\"created_at\":\"2026-01-01 00:00:00\"}".into(), "line 1: events come only in an export"),
    ] {
        let said = refusal(&lines);
        assert!(said.contains(expected), "{lines}: {said}");
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let whole = export(&mut full::queue());
    let lines: Vec<&str> = whole.lines().collect();
    for kept in [1, 2, lines.len() / 2, lines.len() - 1] {
        let said = refusal(&lines[..kept].join("\n"));
        assert!(said.contains("the file is not whole"), "{kept}: {said}");
    }
    let said = refusal(&whole[..whole.len() - 20]);
    assert!(said.contains("EOF"), "{said}");
}

#[test]
fn circles_are_refused_and_shown_in_the_numbers_of_the_file() {
    let said = refusal(
        r#"{"kind":"ticket","id":5,"title":"a","blocked_by":[7]}
           {"kind":"ticket","id":6,"title":"b","wait_for_children":true}
           {"kind":"ticket","id":7,"title":"c","blocked_by":[6]}
           {"kind":"ticket","id":8,"title":"d","parent_id":6,"blocked_by":[5]}"#,
    );
    assert_eq!(
        said,
        "the file has a circle of blockers: #5 waits for #7 waits for #6 waits for #8 waits for #5"
    );
    let said = refusal(
        r#"{"kind":"ticket","id":1,"title":"a","parent_id":2}
           {"kind":"ticket","id":2,"title":"b","parent_id":1}"#,
    );
    assert_eq!(
        said,
        "the file has a circle of parents: #1 is a part of #2 is a part of #1"
    );
}

/// Runs the command on a database of its own folder.
fn run(dir: &std::path::Path, args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    use std::io::Write;
    let mut child = Command::new(crate::programs::program("ticket"))
        .args(args)
        .current_dir(dir)
        .env_remove("TICKET_DB")
        .env_remove("TICKET_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

#[test]
fn the_commands_read_and_write_files_and_pipes() {
    let exported = export(&mut full::queue());
    let dir = tempfile::tempdir().unwrap();
    let ticket = |args: &[&str], input: &str| run(dir.path(), args, input.as_bytes());
    let ok = |said: String| (Some(0), said, String::new());
    assert_eq!(ticket(&["migrate"], "").0, Some(0));
    let counts = "15 tickets, 6 comments, 7 attempts, 4 landings, 2 learnings, 51 events";
    let imported = ticket(&["import", "-"], &exported);
    assert_eq!(imported, ok(format!("Imported {counts}.\n")));
    assert_eq!(ticket(&["export"], ""), ok(exported.clone()));
    assert_eq!(ticket(&["export", "-"], ""), ok(exported.clone()));
    let (code, said, _) = ticket(&["export", "all.jsonl"], "");
    assert_eq!(code, Some(0));
    assert!(
        said.starts_with(&format!("Exported {counts} to all.jsonl (")),
        "{said}"
    );
    let kept = std::fs::read_to_string(dir.path().join("all.jsonl")).unwrap();
    assert_eq!(kept, exported);
    let (code, _, said) = ticket(&["export", "all.jsonl"], "");
    assert!(code == Some(1) && said.contains("--force"), "{said}");

    let (code, said, _) = ticket(&["import", "all.jsonl", "--format", "json"], "");
    assert_eq!(code, Some(0));
    let merged: Imported = serde_json::from_str(&said).unwrap();
    assert_eq!((merged.ids[0].from, merged.ids[0].to), (Some(1), 16));
    let (code, said, told) = ticket(&["import", "-"], "{\"kind\":\"ticket\"}");
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert_eq!(told, "ticket: line 1: missing field `title`\n");
    let (code, _, told) = ticket(&["import", "none.jsonl"], "");
    assert!(
        code == Some(1) && told.contains("cannot read none.jsonl"),
        "{told}"
    );
}

#[test]
fn an_import_that_is_killed_leaves_all_or_nothing() {
    let line = "{\"kind\":\"ticket\",\"title\":\"one of many\",\"labels\":[\"x\"]}\n";
    let lines = line.repeat(3000);
    let (mut none, mut all) = (0, 0);
    for n in 0..20 {
        let f = Fixture::new();
        let file = f.path.with_extension("jsonl");
        std::fs::write(&file, &lines).unwrap();
        let mut child = Command::new(crate::programs::program("ticket"))
            .arg("--db")
            .args([&f.path, std::path::Path::new("import"), &file])
            .env_remove("TICKET_URL")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Later in each round, until one comes to its end.
        let log = f.path.with_extension("db-wal");
        let written = || std::fs::metadata(&log).map_or(0, |log| log.len());
        while child.try_wait().unwrap().is_none() && written() < n * 100_000 {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        match f.store.status_counts().unwrap()["open"] {
            0 => none += 1,
            3000 => all += 1,
            part => panic!("{part} of 3000 tickets were kept"),
        }
        assert_eq!(doctor::examine(&f.path).unwrap().findings, []);
    }
    assert!(none > 0, "none was killed in the middle: {all}");
}

#[test]
fn a_line_without_an_end_is_not_read_to_its_end() {
    let mut f = Fixture::new();
    let endless = std::io::repeat(b' ').take(MAX_LINE as u64 * 3);
    let said = f.human(|q| q.import(Box::new(endless))).unwrap_err();
    assert!(said.to_string().starts_with("line 1: it has more than"));
}

#[test]
fn only_the_human_takes_the_queue_along() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let agent = Actor::Attempt {
        agent: "a".into(),
        ticket: id,
        attempt: 1,
    };
    let copy = f.path.with_extension("copy");
    let mut session = f.store.session(&agent);
    for refused in [
        session.export(&mut Vec::new()),
        session.import(Box::new(std::io::empty())).map(drop),
        session.backup(&copy),
        session.doctor(false).map(drop),
        session.doctor(true).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    assert!(!copy.exists());
}

#[test]
fn an_export_is_of_one_moment_while_others_write() {
    let mut f = Fixture::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (path, stop) = (f.path.clone(), &stop);
            scope.spawn(move || write_until(&path, n, stop));
        }
        for _ in 0..10 {
            let exported = export(&mut f);
            let mut to = Fixture::new();
            // The import checks every reference and every count.
            import(&mut to, &exported).unwrap();
            assert_eq!(export(&mut to), exported);
            let found = doctor::examine(&to.path).unwrap();
            assert_eq!(found.findings, [], "{}", found.text());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Makes, blocks, claims and finishes tickets.
fn write_until(path: &std::path::Path, n: i64, stop: &AtomicBool) {
    let mut store = Store::open(path).unwrap();
    let agent = format!("agent-{n}");
    while !stop.load(Ordering::Relaxed) {
        let mut queue = store.session(&Actor::Human);
        let first = queue.create(&titled("first")).unwrap();
        let waits = ticket::ticket::NewTicket {
            blocked_by: vec![first],
            ..titled("second")
        };
        queue.create(&waits).unwrap();
        queue
            .comment(first, &ticket::comment::NewComment::new("said"))
            .unwrap();
        let claimed = queue.claim_next(&agent, &Default::default()).unwrap();
        let claimed = claimed.unwrap().detail.ticket.id;
        queue.mark_done(claimed, None).unwrap();
    }
}
