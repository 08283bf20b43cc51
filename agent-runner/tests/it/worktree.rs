//! The clone: begin, commit, push, and what an agent may do to `.git`.

use std::fs;
use std::os::unix::fs::symlink;

use agent_runner::git::Error;
use agent_runner::push::Push;

use crate::fixture::{Project, commit, git, read, token, write};

const BRANCH: &str = "ticket/1/1";

#[test]
fn an_attempt_begins_on_a_clean_branch() {
    let project = Project::new(&[("a.txt", "one\n"), (".gitignore", "cache/\n")]);
    let tree = project.begun();
    assert_eq!(tree.current_branch().as_deref(), Some(BRANCH));
    write(tree.dir(), "a.txt", "changed\n");
    write(tree.dir(), "cache/x", "ignored\n");
    write(tree.dir(), "new.txt", "new\n");
    let base = project.base();
    tree.begin(&token(), &base, "ticket/2/1", &base.commit)
        .unwrap();
    assert_eq!(read(&tree, "a.txt"), "one\n");
    assert!(!tree.dir().join("new.txt").exists());
    assert!(!tree.dir().join("cache").exists());
    assert_eq!(tree.current_branch().as_deref(), Some("ticket/2/1"));
}

#[test]
fn a_known_commit_is_not_fetched_again() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    let base = project.base();
    fs::rename(project.remote(), project.path().join("away")).unwrap();
    tree.begin(&token(), &base, "ticket/2/1", &base.commit)
        .unwrap();
    assert_eq!(read(&tree, "a.txt"), "one\n");
}

#[test]
fn a_new_commit_and_a_snapshot_are_fetched_by_name() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    project.change_main(&[("a.txt", "two\n")]);
    let base = project.base();
    tree.begin(&token(), &base, "ticket/2/1", &base.commit)
        .unwrap();
    assert_eq!(read(&tree, "a.txt"), "two\n");
    // A snapshot is under a ref that nobody fetches by default.
    git(
        &project.path().join("human"),
        &["checkout", "-q", "--detach"],
    );
    write(&project.path().join("human"), "b.txt", "kept\n");
    git(&project.path().join("human"), &["add", "-A"]);
    git(
        &project.path().join("human"),
        &["commit", "-q", "-m", "snapshot"],
    );
    git(
        &project.path().join("human"),
        &["push", "-q", "origin", "HEAD:refs/attempts/2/1"],
    );
    let snapshot = project.head("refs/attempts/2/1");
    tree.begin(&token(), &base, "ticket/2/2", &snapshot)
        .unwrap();
    assert_eq!(read(&tree, "b.txt"), "kept\n");
}

#[test]
fn a_ruined_clone_is_made_anew() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    let base = project.base();
    let again = |what: &str| {
        tree.begin(&token(), &base, BRANCH, &base.commit)
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(read(&tree, "a.txt"), "one\n", "{what}");
    };
    fs::remove_dir_all(tree.dir().join(".git/objects")).unwrap();
    again("no objects");
    fs::write(tree.dir().join(".git/index"), "rubbish").unwrap();
    again("a broken index");
    fs::remove_dir_all(tree.dir().join(".git")).unwrap();
    fs::write(tree.dir().join(".git"), "gitdir: /elsewhere\n").unwrap();
    again("a file in place of .git");
    fs::write(tree.dir().join(".git/index.lock"), "").unwrap();
    fs::write(tree.dir().join(".git/refs/remotes/origin/main.lock"), "").unwrap();
    again("locks of a killed git");
    fs::remove_dir_all(tree.dir()).unwrap();
    again("nothing at all");
}

#[test]
fn what_an_agent_plants_in_git_does_nothing() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    let ran = project.path().join("ran");
    let planted = project.path().join("planted.sh");
    write(
        project.path(),
        "planted.sh",
        &format!("#!/bin/sh\ntouch {}\ncat\n", ran.display()),
    );
    let planted = planted.to_str().unwrap();
    for hook in [
        "pre-commit",
        "post-checkout",
        "pre-push",
        "reference-transaction",
        "post-index-change",
    ] {
        fs::create_dir_all(tree.dir().join(".git/hooks")).unwrap();
        symlink(planted, tree.dir().join(".git/hooks").join(hook)).unwrap();
    }
    for (key, value) in [
        ("core.fsmonitor", planted),
        ("core.sshCommand", planted),
        ("filter.x.clean", planted),
        ("filter.x.smudge", planted),
        ("core.hooksPath", "hooks"),
        ("diff.external", planted),
        ("credential.helper", planted),
        ("core.worktree", "/"),
        ("uploadpack.packObjectsHook", planted),
        ("remote.origin.url", "/nowhere"),
        ("user.name", "somebody else"),
    ] {
        git(tree.dir(), &["config", key, value]);
    }
    write(tree.dir(), ".gitattributes", "* filter=x diff=x\n");
    write(tree.dir(), "a.txt", "two\n");
    // The agent's own git may have run them; from here on it is the runner's.
    tree.disarm().unwrap();
    let _ = fs::remove_file(&ran);
    let work = commit(&tree, BRANCH);
    let (pushed, push) = tree.push(&token(), BRANCH, &work.id, "x").unwrap();
    assert_eq!(push, Push::Done);
    assert_eq!(project.head(BRANCH), pushed);
    let base = project.base();
    tree.begin(&token(), &base, "ticket/2/1", &base.commit)
        .unwrap();
    assert!(!ran.exists(), "something planted was run");
    let author = git(
        &project.remote(),
        &["log", "-1", "--format=%an %ae", BRANCH],
    );
    assert_eq!(author, "agent-1 agent-1@swarm.invalid");
}

