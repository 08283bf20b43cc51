//! Transcripts: handed in by runners, read by people.

use std::time::Duration;

use reqwest::Method;

use super::{ANSWER_TIMEOUT, BULK_TIMEOUT, Client, POLL_SLACK, broken_off, read};
use crate::error::Result;
use crate::transcript::{Entry, Form, IS_LAST, Kept, Key, Piece, Wanted};

impl Client {
    /// Hands in a piece of a run's transcript that begins at `offset`; says how much the hub has.
    pub fn record(&self, run: &Key, offset: u64, piece: Vec<u8>) -> Result<Kept> {
        let request = self
            .request(Method::POST, &run.route())
            .query(&[("offset", offset)])
            .body(piece)
            .timeout(ANSWER_TIMEOUT);
        read(self.send(request)?)
    }

    /// The transcripts that are wanted, newest first; waits for the first so many seconds.
    pub fn transcripts(&self, wanted: &Wanted, wait: u64) -> Result<Vec<Entry>> {
        let request = self
            .request(Method::GET, "/transcripts")
            .query(wanted)
            .query(&[("wait", wait)])
            .timeout(Duration::from_secs(wait) + POLL_SLACK);
        read(self.send(request)?)
    }

    /// What is there of a transcript from `offset` on; waits for more so many seconds.
    pub fn transcript(&self, id: u64, form: Form, offset: u64, wait: u64) -> Result<Piece> {
        let request = self
            .request(Method::GET, &format!("/transcripts/{id}/{}", form.as_str()))
            .query(&[("offset", offset), ("wait", wait)])
            .timeout(Duration::from_secs(wait) + BULK_TIMEOUT);
        let answer = self.send(request)?;
        let is_last = answer.headers().get(IS_LAST).is_some_and(|v| v == "true");
        let bytes = answer.bytes().map_err(|e| broken_off(&e))?.into();
        Ok(Piece { bytes, is_last })
    }
}
