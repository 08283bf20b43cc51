//! How much the work directory holds, and the end of work that fills the disk. An agent can write
//! nowhere else: the rest of its container is read-only or memory.
//!
//! A look walks through every file, so it comes seldom: when the disk has filled up by enough to
//! matter, or after a while, and never so often that it costs more than a little of the processor.

use std::collections::HashSet;
use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use ticket::text::exact_size;

use crate::console::Console;
use crate::interrupt::{Interrupt, Why};
use crate::layout::Layout;

/// How often the disk is asked how full it is, which costs nothing.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The longest between two walks, whatever the disk says: others may make the room that an agent
/// fills.
const WALK_EVERY: Duration = Duration::from_secs(60);
/// A rest takes so many times as long as the walk before it.
const REST: u32 = 20;
/// A walk is due when the disk has filled up by this part of what is left.
const PART: u64 = 8;
/// What a file takes at least: a disk has room for so many, however small they are.
const LEAST: u64 = 4096;
/// The part of the limit, in percent, from which on there is a warning.
const WARN_PERCENT: u64 = 80;
/// What a folder's owner needs to list it and to ask how large its files are.
const TO_LOOK: u32 = 0o500;
/// The bits of a mode that say who may do what.
const MODE: u32 = 0o7777;

/// Watches the work directory while it lives.
pub struct DiskWatch {
    limit: u64,
    found: Arc<Found>,
    _ends: Sender<()>,
}

/// What the looks have found.
#[derive(Debug, Default)]
struct Found {
    held: AtomicU64,
    is_over: AtomicBool,
}

impl DiskWatch {
    /// Raises the interrupt once `root` holds more than `limit` bytes; 0 is no limit.
    pub fn start(root: &Path, limit: u64, interrupt: Interrupt, console: Console) -> DiskWatch {
        let found = Arc::<Found>::default();
        let (ends, ended) = channel();
        if limit > 0 {
            let watcher = Watcher {
                root: root.to_owned(),
                limit,
                interrupt,
                console,
                found: Arc::clone(&found),
            };
            thread::spawn(move || {
                let goes_on = |wait| ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
                watcher.watch(goes_on);
            });
        }
        DiskWatch {
            limit,
            found,
            _ends: ends,
        }
    }

    /// Watches nothing.
    pub fn none() -> DiskWatch {
        DiskWatch {
            limit: 0,
            found: Arc::default(),
            _ends: channel().0,
        }
    }

    /// Whether it was too much.
    pub fn is_over(&self) -> bool {
        self.found.is_over.load(Ordering::Relaxed)
    }

    /// Makes room for the next work, when this one is over: after too much all of it goes, and when
    /// half of the room was used, what only saves time does.
    pub fn make_room(&self, layout: &Layout, console: &Console) {
        let held = self.found.held.load(Ordering::Relaxed);
        let made = match self.is_over() {
            true => layout.clear(),
            false if self.limit > 0 && held > self.limit / 2 => layout.clear_caches(),
            false => return,
        };
        if let Err(e) = made {
            console.say("disk", &format!("the work directory was not emptied: {e}"));
        }
    }
}

struct Watcher {
    root: PathBuf,
    limit: u64,
    interrupt: Interrupt,
    console: Console,
    found: Arc<Found>,
}

impl Watcher {
    fn watch(&self, goes_on: impl Fn(Duration) -> bool) {
        let mut last = self.walk();
        let mut has_warned = false;
        loop {
            if last.held > self.limit {
                let size = exact_size(self.limit);
                let what = format!(
                    "{} holds more than {size} (limits.disk)",
                    self.root.display()
                );
                self.console.say("disk", &what);
                self.found.is_over.store(true, Ordering::Relaxed);
                self.interrupt.raise(Why::Disk(self.limit));
                return;
            }
            let is_much = last.held >= self.limit / 100 * WARN_PERCENT;
            if is_much && !has_warned {
                let percent = last.held / (self.limit / 100).max(1);
                let size = exact_size(self.limit);
                let what = format!(
                    "{percent} % of {size} (limits.disk) are used: above it the run is ended"
                );
                self.console.say("disk", &what);
            }
            has_warned = is_much;
            while goes_on(ASK_EVERY) {
                if self.is_due(&last) {
                    last = self.walk();
                    break;
                }
            }
            if !goes_on(Duration::ZERO) {
                return;
            }
        }
    }

