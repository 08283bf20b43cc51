//! The door for people and their CLIs, published on 127.0.0.1 only.
//!
//! A browser is a deputy that any page may try to confuse, so beside the token three things are
//! asked of every request: its Host is one of ours (or another name was made to point here), a write
//! comes from our own page, and a cookie alone is not enough for a write without that proof.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use ticket::{Error, secret};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa_axum::router::OpenApiRouter;

use super::deadline::in_time;
use super::size::not_too_large;
use super::streams::bounded;
use super::unchanged::unchanged;
use super::{BODY_TIMEOUT, MAX_BATCH, MAX_BODY};
use crate::auth::{self, Caller};
use crate::error::Refusal;
use crate::git::access;
use crate::git::http::{Endpoint, MAX_PUSH};
use crate::hub::Shared;
use crate::routes::openapi::PREFIX;
use crate::{pages, routes};

/// On every answer. The page has one script and one style sheet, both our own files. Other sites are told
/// nothing; our own forms have to say where they come from, which with "no-referrer" browsers do not.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Who may come in by this door.
pub struct Door {
    token: String,
    cookie: String,
    session: String,
    hosts: Vec<String>,
}

impl Door {
    /// Of the hub that people reach on this port. Cookies are shared by all ports of a host, so the
    /// cookie's name carries the project's id.
    pub fn new(token: &str, project_id: &str, port: u16) -> Door {
        Door {
            token: token.to_owned(),
            cookie: format!("swarm-{project_id}"),
            session: secret::hash(&format!("session {token}")),
            hosts: ["127.0.0.1", "localhost", "[::1]"]
                .map(|host| format!("{host}:{port}"))
                .into(),
        }
    }

    /// The cookie that a browser gets for the right token.
    pub fn log_in(&self, token: &str) -> Option<String> {
        auth::same(token, &self.token).then(|| {
            let (name, session) = (&self.cookie, &self.session);
            format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict")
        })
    }

    /// Lets people fetch with git.
    fn for_git(&self) -> access::Door {
        access::Door::Human {
            token_hash: secret::hash(&self.token),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(host))
    }

