//! Whose token a git client shows: as a bearer token, or as the password of basic authentication so
//! that a plain git can do it too. The user name is not looked at.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use ticket::store::Principal;

use crate::database::Database;
use crate::verification::Verifications;

/// Who asks, as far as git is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// An agent within one attempt: fetches, and pushes that attempt's branch.
    Attempt {
        /// The ticket.
        ticket: i64,
        /// The number of the attempt.
        attempt: i64,
    },
    /// A runner, a verifier or a proposer: fetches.
    Reader {
        /// Its name.
        name: String,
    },
    /// The human: fetches.
    Human,
}

/// The listener that a request came in by. Each knows other tokens.
#[derive(Clone)]
pub enum Door {
    /// Inside the swarm's network.
    Agents {
        /// Knows the tokens of runners and attempts.
        database: Database,
        /// Knows the tokens of verifications.
        verifications: Verifications,
    },
    /// On the host.
    Human {
        /// [`ticket::secret::hash`] of the human's token.
        token_hash: String,
    },
}

impl Door {
    /// Who `token` belongs to; `None` when nobody.
    pub async fn identify(&self, token: String) -> ticket::Result<Option<Client>> {
        match self {
            Door::Human { token_hash } => {
                let shown = ticket::secret::hash(&token);
                let same = bool::from(shown.as_bytes().ct_eq(token_hash.as_bytes()));
                Ok(same.then_some(Client::Human))
            }
            Door::Agents {
                database,
                verifications,
            } => {
                if let Some(name) = verifications.holder_of(&token) {
                    return Ok(Some(Client::Reader { name }));
                }
                let principal = database.read(move |store| store.principal(&token)).await?;
                Ok(principal.map(client))
            }
        }
    }

    /// Whether the branch that `client` may push is still its own. The error is a sentence for the
    /// git client.
    pub async fn may_push(&self, client: &Client) -> ticket::Result<()> {
        match (self, client) {
            (Door::Agents { database, .. }, &Client::Attempt { ticket, attempt }) => {
                database
                    .read(move |store| store.may_push(ticket, attempt))
                    .await
            }
            _ => Err(ticket::Error::Refused(
                "this token may fetch and not push".into(),
            )),
        }
    }
}

fn client(principal: Principal) -> Client {
    match principal {
        Principal::Attempt {
            ticket, attempt, ..
        } => Client::Attempt { ticket, attempt },
        Principal::Runner { name, .. } | Principal::Proposer { agent: name, .. } => {
            Client::Reader { name }
        }
    }
}

/// The token in the `Authorization` header.
pub fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (_user, password) = pair.split_once(':')?;
    Some(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_as_bearer_or_as_password() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic eDphYmM=", Some("abc")),
            ("Basic eDphOmI=", Some("a:b")),
            ("Basic eA==", None),
            ("Basic %%%", None),
            ("Digest abc", None),
            ("abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(token(&headers).as_deref(), expected, "{value}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
