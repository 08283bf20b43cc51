//! Ctrl-C, a closed terminal or a closed pipe at any moment of a demo: the containers go, then the
//! program.

use std::io::Write;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::iterator::Signals;
use swarm::fleet::Fleet;
use swarm::{Project, hub, image};

/// Added to the signal's number in the exit code, as shells do.
const KILLED: i32 = 128;

/// What ends a program that does not listen, and would leave its containers behind.
const ENDINGS: [i32; 4] = [SIGHUP, SIGINT, SIGPIPE, SIGTERM];

/// Keeps the start of containers and their end apart.
#[derive(Clone, Default)]
pub struct Guard {
    lock: Arc<Mutex<()>>,
}

impl Guard {
    /// From now on a signal stops the project's containers and ends the program.
    pub fn watch(&self, project: &Project) -> Result<()> {
        let mut signals = Signals::new(ENDINGS).context("cannot listen for Ctrl-C")?;
        let (guard, project) = (self.clone(), project.clone());
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Held to the end: what is being started is waited for, and nothing is started any more.
                let _lock = guard.hold();
                let mut err = std::io::stderr();
                let _ = writeln!(err, "\nStopping the containers");
                if let Err(error) = stop(&project) {
                    let _ = writeln!(err, "error: {error:#}");
                }
                process::exit(KILLED + signal);
            }
        });
        Ok(())
    }

    /// No signal ends the program while this is held.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the swarm and removes everything of it from the engine. The layers of its image stay, so
/// that the next demo starts quickly.
pub fn stop(project: &Project) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let fleet = Fleet::connect().await?;
        hub::stop(&fleet, project).await?;
        for volume in fleet.volumes(project.id()).await? {
            fleet.remove_volume(&volume).await?;
        }
        image::forget(&fleet, project).await
    })
}
