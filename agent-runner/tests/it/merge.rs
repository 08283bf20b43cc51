//! Bringing main in.

use agent_runner::merge::{Conflict, Merge, Resolution};
use agent_runner::worktree::WorkTree;

use crate::fixture::{Project, commit, git, read, token, write};

const BRANCH: &str = "ticket/1/1";

fn main_of(tree: &WorkTree) -> String {
    tree.fetch_main(&token(), "main").unwrap()
}

/// Both sides change a.txt; main also changes b.txt and adds c.txt.
fn conflicting() -> (Project, WorkTree, Conflict) {
    let project = Project::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "ours\n");
    let ours = commit(&tree, BRANCH);
    project.change_main(&[
        ("a.txt", "theirs\n"),
        ("b.txt", "theirs\n"),
        ("c.txt", "new\n"),
    ]);
    let main = main_of(&tree);
    let merge = tree.merge(&ours.id, &main, "m").unwrap();
    let Merge::Conflict(conflict) = merge else {
        panic!("no conflict: {merge:?}");
    };
    tree.lay_out(&conflict, BRANCH).unwrap();
    (project, tree, conflict)
}

fn conclude(tree: &WorkTree, conflict: &Conflict) -> Resolution {
    let merging = tree.is_merging();
    tree.disarm().unwrap();
    let staged = tree.stage_all().unwrap();
    let head = tree.head().unwrap();
    tree.conclude(conflict, &head, &staged, merging, "Merge main")
        .unwrap()
}

#[test]
fn a_branch_that_has_main_needs_no_merge() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "two\n");
    let work = commit(&tree, BRANCH);
    assert_eq!(
        tree.merge(&work.id, &main_of(&tree), "m").unwrap(),
        Merge::Current
    );
}

#[test]
fn changes_of_different_places_merge_by_themselves() {
    let project = Project::new(&[
        ("a.txt", "one\n"),
        ("b.txt", "one\n"),
        (".gitignore", "cache\n"),
    ]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "ours\n");
    write(tree.dir(), "cache", "kept\n");
    let ours = commit(&tree, BRANCH);
    project.change_main(&[("b.txt", "theirs\n")]);
    let main = main_of(&tree);
    let Merge::Clean(merged) = tree.merge(&ours.id, &main, "Merge main").unwrap() else {
        panic!("it should merge");
    };
    assert_eq!(
        (read(&tree, "a.txt"), read(&tree, "b.txt")),
        ("ours\n".into(), "theirs\n".into())
    );
    assert_eq!(read(&tree, "cache"), "kept\n");
    assert_eq!(tree.head().unwrap().id, merged);
    assert_eq!(tree.current_branch().as_deref(), Some(BRANCH));
    assert_eq!(git(tree.dir(), &["status", "--porcelain"]), "");
    let parents = git(tree.dir(), &["log", "-1", "--format=%P"]);
    assert_eq!(parents, format!("{} {main}", ours.id));
}

#[test]
fn a_conflict_looks_as_git_would_leave_it() {
    let (_project, tree, conflict) = conflicting();
    assert_eq!(conflict.files, ["a.txt"]);
    assert!(read(&tree, "a.txt").contains("<<<<<<<"));
    assert_eq!(read(&tree, "b.txt"), "theirs\n");
    let status = git(tree.dir(), &["status", "--porcelain"]);
    assert_eq!(status, "UU a.txt\nM  b.txt\nA  c.txt");
    assert_eq!(
        git(tree.dir(), &["rev-parse", "MERGE_HEAD"]),
        conflict.theirs
    );
}

#[test]
fn a_resolution_has_both_parents() {
    let (_project, tree, conflict) = conflicting();
    write(tree.dir(), "a.txt", "both\n");
    let Resolution::Merged(work) = conclude(&tree, &conflict) else {
        panic!("it is resolved");
    };
    let parents = git(tree.dir(), &["log", "-1", "--format=%P", &work.id]);
    assert_eq!(parents, format!("{} {}", conflict.ours, conflict.theirs));
}

#[test]
fn an_agent_may_commit_the_merge_itself() {
    let (_project, tree, conflict) = conflicting();
    write(tree.dir(), "a.txt", "both\n");
    git(tree.dir(), &["add", "-A"]);
    git(tree.dir(), &["commit", "-q", "-m", "merged by hand"]);
    let head = tree.head().unwrap();
    assert_eq!(conclude(&tree, &conflict), Resolution::Merged(head));
}

#[test]
fn keeping_ones_own_side_of_a_conflict_is_a_resolution() {
    let (_project, tree, conflict) = conflicting();
    write(tree.dir(), "a.txt", "ours\n");
    assert!(matches!(conclude(&tree, &conflict), Resolution::Merged(_)));
}

