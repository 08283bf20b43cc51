//! `ticket doctor`. A file that is no sound database gets its diagnosis, too.

use std::path::Path;

use ticket::diagnosis::Diagnosis;
use ticket::store::doctor;
use ticket::{Error, Result};

use super::print::print;
use crate::cli::Format;
use crate::door::{self, Door};

pub fn run(db: Option<&Path>, format: Format, repair: bool) -> Result<u8> {
    let diagnosis = match Door::open(db) {
        Ok(mut door) => door.queue(|queue| queue.doctor(repair))?,
        Err(error) => of_closed_file(db, repair, error)?,
    };
    print(format, &diagnosis, Diagnosis::text)?;
    Ok(match diagnosis.faults() {
        0 => ticket::exit::OK,
        _ => ticket::exit::REFUSED,
    })
}

/// The diagnosis of a file that cannot be opened; the error, when that is not the file's fault.
fn of_closed_file(db: Option<&Path>, repair: bool, error: Error) -> Result<Diagnosis> {
    let path = door::database(db)?;
    let of_the_file = match &error {
        Error::Sqlite(_) | Error::Database(..) | Error::NewerSchema { .. } => true,
        Error::NotFound(_) | Error::Refused(_) => path.is_file(),
        _ => false,
    };
    if !of_the_file {
        return Err(error);
    }
    let mut diagnosis = doctor::examine(&path)?;
    if repair {
        diagnosis.note_repair(Err(error));
    }
    Ok(diagnosis)
}
