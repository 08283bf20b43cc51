//! A disk of the swarm's own, in memory, that can be full for a while.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Enough for the project, its database and the sessions of a night.
const MEGABYTES: usize = 2048;
const FILLING: &str = ".filling";

/// It is unmounted when this is dropped.
pub struct Disk {
    place: PathBuf,
    /// Who fills it holds this: two would remove each other's filling.
    turn: Mutex<()>,
}

impl Disk {
    /// On an empty folder. `None` where mounting is not allowed.
    pub fn on(place: &Path) -> Option<Disk> {
        let size = format!("size={MEGABYTES}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "soak"])
            .arg(place)
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Disk {
            place: place.to_owned(),
            turn: Mutex::new(()),
        })
    }

    /// Leaves no room on it for so long.
    pub fn full_for(&self, length: Duration) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.place.join(FILLING);
        let block = vec![0; 1 << 20];
        if let Ok(mut filling) = fs::File::create(&file) {
            while filling.write_all(&block).is_ok() {}
            // The last few kilobytes too.
            while filling.write_all(&block[..512]).is_ok() {}
        }
        thread::sleep(length);
        fs::remove_file(&file).expect("the filling can be removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.place)
            .status();
        let _ = fs::remove_dir(&self.place);
        let _ = self.place.parent().map(fs::remove_dir);
    }
}
