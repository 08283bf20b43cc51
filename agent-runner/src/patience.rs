//! Calls to the hub that are made again until it answers. Only what the hub itself said comes back as
//! an error; that it is away does not.

use std::time::{Duration, Instant};

use ticket::Error;

use crate::backoff::HUB;
use crate::console::Console;
use crate::stop::Stop;

/// Makes the call until the hub answers, however long that takes.
pub fn patiently<T>(
    stop: &Stop,
    console: &Console,
    call: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    patiently_for(Duration::MAX, stop, console, call)
}

/// The same, but gives up after `budget` with the last error.
pub fn patiently_for<T>(
    budget: Duration,
    stop: &Stop,
    console: &Console,
    mut call: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let begun = Instant::now();
    let mut backoff = HUB;
    let mut told = false;
    loop {
        stop.checkpoint();
        match call() {
            Err(Error::Unavailable(why)) if begun.elapsed() < budget => {
                if !told {
                    told = true;
                    console.say("runner", &format!("waiting for the hub: {why}"));
                }
                stop.pause(backoff.failed());
            }
            answer => return answer,
        }
    }
}
