//! Runs `swarm` under strace and says what it did: which programs it started, whom it spoke to, and which
//! files it wrote.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::support::{Place, Said};

/// Everything that starts a program, speaks to somebody, or changes a file.
const CALLS: &str = "execve,execveat,connect,sendto,sendmsg,open,openat,openat2,creat,truncate,rename,\
    renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat,link,linkat,chmod,\
    fchmodat,chown,lchown,fchownat,utimensat,setxattr,lsetxattr,mknod,mknodat,mount";

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Calls that start a program, the first one left out.
    pub started: Vec<String>,
    /// Calls that speak to another process or machine.
    pub spoke: Vec<String>,
    /// Files and folders that were made, changed or taken away.
    pub wrote: Vec<PathBuf>,
}

/// Runs `swarm` with these arguments in the place, watched.
pub fn watch(place: &Place, arguments: &str) -> (Said, Seen) {
    let notes = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-y", "-s", "65536", "-e"])
        .arg(format!("trace={CALLS}"))
        .args(["-e", "signal=none", "-o"])
        .arg(notes.path())
        .arg(env!("CARGO_BIN_EXE_swarm"))
        .args(arguments.split_whitespace());
    let said = place.say(&mut command);
    let text = fs::read_to_string(notes.path()).unwrap();
    let seen = read(&text, &place.root());
    (said, seen)
}

fn read(text: &str, folder: &Path) -> Seen {
    let mut seen = Seen::default();
    let mut programs = 0;
    for line in text.lines() {
        let (_, call) = line.split_once(' ').unwrap_or(("", line));
        let call = call.trim_start();
        let name = call.split('(').next().unwrap_or_default();
        match name {
            "execve" | "execveat" => {
                programs += 1;
                if programs > 1 {
                    seen.started.push(call.into());
                }
            }
            "connect" | "sendto" | "sendmsg" => seen.spoke.push(call.into()),
            // The rest of a call that another thread came between.
            _ if call.starts_with("<...") => {}
            _ if call.contains(" = -1 ") => {}
            "open" | "openat" | "openat2" if !writes(call) => {}
            _ => seen.wrote.extend(paths(call, folder)),
        }
    }
    assert_eq!(programs.min(1), 1, "strace saw nothing: {text}");
    seen
}

fn writes(call: &str) -> bool {
    ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
        .iter()
        .any(|flag| call.contains(flag))
}

/// The paths that stand in a call, each from the folder that stands before it, if one does.
fn paths(call: &str, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut before = folder.to_path_buf();
    let arguments = call.split_once('(').map_or("", |(_, rest)| rest);
    let mut rest = arguments;
    while let Some(at) = rest.find(['"', '<']) {
        let (mark, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        let end = if mark == b'"' { '"' } else { '>' };
        let Some(close) = closing(after, end) else {
            break;
        };
        let word = &after[..close];
        match end {
            '"' => found.push(straight(&before.join(word))),
            _ => before = PathBuf::from(word),
        }
        rest = &after[close + 1..];
    }
    found
}

fn closing(text: &str, end: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == end => return Some(at),
            _ => {}
        }
    }
    None
}

fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                straight.pop();
            }
            Component::CurDir => {}
            part => straight.push(part),
        }
    }
    straight
}

#[test]
fn the_witness_sees_what_is_done() {
    let text = concat!(
        "7 execve(\"/bin/swarm\", [\"swarm\"], 0x1) = 0\n",
        "7 openat(AT_FDCWD</p>, \"a\", O_RDONLY) = 3</p/a>\n",
        "7 openat(AT_FDCWD</p>, \"b\", O_WRONLY|O_CREAT, 0666) = 3</p/b>\n",
        "7 openat(AT_FDCWD</p>, \"c\", O_WRONLY) = -1 ENOENT (No such file)\n",
        "8 rename(\"/x/d\", \"../e\") = 0\n",
        "8 unlinkat(4</q>, \"f\", 0) = 0\n",
        "9 execve(\"/bin/sh\", [\"sh\"], 0x1) = 0\n",
        "9 connect(5<socket:[1]>, {sa_family=AF_UNIX}, 12) = 0\n",
    );
    let seen = read(text, Path::new("/p"));
    let wrote = ["/p/b", "/x/d", "/e", "/q/f"].map(PathBuf::from);
    assert_eq!(seen.wrote, wrote);
    assert_eq!((seen.started.len(), seen.spoke.len()), (1, 1));
}