#[test]
fn a_merge_called_off_is_none_even_when_only_conflicts_came_in() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "ours\n");
    let ours = commit(&tree, BRANCH);
    project.change_main(&[("a.txt", "theirs\n")]);
    let main = main_of(&tree);
    let Merge::Conflict(conflict) = tree.merge(&ours.id, &main, "m").unwrap() else {
        panic!("no conflict");
    };
    tree.lay_out(&conflict, BRANCH).unwrap();
    git(tree.dir(), &["merge", "--abort"]);
    assert_eq!(
        conclude(&tree, &conflict),
        Resolution::Undone(vec!["a.txt".into()])
    );
}

#[test]
fn an_aborted_merge_does_not_take_main_back() {
    for abort in [["merge", "--abort"], ["reset", "--hard"]] {
        let (_project, tree, conflict) = conflicting();
        git(tree.dir(), &abort);
        assert_eq!(
            conclude(&tree, &conflict),
            Resolution::Undone(vec!["a.txt".into()]),
            "{abort:?}"
        );
    }
}

#[test]
fn a_deletion_against_a_change_is_a_conflict() {
    let project = Project::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "");
    let ours = commit(&tree, BRANCH);
    project.change_main(&[("a.txt", "theirs\n")]);
    let main = main_of(&tree);
    let Merge::Conflict(conflict) = tree.merge(&ours.id, &main, "m").unwrap() else {
        panic!("no conflict");
    };
    tree.lay_out(&conflict, BRANCH).unwrap();
    assert_eq!(conflict.files, ["a.txt"]);
    assert_eq!(read(&tree, "a.txt"), "theirs\n");
    write(tree.dir(), "a.txt", "");
    assert!(matches!(conclude(&tree, &conflict), Resolution::Merged(_)));
}

#[test]
fn a_history_of_its_own_takes_nothing_from_main() {
    let project = Project::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let tree = project.begun();
    git(tree.dir(), &["checkout", "-q", "--orphan", "own"]);
    git(tree.dir(), &["rm", "-rqf", "."]);
    write(tree.dir(), "c.txt", "own\n");
    git(tree.dir(), &["add", "-A"]);
    git(tree.dir(), &["commit", "-q", "-m", "own"]);
    let own = tree.head().unwrap().id;
    let main = main_of(&tree);
    let merge = tree.merge(&own, &main, "m").unwrap();
    assert!(matches!(merge, Merge::Clean(_)), "{merge:?}");
    let files = git(tree.dir(), &["ls-tree", "-r", "--name-only", "HEAD"]);
    assert_eq!(files, "a.txt\nb.txt\nc.txt");
}

#[test]
fn attributes_cannot_swallow_a_conflict() {
    for attributes in [
        "*.txt merge=union\n",
        "*.txt merge=ours\n",
        "*.txt -merge\n",
    ] {
        let project = Project::new(&[("a.txt", "one\n"), (".gitattributes", attributes)]);
        let tree = project.begun();
        write(tree.dir(), "a.txt", "ours\n");
        let ours = commit(&tree, BRANCH);
        project.change_main(&[("a.txt", "theirs\n")]);
        let main = main_of(&tree);
        let merge = tree.merge(&ours.id, &main, "m").unwrap();
        let Merge::Conflict(conflict) = merge else {
            panic!("{attributes}: {merge:?}");
        };
        tree.lay_out(&conflict, BRANCH).unwrap();
        assert!(read(&tree, "a.txt").contains("<<<<<<<"), "{attributes}");
    }
}

#[test]
fn names_with_spaces_and_other_letters_conflict_too() {
    let name = "über uns/a b.txt";
    let project = Project::new(&[(name, "one\n")]);
    let tree = project.begun();
    write(tree.dir(), name, "ours\n");
    let ours = commit(&tree, BRANCH);
    project.change_main(&[(name, "theirs\n")]);
    let main = main_of(&tree);
    let Merge::Conflict(conflict) = tree.merge(&ours.id, &main, "m").unwrap() else {
        panic!("no conflict");
    };
    assert_eq!(conflict.files, [name]);
    tree.lay_out(&conflict, BRANCH).unwrap();
    write(tree.dir(), name, "both\n");
    assert!(matches!(conclude(&tree, &conflict), Resolution::Merged(_)));
}

#[test]
fn markers_that_a_change_adds_are_found() {
    let project = Project::new(&[("old.txt", "<<<<<<< was here before\n"), ("a.txt", "one\n")]);
    let tree = project.begun();
    let base = project.head("main");
    write(tree.dir(), "old.txt", "<<<<<<< was here before\nmore\n");
    let work = commit(&tree, BRANCH);
    assert!(tree.added_markers(&base, &work.id).unwrap().is_empty());
    write(
        tree.dir(),
        "a.txt",
        "one\n<<<<<<< ours\n=======\n>>>>>>> theirs\n",
    );
    write(tree.dir(), ".gitattributes", "* -diff binary\n");
    let work = commit(&tree, BRANCH);
    assert_eq!(
        tree.added_markers(&base, &work.id).unwrap(),
        ["a.txt:2: <<<<<<< ours", "a.txt:4: >>>>>>> theirs"]
    );
}
