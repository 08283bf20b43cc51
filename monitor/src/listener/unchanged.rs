//! What a client has already is not sent again: an answer in JSON has an `ETag`, which is a hash of it,
//! and the same again is 304 for whoever names that in `If-None-Match`. Much of what is asked for
//! changes without an event, as time passes or agents are heard of, so only the answer itself tells.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Answers to reads, where the client has them already, with 304.
pub async fn unchanged(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known = request.headers().get_all(header::IF_NONE_MATCH);
    let known: Vec<HeaderValue> = known.iter().cloned().collect();
    let response = next.run(request).await;
    if response.status() != StatusCode::OK || !is_whole_json(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = tag(&bytes);
    let is_known = known.iter().any(|known| names(known, &tag));
    parts.headers.extend([(header::ETAG, tag)]);
    if is_known {
        let kept = |name: &header::HeaderName| *name == header::ETAG || *name == header::LINK;
        let headers: HeaderMap = parts
            .headers
            .into_iter()
            .filter_map(|(name, value)| name.filter(kept).map(|name| (name, value)))
            .collect();
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Neither a stream nor anything that may be long.
fn is_whole_json(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    is_json && response.body().size_hint().exact().is_some()
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether an `If-None-Match` has this tag in its list, or any.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|one| {
        let one = one.strip_prefix("W/").unwrap_or(one);
        one == "*" || one.as_bytes() == tag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list() {
        let tag = HeaderValue::from_static("\"a1\"");
        for (known, expected) in [
            ("\"a1\"", true),
            ("\"b2\", W/\"a1\"", true),
            ("*", true),
            ("a1", false),
            ("\"a\"", false),
            ("", false),
        ] {
            assert_eq!(names(&known.parse().unwrap(), &tag), expected, "{known}");
        }
    }

    #[test]
    fn other_answers_have_other_tags() {
        assert_ne!(tag(b"[1]"), tag(b"[2]"));
        assert_eq!(tag(b"[1]"), tag(b"[1]"));
    }
}
