//! `swarm init` in all kinds of folders.

use serde_json::{Value, json};

use crate::support::Place;

#[test]
fn a_repository_becomes_a_project() {
    let place = Place::with_repository(&[("Cargo.toml", ""), (".gitignore", "target\n")]);
    let out = place.swarm("init . --no-interview").ok();
    assert!(out.contains("work lands on 'trunk'"), "{out}");
    assert!(out.contains("a Rust project"), "{out}");
    assert_eq!(
        place.git("log --format=%s"),
        "Add what swarm needs\nFirst\n"
    );
    assert_eq!(place.git("status --porcelain"), "");
    assert_eq!(place.read(".gitignore"), "target\n.swarm/\n");
    assert!(place.read("verify.sh").contains("cargo test"));
    place.assert_executable("verify.sh");
    let bare = place.root().join(".swarm/repo.git");
    place.assert_in_step();
    assert_eq!(
        place.git_in(&bare, "symbolic-ref HEAD"),
        "refs/heads/trunk\n"
    );
    assert_eq!(
        place
            .git_in(&bare, "ls-tree --name-only trunk")
            .lines()
            .count(),
        5
    );
    assert!(place.swarm("status").ok().contains("1 open"));
}

#[test]
fn nothing_else_of_the_humans_is_committed_or_changed() {
    let place =
        Place::with_repository(&[("a.txt", "1\n"), ("b.txt", "1\n"), (".gitignore", "x\n")]);
    place.write(&[
        ("a.txt", "staged\n"),
        ("new.txt", "staged\n"),
        (".gitignore", "x\ny\n"),
    ]);
    place.git("add a.txt new.txt .gitignore");
    place.write(&[
        ("a.txt", "changed\n"),
        ("b.txt", "changed\n"),
        (".gitignore", "x\ny\nz\n"),
    ]);
    place.write(&[("lying.txt", "untracked\n"), ("PROJECT.md", "mine\n")]);
    let out = place.swarm("init . --no-interview").ok();
    assert!(out.contains("5 changes of yours not committed"), "{out}");
    let committed = place.git("show --format= --name-only HEAD");
    assert_eq!(
        committed,
        ".gitignore\nPROJECT.md\nproject-setup.sh\nverify.sh\n"
    );
    assert_eq!(place.git("show HEAD:.gitignore"), "x\n.swarm/\n");
    assert_eq!(place.git("show :.gitignore"), "x\ny\n.swarm/\n");
    assert_eq!(place.read(".gitignore"), "x\ny\nz\n.swarm/\n");
    assert_eq!(place.git("show :a.txt"), "staged\n");
    assert_eq!(place.read("a.txt"), "changed\n");
    assert_eq!(place.git("show HEAD:PROJECT.md"), "mine\n");
    let status = place.git("status --porcelain");
    assert_eq!(
        status,
        "MM .gitignore\nMM a.txt\n M b.txt\nA  new.txt\n?? lying.txt\n"
    );
}

#[test]
fn the_humans_own_gate_stays() {
    let place = Place::with_repository(&[("verify.sh", "exit 0\n"), ("go.mod", "")]);
    let out = place.swarm("init . --no-interview").ok();
    assert!(out.contains("Your verify.sh is the gate"), "{out}");
    assert_eq!(place.read("verify.sh"), "exit 0\n");
}

#[test]
fn a_folder_without_a_repository_gets_one() {
    let place = Place::new();
    place.write(&[
        ("tests/test_a.py", "x\n"),
        ("tests/__pycache__/test_a.cpython-313.pyc", "x\n"),
        ("node_modules/big", "x\n"),
        (".gitignore", "node_modules\n"),
    ]);
    let out = place.swarm("init . --no-interview").ok();
    assert!(out.contains("2 files in its first commit"), "{out}");
    let files = place.git("ls-tree -r --name-only main");
    assert_eq!(
        files,
        ".gitignore\nPROJECT.md\nproject-setup.sh\ntests/test_a.py\nverify.sh\n"
    );
    assert_eq!(
        place.read(".gitignore"),
        "node_modules\n.swarm/\n__pycache__/\n*.pyc\n.pytest_cache/\n*.egg-info/\n"
    );
}

#[test]
fn what_a_project_keeps_or_ignores_already_is_not_ignored_once_more() {
    let kept = [("Cargo.toml", ""), ("target/kept", "x\n")];
    let ignored = [("Cargo.toml", ""), (".gitignore", "/targ*\n")];
    for (files, after) in [(kept, ".swarm/\n"), (ignored, "/targ*\n.swarm/\n")] {
        let place = Place::with_repository(&files);
        place.swarm("init . --no-interview").ok();
        assert_eq!(place.read(".gitignore"), after);
    }
    let place = Place::with_repository(&[("Cargo.toml", "")]);
    place.swarm("init . --no-interview").ok();
    assert_eq!(place.git("show HEAD:.gitignore"), ".swarm/\ntarget/\n");
}

