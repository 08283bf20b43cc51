//! The real `claude` program holds the interview of `swarm init`, in a terminal of its own; only the model
//! behind it is scripted, and a human's answer is typed.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use swarm::config::DEFAULT_CLAUDE_VERSION;

use crate::support::canary::Canary;
use crate::support::engine::docker;
use crate::support::messages_api::{MessagesApi, Script, Step};
use crate::support::swarm::Swarm;
use crate::terminal;

/// How long the program may take until it has drawn what it was told; it starts in two seconds.
const DRAWN_DEADLINE: Duration = Duration::from_secs(120);
/// What the model asks. One word, since the program draws blanks by moving the cursor.
const QUESTION: &str = "Which-product-is-it?";
const ANSWER: &str = "A till for small shops, in Python.";
const DESCRIPTION: &str = "# Till\n\nA till for small shops: it adds up what is sold, prints receipts, and closes the day. Cashiers use it on a tablet. It is written in Python.\n";
const VERIFY: &str = "#!/bin/sh\nset -eu\npython3 -m unittest discover -s tests\n";

#[test]
fn real_claude_asks_in_the_terminal_writes_the_project_and_is_ended() {
    let canary = Canary::new();
    let api = MessagesApi::start(IpAddr::V4(Ipv4Addr::LOCALHOST), script());
    let swarm = with_claude(&canary, &api);

    let mut terminal = Terminal::start(&swarm, "init .");
    terminal.wait_for(&swarm, QUESTION);
    terminal.type_in(ANSWER);
    // The program takes what is typed at once for pasted text.
    thread::sleep(Duration::from_secs(1));
    terminal.type_in("\r");
    let (code, text) = terminal.end(&swarm);

    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("A till for small shops."), "{text}");
    assert!(
        text.contains("asks an agent to break PROJECT.md into tickets"),
        "{text}"
    );
    assert!(
        text.contains(" icanon") && text.contains(" echo "),
        "the terminal is not as it was: {text}"
    );
    let read = |name: &str| fs::read_to_string(swarm.root().join(name)).expect(name);
    assert_eq!(read("PROJECT.md"), DESCRIPTION);
    assert_eq!(read("verify.sh"), VERIFY);
    assert_eq!(swarm.git(&["status", "--porcelain"]), "");
    assert_eq!(
        swarm.git(&["log", "-1", "--format=%s"]),
        "Describe the project and its gate"
    );
    assert_eq!(
        swarm.tickets()[0].title,
        "Plan the work: break PROJECT.md into tickets"
    );
    worked_as_told(&api, &canary);
}

#[test]
fn real_claude_is_left_by_exit_and_the_project_works_without_it() {
    let canary = Canary::new();
    let api = MessagesApi::start(IpAddr::V4(Ipv4Addr::LOCALHOST), script());
    let swarm = with_claude(&canary, &api);

    let mut terminal = Terminal::start(&swarm, "init .");
    terminal.wait_for(&swarm, QUESTION);
    for typed in ["/exit", "\r"] {
        terminal.type_in(typed);
        thread::sleep(Duration::from_secs(1));
    }
    let (code, text) = terminal.end(&swarm);

    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ended before it was finished"), "{text}");
    assert!(
        text.contains(" icanon") && text.contains(" echo "),
        "the terminal is not as it was: {text}"
    );
    let description = fs::read_to_string(swarm.root().join("PROJECT.md")).expect("PROJECT.md");
    assert!(description.contains("What an agent should know"));
    assert_eq!(swarm.git(&["status", "--porcelain"]), "");
    assert_eq!(
        swarm.git(&["log", "-1", "--format=%s"]),
        "Add what swarm needs"
    );
    let first = &swarm.tickets()[0].title;
    assert!(first.contains("Describe the project"), "{first}");
}

/// A repository, and `claude` as its human has it.
fn with_claude(canary: &Canary, api: &MessagesApi) -> Swarm {
    let mut swarm = Swarm::on(|folder| {
        fs::write(folder.join("README.md"), "# Till\n").expect("a writable folder");
    });
    let home = swarm.root().parent().expect("a home").to_path_buf();
    install_claude(&home);
    log_in(&home, &swarm.root(), &canary.key());
    let path = std::env::var("PATH").expect("a path");
    swarm.set_env("PATH", &format!("{}:{path}", home.join("bin").display()));
    swarm.set_env("ANTHROPIC_API_KEY", &canary.key());
    swarm.set_env("ANTHROPIC_BASE_URL", &api.url());
    for name in [
        "DISABLE_AUTOUPDATER",
        "DISABLE_TELEMETRY",
        "DISABLE_ERROR_REPORTING",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    ] {
        swarm.set_env(name, "1");
    }
    swarm
}

