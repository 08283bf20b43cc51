//! The account's credential while the hub runs: when it ends, and whether it was renewed. A new one
//! lets an agent try again after a refused login.
//!
//! `swarm login` writes the file anew. A hub that runs as a plain process also sees the file that
//! `claude` itself renews, and takes that over.

use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use swarm::Project;
use swarm::credentials::Credentials;
use ticket::{Actor, moment};

use crate::hub::Shared;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// So long before its end a login is a problem and is told of, in seconds.
pub const SOON: i64 = 2 * 60 * 60;

/// What is known of the credential.
#[derive(Debug, Default)]
pub struct Login {
    ends_at: Mutex<Option<i64>>,
}

impl Login {
    /// When it ends, in Unix seconds, where that is known.
    pub fn ends_at(&self) -> Option<i64> {
        *self.lock()
    }

    /// What the human is told when it ends soon.
    pub fn problem(&self, now: i64) -> Option<String> {
        let ends = self.ends_at().filter(|ends| ends - now < SOON)?;
        let at = moment::text(ends).unwrap_or_default();
        let verb = if ends <= now { "ended" } else { "ends" };
        Some(format!(
            "the login {verb} at {at} UTC: run 'claude' once, or 'claude setup-token', then \
             'swarm login'"
        ))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<i64>> {
        self.ends_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One version of the file.
type Stamp = Option<(u64, i64, i64, u64)>;

/// What a look found.
struct Found {
    stamp: Stamp,
    ends_at: Option<i64>,
}

/// Looks after the credential until the hub ends.
pub async fn run(hub: Shared) {
    let mut known: Option<Stamp> = None;
    loop {
        let project = hub.project.clone();
        let seen = known;
        let looked = tokio::task::spawn_blocking(move || look(&project, seen)).await;
        if let Ok(Some(found)) = looked {
            *hub.login.lock() = found.ends_at;
            // At the start of a hub the login may be tried anyway.
            if known.is_some() {
                renewed(&hub).await;
            }
            known = Some(found.stamp);
        }
        tokio::select! {
            () = hub.closing.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => (),
        }
    }
}

/// What the file holds, when it is another one than the last time.
fn look(project: &Project, known: Option<Stamp>) -> Option<Found> {
    let stamp = stamp(project);
    let is_new = known != Some(stamp);
    let credentials = Credentials::read(project).unwrap_or_default();
    if let Some(renewed) = credentials.renewed()
        && renewed.write(project).is_ok()
    {
        tracing::info!("the login was renewed");
        return Some(Found {
            stamp: self::stamp(project),
            ends_at: renewed.expires_at(),
        });
    }
    is_new.then(|| Found {
        stamp,
        ends_at: credentials.expires_at(),
    })
}

fn stamp(project: &Project) -> Stamp {
    let file = std::fs::metadata(project.credentials_file()).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec(), file.size()))
}

async fn renewed(hub: &Shared) {
    let told = hub.database.call(|store| {
        store.note(&Actor::Hub, None, "login_renewed", None)?;
        store.try_login_again()
    });
    if let Err(error) = told.await {
        tracing::warn!("a renewed login was not taken note of: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_a_problem_when_it_ends_within_two_hours() {
        let login = Login::default();
        assert_eq!(login.problem(0), None);
        *login.lock() = Some(SOON);
        assert_eq!(login.problem(0), None);
        assert!(login.problem(1).unwrap().starts_with("the login ends at"));
        assert!(login.problem(SOON).unwrap().starts_with("the login ended"));
    }
}