#[test]
fn an_empty_repository_gets_its_first_commit() {
    let place = Place::new();
    place.git("init");
    place.write(&[("mine.txt", "x\n")]);
    let out = place.swarm("init . --no-interview").ok();
    assert!(out.contains("1 change of yours not committed"), "{out}");
    assert!(out.contains("was not recognised"), "{out}");
    assert_eq!(place.git("log --format=%s trunk"), "Add what swarm needs\n");
    assert_eq!(place.git("status --porcelain"), "?? mine.txt\n");
}

#[test]
fn a_new_folder_is_made() {
    let place = Place::new();
    place.swarm("init deep/new --no-interview").ok();
    assert!(place.root().join("deep/new/.swarm/id").is_file());
}

#[test]
fn init_without_git_knowing_the_human_works() {
    let mut place = Place::with_repository(&[("a", "")]);
    place.set("HOME", "/nonexistent");
    place.swarm("init . --no-interview").ok();
    assert_eq!(place.git("log -1 --format=%an"), "swarm\n");
}

#[test]
fn the_command_backend_is_written_down() {
    let place = Place::with_repository(&[("a", "")]);
    place
        .swarm(
            "init . --no-interview --backend command --command my-agent --base-image python:3.12",
        )
        .ok();
    let config = place.read(".swarm/config.json");
    assert!(
        config.contains("\"program\": \"my-agent\"")
            && config.contains("\"base\": \"python:3.12\"")
    );
}

#[test]
fn the_bare_repository_defends_itself() {
    let place = Place::with_project(&[("a", "")]);
    let bare = place.root().join(".swarm/repo.git");
    for (key, value) in [
        ("receive.denyNonFastForwards", "true"),
        ("receive.denyDeletes", "true"),
        ("transfer.fsckObjects", "true"),
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("gc.auto", "0"),
        ("core.hooksPath", "/dev/null"),
    ] {
        assert_eq!(
            place.git_in(&bare, &format!("config {key}")).trim(),
            value,
            "{key}"
        );
    }
    place.git_in(&bare, "fsck --strict");
}

#[test]
fn regenerate_leaves_the_humans_files_alone() {
    let place = Place::with_project(&[("a", "")]);
    let mine = [
        (".swarm/config.json", r#"{"agents": {"count": 9}}"#),
        ("verify.sh", "mine\n"),
    ];
    place.write(&mine);
    place.write(&[(".swarm/config.schema.json", "old")]);
    let bare = place.root().join(".swarm/repo.git");
    place.git_in(&bare, "config gc.auto 1");
    place
        .swarm("regenerate")
        .refused(&["nobody is here to say yes", "--yes"]);
    assert_eq!(place.read(".swarm/config.schema.json"), "old");
    let out = place.swarm("regenerate --yes").ok();
    assert!(
        out.contains("-old\n") && out.contains("set gc.auto = 0"),
        "{out}"
    );
    assert!(
        out.contains("Left alone, as they are yours: .swarm/config.json"),
        "{out}"
    );
    for (name, text) in mine {
        assert_eq!(place.read(name), text);
    }
    assert!(
        place
            .read(".swarm/config.schema.json")
            .contains("\"max_attempts\"")
    );
    assert_eq!(place.git_in(&bare, "config gc.auto"), "0\n");
}

#[test]
fn a_project_is_found_from_below_and_by_name() {
    let place = Place::with_project(&[("deep/er/a", "")]);
    let mut below = Place::new();
    below.set("PWD", "/");
    let root = place.root();
    let out = below
        .swarm(&format!("status --json --project {}", root.display()))
        .ok();
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["running"], false);
    assert_eq!(status["tickets"]["open"], 1);
}

#[test]
fn what_was_made_is_told_to_programs() {
    let place = Place::with_repository(&[("Cargo.toml", ""), ("README.md", "x\n")]);
    place.write(&[("new.txt", "mine\n")]);
    let out = place.swarm("init . --json").ok();
    let made: Value = serde_json::from_str(&out).unwrap();
    let root = place.root().canonicalize().unwrap();
    assert_eq!(made["project"], json!(root));
    assert_eq!(made["branch"], "trunk");
    assert_eq!(made["detected"], "a Rust project");
    assert_eq!(made["repository_made"], false);
    assert_eq!(made["uncommitted"], 1);
    assert_eq!(made["ticket"], 1);
    assert_eq!(made["interview"], Value::Null);
    let committed = made["committed"].as_array().unwrap();
    assert!(committed.contains(&json!("verify.sh")), "{committed:?}");
    place
        .swarm("init . --json")
        .refused(&["is a swarm project already"]);
}

#[test]
fn quiet_says_nothing_and_verbose_says_the_steps() {
    let place = Place::with_repository(&[("Cargo.toml", "")]);
    let said = place.swarm("init . --no-interview --quiet");
    assert_eq!((said.code, said.err + &said.out), (0, String::new()));
    place.land(&[("a.txt", Some("1\n"))]);
    let said = place.swarm("pull --verbose");
    assert!(
        said.err.contains("project ") && said.err.contains("it lacks 1 commits"),
        "{said:?}"
    );
    let said = place.swarm("pull --quiet");
    assert_eq!((said.code, said.err + &said.out), (0, String::new()));
}