    fn is_due(&self, last: &Walk) -> bool {
        let since = last.at.elapsed();
        if since < last.took * REST {
            return false;
        }
        let filled = taken(&self.root).saturating_sub(last.taken);
        since >= WALK_EVERY || filled >= (self.limit - last.held) / PART
    }

    fn walk(&self) -> Walk {
        let (begun, taken) = (Instant::now(), taken(&self.root));
        let held = held(&self.root);
        self.found.held.store(held, Ordering::Relaxed);
        Walk {
            held,
            taken,
            took: begun.elapsed(),
            at: Instant::now(),
        }
    }
}

/// What one walk found.
struct Walk {
    /// Bytes in the work directory.
    held: u64,
    /// Bytes of its disk that anybody had taken, before the walk.
    taken: u64,
    took: Duration,
    at: Instant,
}

/// How much of the disk that `root` is on is taken, by whomever; 0 when it does not say.
fn taken(root: &Path) -> u64 {
    statvfs(root).map_or(0, |disk| {
        let blocks = disk.blocks().saturating_sub(disk.blocks_free());
        blocks.saturating_mul(disk.fragment_size())
    })
}

/// The bytes that `root` and all in it take from its disk; each file once, whatever its names, with
/// those that are removed and still held open. A folder that is closed to this user is opened for as
/// long as it is looked at.
fn held(root: &Path) -> u64 {
    let Ok(top) = fs::symlink_metadata(root) else {
        return 0;
    };
    let mut seen = HashSet::new();
    let mut sum = 0;
    let mut steps = vec![Step::Into(root.to_owned())];
    while let Some(step) = steps.pop() {
        let folder = match step {
            Step::Into(folder) => folder,
            Step::Close(opened) => {
                opened.close();
                continue;
            }
        };
        steps.extend(Opened::open(&folder).map(Step::Close));
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            // What vanishes meanwhile takes nothing.
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            if meta.dev() != top.dev()
                || (meta.nlink() > 1 && !meta.is_dir() && !seen.insert(meta.ino()))
            {
                continue;
            }
            sum += bytes(&meta);
            if meta.is_dir() {
                steps.push(Step::Into(entry.path()));
            }
        }
    }
    sum + removed_and_open(root)
}

/// What is left to do of a walk; the last is done first, so a folder is closed when all in it was seen.
enum Step {
    Into(PathBuf),
    Close(Opened),
}

/// A folder that its owner, who is this user, had closed to this user too.
struct Opened {
    folder: PathBuf,
    before: u32,
    now: u32,
}

impl Opened {
    /// Opens the folder, if that is needed and can be done.
    fn open(folder: &Path) -> Option<Opened> {
        let before = fs::symlink_metadata(folder).ok()?.mode() & MODE;
        let now = before | TO_LOOK;
        if before == now {
            return None;
        }
        fs::set_permissions(folder, Permissions::from_mode(now)).ok()?;
        Some(Opened {
            folder: folder.to_owned(),
            before,
            now,
        })
    }

    /// Closes it as it was, unless somebody has given it another mode meanwhile.
    fn close(self) {
        let mode = fs::symlink_metadata(&self.folder).map(|meta| meta.mode() & MODE);
        if mode.is_ok_and(|mode| mode == self.now) {
            // It is gone, or the next walk finds it open: both do no harm.
            let _ = fs::set_permissions(&self.folder, Permissions::from_mode(self.before));
        }
    }
}

fn bytes(meta: &Metadata) -> u64 {
    // In units of 512 bytes, whatever the disk's own.
    meta.blocks().saturating_mul(512).max(LEAST)
}

