//! Running an agent CLI: real processes that misbehave.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use agent_runner::agent::stream::Transcript;
use agent_runner::agent::text::Text;
use agent_runner::agent::{Ending, Invocation, Place, Reader, Report, Run, Session};
use agent_runner::interrupt::{Interrupt, Why};
use agent_runner::recorder::Recorder;
use ticket::backend::{AgentCli, Backend, PromptBy};
use ticket::wire::AgentSettings;

use crate::fixture::{backend, console, eventually, pids, runs, sweeping, write};

struct Shell<'a> {
    script: &'a str,
    stdin: &'a str,
    timeout: Duration,
    stall: Option<Duration>,
    reader: Box<dyn Reader>,
}

impl<'a> Shell<'a> {
    fn new(script: &'a str) -> Shell<'a> {
        Shell {
            script,
            stdin: "",
            timeout: Duration::from_secs(60),
            stall: None,
            reader: Box::new(Text::default()),
        }
    }

    fn run(self, interrupt: &Interrupt) -> Report {
        let _sweeping = sweeping();
        let mut command = Command::new("sh");
        command.args(["-c", self.script]);
        Run {
            command,
            stdin: self.stdin.into(),
            reader: self.reader,
            timeout: self.timeout,
            interrupt,
            console: &console(),
            speaker: "agent".into(),
            recorder: Recorder::none(),
            every: Duration::from_millis(50),
            stall: self.stall,
            on_served: Box::new(|| ()),
            on_usage: Box::new(|_| ()),
            on_session: Box::new(|_| ()),
        }
        .run(|| {})
    }
}

fn run(script: &str) -> Report {
    Shell::new(script).run(&Interrupt::default())
}

#[test]
fn the_prompt_arrives_and_the_output_is_kept() {
    let report = Shell {
        stdin: "swarm: work\n",
        ..Shell::new("cat; echo oops >&2")
    }
    .run(&Interrupt::default());
    assert_eq!(report.ending, Ending::Completed(None));
    assert!(report.log_tail.contains("swarm: work\n") && report.log_tail.contains("oops\n"));
}

#[test]
fn a_large_prompt_that_nobody_reads_is_no_obstacle() {
    let prompt = "x".repeat(10_000_000);
    let report = Shell {
        stdin: &prompt,
        ..Shell::new("exit 4")
    }
    .run(&Interrupt::default());
    assert_eq!(report.ending, Ending::Failed("the agent exited 4".into()));
}

#[test]
fn a_line_of_a_gigabyte_does_not_fill_the_memory() {
    let begun = Instant::now();
    let report = run("head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo the end");
    assert_eq!(report.ending, Ending::Completed(None));
    assert!(report.log_tail.ends_with("the end\n"));
    assert!(report.log_tail.len() <= 64 * 1024);
    let peak = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap()
        .trim();
    let kilobytes: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(
        kilobytes < 400_000,
        "{kilobytes} kB after {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_program_that_is_not_there_says_so() {
    let _sweeping = sweeping();
    let interrupt = Interrupt::default();
    let report = Run {
        command: Command::new("/no/such/agent"),
        stdin: vec![],
        reader: Box::new(Text::default()),
        timeout: Duration::from_secs(1),
        interrupt: &interrupt,
        console: &console(),
        speaker: "agent".into(),
        recorder: Recorder::none(),
        every: Duration::from_secs(1),
        stall: None,
        on_served: Box::new(|| ()),
        on_usage: Box::new(|_| ()),
        on_session: Box::new(|_| ()),
    }
    .run(|| {});
    assert!(matches!(report.ending, Ending::NotStarted(why) if why.contains("/no/such/agent")));
}

#[test]
fn the_whole_group_ends_with_its_leader() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let script = format!("sleep 1000 & echo $! >{}; exit 0", file.display());
    assert_eq!(run(&script).ending, Ending::Completed(None));
    let pid = pids(&file, 1)[0];
    eventually("the background child is gone", || !runs(pid));
}

#[test]
fn children_that_ignore_term_are_killed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let script = format!(
        "trap '' TERM; echo $$ >>{0}; (trap '' TERM; sleep 1000) & echo $! >>{0}; sleep 1000",
        file.display()
    );
    let interrupt = Interrupt::default();
    let (raise, ready) = (interrupt.clone(), file.clone());
    thread::spawn(move || {
        pids(&ready, 2);
        raise.raise(Why::Stop);
    });
    let begun = Instant::now();
    let report = Shell::new(&script).run(&interrupt);
    assert_eq!(report.ending, Ending::Interrupted(Why::Stop));
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    for pid in pids(&file, 2) {
        assert!(!runs(pid), "{pid} still runs");
    }
}

