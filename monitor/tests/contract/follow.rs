//! `ticket log --follow`: what was, then what comes, until the reader goes away.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::fixture::PATIENCE;
use crate::place::{Door, Place};

on_every_door!(
    the_last_rows_come_oldest_first_and_then_new_ones,
    one_ticket_is_followed_alone_and_as_json,
    it_ends_with_its_reader,
);

/// A follower whose lines come over a channel.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn new(place: &Place, args: &[&str]) -> Follower {
        let mut child = place
            .program()
            .args(["log", "--follow"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = channel();
        let out: Lines<BufReader<ChildStdout>> =
            BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in out.map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Follower { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn the_last_rows_come_oldest_first_and_then_new_ones(place: &Place) {
    for title in ["one", "two", "three"] {
        place.create(&[title]);
    }
    let follower = Follower::new(place, &["--limit", "2"]);
    assert!(follower.next().ends_with("] #2 created human two"));
    assert!(follower.next().ends_with("] #3 created human three"));
    place.ok(&["comment", "1", "hm"]);
    assert!(follower.next().ends_with("] #1 commented human hm"));
    place.ok(&["claim-next", "--agent", "a"]);
    assert!(follower.next().ends_with("] #1 claimed a attempt 1"));
}

fn one_ticket_is_followed_alone_and_as_json(place: &Place) {
    place.create(&["one"]);
    place.create(&["two"]);
    let follower = Follower::new(place, &["--ticket", "1", "--format", "json"]);
    let row = |line: String| -> serde_json::Value { serde_json::from_str(&line).unwrap() };
    assert_eq!(row(follower.next())["action"], "created");
    place.ok(&["comment", "2", "not this"]);
    place.ok(&["comment", "1", "but this"]);
    let next = row(follower.next());
    assert_eq!(
        (&next["ticket_id"], &next["detail"]),
        (&1.into(), &"but this".into())
    );
}

fn it_ends_with_its_reader(place: &Place) {
    place.create(&["one"]);
    let mut child = place
        .program()
        .args(["log", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("#1 created"), "{line}");
    drop(out);
    let (send, ended) = channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    let output = ended.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(output.stderr.is_empty(), "quietly: {output:?}");
}

#[test]
fn a_hub_may_start_and_end_meanwhile() {
    let mut place = Place::new(Door::File);
    place.create(&["one"]);
    let follower = Follower::new(&place, &[]);
    assert!(follower.next().contains("#1 created human one"));
    place.start_hub();
    place.create(&["two"]);
    assert!(follower.next().contains("#2 created human two"));
    place.end_hub();
    place.create(&["three"]);
    assert!(follower.next().contains("#3 created human three"));
}
