//! Who asks: the token of a request and what it is good for, and the extractors by which a handler
//! says whom it is for. Each listener's own rules are in `listener`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;
use ticket::store::Principal;
use ticket::wire::Role;
use ticket::{Actor, Error};

use crate::error::Refusal;

/// Who stands behind a request; put into its extensions by the listener that let it in.
#[derive(Clone, Debug)]
pub enum Caller {
    /// The person in charge.
    Human,
    /// Somebody on the agents' listener.
    Agent(Principal),
}

/// Whoever may use the ticket routes, as the store wants to know it. A runner may not: it acts on
/// attempts, and its agent has a token for tickets.
pub struct Acting(pub Actor);

/// The runner of a worker, by the agent's name.
pub struct Worker(pub String);

/// The runner of a verifier, by its name.
pub struct Verifier(pub String);

impl<S: Sync> FromRequestParts<S> for Acting {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Acting, Refusal> {
        match caller(parts)? {
            Caller::Human => Ok(Acting(Actor::Human)),
            Caller::Agent(Principal::Attempt {
                agent,
                ticket,
                attempt,
            }) => Ok(Acting(Actor::Attempt {
                agent,
                ticket,
                attempt,
            })),
            Caller::Agent(Principal::Proposer { agent, run }) => {
                Ok(Acting(Actor::Proposer { agent, run }))
            }
            Caller::Agent(Principal::Runner { name, .. }) => {
                Err(Refusal(Error::Forbidden(format!(
                    "{name}'s runner may not use tickets: only the agent inside an attempt may"
                ))))
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Worker {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Worker, Refusal> {
        runner(parts, Role::Worker).map(Worker)
    }
}

impl<S: Sync> FromRequestParts<S> for Verifier {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Verifier, Refusal> {
        runner(parts, Role::Verifier).map(Verifier)
    }
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Compares secrets in a time that does not tell where they differ.
pub fn same(given: &str, secret: &str) -> bool {
    given.as_bytes().ct_eq(secret.as_bytes()).into()
}

fn caller(parts: &Parts) -> Result<Caller, Refusal> {
    parts
        .extensions
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Refusal(Error::Unauthorized("a token is needed".into())))
}

fn runner(parts: &Parts, wanted: Role) -> Result<String, Refusal> {
    match caller(parts)? {
        Caller::Agent(Principal::Runner { name, role }) if role == wanted => Ok(name),
        _ => Err(Refusal(Error::Forbidden(format!(
            "only the runner of a {} may do that",
            wanted.as_str()
        )))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        let read = |value| bearer(&headers(header::AUTHORIZATION, value)).map(str::to_owned);
        assert_eq!(read("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("abc"), None);
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let cookies = headers(header::COOKIE, "xswarm=1; swarm=2;other=3");
        assert_eq!(cookie(&cookies, "swarm"), Some("2"));
        assert_eq!(cookie(&cookies, "arm"), None);
    }

    #[test]
    fn secrets_are_the_same_only_when_equal() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("ab", "abc") && !same("", "abc"));
    }
}
