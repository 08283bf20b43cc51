//! Lists that come page by page: a hub says by a `Link` header that there is more.

use reqwest::Method;
use reqwest::header::LINK;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ANSWER_TIMEOUT, Client, read};
use crate::error::Result;

/// Rows of the activity log, newest first.
#[derive(Serialize)]
pub(super) struct Rows {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
}

impl Client {
    /// Asks for page after page until there is no more, or `most` rows are there. `query` makes the
    /// question from the last row so far and from how many rows are still wanted.
    pub(super) fn pages<T: DeserializeOwned, Q: Serialize>(
        &self,
        path: &str,
        most: Option<u32>,
        query: impl Fn(Option<&T>, Option<u32>) -> Q,
    ) -> Result<Vec<T>> {
        let mut found: Vec<T> = Vec::new();
        loop {
            let left = most.map(|most| most.saturating_sub(count(&found)));
            let (rows, more) = self.page(path, &query(found.last(), left))?;
            let is_empty = rows.is_empty();
            found.extend(rows);
            if !more || is_empty || most.is_some_and(|most| count(&found) >= most) {
                return Ok(found);
            }
        }
    }

    /// One page, and whether there may be another.
    pub(super) fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<(Vec<T>, bool)> {
        let request = self.request(Method::GET, path).query(query);
        let response = self.send(request.timeout(ANSWER_TIMEOUT))?;
        let more = response.headers().contains_key(LINK);
        Ok((read(response)?, more))
    }
}

/// How many rows there are.
pub(super) fn count<T>(rows: &[T]) -> u32 {
    u32::try_from(rows.len()).unwrap_or(u32::MAX)
}
