//! What can keep a step from having a result of its own, and the patience with a hub that is away.

use ticket::Error;
use ticket::prompt::Fault;

use super::Attempt;
use super::steps::Seen;
use crate::backoff::HUB;
use crate::git;
use crate::pulse::Life;

/// How often git may fail to reach a hub that answers otherwise.
pub(super) const GIT_TRIES: u32 = 6;

/// Why a step has no result of its own.
pub(super) enum Trouble {
    /// The attempt is over.
    Lost(String),
    /// Our own machinery failed.
    Broken(String),
}

impl From<git::Error> for Trouble {
    fn from(error: git::Error) -> Trouble {
        Trouble::Broken(error.to_string())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::Broken(error.to_string())
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::Broken(fault.to_string())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match error {
            Error::Stale(why)
            | Error::Forbidden(why)
            | Error::Unauthorized(why)
            | Error::NotFound(why) => Trouble::Lost(why),
            other => Trouble::Broken(other.to_string()),
        }
    }
}

impl From<Trouble> for Seen {
    fn from(trouble: Trouble) -> Seen {
        match trouble {
            Trouble::Lost(why) => Seen::Lost(why),
            Trouble::Broken(why) => Seen::Broken(why),
        }
    }
}

impl Attempt<'_> {
    /// Tries to reach the hub's repository until it is there. Gives up when the attempt is over, or
    /// when the hub answers everything but git.
    pub(super) fn remote<T>(
        &mut self,
        most: u32,
        mut call: impl FnMut() -> Result<T, git::Error>,
    ) -> Result<T, Trouble> {
        let mut backoff = HUB;
        let mut tries = 0;
        loop {
            let error = match call() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            self.runner.stop.checkpoint();
            let phase = self.pulse.current().to_owned();
            match self.pulse.check(&phase) {
                Life::Lost => return Err(Trouble::Lost(error.to_string())),
                Life::Live => tries += 1,
                Life::Away => {}
            }
            if tries >= most {
                return Err(error.into());
            }
            self.lease.say(&format!("once more: {error}"));
            self.runner.stop.pause(backoff.failed());
        }
    }
}