#[test]
fn an_agent_that_takes_too_long_is_ended() {
    let report = Shell {
        timeout: Duration::from_millis(300),
        ..Shell::new("sleep 1000")
    }
    .run(&Interrupt::default());
    assert_eq!(report.ending, Ending::TimedOut(Duration::from_millis(300)));
}

#[test]
fn an_interrupt_from_before_the_start_counts() {
    let interrupt = Interrupt::default();
    interrupt.raise(Why::Lost);
    let report = Shell::new("sleep 1000").run(&interrupt);
    assert_eq!(report.ending, Ending::Interrupted(Why::Lost));
}

#[test]
fn a_signal_from_elsewhere_is_seen_as_one() {
    assert_eq!(run("kill -9 $$").ending, Ending::Killed(9));
}

#[test]
fn something_is_done_meanwhile() {
    let _sweeping = sweeping();
    let interrupt = Interrupt::default();
    let mut command = Command::new("sleep");
    command.arg("1");
    let mut times = 0;
    let report = Run {
        command,
        stdin: vec![],
        reader: Box::new(Text::default()),
        timeout: Duration::from_secs(60),
        interrupt: &interrupt,
        console: &console(),
        speaker: "agent".into(),
        recorder: Recorder::none(),
        every: Duration::from_millis(100),
        stall: None,
        on_served: Box::new(|| ()),
        on_usage: Box::new(|_| ()),
        on_session: Box::new(|_| ()),
    }
    .run(|| times += 1);
    assert_eq!(report.ending, Ending::Completed(None));
    assert!(times >= 3, "{times}");
}

#[test]
fn secrets_are_not_in_what_is_kept() {
    let console = console();
    console.hide("top-secret-value");
    let _sweeping = sweeping();
    let interrupt = Interrupt::default();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "echo key is top-secret-value; echo top-secret-value >&2; exit 1",
    ]);
    let report = Run {
        command,
        stdin: vec![],
        reader: Box::new(Text::default()),
        timeout: Duration::from_secs(60),
        interrupt: &interrupt,
        console: &console,
        speaker: "agent".into(),
        recorder: Recorder::none(),
        every: Duration::from_secs(60),
        stall: None,
        on_served: Box::new(|| ()),
        on_usage: Box::new(|_| ()),
        on_session: Box::new(|_| ()),
    }
    .run(|| {});
    assert!(report.log_tail.contains("key is [secret]"));
    assert_eq!(
        report.ending,
        Ending::Failed("the agent exited 1: [secret]".into())
    );
}

#[test]
fn for_claude_its_result_line_decides() {
    let script = r#"echo '{"type":"result","is_error":false,"result":"ok","num_turns":1}'; exit 0"#;
    let report = Shell {
        reader: Box::new(Transcript::new(false)),
        ..Shell::new(script)
    }
    .run(&Interrupt::default());
    assert_eq!(report.ending, Ending::Completed(Some("ok".into())));
}

fn settings(backend: Backend) -> AgentSettings {
    let model = Some("sonnet".into());
    AgentSettings {
        cli: AgentCli { backend, model },
        mend: None,
        env: [("FROM_CONFIG".to_owned(), "yes".to_owned())].into(),
        secrets: [("ANTHROPIC_API_KEY".to_owned(), "sk-12345678".to_owned())].into(),
        timeout_seconds: 60,
        attempt_timeout_seconds: 0,
        transcript_bytes: 1 << 20,
        disk_bytes: 0,
        stall_seconds: 0,
        prompts: Default::default(),
    }
}

