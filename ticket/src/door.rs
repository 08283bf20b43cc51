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

/// Where a door is, before it is opened.
pub enum Way {
    /// To a hub.
    Hub(Client),
    /// To a file, which no hub takes while the lock is held.
    File(PathBuf, Option<HubLock>),
}

impl Way {
    /// The way that the environment and the place name.
    pub fn find(db: Option<&Path>) -> Result<Way> {
        if db.is_none()
            && let Some(url) = variable("TICKET_URL")?
        {
            return Ok(Way::Hub(named_hub(&url)?));
        }
        let path = database(db)?;
        let Some(swarm) = project_of(&path) else {
            return Ok(Way::File(path, None));
        };
        match HubLock::shared(&swarm.join("hub.lock"))? {
            Some(lock) => Ok(Way::File(path, Some(lock))),
            None => Ok(Way::Hub(running_hub(&swarm)?)),
        }
    }
}

impl Door {
    /// Opens the door that the environment and the place lead to.
    pub fn open(db: Option<&Path>) -> Result<Door> {
        match Way::find(db)? {
            Way::Hub(client) => Ok(Door::Hub(client)),
            Way::File(path, lock) => {
                let store = Store::open(&path).map_err(|e| e.on(&path))?;
                Ok(Door::File(Box::new(store), lock))
            }
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
            Door::File(store, _) => {
                let done = work(&mut store.session(&Actor::Human));
                done.map_err(|e| e.on(store.path()))
            }
        }
    }
}

/// The database that the command line, the environment or the place names.
pub fn database(db: Option<&Path>) -> Result<PathBuf> {
    let path = place_of(db);
    if path.is_dir() {
        return Err(Error::Invalid(format!(
            "{} is a folder: name the database file, such as {}",
            path.display(),
            path.join("tickets.db").display()
        )));
    }
    Ok(path)
}

fn place_of(db: Option<&Path>) -> PathBuf {
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

/// The `.swarm` folder, when the database is a project's that is there.
fn project_of(database: &Path) -> Option<PathBuf> {
    let swarm = database.parent()?.parent()?;
    (swarm.ends_with(".swarm") && swarm.is_dir()).then(|| swarm.to_owned())
}

/// The hub that the environment names.
fn named_hub(url: &str) -> Result<Client> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Error::Invalid(format!(
            "TICKET_URL '{url}' is no address: use one such as http://127.0.0.1:3000"
        )));
    }
    let token = variable("TICKET_TOKEN")?.ok_or_else(|| {
        Error::Invalid("TICKET_URL is set but TICKET_TOKEN is not: set both, or neither".into())
    })?;
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Invalid(
            "TICKET_TOKEN has a character that no token has: set it again, without spaces".into(),
        ));
    }
    Client::new(url, &token)
}

/// A variable of the environment; an empty one counts as absent.
fn variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::Invalid(format!("{name} is not UTF-8 text")))
        }
    }
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