    /// Whether a request names us, once in its headers, and nobody else in its address.
    fn is_meant(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return false;
        };
        let in_address = uri.authority().map(|authority| authority.as_str());
        let in_header = host.to_str().unwrap_or_default();
        [Some(in_header), in_address]
            .into_iter()
            .flatten()
            .all(|name| self.is_ours(name))
    }

    /// Lets a request in, or says why not.
    fn admit(&self, method: &Method, headers: &HeaderMap) -> Result<(), Error> {
        let by_token = auth::bearer(headers).is_some_and(|t| auth::same(t, &self.token));
        let by_cookie =
            auth::cookie(headers, &self.cookie).is_some_and(|c| auth::same(c, &self.session));
        if !by_token && !by_cookie {
            return Err(Error::Unauthorized(
                "a token is needed: run 'swarm open', or send the one in .swarm/hub.json".into(),
            ));
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        match self.origin(headers) {
            // Another page may lead here, but what it embeds or fetches is none of its business.
            Origin::Foreign if is_read && !by_token && !is_navigation(headers) => Err(
                Error::Forbidden("another site's page may not read with your cookie".into()),
            ),
            _ if is_read => Ok(()),
            Origin::Ours => Ok(()),
            Origin::Unsaid if by_token => Ok(()),
            Origin::Unsaid | Origin::Foreign => Err(Error::Forbidden(
                "a write must come from the hub's own page or from a program with the token".into(),
            )),
        }
    }

    /// Where a browser says that the request comes from.
    fn origin(&self, headers: &HeaderMap) -> Origin {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let origin = headers
            .get(header::ORIGIN)
            .map(|o| o.to_str().unwrap_or(""));
        let from_ours = origin.map(|origin| {
            let host = origin.strip_prefix("http://");
            host.is_some_and(|host| self.is_ours(host))
        });
        match (site, from_ours) {
            (Some(b"same-origin"), None | Some(true)) => Origin::Ours,
            (Some(_), _) => Origin::Foreign,
            (None, Some(true)) => Origin::Ours,
            (None, Some(false)) => Origin::Foreign,
            (None, None) => Origin::Unsaid,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Ours,
    Foreign,
    Unsaid,
}

/// The JSON API for people, with its description. A route cannot be here and not there.
pub fn api() -> OpenApiRouter<Shared> {
    routes::openapi::frame()
        .merge(routes::tickets(MAX_BATCH))
        .merge(routes::whole())
        .merge(routes::status::router())
        .merge(routes::fleet::router())
        .merge(routes::agents::router())
        .merge(routes::landings::human_router())
        .merge(routes::notify::router())
        .merge(routes::services::router())
        .merge(routes::transcripts::human_router())
        .merge(routes::verifications::human_router())
        .merge(routes::events::router())
        .merge(routes::openapi::router())
}

/// The answer to an unknown address: a page for a person, who may have mistyped it.
async fn nowhere(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method == Method::GET && is_navigation(&headers) && is_for_browsers(uri.path()) {
        return pages::nowhere();
    }
    routes::no_such_route(method, uri).await.into_response()
}

/// Whether a browser asks because its user goes somewhere.
pub fn is_navigation(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate")
}

/// Everything that people may ask for.
pub fn router(hub: Shared) -> Router {
    let guarded = Router::new()
        .nest(PREFIX, Router::from(api()).layer(from_fn(unchanged)))
        .merge(pages::router(&hub).layer(smaller()))
        .merge(routes::metrics::router())
        .layer(from_fn_with_state(hub.clone(), guard));
    let git = Endpoint::new(hub.bare.clone(), hub.door.for_git(), MAX_PUSH);
    Router::new()
        .merge(guarded)
        .merge(routes::health::router())
        .merge(routes::login::router())
        .merge(pages::assets().layer(smaller()))
        .fallback(routing::any(nowhere))
        .method_not_allowed_fallback(routes::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(from_fn(in_time))
        .layer(from_fn(not_too_large))
        .layer(from_fn_with_state(hub.clone(), bounded))
        .with_state(hub.clone())
        .merge(git.router())
        .layer(from_fn_with_state(hub, only_our_names))
        .layer(from_fn(secured))
}

/// Compressed for those who take that. Event streams are left alone.
fn smaller() -> CompressionLayer {
    CompressionLayer::new().quality(CompressionLevel::Fastest)
}

async fn guard(State(hub): State<Shared>, mut request: Request, next: Next) -> Response {
    match hub.door.admit(request.method(), request.headers()) {
        Ok(()) => {
            request.extensions_mut().insert(Caller::Human);
            next.run(request).await
        }
        Err(Error::Unauthorized(_)) if is_for_browsers(request.uri().path()) => {
            pages::locked().await
        }
        Err(error) => Refusal(error).into_response(),
    }
}

/// What is refused there is told by a page.
fn is_for_browsers(path: &str) -> bool {
    !path.starts_with("/api/") && path != routes::metrics::PATH
}

/// Refuses a Host that is not ours: a name that was made to point here by somebody else.
async fn only_our_names(State(hub): State<Shared>, request: Request, next: Next) -> Response {
    if hub.door.is_meant(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::MISDIRECTED_REQUEST,
        "this is a swarm's hub; it answers to 127.0.0.1 and localhost only\n",
    )
        .into_response()
}

async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "secret";

    fn door() -> Door {
        Door::new(TOKEN, "a1b2c3", 3000)
    }

    fn admits(method: Method, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let headers = headers
            .iter()
            .map(|(k, v)| (k.parse::<HeaderName>().unwrap(), v.parse().unwrap()))
            .collect();
        door().admit(&method, &headers).map_err(|e| e.kind())
    }

    fn cookie() -> String {
        let set = door().log_in(TOKEN).unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn only_the_token_or_its_cookie_opens_the_door() {
        let cookie = cookie();
        assert!(admits(Method::GET, &[("authorization", "Bearer secret")]).is_ok());
        assert!(admits(Method::GET, &[("cookie", &cookie)]).is_ok());
        for wrong in [
            vec![],
            vec![("authorization", "Bearer other")],
            vec![("cookie", "swarm-a1b2c3=secret")],
            vec![("cookie", "swarm-ffffff=1")],
        ] {
            assert_eq!(admits(Method::GET, &wrong), Err("unauthorized"));
        }
        assert_eq!(door().log_in("other"), None);
    }

    #[test]
    fn a_write_must_come_from_our_own_page_or_a_program() {
        let (cookie, bearer) = (cookie(), ("authorization", "Bearer secret"));
        let with_cookie = |more: &[(&str, &str)]| {
            admits(
                Method::POST,
                &[&[("cookie", cookie.as_str())], more].concat(),
            )
        };
        assert!(with_cookie(&[("origin", "http://127.0.0.1:3000")]).is_ok());
        assert!(with_cookie(&[("origin", "http://localhost:3000")]).is_ok());
        assert!(with_cookie(&[("sec-fetch-site", "same-origin")]).is_ok());
        for foreign in [
            vec![],
            vec![("origin", "http://evil.example")],
            vec![("origin", "http://127.0.0.1:3001")],
            vec![("origin", "null")],
            vec![("sec-fetch-site", "same-site")],
            vec![
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://127.0.0.1:3000"),
            ],
            vec![
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://evil.example"),
            ],
        ] {
            assert_eq!(with_cookie(&foreign), Err("forbidden"), "{foreign:?}");
        }
        assert!(admits(Method::POST, &[bearer]).is_ok());
        assert_eq!(
            admits(Method::POST, &[bearer, ("origin", "http://evil.example")]),
            Err("forbidden")
        );
    }

    #[test]
    fn another_page_cannot_read_with_our_cookie() {
        let cookie = cookie();
        let read = |more: &[(&str, &str)]| {
            admits(
                Method::GET,
                &[&[("cookie", cookie.as_str())], more].concat(),
            )
        };
        let foreign = ("sec-fetch-site", "same-site");
        assert_eq!(read(&[foreign]), Err("forbidden"));
        assert_eq!(
            read(&[foreign, ("sec-fetch-mode", "cors")]),
            Err("forbidden")
        );
        assert_eq!(read(&[("origin", "http://evil.example")]), Err("forbidden"));
        assert!(read(&[foreign, ("sec-fetch-mode", "navigate")]).is_ok());
        assert!(read(&[("sec-fetch-site", "same-origin")]).is_ok());
        let bearer = ("authorization", "Bearer secret");
        assert!(admits(Method::GET, &[bearer, foreign]).is_ok());
    }

    #[test]
    fn a_request_names_us_once_and_nobody_else() {
        let ours = "127.0.0.1:3000";
        for (address, hosts, expected) in [
            ("/", vec![ours], true),
            ("/", vec![], false),
            ("/", vec![ours, ours], false),
            ("/", vec![ours, "evil.example"], false),
            ("http://127.0.0.1:3000/", vec![ours], true),
            ("http://evil.example/", vec![ours], false),
            ("http://127.0.0.1:3000/", vec!["evil.example"], false),
        ] {
            let mut headers = HeaderMap::new();
            for host in &hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            let is_meant = door().is_meant(&address.parse().unwrap(), &headers);
            assert_eq!(is_meant, expected, "{address} {hosts:?}");
        }
    }

    #[test]
    fn only_loopback_names_with_our_port_are_ours() {
        for ours in ["127.0.0.1:3000", "LOCALHOST:3000", "[::1]:3000"] {
            assert!(door().is_ours(ours), "{ours}");
        }
        for other in [
            "127.0.0.1",
            "127.0.0.1:3001",
            "evil.example:3000",
            "127.0.0.1.evil:3000",
            "",
        ] {
            assert!(!door().is_ours(other), "{other}");
        }
    }
}
