//! A disk that fills up: the error says so, nothing is half written, and with room again it goes on.

use std::path::{Path, PathBuf};
use std::process::Command;

use ticket::filter::Filter;
use ticket::{Actor, Queue, Store};

use super::audit::sound;
use super::worker::titled;

/// A small file system of its own, gone when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> SmallDisk {
        run("mount", &["-t", "tmpfs", "-o", "size=2m", "tmpfs"], at);
        SmallDisk(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &[], &self.0);
    }
}

fn run(program: &str, words: &[&str], at: &Path) {
    let status = Command::new(program).args(words).arg(at).status().unwrap();
    assert!(status.success(), "{program} {}: {status}", at.display());
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_when_there_is_room() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not tried: only root may mount the small disk that this test fills");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(dir.path());
    let (database, ballast) = (disk.0.join("tickets.db"), disk.0.join("ballast"));
    std::fs::write(&ballast, vec![0; 512 * 1024]).unwrap();
    Store::migrate(&database, &mut |_| ()).unwrap();
    let mut store = Store::open(&database).unwrap();
    let (made, error) = fill(&mut store);
    assert!(error.contains("the disk is full"), "{error}");
    assert!(made > 0, "it was full from the start");
    // It stays full, and still nothing breaks.
    let (more, error) = fill(&mut store);
    assert!(error.contains("the disk is full"), "{error}");
    let many: Vec<_> = (0..500).map(|n| titled(&format!("Together {n}"))).collect();
    let refused = store
        .session(&Actor::Human)
        .create_all(&many)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("the disk is full"), "{refused}");
    assert_eq!(
        count(&mut store),
        made + more,
        "what failed left nothing behind"
    );
    drop(store);
    std::fs::remove_file(ballast).unwrap();
    let mut store = Store::open(&database).unwrap();
    assert_eq!(count(&mut store), made + more);
    store
        .session(&Actor::Human)
        .create(&titled("There is room"))
        .unwrap();
    drop(store);
    sound(&database);
}

/// Makes tickets until one cannot be made; returns how many were, and why it ended.
fn fill(store: &mut Store) -> (u64, String) {
    let new = ticket::ticket::NewTicket {
        description: Some("It takes some room. ".repeat(100)),
        ..titled("Fill the disk")
    };
    let mut queue = store.session(&Actor::Human);
    for made in 0.. {
        if let Err(error) = queue.create(&new) {
            return (made, error.to_string());
        }
    }
    unreachable!("the disk never fills up")
}

fn count(store: &mut Store) -> u64 {
    store
        .session(&Actor::Human)
        .count(&Filter::default())
        .unwrap()
}
