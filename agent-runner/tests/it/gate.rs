//! The gate on real trees.

use std::time::{Duration, Instant};

use agent_runner::gate::{Gate, Verdict};
use agent_runner::interrupt::{Interrupt, Why};
use agent_runner::worktree::WorkTree;

use crate::fixture::{
    Project, commit, console, eventually, git, pids, read, runs, sweeping, write,
};

const BRANCH: &str = "ticket/1/1";
const LONG: Duration = Duration::from_secs(30);

fn run_for(project: &Project, tree: &WorkTree, timeout: Duration, own_too: bool) -> Verdict {
    let _sweeping = sweeping();
    let gate = Gate {
        tree,
        layout: &project.layout(),
        env: vec![
            ("TICKET_ID".into(), "7".into()),
            ("TICKET_TITLE".into(), "Mend it".into()),
            ("AGENT_ID".into(), "agent-1".into()),
        ],
        timeout,
        console: &console(),
        speaker: "verify",
    };
    gate.run(&project.head("main"), own_too, &Interrupt::default())
        .unwrap()
}

fn red_log(verdict: Verdict) -> String {
    match verdict {
        Verdict::Red(run) => run.log_tail,
        other => panic!("not red: {other:?}"),
    }
}

fn with_script(script: &str) -> (Project, WorkTree) {
    let project = Project::new(&[("verify.sh", script), ("a.txt", "one\n")]);
    let tree = project.begun();
    (project, tree)
}

#[test]
fn exit_0_is_green_and_anything_else_is_red() {
    for (script, green) in [
        ("#!/bin/sh\necho fine\n", true),
        ("#!/bin/sh\necho broken >&2\nexit 3\n", false),
        ("#!/bin/sh\nkill -9 $$\n", false),
        ("#!/no/such/interpreter\n", false),
    ] {
        let (project, tree) = with_script(script);
        let verdict = run_for(&project, &tree, LONG, true);
        assert_eq!(
            matches!(verdict, Verdict::Green(_)),
            green,
            "{script}: {verdict:?}"
        );
    }
    let (project, tree) = with_script("#!/bin/sh\necho broken >&2\nexit 3\n");
    let log = red_log(run_for(&project, &tree, LONG, true));
    assert_eq!(log, "broken\nverify.sh exited with 3\n");
}

#[test]
fn no_script_is_red() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let tree = project.begun();
    // One that the branch brings does not count.
    write(tree.dir(), "verify.sh", "#!/bin/sh\nexit 0\n");
    commit(&tree, BRANCH);
    let log = red_log(run_for(&project, &tree, LONG, true));
    assert!(log.contains("main has no verify.sh"), "{log}");
}

#[test]
fn a_script_that_cannot_be_run_is_red() {
    let project = Project::new(&[("a.txt", "one\n")]);
    let human = project.path().join("human");
    std::fs::write(human.join("verify.sh"), "#!/bin/sh\nexit 0\n").unwrap();
    project.change_main(&[]);
    let tree = project.begun();
    let log = red_log(run_for(&project, &tree, LONG, true));
    assert!(log.contains("no executable file"), "{log}");
}

#[test]
fn the_script_is_mains_and_the_branch_gets_its_own_back() {
    let (project, tree) = with_script("#!/bin/sh\necho main\nexit 1\n");
    write(tree.dir(), "verify.sh", "#!/bin/sh\necho branch\nexit 0\n");
    commit(&tree, BRANCH);
    let log = red_log(run_for(&project, &tree, LONG, true));
    assert!(log.contains("main") && !log.contains("branch"), "{log}");
    assert_eq!(read(&tree, "verify.sh"), "#!/bin/sh\necho branch\nexit 0\n");
    assert_eq!(git(tree.dir(), &["status", "--porcelain"]), "");
}

#[test]
fn a_changed_script_must_pass_too() {
    let (project, tree) = with_script("#!/bin/sh\nexit 0\n");
    write(tree.dir(), "verify.sh", "#!/bin/sh\necho own\nexit 1\n");
    commit(&tree, BRANCH);
    let log = red_log(run_for(&project, &tree, LONG, true));
    assert!(log.contains("own"), "{log}");
    assert!(matches!(
        run_for(&project, &tree, LONG, false),
        Verdict::Green(_)
    ));
}

#[test]
fn a_deleted_script_runs_all_the_same() {
    let (project, tree) = with_script("#!/bin/sh\nexit 0\n");
    write(tree.dir(), "verify.sh", "");
    commit(&tree, BRANCH);
    assert!(matches!(
        run_for(&project, &tree, LONG, false),
        Verdict::Green(_)
    ));
    assert!(!tree.dir().join("verify.sh").exists());
}

#[test]
fn it_is_told_the_ticket_and_no_secret() {
    let (project, tree) = with_script("#!/bin/sh\nenv\npwd\nexit 1\n");
    let log = red_log(run_for(&project, &tree, LONG, true));
    for line in ["TICKET_ID=7", "TICKET_TITLE=Mend it", "AGENT_ID=agent-1"] {
        assert!(log.lines().any(|l| l == line), "{line} is missing in {log}");
    }
    assert!(
        log.contains(&format!("{}\n", tree.dir().display())),
        "{log}"
    );
    assert!(!log.contains("TOKEN") && !log.contains("SWARM_"), "{log}");
}

#[test]
fn too_long_is_red_and_leaves_nothing_running() {
    let (project, tree) = with_script(
        "#!/bin/sh\ntrap '' TERM\nsetsid sleep 1000 & echo $! >>../pids\nsleep 1000 & echo $! >>../pids\nwait\n",
    );
    let begun = Instant::now();
    let log = red_log(run_for(&project, &tree, Duration::from_millis(500), true));
    assert!(log.contains("took longer"), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    for pid in pids(&project.path().join("work/pids"), 2) {
        eventually("what verify.sh started is gone", || !runs(pid));
    }
}

#[test]
fn it_ends_when_the_attempt_is_over_but_not_when_the_hub_is_away() {
    let (project, tree) = with_script("#!/bin/sh\necho $$ >../pids\nsleep 1000\n");
    let interrupt = Interrupt::default();
    let (raise, file) = (interrupt.clone(), project.path().join("work/pids"));
    let raiser = std::thread::spawn(move || {
        raise.raise(Why::HubAway);
        let pid = pids(&file, 1)[0];
        assert!(runs(pid));
        raise.hub_is_back();
        raise.raise(Why::Lost);
    });
    let _sweeping = sweeping();
    let gate = Gate {
        tree: &tree,
        layout: &project.layout(),
        env: vec![],
        timeout: LONG,
        console: &console(),
        speaker: "verify",
    };
    let verdict = gate.run(&project.head("main"), true, &interrupt).unwrap();
    raiser.join().unwrap();
    assert_eq!(verdict, Verdict::Interrupted(Why::Lost));
}

#[test]
fn a_huge_log_is_cut_to_its_end() {
    let (project, tree) = with_script(
        "#!/bin/sh\nhead -c 30000000 /dev/zero | tr '\\0' x\necho\nseq 100000\necho the end\nexit 1\n",
    );
    let log = red_log(run_for(&project, &tree, LONG, true));
    assert!(log.len() <= 64 * 1024 && log.contains("the end"));
}
