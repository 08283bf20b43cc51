//! The programs that tests run beside the hub. Cargo builds those of the crate under test only; `make
//! test` builds all of them first.

use std::path::{Path, PathBuf};

/// A program of the workspace, as it was built last.
pub fn program(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_monitor")).with_file_name(name);
    assert!(
        program.exists(),
        "there is no {}: run 'cargo build --locked --bins' first",
        program.display()
    );
    program
}