/// The bytes of files that had their name below `root`, have none any more, and are still open.
fn removed_and_open(root: &Path) -> u64 {
    let mut seen = HashSet::new();
    let mut sum = 0;
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_process = process.file_name().as_encoded_bytes()[0].is_ascii_digit();
        let open = is_process.then(|| fs::read_dir(process.path().join("fd")));
        for file in open.into_iter().flatten().flatten().flatten() {
            // The system adds to the old name that the file is deleted.
            let was_here = fs::read_link(file.path()).is_ok_and(|name| name.starts_with(root));
            let Ok(meta) = fs::metadata(file.path()) else {
                continue;
            };
            if was_here && meta.is_file() && meta.nlink() == 0 && seen.insert(meta.ino()) {
                sum += bytes(&meta);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::channel;

    use super::*;

    const MEGABYTE: usize = 1 << 20;

    #[test]
    fn what_takes_room_is_counted_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(held(root), 0);
        fs::create_dir(root.join("folder")).unwrap();
        fs::write(root.join("folder/file"), vec![1; MEGABYTE]).unwrap();
        let once = held(root);
        assert!((1 << 20..1 << 21).contains(&once), "{once}");
        fs::hard_link(root.join("folder/file"), root.join("other")).unwrap();
        assert_eq!(held(root), once);
        std::os::unix::fs::symlink("/", root.join("link")).unwrap();
        assert_eq!(held(root), once + LEAST);
        // A hole takes nothing.
        let sparse = fs::File::create(root.join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        assert!(held(root) < once + (1 << 20));
    }

    #[test]
    fn a_folder_that_is_closed_is_counted_and_closed_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let (outer, inner) = (root.join("outer"), root.join("outer/inner"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("file"), vec![1; MEGABYTE]).unwrap();
        let open = held(root);
        assert!(open > 1 << 20, "{open}");
        let close = |folder, mode| fs::set_permissions(folder, Permissions::from_mode(mode));
        close(&inner, 0o400).unwrap();
        close(&outer, 0o2000).unwrap();
        assert_eq!(held(root), open);
        let mode = |folder| fs::symlink_metadata(folder).unwrap().mode() & MODE;
        assert_eq!(mode(&outer), 0o2000);
        close(&outer, 0o700).unwrap();
        assert_eq!(mode(&inner), 0o400);
    }

    #[test]
    fn a_folder_that_is_given_a_mode_meanwhile_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o000)).unwrap();
        let opened = Opened::open(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        opened.close();
        let mode = fs::symlink_metadata(&folder).unwrap().mode() & MODE;
        assert_eq!(mode, 0o755);
        assert!(Opened::open(&folder).is_none());
    }

    #[test]
    fn empty_files_and_removed_ones_that_are_open_take_room_too() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for number in 0..100 {
            fs::write(root.join(number.to_string()), "").unwrap();
        }
        assert_eq!(held(root), 100 * LEAST);
        let path = root.join("removed");
        let mut open = fs::File::create(&path).unwrap();
        open.write_all(&vec![1; MEGABYTE]).unwrap();
        open.sync_all().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(held(root) >= 100 * LEAST + (1 << 20));
        drop(open);
        assert_eq!(held(root), 100 * LEAST);
    }

    #[test]
    fn too_much_is_said_once_and_interrupts() {
        let dir = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::default();
        let (to, raised) = channel();
        let _listening = interrupt.listen(to, |why| why);
        let limit = 8 << 20;
        let watch = |limit| {
            let console = Console::default();
            DiskWatch::start(dir.path(), limit, interrupt.clone(), console)
        };
        let none = watch(0);
        let watched = watch(limit);
        fs::write(dir.path().join("much"), vec![1; 9 * MEGABYTE]).unwrap();
        let why = raised.recv_timeout(Duration::from_secs(120)).unwrap();
        assert_eq!(why, Why::Disk(limit));
        assert!(watched.is_over() && !none.is_over());
    }
}
