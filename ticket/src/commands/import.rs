//! `ticket import`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ticket::{Error, Result};

use super::print::{meanwhile, print};
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, file: &Path) -> Result<u8> {
    let from: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let cannot = |e| Error::Io(format!("cannot read {}", file.display()), e);
        Box::new(File::open(file).map_err(cannot)?)
    };
    meanwhile("Importing …");
    let imported = door.queue(|queue| queue.import(from))?;
    print(format, &imported, ToString::to_string)
}
