//! The start of the program without Rust's own, which reads the memory map and makes a second stack to
//! report an overflow of the first: a tenth of an empty program's time (ADR 10).

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::panic;

/// What Rust's own start exits with after a panic.
const PANICKED: c_int = 101;
/// The last of the three streams that every program expects to be open.
const STANDARD_ERROR: c_int = 2;

/// Called by the C library.
#[unsafe(no_mangle)]
#[expect(
    unsafe_code,
    reason = "the C library finds the function by this name, and no other has it"
)]
extern "C" fn main() -> c_int {
    open_standard_streams();
    let code = panic::catch_unwind(crate::run).map_or(PANICKED, c_int::from);
    let _ = io::stdout().flush();
    code
}

/// Whoever closed one of them must not find our output in the next file that is opened.
fn open_standard_streams() {
    while let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        if null.as_raw_fd() > STANDARD_ERROR {
            break;
        }
        let _ = null.into_raw_fd();
    }
}
