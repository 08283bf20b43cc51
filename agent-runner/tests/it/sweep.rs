//! Orphans: what an agent leaves running comes to the runner and is ended.

use std::process::Command;
use std::time::Duration;

use agent_runner::guard;
use agent_runner::process::{Exit, capture};

use crate::fixture::{PATIENCE, alone, eventually, pids, runs};

#[test]
fn orphans_are_killed_and_tools_are_spared() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    // Out of the group, out of the session, its parent gone.
    let script = format!(
        "setsid sh -c 'trap \"\" TERM HUP; echo $$ >>{0}; setsid sleep 1000 & echo $! >>{0}; wait' \
         >/dev/null 2>&1 & while [ \"$(wc -l <{0} 2>/dev/null || echo 0)\" -lt 2 ]; do :; done",
        file.display()
    );
    let tool = std::thread::spawn(|| {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1; (sleep 1); echo spared"]);
        capture(&mut command, None, 1000, PATIENCE).unwrap()
    });
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    capture(&mut command, None, 1000, PATIENCE).unwrap();
    let orphans = pids(&file, 2);
    assert!(
        orphans.iter().all(|pid| runs(*pid)),
        "they outlive their parent"
    );
    guard::sweep();
    for pid in orphans {
        assert!(!runs(pid), "{pid} survived");
    }
    let spared = tool.join().unwrap();
    assert_eq!(
        (spared.exit, spared.stdout),
        (Exit::Code(0), b"spared\n".to_vec())
    );
}

#[test]
fn a_tool_that_hangs_is_killed_at_its_deadline() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$; sleep 1000"]);
    let error = capture(&mut command, None, 1000, Duration::from_millis(200)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn orphans_that_ended_are_reaped() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let script = format!(
        "setsid sh -c 'echo $$ >{0}' >/dev/null 2>&1 & while ! [ -s {0} ]; do :; done",
        file.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    capture(&mut command, None, 1000, PATIENCE).unwrap();
    let pid = pids(&file, 1)[0];
    eventually("the orphan is reaped", || {
        guard::reap();
        !std::path::Path::new(&format!("/proc/{pid}")).exists()
    });
}
