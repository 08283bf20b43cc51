//! Keeping a tree as it is.

use std::fs;

use agent_runner::snapshot::{Extent, Snapshots};

use crate::fixture::{Project, commit, git, token, write};

const BRANCH: &str = "ticket/1/1";

#[test]
fn an_untouched_tree_is_nothing_to_keep() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    let snapshots = Snapshots::new(tree, BRANCH);
    assert_eq!(
        snapshots
            .take(&project.head("main"), Extent::All, "x")
            .unwrap(),
        None
    );
}

#[test]
fn everything_is_kept_and_nothing_is_touched() {
    let project = Project::new(&[
        ("a.txt", "one\n"),
        ("gone.txt", "x\n"),
        (".gitignore", "cache\n"),
    ]);
    let tree = project.begun();
    let main = project.head("main");
    write(tree.dir(), "a.txt", "staged\n");
    git(tree.dir(), &["add", "a.txt"]);
    write(tree.dir(), "a.txt", "half done\n");
    write(tree.dir(), "new/b.txt", "new\n");
    write(tree.dir(), "gone.txt", "");
    write(tree.dir(), "cache", "not kept\n");
    let before = git(tree.dir(), &["status", "--porcelain"]);
    let snapshots = Snapshots::new(tree.clone(), BRANCH);
    let snapshot = snapshots.take(&main, Extent::All, "x").unwrap().unwrap();
    assert_eq!(snapshots.push(&token(), &snapshot).unwrap(), snapshot.id);
    assert_eq!(git(tree.dir(), &["status", "--porcelain"]), before);
    assert_eq!(tree.head().unwrap().id, main);
    assert_eq!(project.head(BRANCH), snapshot.id);
    let files = git(&project.remote(), &["ls-tree", "-r", "--name-only", BRANCH]);
    assert_eq!(files, ".gitignore\na.txt\nnew/b.txt");
    assert_eq!(
        git(&project.remote(), &["show", "ticket/1/1:a.txt"]),
        "half done"
    );
    assert!(
        fs::read_dir(tree.dir().join(".git"))
            .unwrap()
            .flatten()
            .all(|e| !e.file_name().to_string_lossy().starts_with("snapshot-"))
    );
}

#[test]
fn commits_of_the_agent_are_kept_as_they_are() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "two\n");
    let work = commit(&tree, BRANCH);
    let snapshots = Snapshots::new(tree, BRANCH);
    assert_eq!(
        snapshots
            .take(&project.head("main"), Extent::All, "x")
            .unwrap(),
        Some(work)
    );
}

#[test]
fn later_snapshots_and_the_final_work_follow_earlier_ones() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    let main = project.head("main");
    let snapshots = Snapshots::new(tree.clone(), BRANCH);
    for text in ["two\n", "three\n"] {
        write(tree.dir(), "a.txt", text);
        let snapshot = snapshots.take(&main, Extent::All, "x").unwrap().unwrap();
        snapshots.push(&token(), &snapshot).unwrap();
    }
    let work = commit(&tree, BRANCH);
    let (pushed, _) = tree.push(&token(), BRANCH, &work.id, "Hand in").unwrap();
    assert_eq!(project.head(BRANCH), pushed);
    assert_eq!(tree.tree_of(&pushed).unwrap(), work.tree);
    assert!(tree.is_ancestor(&work.id, &pushed).unwrap());
}

#[test]
fn what_cannot_be_kept_does_not_lose_the_rest() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "kept.txt", "kept\n");
    fs::create_dir(tree.dir().join("inner")).unwrap();
    git(&tree.dir().join("inner"), &["init", "-q"]);
    write(tree.dir(), "inner/x.txt", "lost\n");
    fs::write(tree.dir().join(".git/index.lock"), "").unwrap();
    let snapshots = Snapshots::new(tree.clone(), BRANCH);
    let snapshot = snapshots
        .take(&project.head("main"), Extent::All, "x")
        .unwrap()
        .unwrap();
    let files = git(tree.dir(), &["ls-tree", "-r", "--name-only", &snapshot.id]);
    assert!(files.contains("kept.txt"), "{files}");
}

#[test]
fn a_tree_whose_head_leads_nowhere_is_kept() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    git(tree.dir(), &["checkout", "-q", "--orphan", "lost"]);
    write(tree.dir(), "a.txt", "two\n");
    let main = project.head("main");
    let snapshot = Snapshots::new(tree.clone(), BRANCH)
        .take(&main, Extent::All, "x")
        .unwrap()
        .unwrap();
    assert!(tree.is_ancestor(&main, &snapshot.id).unwrap());
}

#[test]
fn a_conflict_half_resolved_is_kept() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "ours\n");
    let ours = commit(&tree, BRANCH);
    project.change_main(&[("a.txt", "theirs\n")]);
    let main = tree.fetch_main(&token(), "main").unwrap();
    let merge = tree.merge(&ours.id, &main, "m").unwrap();
    let agent_runner::merge::Merge::Conflict(conflict) = merge else {
        panic!("no conflict");
    };
    tree.lay_out(&conflict, BRANCH).unwrap();
    let snapshot = Snapshots::new(tree.clone(), BRANCH)
        .take(&main, Extent::All, "x")
        .unwrap()
        .unwrap();
    let text = git(tree.dir(), &["show", &format!("{}:a.txt", snapshot.id)]);
    assert!(text.contains("<<<<<<<"));
    assert_eq!(
        git(tree.dir(), &["log", "-1", "--format=%P", &snapshot.id]),
        ours.id
    );
}

#[test]
fn of_a_tree_that_is_too_large_the_little_is_kept() {
    let project = Project::new(&[("a.txt", "one\n"), ("gone.txt", "x\n")]);
    let tree = project.begun();
    let main = project.head("main");
    write(tree.dir(), "a.txt", "two\n");
    fs::remove_file(tree.dir().join("gone.txt")).unwrap();
    write(tree.dir(), "new/*.txt", "new\n");
    write(tree.dir(), "huge", &"x".repeat(2 << 20));
    for number in 0..600 {
        write(
            tree.dir(),
            &format!("many/{number}"),
            "a line that is not short\n",
        );
    }
    let snapshots = Snapshots::new(tree.clone(), BRANCH);
    let snapshot = snapshots.take(&main, Extent::Little, "x").unwrap().unwrap();
    snapshots.push(&token(), &snapshot).unwrap();
    let files = git(&project.remote(), &["ls-tree", "-r", "--name-only", BRANCH]);
    assert_eq!(files, "a.txt\nnew/*.txt");
    assert_eq!(git(&project.remote(), &["show", "ticket/1/1:a.txt"]), "two");
}
