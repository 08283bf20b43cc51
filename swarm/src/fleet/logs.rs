//! What a container printed.

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, StreamExt, TryStreamExt};

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
        let tail = tail.map_or("all".into(), |lines| lines.to_string());
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .follow(follow)
            .tail(&tail)
            .build();
        let fleet = self.clone();
        let container = container.to_string();
        async_stream(move || fleet.docker.logs(&container, Some(options)).boxed())
            .map_ok(|output| output.into_bytes().to_vec())
            .map_err(FleetError::from)
    }
}

/// The stream that `make` gives, which may borrow nothing.
fn async_stream<T, S: Stream<Item = T>>(make: impl FnOnce() -> S) -> S {
    make()
}
