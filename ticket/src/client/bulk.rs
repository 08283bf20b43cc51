//! Bodies that do not fit into memory: they pass in pieces, in either direction.

use std::io::{Error as IoError, Read, Result as IoResult, Write};

use reqwest::Method;

use super::{BULK_TIMEOUT, Client};
use crate::error::{Error, Result};
use crate::transfer::MAX_IMPORT;

/// How much passes at once.
const PIECE: usize = 64 << 10;

impl Client {
    /// Writes an answer of any length to `to`, as it comes.
    pub(super) fn fetch(&self, path: &str, to: &mut dyn Write) -> Result<()> {
        let request = self.request(Method::GET, path).timeout(BULK_TIMEOUT);
        let mut answer = self.send(request)?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = answer
                .read(&mut piece)
                .map_err(|e| Error::Unavailable(format!("the hub's answer broke off: {e}")))?;
            if read == 0 {
                return to.flush().map_err(cannot_keep);
            }
            to.write_all(&piece[..read]).map_err(cannot_keep)?;
        }
    }
}

fn cannot_keep(error: IoError) -> Error {
    Error::Io("the hub's answer cannot be written".into(), error)
}

/// An import on its way to the hub; it fails when it is longer than the hub allows.
pub struct Limited {
    from: Box<dyn Read + Send>,
    left: u64,
}

impl Limited {
    /// Up to [`MAX_IMPORT`] of `from`.
    pub fn new(from: Box<dyn Read + Send>) -> Limited {
        Limited {
            from,
            left: MAX_IMPORT,
        }
    }
}

impl Read for Limited {
    fn read(&mut self, piece: &mut [u8]) -> IoResult<usize> {
        let read = self.from.read(piece)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(IoError::other(format!(
                    "the file has more than {} MB: stop the hub, and import it into the database file",
                    MAX_IMPORT >> 20
                )));
            }
        }
        Ok(read)
    }
}
