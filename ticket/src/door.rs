//! Which door leads to the queue: the hub that the environment names, the hub that runs beside the
//! database, or the file itself.

use std::path::{Path, PathBuf};

use ticket::client::Client;
use ticket::store::lock::HubLock;
use ticket::wire::HubFile;
use ticket::{Actor, Error, Queue, Result, Store};

/// Where a project keeps its database, below the project's folder.
const IN_PROJECT: &str = ".swarm/tickets/tickets.db";

/// An open door.
pub enum Door {
    /// Through the hub.
    Hub(Client),
    /// On the file, kept by the shared lock while it is open.
    File(Box<Store>, #[allow(dead_code)] Option<HubLock>),
}

impl Door {
    /// Opens the door that the environment and the place lead to.
    pub fn open(db: Option<&Path>) -> Result<Door> {
        if db.is_none()
            && let Ok(url) = std::env::var("TICKET_URL")
        {
            let token = std::env::var("TICKET_TOKEN").map_err(|_| {
                Error::Invalid(
                    "TICKET_URL is set but TICKET_TOKEN is not: set both, or neither".into(),
                )
            })?;
            return Ok(Door::Hub(Client::new(&url, &token)?));
        }
        let path = database(db);
        match project_of(&path) {
            None => Ok(Door::File(Box::new(Store::open(&path)?), None)),
            Some(swarm) => match HubLock::shared(&swarm.join("hub.lock"))? {
                Some(lock) => Ok(Door::File(Box::new(Store::open(&path)?), Some(lock))),
                None => Ok(Door::Hub(running_hub(&swarm)?)),
            },
        }
    }

    /// Whoever only reads on and on must not keep a hub from starting.
    pub fn stay(&mut self) {
        if let Door::File(_, lock) = self {
            *lock = None;
        }
    }

    /// Nothing more is asked, and the program ends.
    pub fn leave(self) {
        if let Door::File(store, lock) = self {
            store.leave();
            drop(lock);
        }
    }

    /// Runs `work` on the queue, as the human.
    pub fn queue<T>(&mut self, work: impl FnOnce(&mut dyn Queue) -> Result<T>) -> Result<T> {
        match self {
            Door::Hub(client) => work(client),
            Door::File(store, _) => work(&mut store.session(&Actor::Human)),
        }
    }
}

/// The database that the command line, the environment or the place names.
pub fn database(db: Option<&Path>) -> PathBuf {
    if let Some(path) = db {
        return path.to_owned();
    }
    if let Some(path) = std::env::var_os("TICKET_DB").filter(|p| !p.is_empty()) {
        return path.into();
    }
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .map(|dir| dir.join(IN_PROJECT))
        .find(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from("tickets.db"))
}

/// The `.swarm` folder, when the database is a project's.
fn project_of(database: &Path) -> Option<PathBuf> {
    let swarm = database.parent()?.parent()?;
    swarm.ends_with(".swarm").then(|| swarm.to_owned())
}

fn running_hub(swarm: &Path) -> Result<Client> {
    let file = swarm.join("hub.json");
    let text = std::fs::read_to_string(&file).map_err(|e| {
        Error::Io(
            format!("a hub runs, but {} cannot be read", file.display()),
            e,
        )
    })?;
    let hub: HubFile = serde_json::from_str(&text)
        .map_err(|e| Error::Unavailable(format!("{} is not readable: {e}", file.display())))?;
    Client::new(&hub.url, &hub.token)
}
