//! `ticket backup`.

use std::path::Path;

use ticket::partial::Partial;
use ticket::printed::BackedUp;
use ticket::store::backup;
use ticket::{Result, text};

use super::print::{meanwhile, print};
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, file: &Path, force: bool) -> Result<u8> {
    let copy = Partial::begin(file, force)?;
    meanwhile("Copying …");
    door.queue(|queue| queue.backup(copy.path()))?;
    let tickets = backup::check(copy.path())?;
    let bytes = copy.finish()?;
    let done = BackedUp {
        file: file.display().to_string(),
        tickets,
        bytes,
    };
    print(format, &done, |done| {
        format!(
            "Backed up {} tickets to {} ({}).",
            done.tickets,
            text::one_line(&done.file),
            text::size(done.bytes)
        )
    })
}
