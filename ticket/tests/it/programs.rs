//! The programs that tests run. They are built in another package than the one under test, so tests
//! take what was built last, and fail when that is older than its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A program of the workspace, built with the same profile as the test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test");
    let folder = test
        .parent()
        .and_then(Path::parent)
        .expect("a target folder");
    let program = folder.join(name);
    let built = fs::metadata(&program).and_then(|found| found.modified());
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let written = newest(&crates.join(name).join("src"));
    assert!(
        built.is_ok_and(|built| built >= written),
        "{} is missing, or older than its sources: run 'cargo build --locked --bins' first, for the \
         same profile",
        program.display()
    );
    program
}

/// When the newest source of a program was written.
fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).expect("sources");
    let times = entries.map(|entry| {
        let entry = entry.expect("sources");
        let found = entry.metadata().expect("sources");
        match (entry.file_name().to_str(), found.is_dir()) {
            (Some("tests" | "tests.rs"), _) => SystemTime::UNIX_EPOCH,
            (_, true) => newest(&entry.path()),
            (_, false) => found.modified().expect("sources"),
        }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
