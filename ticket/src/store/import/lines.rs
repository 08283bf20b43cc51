//! The lines of an import, one at a time: however long the file is, only one of them is in memory.

use std::io::{BufRead, Read};

use super::invalid;
use crate::error::{Error, Result};
use crate::transfer::MAX_LINE;

/// The lines of a file, blank ones passed over, none longer than [`MAX_LINE`].
pub struct Lines<R> {
    from: std::io::BufReader<R>,
    number: u64,
    text: Vec<u8>,
}

/// One line.
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// Without what ends it.
    pub text: &'a [u8],
}

impl<R: Read> Lines<R> {
    /// Those of `from`.
    pub fn of(from: R) -> Lines<R> {
        Lines {
            from: std::io::BufReader::with_capacity(1 << 16, from),
            number: 0,
            text: Vec::new(),
        }
    }

    /// The next one; none at the end.
    pub fn next(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.text.clear();
            self.number += 1;
            let read = (&mut self.from)
                .take(MAX_LINE as u64 + 1)
                .read_until(b'\n', &mut self.text)
                .map_err(|e| Error::Io("the import cannot be read".into(), e))?;
            if read > MAX_LINE {
                return invalid(&format!(
                    "line {}: it has more than {MAX_LINE} bytes",
                    self.number
                ));
            }
            if read == 0 {
                return Ok(None);
            }
            if self.number == 1 && self.text.starts_with(b"\xEF\xBB\xBF") {
                self.text.drain(..3);
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some(Line {
            number: self.number,
            text: self.text.trim_ascii(),
        }))
    }
}
