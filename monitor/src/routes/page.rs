//! Long lists come page by page. A cursor is the number of a row and not a count of rows, so a page is
//! the same whatever was added meanwhile, and the last one costs no more than the first.

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The most rows of one page.
pub const MOST: u32 = 1000;

/// How many rows a page has when so many are asked for.
pub fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(MOST).min(MOST)
}

/// Some rows, and in the header `Link` where the next ones are, when there may be some.
pub struct Page<T> {
    rows: Vec<T>,
    next: Option<HeaderValue>,
}

impl<T> Page<T> {
    /// A full page has a next one: what was asked for at `uri`, with this cursor in the parameter
    /// `name`.
    pub fn new(
        rows: Vec<T>,
        limit: u32,
        uri: &OriginalUri,
        name: &str,
        cursor: impl Fn(&[T]) -> Option<i64>,
    ) -> Page<T> {
        let is_full = rows.len() >= limit as usize;
        let next = cursor(&rows)
            .filter(|_| is_full)
            .and_then(|cursor| link(uri, name, cursor));
        Page { rows, next }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.rows).into_response();
        if let Some(next) = self.next {
            response.headers_mut().insert(header::LINK, next);
        }
        response
    }
}

fn link(uri: &Uri, name: &str, cursor: i64) -> Option<HeaderValue> {
    let others = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && key != name
    });
    let cursor = format!("{name}={cursor}");
    let query: Vec<&str> = others.chain([cursor.as_str()]).collect();
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"));
    HeaderValue::from_bytes(link.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_what_was_asked_for_with_another_cursor() {
        for (asked, expected) in [
            ("/api/v1/log", "</api/v1/log?before=7>; rel=\"next\""),
            (
                "/api/v1/log?limit=5&before=12&ticket=3",
                "</api/v1/log?limit=5&ticket=3&before=7>; rel=\"next\"",
            ),
            (
                "/api/v1/log?&beforehand=%26",
                "</api/v1/log?beforehand=%26&before=7>; rel=\"next\"",
            ),
        ] {
            let next = link(&asked.parse().unwrap(), "before", 7).unwrap();
            assert_eq!(next, expected);
        }
    }

    #[test]
    fn only_a_full_page_has_a_next_one() {
        let uri = OriginalUri("/tickets".parse().unwrap());
        let page = |rows: Vec<i64>| Page::new(rows, 2, &uri, "after", |rows| rows.last().copied());
        assert!(page(vec![1, 2]).next.is_some());
        assert!(page(vec![1]).next.is_none());
        let none = Page::new(Vec::<i64>::new(), 0, &uri, "after", |rows| {
            rows.last().copied()
        });
        assert!(none.next.is_none());
    }
}
