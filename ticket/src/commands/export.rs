//! `ticket export`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter};
use std::path::Path;

use ticket::partial::Partial;
use ticket::printed::Exported;
use ticket::transfer::{Header, Record};
use ticket::{Error, Result, text};

use super::print::{meanwhile, print};
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, file: Option<&Path>, force: bool) -> Result<u8> {
    let Some(file) = file.filter(|file| *file != Path::new("-")) else {
        let mut out = BufWriter::new(std::io::stdout().lock());
        door.queue(|queue| queue.export(&mut out))?;
        return Ok(ticket::exit::OK);
    };
    let copy = Partial::begin(file, force)?;
    meanwhile("Exporting …");
    door.queue(|queue| queue.export(&mut BufWriter::new(copy.file())))?;
    let counts = header(copy.path())?.counts;
    let bytes = copy.finish()?;
    let done = Exported {
        file: file.display().to_string(),
        counts,
        bytes,
    };
    print(format, &done, |done| {
        format!(
            "Exported {} to {} ({}).",
            done.counts,
            text::one_line(&done.file),
            text::size(done.bytes)
        )
    })
}

/// The first line tells what is in the file.
fn header(path: &Path) -> Result<Header> {
    let cannot = |e| Error::Io(format!("cannot read {}", path.display()), e);
    let mut line = Vec::new();
    BufReader::new(File::open(path).map_err(cannot)?)
        .read_until(b'\n', &mut line)
        .map_err(cannot)?;
    match Record::read(&line)? {
        Record::Header(header) => Ok(header),
        _ => Err(Error::Unavailable(
            "the export has no header: it was not kept".into(),
        )),
    }
}
