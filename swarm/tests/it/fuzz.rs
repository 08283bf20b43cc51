//! Hostile arguments to every command of every program, in a folder without a project and in one with:
//! no panic, no signal, no exit code that is not in the table, nothing written outside.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Place;

/// How many command lines of a program with many commands are tried; `SWARM_FUZZ_RUNS` says otherwise.
const RUNS: u64 = 1500;
/// A program with one command has so many times less.
const FEWER: u64 = 10;
/// How many run at once.
const AT_ONCE: u64 = 4;
/// The longest that one may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// A program under test.
pub struct Program {
    path: &'static str,
    /// With which it may end: docs/exit-codes.md, and `agent_runner::exit`.
    codes: &'static [i32],
    /// Commands that make the file or folder that they are told, so it must be one in here; all of them
    /// where it is `*`.
    writes: &'static [&'static str],
}

pub const SWARM: Program = Program {
    path: env!("CARGO_BIN_EXE_swarm"),
    codes: &[0, 1, 2, 3, 4, 5, 6, 7, 130],
    writes: &["init", "demo", "man"],
};
pub const TICKET: Program = Program {
    path: env!("CARGO_BIN_EXE_ticket"),
    codes: &[0, 1, 2],
    writes: &["*"],
};
const MONITOR: Program = Program {
    path: env!("CARGO_BIN_EXE_monitor"),
    codes: &[0, 1, 2],
    writes: &["*"],
};
const RUNNER: Program = Program {
    path: env!("CARGO_BIN_EXE_agent-runner"),
    codes: &[1, 2],
    writes: &["*"],
};

/// Every command with its flags, as the help names them.
pub struct Commands {
    program: &'static Program,
    pub names: Vec<Vec<String>>,
    pub flags: BTreeMap<Vec<String>, Vec<String>>,
}

#[test]
fn no_arguments_make_it_panic_or_write_elsewhere() {
    let commands = Commands::read(&SWARM);
    assert!(commands.names.len() > 20, "{:?}", commands.names);
    commands.try_all(runs());
}

#[test]
fn nor_do_they_ticket() {
    let commands = Commands::read(&TICKET);
    assert!(commands.names.len() > 20, "{:?}", commands.names);
    commands.try_all(runs());
}

#[test]
fn nor_do_they_the_programs_in_containers() {
    Commands::read(&MONITOR).try_all(runs() / FEWER);
    let flags = ["probe", "reach", "--work"].map(str::to_owned).to_vec();
    let commands = Commands {
        program: &RUNNER,
        names: vec![Vec::new()],
        flags: BTreeMap::from([(Vec::new(), flags)]),
    };
    commands.try_all(runs() / FEWER);
}

fn runs() -> u64 {
    let runs = std::env::var("SWARM_FUZZ_RUNS");
    runs.map_or(RUNS, |runs| runs.parse().expect("a number of runs"))
}

fn fuzz(commands: &Commands, worker: u64, runs: u64) {
    let bare = Place::with_repository(&[("a", "")]);
    let project = Place::with_project(&[("a", "")]);
    // What a command may reach by a relative name stands above its folder.
    let watched = [bare.root(), project.root()].map(|root| root.parent().unwrap().to_owned());
    let outside = |watched: &Path| {
        let mut names: Vec<_> = fs::read_dir(watched)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = watched.clone().map(|folder| outside(&folder));
    for run in 0..runs {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (worker * 1_000_003 + run + 1));
        let place = if run % 2 == 0 { &bare } else { &project };
        let arguments = commands.draw(&mut random);
        check(commands.program, place, &arguments);
    }
    let after = watched.map(|folder| outside(&folder));
    assert_eq!(before, after, "something was written outside");
}

