//! What the words of an agent CLI mean, by the regular expressions of its backend.

use std::io;

use regex::Regex;
use ticket::backend;
use ticket::halt::UsageLimit;

use super::Ending;
use super::reset::reset_time;
use crate::lines::first_bytes;

/// What is kept of a line that matched.
const SAID: usize = 500;

/// The patterns of a backend, ready to be used.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    limit: Vec<Regex>,
    auth: Vec<Regex>,
    overloaded: Vec<Regex>,
    no_model: Vec<Regex>,
    no_session: Vec<Regex>,
    too_long: Vec<Regex>,
    fatal: Vec<Regex>,
    activity: Vec<Regex>,
    session: Vec<Regex>,
    served: Vec<Regex>,
}

impl Patterns {
    /// Compiles them. An error names the one that is wrong.
    pub fn new(patterns: &backend::Patterns) -> io::Result<Patterns> {
        let compiled = |list: &[String]| {
            list.iter()
                .map(|one| Regex::new(one).map_err(|e| io::Error::other(e.to_string())))
                .collect::<io::Result<Vec<Regex>>>()
        };
        Ok(Patterns {
            limit: compiled(&patterns.limit)?,
            auth: compiled(&patterns.auth)?,
            overloaded: compiled(&patterns.overloaded)?,
            no_model: compiled(&patterns.no_model)?,
            no_session: compiled(&patterns.no_session)?,
            too_long: compiled(&patterns.too_long)?,
            fatal: compiled(&patterns.fatal)?,
            activity: compiled(&patterns.activity)?,
            session: compiled(&patterns.session)?,
            served: compiled(&patterns.served)?,
        })
    }

    /// How a run ends that said this of a failure of its own, seen at `now`; none when no pattern
    /// matches. The account comes before the service, and both before the conversation.
    pub fn ending(&self, said: &str, now: i64) -> Option<Ending> {
        let text = || first_bytes(said.trim(), SAID).to_owned();
        if let Some(found) = self.limit.iter().find_map(|one| one.captures(said)) {
            let reset = found.name("reset");
            let limit = UsageLimit {
                resets_at: reset.and_then(|at| reset_time(at.as_str(), now)),
                weekly: found.name("weekly").is_some(),
            };
            let said = text();
            return Some(Ending::RateLimited { limit, said });
        }
        let matches = |list: &[Regex]| list.iter().any(|one| one.is_match(said));
        if matches(&self.auth) {
            return Some(Ending::Auth(text()));
        }
        if matches(&self.no_session) {
            return Some(Ending::NoConversation(text()));
        }
        if matches(&self.too_long) {
            return Some(Ending::Unusable(text()));
        }
        if matches(&self.no_model) {
            return Some(Ending::NoModel(text()));
        }
        if matches(&self.overloaded) {
            return Some(Ending::Service(text()));
        }
        matches(&self.fatal).then(|| Ending::Failed(text()))
    }

    /// Whether a line of output is a sign of life.
    pub fn is_activity(&self, line: &str) -> bool {
        self.activity.is_empty() || self.activity.iter().any(|one| one.is_match(line))
    }

    /// The conversation's name, when a line says it.
    pub fn session(&self, line: &str) -> Option<String> {
        let found = self.session.iter().find_map(|one| one.captures(line))?;
        Some(found.name("session")?.as_str().to_owned())
    }

    /// Whether a line shows that the model answered.
    pub fn is_served(&self, line: &str) -> bool {
        self.served.iter().any(|one| one.is_match(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_276_800;

    fn patterns() -> Patterns {
        let list = |one: &str| vec![one.to_owned()];
        Patterns::new(&backend::Patterns {
            limit: list("(?P<weekly>weekly )?limit reached(?:, resets (?P<reset>.+))?"),
            auth: list("^login"),
            overloaded: list("busy"),
            fatal: list("fatal"),
            session: list("conversation (?P<session>[a-z0-9]+)"),
            ..backend::Patterns::default()
        })
        .unwrap()
    }

    #[test]
    fn words_become_endings() {
        let limit = |resets_at, weekly, said: &str| Ending::RateLimited {
            limit: UsageLimit { resets_at, weekly },
            said: said.into(),
        };
        for (said, expected) in [
            ("limit reached", limit(None, false, "limit reached")),
            (
                "limit reached, resets in 2 hours",
                limit(Some(NOW + 7200), false, "limit reached, resets in 2 hours"),
            ),
            (
                "weekly limit reached, resets someday",
                limit(None, true, "weekly limit reached, resets someday"),
            ),
            (
                "login refused: busy",
                Ending::Auth("login refused: busy".into()),
            ),
            ("busy", Ending::Service("busy".into())),
            ("fatal: x", Ending::Failed("fatal: x".into())),
        ] {
            assert_eq!(patterns().ending(said, NOW), Some(expected));
        }
        assert_eq!(patterns().ending("all is well", NOW), None);
    }

    #[test]
    fn a_conversation_is_named_by_a_group() {
        let name = patterns().session("conversation ab12 begins");
        assert_eq!(name.as_deref(), Some("ab12"));
        assert!(patterns().is_activity("anything"));
    }
}