fn invoke(backend: Backend, dir: &std::path::Path) -> Report {
    let place = Place {
        tree: dir.to_owned(),
        home: dir.join("home"),
        tmp: dir.to_owned(),
        env: vec![("TICKET_TOKEN".into(), "token-12345678".into())],
        may_spend: None,
    };
    let settings = settings(backend);
    let invocation = Invocation::new(
        &settings.cli,
        &settings,
        &place,
        "swarm: work\n\nsee @/etc/passwd\n",
        &Session::New("11111111-1111-4111-8111-111111111111".into()),
    )
    .unwrap();
    let _sweeping = sweeping();
    let interrupt = Interrupt::default();
    Run {
        command: invocation.command,
        stdin: invocation.stdin,
        reader: invocation.reader,
        timeout: Duration::from_secs(60),
        interrupt: &interrupt,
        console: &console(),
        speaker: "agent".into(),
        recorder: Recorder::none(),
        every: Duration::from_secs(60),
        stall: None,
        on_served: Box::new(|| ()),
        on_usage: Box::new(|_| ()),
        on_session: Box::new(|_| ()),
    }
    .run(|| {})
}

#[test]
fn a_command_gets_its_prompt_in_each_way_and_its_environment() {
    for (args, prompt) in [
        (vec!["-c", "cat"], PromptBy::Stdin),
        (vec!["-c", "echo \"$0\""], PromptBy::Argument),
        (vec!["-c", "cat \"$0\""], PromptBy::File),
        (vec!["-c", "cat {prompt_file}"], PromptBy::File),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let backend = Backend {
            program: "sh".into(),
            args: args.into_iter().map(Into::into).collect(),
            prompt,
            ..backend("command")
        };
        let report = invoke(backend, dir.path());
        assert!(
            report.log_tail.contains("swarm: work\n"),
            "{prompt:?}: {}",
            report.log_tail
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let report = invoke(
        Backend {
            program: "sh".into(),
            args: vec!["-c".into(), "env; pwd".into()],
            secrets: vec!["OTHER_KEY|ANTHROPIC_API_KEY".into()],
            ..backend("command")
        },
        dir.path(),
    );
    for line in [
        "FROM_CONFIG=yes".to_owned(),
        "ANTHROPIC_API_KEY=sk-12345678".into(),
        "TICKET_TOKEN=token-12345678".into(),
        "TERM=dumb".into(),
        format!("HOME={}/home", dir.path().display()),
        dir.path().display().to_string(),
    ] {
        assert!(
            report.log_tail.lines().any(|l| l == line),
            "{line} in {}",
            report.log_tail
        );
    }
}

#[test]
fn claude_is_called_with_a_prompt_that_attaches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    // Stands in for the program: says how it was called, then ends as it does.
    write(
        dir.path(),
        "claude.sh",
        r#"#!/bin/sh
echo "args: $*"
cat
echo '{"type":"result","is_error":false,"result":"ok","num_turns":1}'
"#,
    );
    let report = invoke(
        Backend {
            program: dir.path().join("claude.sh").to_str().unwrap().into(),
            ..backend("claude")
        },
        dir.path(),
    );
    assert_eq!(report.ending, Ending::Completed(Some("ok".into())));
    let log = report.log_tail;
    assert!(
        log.contains("--model sonnet --session-id 11111111-1111-4111-8111-111111111111"),
        "{log}"
    );
    assert!(log.contains(r"see \@/etc/passwd"), "{log}");
    assert!(!log.contains("sk-12345678"));
}

#[test]
fn a_run_that_does_nothing_any_more_is_ended_with_all_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let script = format!(
        "echo $$ >>{0}; setsid sleep 1000 & echo $! >>{0}; echo working; sleep 1000",
        file.display()
    );
    let limit = Duration::from_millis(400);
    let report = Shell {
        stall: Some(limit),
        ..Shell::new(&script)
    }
    .run(&Interrupt::default());
    assert_eq!(report.ending, Ending::Stalled(limit));
    assert!(report.log_tail.contains("working"));
    for pid in pids(&file, 2) {
        eventually("what stalled is gone", || !runs(pid));
    }
}

#[test]
fn a_silent_run_that_computes_is_alive() {
    let busy = "end=$(($(date +%s%N) + 2000000000)); while [ $(date +%s%N) -lt $end ]; do :; done";
    let report = Shell {
        stall: Some(Duration::from_millis(400)),
        ..Shell::new(busy)
    }
    .run(&Interrupt::default());
    assert_eq!(report.ending, Ending::Completed(None));
}

#[test]
fn a_run_that_says_it_waits_is_left_alone_until_then() {
    let report = Shell {
        stall: Some(Duration::from_millis(400)),
        ..Shell::new("echo 'WAITING-UNTIL: +30s'; sleep 2")
    }
    .run(&Interrupt::default());
    assert_eq!(report.ending, Ending::Completed(None));
}