fn check(program: &Program, place: &Place, arguments: &[OsString]) {
    let root = place.root();
    let home = root.parent().unwrap().join("home");
    let mut child = Command::new(program.path)
        .args(arguments)
        .current_dir(&root)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &home)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(fs::File::create(home.join("stdout")).unwrap())
        .stderr(fs::File::create(home.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("{arguments:?} did not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let said = fs::read(home.join("stderr")).unwrap();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(status.signal(), None, "{arguments:?}: {said}");
    let code = status.code().unwrap();
    assert!(
        program.codes.contains(&code),
        "{arguments:?} ends with {code}: {said}"
    );
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    let printed = fs::metadata(home.join("stdout")).unwrap().len();
    let spoke = !said.is_empty() || printed > 0;
    assert!(code == 0 || spoke, "{arguments:?} says nothing");
    assert!(!said.contains('\u{1b}'), "{arguments:?}: {said:?}");
}

impl Commands {
    /// Asks the program itself, level by level.
    pub fn read(program: &'static Program) -> Commands {
        let mut commands = Commands {
            program,
            names: Vec::new(),
            flags: BTreeMap::new(),
        };
        commands.read_below(&[]);
        commands
    }

    fn try_all(&self, runs: u64) {
        std::thread::scope(|scope| {
            for worker in 0..AT_ONCE {
                scope.spawn(move || fuzz(self, worker, runs / AT_ONCE));
            }
        });
    }

    fn read_below(&mut self, path: &[String]) {
        let said = Command::new(self.program.path)
            .args(path)
            .arg("--help")
            .output()
            .unwrap();
        let help = String::from_utf8(said.stdout).unwrap();
        let words = help.split_whitespace();
        let flags = words.filter_map(|word| {
            let flag = word.trim_end_matches([',', '.', ')', '\'']);
            flag.starts_with('-').then(|| flag.to_owned())
        });
        self.flags.insert(path.to_vec(), flags.collect());
        self.names.push(path.to_vec());
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| line.starts_with("  ")) {
            let name = line.split_whitespace().next().unwrap_or_default();
            if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
                self.read_below(&[path, &[name.to_owned()]].concat());
            }
        }
    }

    fn draw(&self, random: &mut Random) -> Vec<OsString> {
        let path = &self.names[random.below(self.names.len())];
        let mut arguments: Vec<OsString> = path.iter().map(OsString::from).collect();
        for _ in 0..random.below(5) {
            let flags = &self.flags[path];
            let flag = (!flags.is_empty()).then(|| flags[random.below(flags.len())].clone());
            match (random.below(3), flag) {
                (0, Some(flag)) => arguments.push(flag.into()),
                (1, Some(flag)) => {
                    let mut joined = OsString::from(flag);
                    joined.push("=");
                    joined.push(random.word());
                    arguments.push(joined);
                }
                _ => arguments.push(random.word()),
            }
        }
        // Following a swarm that is not there would wait.
        let waits = ["-f", "--follow", "-w", "--watch"];
        arguments.retain(|word| !word.to_str().is_some_and(|word| waits.contains(&word)));
        let writes = |name: &str| self.program.writes.contains(&name);
        if writes("*") || path.first().is_some_and(|name| writes(name)) {
            let leads_out = |word: &OsString| {
                let bytes = word.as_bytes();
                bytes.contains(&b'/') || bytes.windows(2).any(|pair| pair == b"..")
            };
            arguments.retain(|word| !leads_out(word));
        }
        arguments
    }
}

/// Xorshift: the same command lines each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn word(&mut self) -> OsString {
        const WORDS: [&str; 40] = [
            "",
            " ",
            "-",
            "--",
            "---",
            "0",
            "1",
            "-1",
            "65",
            "4294967296",
            "18446744073709551616",
            "1e308",
            "NaN",
            "../..",
            "/",
            "/dev/null",
            "/proc/self/environ",
            ".",
            "a b",
            "\n",
            "\t",
            "\u{1b}[31mred",
            "\u{202e}rtl",
            "🦀",
            "'",
            "\"",
            "$(id)",
            "`id`",
            "; id",
            "%s%n",
            "agents.count",
            "agents",
            "prices.\"x",
            "hub",
            "agent-1",
            "HEAD",
            "HEAD~99999",
            "refs/../../x",
            "--json",
            "[]",
        ];
        match self.below(4) {
            0 => {
                let bytes = (0..self.below(12)).map(|_| (self.next() % 255 + 1) as u8);
                OsString::from_vec(bytes.collect())
            }
            1 => "x".repeat(self.below(5000)).into(),
            _ => WORDS[self.below(WORDS.len())].into(),
        }
    }
}
