//! The hub's events as they happen, across restarts of the hub.

use std::time::Duration;

use ticket::event::Event;
use ticket::{Error, Result};

use crate::hub;
use crate::project::Project;

/// How long to wait before asking a hub again that went away without saying goodbye. Its container
/// is started again by the engine.
pub const RETRY: Duration = Duration::from_millis(500);
/// How often that is tried before it counts as gone for good.
pub const TRIES: u32 = 120;
/// How often it is tried when the hub took leave, which it also does when the engine restarts.
pub const TRIES_AFTER_LEAVE: u32 = 40;

/// Every event after `after`, first those that happened, then each as it happens. Ends when the
/// swarm is stopped.
pub fn follow(project: &Project, after: i64) -> impl Iterator<Item = Result<Event>> + use<> {
    Follow {
        project: project.clone(),
        after,
        stream: None,
        failures: 0,
    }
}

type Stream = Box<dyn Iterator<Item = Result<Event>>>;

struct Follow {
    project: Project,
    after: i64,
    stream: Option<Stream>,
    failures: u32,
}

impl Iterator for Follow {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        loop {
            match self.stream.as_mut().and_then(Iterator::next) {
                Some(Ok(event)) => {
                    self.failures = 0;
                    self.after = event.id;
                    return Some(Ok(event));
                }
                Some(Err(Error::Unavailable(_))) | None => {}
                Some(Err(error)) => return Some(Err(error)),
            }
            self.stream = None;
            match self.connect() {
                Ok(Some(stream)) => self.stream = Some(stream),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Follow {
    /// A new stream from where the last one ended; none when the swarm was stopped.
    fn connect(&mut self) -> Result<Option<Stream>> {
        loop {
            if self.failures > 0 {
                std::thread::sleep(RETRY);
            }
            self.failures += 1;
            match self.try_to_connect() {
                Ok(Some(stream)) => return Ok(Some(stream)),
                Ok(None) if self.failures >= TRIES_AFTER_LEAVE => return Ok(None),
                Err(Error::Unavailable(_)) if self.failures < TRIES => {}
                Err(error) => return Err(error),
                Ok(None) => {}
            }
        }
    }

    /// None when there is no hub.
    fn try_to_connect(&self) -> Result<Option<Stream>> {
        let Some(file) = hub::hub_file(&self.project) else {
            return Ok(None);
        };
        let client = ticket::client::Client::new(&file.url, &file.token)?;
        Ok(Some(Box::new(client.events(self.after)?)))
    }
}
