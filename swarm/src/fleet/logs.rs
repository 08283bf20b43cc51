//! What a container printed.

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, TryStreamExt};

use super::{Fleet, FleetError, Result};

impl Fleet {
    /// What the container printed, oldest first, in pieces as they come: the last `tail` lines or
    /// all, and with `follow` what it prints from now on until it ends. The bytes are as the
    /// container wrote them.
    pub fn logs(
        &self,
        container: &str,
        follow: bool,
        tail: Option<u64>,
    ) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
        self.logs_since(container, follow, tail, None)
    }

    /// The same, of what was printed since this moment, in Unix seconds.
    pub fn logs_since(
        &self,
        container: &str,
        follow: bool,
        tail: Option<u64>,
        since: Option<i64>,
    ) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
        let since = since.map_or(0, |since| i32::try_from(since).unwrap_or(i32::MAX));
        let tail = tail.map_or("all".into(), |lines| lines.to_string());
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .follow(follow)
            .since(since)
            .tail(&tail)
            .build();
        self.docker
            .logs(container, Some(options))
            .map_ok(|output| output.into_bytes().to_vec())
            .map_err(FleetError::from)
    }
}