/// What the model does. Its first verify.sh checks nothing, and is refused.
fn script() -> Script {
    let write = |name: &'static str, text: &str| Step::call(name, json!({ "text": text }));
    Script::default().on(
        "",
        "interview",
        [
            Step::say(QUESTION),
            write("mcp__swarm__write_project", DESCRIPTION)
                .with(write("mcp__swarm__write_verify", "#!/bin/sh\nexit 0\n")),
            write("mcp__swarm__write_verify", VERIFY),
            Step::call(
                "mcp__swarm__finish",
                json!({ "summary": "A till for small shops." }),
            ),
            Step::say("Goodbye."),
        ],
    )
}

fn worked_as_told(api: &MessagesApi, canary: &Canary) {
    let notes = api.notes();
    let steps: Vec<_> = notes
        .iter()
        .filter(|note| note.kind == "interview")
        .collect();
    assert!(steps.iter().any(|note| note.step == 4), "{notes:?}");
    for note in &steps {
        assert_eq!(note.key, Some(canary.key()), "{note:?}");
        let refused = note
            .tool_errors
            .iter()
            .any(|error| error.contains("runs nothing"));
        assert_eq!(refused, note.step == 2, "{note:?}");
        assert_eq!(note.tool_errors.len(), usize::from(refused), "{note:?}");
    }
}

/// Puts the program into the home, from the image that agents would run in.
fn install_claude(home: &Path) {
    let mut other = Swarm::on(|folder| {
        fs::write(folder.join("a"), "").expect("a writable folder");
    });
    other.init(&["--backend", "claude"]);
    other.set_env("ANTHROPIC_API_KEY", &Canary::new().key());
    // It builds the images; that nobody answers is not what this is about.
    other.try_swarm(&["backend", "test"]);
    let images = fs::read_to_string(other.folder().join("image/images.json"));
    let images = images.expect("'swarm backend test' builds the images");
    let images: Value = serde_json::from_str(&images).expect("names of images");
    let image = images["agent"].as_str().expect("the agents' image");
    let container = docker(&["create", image]);
    let container = container.trim();
    fs::create_dir(home.join("bin")).expect("a writable home");
    let place = home.join("bin/claude");
    let from = format!("{container}:/usr/local/bin/claude");
    docker(&["cp", &from, &place.display().to_string()]);
    docker(&["rm", container]);
}

/// As if the human had used the program before: it is set up, and trusts the folder and the key.
fn log_in(home: &Path, root: &Path, key: &str) {
    let approved = &key[key.len() - 20..];
    let settings = json!({
        "hasCompletedOnboarding": true,
        "lastOnboardingVersion": DEFAULT_CLAUDE_VERSION,
        "theme": "dark",
        "customApiKeyResponses": { "approved": [approved], "rejected": [] },
        "projects": { root.display().to_string(): { "hasTrustDialogAccepted": true } },
    });
    fs::write(home.join(".claude.json"), settings.to_string()).expect("a writable home");
}

/// A terminal in which `swarm` runs, and `stty` after it.
struct Terminal {
    child: Child,
    keyboard: Option<ChildStdin>,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Terminal {
    fn start(swarm: &Swarm, arguments: &str) -> Terminal {
        let mut script: Command = swarm.command(&PathBuf::from("script"));
        script
            .args(terminal::script(arguments))
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = script.spawn().expect("the program 'script' (util-linux)");
        let mut out = child.stdout.take().expect("a pipe");
        let screen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let drawn = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(size @ 1..) = out.read(&mut bytes) {
                drawn
                    .lock()
                    .expect("nobody panics with it")
                    .extend(&bytes[..size]);
            }
        });
        Terminal {
            keyboard: child.stdin.take(),
            child,
            screen,
            reader,
        }
    }

    fn text(&self) -> String {
        let screen = self.screen.lock().expect("nobody panics with it");
        String::from_utf8_lossy(&screen).into_owned()
    }

    fn wait_for(&self, swarm: &Swarm, word: &str) {
        let what = format!("{word:?} is on the screen");
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            swarm.wait_until(&what, DRAWN_DEADLINE, || self.text().contains(word));
        }));
        assert!(found.is_ok(), "{what}: {}", self.text());
    }

    fn type_in(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("a pipe");
        keyboard
            .write_all(text.as_bytes())
            .expect("somebody who reads");
        keyboard.flush().expect("somebody who reads");
    }

    fn end(mut self, swarm: &Swarm) -> (Option<i32>, String) {
        swarm.wait_until("the interview is over", DRAWN_DEADLINE, || {
            self.child.try_wait().expect("a child").is_some()
        });
        let code = self.child.wait().expect("a child").code();
        drop(self.keyboard.take());
        self.reader.join().expect("a reader");
        let screen = self.screen.lock().expect("nobody panics with it");
        (code, String::from_utf8_lossy(&screen).into_owned())
    }
}