#[test]
fn swarm_files_and_alternates_stay_out() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), ".swarm/config.toml", "x\n");
    write(tree.dir(), "b.txt", "b\n");
    fs::create_dir_all(tree.dir().join(".git/objects/info")).unwrap();
    fs::write(tree.dir().join(".git/objects/info/alternates"), "/etc\n").unwrap();
    tree.disarm().unwrap();
    assert!(!tree.dir().join(".git/objects/info/alternates").exists());
    let work = commit(&tree, BRANCH);
    let files = git(tree.dir(), &["ls-tree", "-r", "--name-only", &work.id]);
    assert_eq!(files, "a.txt\nb.txt");
}

#[test]
fn a_push_only_moves_forward() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "two\n");
    let first = commit(&tree, BRANCH);
    assert_eq!(
        tree.push(&token(), BRANCH, &first.id, "x").unwrap().1,
        Push::Done
    );
    // The agent rewrites what was pushed.
    git(tree.dir(), &["reset", "-q", "--hard", "HEAD^"]);
    write(tree.dir(), "a.txt", "three\n");
    let second = commit(&tree, BRANCH);
    let (pushed, push) = tree.push(&token(), BRANCH, &second.id, "x").unwrap();
    assert_eq!(push, Push::Done);
    assert_eq!(tree.tree_of(&pushed).unwrap(), second.tree);
    let parents = git(&project.remote(), &["log", "-1", "--format=%P", BRANCH]);
    assert_eq!(parents, format!("{} {}", second.id, first.id));
    // The same again is nothing to do.
    assert_eq!(
        tree.push(&token(), BRANCH, &pushed, "x").unwrap(),
        (pushed, Push::Done)
    );
}

#[test]
fn a_push_whose_answer_was_lost_is_found_at_the_hub() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "two\n");
    let first = commit(&tree, BRANCH);
    let remote = project.remote();
    git(
        tree.dir(),
        &[
            "push",
            "-q",
            remote.to_str().unwrap(),
            &format!("HEAD:refs/heads/{BRANCH}"),
        ],
    );
    git(tree.dir(), &["reset", "-q", "--hard", "HEAD^"]);
    write(tree.dir(), "a.txt", "three\n");
    let second = commit(&tree, BRANCH);
    let (pushed, push) = tree.push(&token(), BRANCH, &second.id, "x").unwrap();
    assert_eq!(push, Push::Done);
    assert_eq!(project.head(BRANCH), pushed);
    assert!(tree.is_ancestor(&first.id, &pushed).unwrap());
}

#[test]
fn a_refusal_is_told_from_a_hub_that_is_away() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    write(tree.dir(), "a.txt", "two\n");
    let work = commit(&tree, BRANCH);
    write(
        &project.remote(),
        "hooks/update.sh",
        "#!/bin/sh\necho 'the lease is over' >&2\nexit 1\n",
    );
    fs::rename(
        project.remote().join("hooks/update.sh"),
        project.remote().join("hooks/update"),
    )
    .unwrap();
    let (_, push) = tree.push(&token(), BRANCH, &work.id, "x").unwrap();
    assert_eq!(push, Push::Refused("hook declined".into()));
    fs::remove_file(project.remote().join("hooks/update")).unwrap();
    git(
        &project.remote(),
        &["config", "receive.denyNonFastForwards", "true"],
    );
    let other = tree.commit_tree(&work.tree, &[], "unrelated").unwrap();
    git(
        &project.remote(),
        &[
            "fetch",
            "-q",
            tree.dir().to_str().unwrap(),
            &format!("{}:refs/heads/{BRANCH}", work.id),
        ],
    );
    let (_, push) = tree.push_once(&token(), BRANCH, &other, "x").unwrap();
    assert_eq!(push, Push::Refused("non-fast-forward".into()));
    fs::rename(project.remote(), project.path().join("away")).unwrap();
    let (_, push) = tree.push(&token(), BRANCH, &work.id, "x").unwrap();
    assert!(matches!(push, Push::Unreachable(_)), "{push:?}");
}

#[test]
fn only_the_hubs_protocol_is_spoken() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = agent_runner::worktree::WorkTree::new(
        project.layout().repo(),
        "ext::sh -c 'touch /tmp/ran'",
        "agent-1",
    );
    let error = tree.warm(&token()).unwrap_err();
    assert!(
        matches!(&error, Error::Said { said, .. } if said.contains("not allowed")),
        "{error}"
    );
}

#[test]
fn a_tree_that_git_does_not_take_is_an_answer_of_git() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    fs::create_dir(tree.dir().join("inner")).unwrap();
    git(&tree.dir().join("inner"), &["init", "-q"]);
    let error = tree.stage_all().unwrap_err();
    assert!(
        matches!(&error, Error::Said { said, .. } if said.contains("inner")),
        "{error}"
    );
}

#[test]
fn tidying_up_keeps_what_is_needed() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    tree.tidy().unwrap();
    assert!(tree.has(&project.head("main")));
}
