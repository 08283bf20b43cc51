//! Who may speak on the agents' listener. Codes and tokens are kept as hashes.

use rusqlite::{OptionalExtension, named_params};

use super::{Store, Write, attempts, events, landings, proposals};
use crate::error::{Error, Result};
use crate::secret;
use crate::wire::{Enrolled, Role, Unfinished};

/// Who stands behind a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A runner in its container.
    Runner {
        /// The agent's name.
        name: String,
        /// What it is for.
        role: Role,
    },
    /// An agent CLI inside an attempt that is live or not yet settled.
    Attempt {
        /// The agent's name.
        agent: String,
        /// The ticket.
        ticket: i64,
        /// The number of the attempt.
        attempt: i64,
    },
    /// An agent CLI inside a proposal run.
    Proposer {
        /// The agent's name.
        agent: String,
        /// The number of the run.
        run: i64,
    },
}

/// A row of the agents table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRow {
    /// `agent-1`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its container's name.
    pub container: Option<String>,
    /// When it was last heard of.
    pub seen_at: Option<String>,
}

impl Store {
    /// Lets a runner enrol with `code`, once. What was enrolled under this name before is out.
    pub fn register_agent(
        &mut self,
        name: &str,
        role: Role,
        container: Option<&str>,
        code: &str,
    ) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO agents (name, role, container, code_hash)
                 VALUES (:name, :role, :container, :code)
                 ON CONFLICT (name) DO UPDATE SET role = excluded.role,
                     container = excluded.container, code_hash = excluded.code_hash,
                     token_hash = NULL, created_at = datetime('now'), seen_at = NULL",
                named_params! {
                    ":name": name, ":role": role.as_str(), ":container": container,
                    ":code": secret::hash(code),
                },
            )?;
            Ok(())
        })
    }

    /// The agent is gone for good; its token is worth nothing from now on.
    pub fn forget_agent(&mut self, name: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "DELETE FROM agents WHERE name = :name",
                named_params! { ":name": name },
            )?;
            Ok(())
        })
    }

    /// Trades a one-time code for a token, and names the attempt that an earlier process under the
    /// same name left behind. [`Error::Unauthorized`] when the code is unknown or used.
    pub fn enroll(&mut self, code: &str) -> Result<Enrolled> {
        self.write(|tx| {
            let token = secret::new_token();
            let row: Option<(String, String)> = tx
                .query_row(
                    "UPDATE agents SET code_hash = NULL, token_hash = :token, seen_at = datetime('now')
                     WHERE code_hash = :code RETURNING name, role",
                    named_params! { ":token": secret::hash(&token), ":code": secret::hash(code) },
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let Some((name, role)) = row else {
                return Err(Error::Unauthorized("this enrolment code is unknown or was used".into()));
            };
            proposals::leave_all(tx, &name)?;
            let role = role_of(&role);
            // Verifiers come and go with every landing: they would drown the log.
            if role == Role::Worker {
                events::append_as(tx, &name, None, "enrolled", None)?;
            }
            let unfinished = unfinished(tx, &name)?;
            Ok(Enrolled { name, role, token, unfinished })
        })
    }

    /// Who has this token; none when it is unknown or out of date.
    pub fn principal(&self, token: &str) -> Result<Option<Principal>> {
        let hash = secret::hash(token);
        let runner = self
            .conn
            .prepare_cached("SELECT name, role FROM agents WHERE token_hash = :hash")?
            .query_row(named_params! { ":hash": hash }, |row| {
                let role: String = row.get(1)?;
                Ok(Principal::Runner {
                    name: row.get(0)?,
                    role: role_of(&role),
                })
            })
            .optional()?;
        if runner.is_some() {
            return Ok(runner);
        }
        let attempt = self
            .conn
            .prepare_cached(
                "SELECT a.agent, a.ticket_id, a.number FROM attempts a
                 JOIN tickets t ON t.id = a.ticket_id
                 WHERE a.token_hash = :hash AND a.number = t.attempt
                   AND (a.ended_at IS NULL OR a.settled = 0)",
            )?
            .query_row(named_params! { ":hash": hash }, |row| {
                Ok(Principal::Attempt {
                    agent: row.get(0)?,
                    ticket: row.get(1)?,
                    attempt: row.get(2)?,
                })
            })
            .optional()?;
        if attempt.is_some() {
            return Ok(attempt);
        }
        Ok(self
            .conn
            .prepare_cached(
                "SELECT agent, id FROM proposal_runs
                 WHERE token_hash = :hash AND ended_at IS NULL AND left_at IS NULL",
            )?
            .query_row(named_params! { ":hash": hash }, |row| {
                Ok(Principal::Proposer {
                    agent: row.get(0)?,
                    run: row.get(1)?,
                })
            })
            .optional()?)
    }

    /// Writes down that an agent was heard of.
    pub fn seen(&mut self, name: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE agents SET seen_at = datetime('now') WHERE name = :name",
                named_params! { ":name": name },
            )?;
            Ok(())
        })
    }

    /// Every agent that is registered, by name.
    pub fn agents(&self) -> Result<Vec<AgentRow>> {
        let mut query = self
            .conn
            .prepare_cached("SELECT name, role, container, seen_at FROM agents ORDER BY name")?;
        let rows = query.query_map([], |row| {
            let role: String = row.get(1)?;
            Ok(AgentRow {
                name: row.get(0)?,
                role: role_of(&role),
                container: row.get(2)?,
                seen_at: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The attempt that an earlier process of this agent left, with a fresh token. One whose work is in
/// the landing queue needs nobody: it is marked as left.
fn unfinished(tx: &Write<'_>, name: &str) -> Result<Option<Unfinished>> {
    let row: Option<(i64, i64)> = tx
        .query_row(
            "SELECT a.ticket_id, a.number FROM attempts a JOIN tickets t ON t.id = a.ticket_id
             WHERE a.agent = :name AND a.number = t.attempt AND a.token_hash IS NOT NULL
               AND (a.ended_at IS NULL OR a.settled = 0)
             ORDER BY a.ended_at IS NOT NULL, a.started_at DESC LIMIT 1",
            named_params! { ":name": name },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((ticket, attempt)) = row else {
        return Ok(None);
    };
    if landings::is_live(tx, ticket)? {
        attempts::leave(tx, name, ticket, attempt)?;
        return Ok(None);
    }
    let token = secret::new_token();
    tx.execute(
        "UPDATE attempts SET token_hash = :token, heartbeat_at = datetime('now')
         WHERE ticket_id = :ticket AND number = :number",
        named_params! { ":token": secret::hash(&token), ":ticket": ticket, ":number": attempt },
    )?;
    Ok(Some(Unfinished {
        ticket,
        attempt,
        token,
    }))
}

fn role_of(word: &str) -> Role {
    if word == Role::Verifier.as_str() {
        Role::Verifier
    } else {
        Role::Worker
    }
}
