//! A published open-source project, as its source distribution: real files with real tests.

use std::path::Path;
use std::time::Duration;

use super::command::{output, printed, within};

/// How long fetching a source distribution of some hundred kilobytes may take.
const FETCH_DEADLINE: Duration = Duration::from_secs(300);
/// How long anything on this machine's own files may take.
const LOCAL_DEADLINE: Duration = Duration::from_secs(60);

/// Puts `toolz` into `folder`. It has no dependencies, and 180 tests that pytest runs in a second,
/// however busy the machine is.
pub fn toolz(folder: &Path) {
    let parent = folder.parent().expect("a folder to fetch into");
    fetch("toolz", "1.0.0", parent);
    let archive = parent.join("toolz-1.0.0.tar.gz");
    let unpack = ["--extract", "--strip-components=1", "--file"];
    printed(
        within(LOCAL_DEADLINE, "tar")
            .args(unpack)
            .arg(&archive)
            .arg("--directory")
            .arg(folder),
    );
}

fn fetch(package: &str, version: &str, folder: &Path) {
    let mut pip = within(FETCH_DEADLINE, "python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps"])
        .args(["--no-binary", package])
        .arg(format!("{package}=={version}"))
        .arg("--dest")
        .arg(folder);
    let fetched = output(&mut pip);
    assert!(
        fetched.status.success(),
        "this test needs pip for python3 and a package index that has {package} {version}: {}",
        String::from_utf8_lossy(&fetched.stderr),
    );
}
