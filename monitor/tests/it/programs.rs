//! The programs that tests run beside the hub, built from the sources as they are now: cargo builds
//! the programs of the crate under test only.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What cargo calls the profile whose folder has another name.
const DEBUG: (&str, &str) = ("debug", "dev");

/// The folder with the programs, where this test was built. Builds them first, once.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        // TARGET/TRIPLE/PROFILE/deps/this-test
        let folder = test.ancestors().nth(2).unwrap();
        let (profile, target) = (
            folder.file_name().unwrap(),
            folder.ancestors().nth(2).unwrap(),
        );
        let profile = profile.to_str().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args([
                "build",
                "--quiet",
                "--locked",
                "--workspace",
                "--bins",
                "--profile",
            ])
            .arg(if profile == DEBUG.0 { DEBUG.1 } else { profile })
            .arg("--target-dir")
            .arg(target);
        let built = cargo.status().unwrap();
        assert!(
            built.success(),
            "the programs could not be built: {cargo:?}"
        );
        folder.to_owned()
    })
}
