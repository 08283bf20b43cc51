//! What an attempt changed, read from a real repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use ticket::attempt::Outcome;
use ticket::ticket::NewTicket;
use ticket::{Actor, Queue, Store};

use crate::support::{POLICY, end};

/// A project's folder with a repository and a database as `swarm init` lays them out.
struct Project {
    _dir: tempfile::TempDir,
    work: PathBuf,
    bare: PathBuf,
    store: Store,
}

impl Project {
    fn new() -> Project {
        let dir = tempfile::tempdir().unwrap();
        let (work, swarm) = (dir.path().join("work"), dir.path().join(".swarm"));
        let (bare, database) = (swarm.join("repo.git"), swarm.join("tickets/tickets.db"));
        std::fs::create_dir_all(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        std::fs::write(work.join("a.txt"), "one\n").unwrap();
        commit(&work, "first");
        git(
            dir.path(),
            &["clone", "-q", "--bare", "work", bare.to_str().unwrap()],
        );
        Store::migrate(&database, &mut |_| ()).unwrap();
        let store = Store::open(&database).unwrap();
        Project {
            _dir: dir,
            work,
            bare,
            store,
        }
    }

    fn ticket(&mut self) -> i64 {
        let new = NewTicket {
            title: "t".into(),
            ..NewTicket::default()
        };
        self.store.session(&Actor::Human).create(&new).unwrap()
    }

    fn diff(&mut self, id: i64, attempt: Option<i64>) -> ticket::Result<String> {
        let patch = self.store.session(&Actor::Human).diff(id, attempt)?;
        Ok(String::from_utf8(patch).unwrap())
    }
}

fn git(dir: &Path, args: &[&str]) -> String {
    let out = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(out.status.success(), "{args:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn commit(work: &Path, message: &str) -> String {
    git(work, &["add", "-A"]);
    git(work, &["commit", "-q", "-m", message]);
    git(work, &["rev-parse", "HEAD"])
}

#[test]
fn an_attempt_is_compared_with_main_where_it_left_it() {
    let mut p = Project::new();
    let id = p.ticket();
    let refused = p.diff(id, None).unwrap_err().to_string();
    assert!(refused.contains("no attempt yet"), "{refused}");
    p.store.claim("a", POLICY).unwrap().unwrap();
    let refused = p.diff(id, None).unwrap_err().to_string();
    assert!(refused.contains("left no tree"), "{refused}");

    git(&p.work, &["switch", "-q", "-c", "ticket"]);
    std::fs::write(p.work.join("a.txt"), "two\n").unwrap();
    let tip = commit(&p.work, "the work");
    git(&p.work, &["switch", "-q", "main"]);
    std::fs::write(p.work.join("b.txt"), "main goes on\n").unwrap();
    commit(&p.work, "meanwhile");
    let bare = p.bare.to_str().unwrap();
    git(&p.work, &["push", "-q", bare, "main"]);
    git(&p.work, &["push", "-q", bare, "ticket:refs/attempts/1/1"]);

    let patch = p.diff(id, None).unwrap();
    assert!(patch.contains("-one\n+two\n"), "{patch}");
    assert!(!patch.contains("b.txt"), "{patch}");
    let ended = ticket::wire::EndAttempt {
        snapshot: Some(tip),
        ..end(Outcome::VerifyRed)
    };
    p.store.end_attempt("a", id, 1, &ended, 3).unwrap();
    assert_eq!(p.diff(id, Some(1)).unwrap(), patch);
    let refused = p.diff(id, Some(7)).unwrap_err().to_string();
    assert!(refused.contains("no attempt 7"), "{refused}");
}

#[test]
fn what_the_tree_configures_does_not_run() {
    let mut p = Project::new();
    let id = p.ticket();
    p.store.claim("a", POLICY).unwrap().unwrap();
    git(&p.work, &["switch", "-q", "-c", "ticket"]);
    std::fs::write(p.work.join(".gitattributes"), "* diff=evil\n").unwrap();
    std::fs::write(p.work.join("a.txt"), "two\n").unwrap();
    commit(&p.work, "the work");
    let bare = p.bare.to_str().unwrap().to_owned();
    git(
        &p.work,
        &["push", "-q", &bare, "ticket:refs/heads/ticket/1/1"],
    );
    let ran = p.work.join("ran");
    let evil = format!("touch {}; cat", ran.display());
    git(&p.bare, &["config", "diff.evil.textconv", &evil]);
    git(&p.bare, &["config", "diff.evil.command", &evil]);
    let patch = p.diff(id, None).unwrap();
    assert!(patch.contains("+two"), "{patch}");
    assert!(!ran.exists(), "a command of the repository's ran");
}

#[test]
fn a_patch_without_end_is_refused() {
    let mut p = Project::new();
    let id = p.ticket();
    p.store.claim("a", POLICY).unwrap().unwrap();
    git(&p.work, &["switch", "-q", "-c", "ticket"]);
    std::fs::write(p.work.join("a.txt"), "line of text\n".repeat(2 << 20)).unwrap();
    commit(&p.work, "much");
    let bare = p.bare.to_str().unwrap().to_owned();
    git(
        &p.work,
        &["push", "-q", &bare, "ticket:refs/heads/ticket/1/1"],
    );
    let refused = p.diff(id, None).unwrap_err().to_string();
    assert!(refused.contains("larger than 16 MiB"), "{refused}");
}
