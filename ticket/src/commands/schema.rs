//! `ticket schema`.

use ticket::Result;

use super::print::print;
use crate::cli::Format;

pub fn run() -> Result<u8> {
    print(Format::Json, &ticket::schema::document(), |_| String::new())
}
