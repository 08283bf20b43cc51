//! The transcripts of runs, as runners send them: JSONL and text on the disk, an index in memory.
//!
//! A run's transcript only grows. A piece that was sent twice is kept once, one that would leave a
//! hole is not taken, and the answer says how much is there. What a runner sends after its attempt is
//! over belongs to its own run still; a run that said how it ended takes nothing more.
//!
//! The text follows from the JSONL: after a restart, or when the disk refused it, it is made anew.

pub mod keeper;
mod retention;
mod tape;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use swarm::config;
use swarm::transcripts::Folder;
use ticket::transcript::{Entry, Form, Kept, Key, Of, Piece, Wanted};
use ticket::{Error, Result, moment, text};
use tokio::sync::watch;

use self::retention::Limits;
use self::tape::{News, Tape};

/// What must stay free on the disk, for the queue and the repository.
const RESERVE: u64 = 200 << 20;
/// Room beyond a run's cap for the lines that say so.
const SLACK: u64 = 64 << 10;
/// The most runs of one attempt that are kept.
const MOST_RUNS: i64 = 1000;
/// The largest piece that is read at once.
const PIECE: usize = 1 << 20;

/// All transcripts.
pub struct Transcripts {
    folder: Folder,
    limits: Limits,
    most: u64,
    reserve: u64,
    state: Mutex<State>,
    /// Counts what came.
    came: watch::Sender<u64>,
    since: Instant,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<u64, Entry>,
    ids: HashMap<Key, u64>,
    last_id: u64,
    tapes: HashMap<Key, Open>,
    problem: Option<String>,
}

/// A run that is being written.
struct Open {
    tape: Arc<Mutex<Tape>>,
    heard: Instant,
}

/// Where a piece goes.
enum Place {
    /// Nowhere: so much is there, and it is all, or the piece begins too late.
    Known(u64),
    /// On this tape.
    On(Arc<Mutex<Tape>>),
}

impl Transcripts {
    /// Opens what is on the disk. Runs that the index does not know are taken up.
    pub fn open(folder: Folder, settings: &config::Transcripts) -> Result<Transcripts> {
        Transcripts::with_reserve(folder, settings, RESERVE)
    }

    fn with_reserve(
        folder: Folder,
        settings: &config::Transcripts,
        reserve: u64,
    ) -> Result<Transcripts> {
        let mut state = State::default();
        let entries = folder.entries().map_err(|e| unusable(&folder, e))?;
        for entry in entries {
            state.insert(entry);
        }
        for key in folder.found().map_err(|e| unusable(&folder, e))? {
            if !state.ids.contains_key(&key) {
                let entry = tape::adopted(&folder, key, state.next_id());
                state.insert(entry);
            }
        }
        let rewritten = folder.rewrite(state.entries.values());
        state.problem = rewritten.err().map(|e| problem(&folder, &e.to_string()));
        Ok(Transcripts {
            limits: Limits::of(settings),
            most: settings.max_run_size.0,
            reserve,
            state: Mutex::new(state),
            came: watch::Sender::new(0),
            since: Instant::now(),
            folder,
        })
    }

    /// Whose run it is, if it has begun.
    pub fn agent_of(&self, key: &Key) -> Option<String> {
        let state = self.lock();
        let entry = state.ids.get(key).and_then(|id| state.entries.get(id));
        entry.map(|entry| entry.agent.clone())
    }

    /// Takes a piece of `agent`'s run that begins at `offset`. Says how much is there.
    pub fn append(&self, key: Key, agent: &str, offset: u64, piece: &[u8]) -> Result<Kept> {
        if !(1..=MOST_RUNS).contains(&key.run) {
            return Err(Error::Invalid(format!(
                "{key} cannot be recorded: runs go from 1 to {MOST_RUNS}"
            )));
        }
        let end = offset.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let tape = match self.place(key, agent, offset, end)? {
            Place::Known(bytes) => return Ok(Kept { bytes }),
            Place::On(tape) => tape,
        };
        let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
        self.must_have_room()?;
        let taken = tape.append(&self.folder, offset, piece, self.most + SLACK);
        if let Err(Error::Io(..)) = &taken {
            self.lock().problem = Some(self.problem_of(&taken));
        }
        let (bytes, news) = taken?;
        self.learn(key, news)?;
        Ok(Kept { bytes })
    }

    /// Where a piece goes.
    fn place(&self, key: Key, agent: &str, offset: u64, end: u64) -> Result<Place> {
        let mut state = self.lock();
        let known = state.ids.get(&key).and_then(|id| state.entries.get(id));
        match known {
            Some(entry) if entry.agent != agent => Err(Error::Forbidden(format!(
                "{key} is {}'s run, not {agent}'s",
                entry.agent
            ))),
            Some(entry) if entry.ending.is_some() && end > entry.bytes => {
                Err(Error::Refused(format!("{key} has ended: it takes no more")))
            }
            Some(entry) if entry.ending.is_some() => Ok(Place::Known(entry.bytes)),
            None if offset > 0 => Ok(Place::Known(0)),
            Some(_) => Ok(Place::On(state.open(key))),
            None => {
                let entry = begun(state.next_id(), key, agent);
                state.insert(entry);
                Ok(Place::On(state.open(key)))
            }
        }
    }

    /// Takes note of what a piece told.
    fn learn(&self, key: Key, news: News) -> Result<()> {
        let mut state = self.lock();
        let state = &mut *state;
        state.problem = None;
        let Some(entry) = state.ids.get(&key).and_then(|id| state.entries.get_mut(id)) else {
            return Ok(());
        };
        (entry.bytes, entry.text_bytes) = (news.bytes, news.text_bytes);
        let reopened = !entry.is_open() && entry.ending.is_none();
        if reopened {
            entry.ended_at = None;
        }
        let to_note = reopened || news.begin.is_some() || news.end.is_some();
        if let Some((at, begin)) = news.begin {
            entry.started_at = at;
            entry.phase = begin.phase;
            entry.backend = begin.backend;
            entry.model = begin.model;
            entry.session = begin.session;
        }
        if let Some((at, end)) = news.end {
            entry.ended_at = Some(at);
            entry.ending = Some(end.ending);
            entry.session = end.session.or(entry.session.take());
            state.tapes.remove(&key);
        }
        let entry = entry.clone();
        if to_note {
            self.folder
                .note(&entry)
                .map_err(|e| unusable(&self.folder, e))?;
        }
        self.came.send_modify(|came| *came += 1);
        Ok(())
    }

    /// The transcripts that fit, newest first.
    pub fn list(&self, wanted: &Wanted, most: usize) -> Vec<Entry> {
        let state = self.lock();
        let fitting = state.entries.values().rev().filter(|e| wanted.fits(e));
        fitting.take(most).cloned().collect()
    }

    /// What is there of a transcript from `offset` on.
    pub fn read(&self, id: u64, form: Form, offset: u64) -> Result<Piece> {
        let entry = self.lock().entries.get(&id).cloned();
        let Some(entry) = entry else {
            return Err(Error::NotFound(format!("there is no transcript {id}")));
        };
        let read = self.folder.read(&entry.key, form, offset, PIECE);
        let bytes = read.map_err(|e| unusable(&self.folder, e))?;
        let end = offset + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let size = match form {
            Form::Raw => entry.bytes,
            Form::Text => entry.text_bytes,
        };
        Ok(Piece {
            bytes,
            is_last: !entry.is_open() && end >= size,
        })
    }

    /// A wake-up whenever something came.
    pub fn came(&self) -> watch::Receiver<u64> {
        self.came.subscribe()
    }

    /// Why nothing is recorded at present.
    pub fn problem(&self) -> Option<String> {
        self.lock().problem.clone()
    }

    /// Open runs that were not heard of for so long.
    fn silent(&self, how_long: Duration) -> Vec<Key> {
        let state = self.lock();
        let open = state.entries.values().filter(|entry| entry.is_open());
        let heard = |key: &Key| state.tapes.get(key).map_or(self.since, |open| open.heard);
        let silent = open.filter(|entry| heard(&entry.key).elapsed() >= how_long);
        silent.map(|entry| entry.key).collect()
    }

    /// The run's attempt is over and its runner did not say how the run ended.
    fn close(&self, key: &Key) {
        let mut state = self.lock();
        let state = &mut *state;
        state.tapes.remove(key);
        let Some(entry) = state.ids.get(key).and_then(|id| state.entries.get_mut(id)) else {
            return;
        };
        entry.ended_at = moment::text(moment::now());
        if let Err(e) = self.folder.note(entry) {
            state.problem = Some(problem(&self.folder, &e.to_string()));
        }
        self.came.send_modify(|came| *came += 1);
    }

    /// Removes what is too old, where `by_age`, and what is too much; `unfinished` are tickets whose
    /// transcripts go last.
    fn thin_out(&self, by_age: bool, unfinished: &dyn Fn(i64) -> bool) {
        let mut state = self.lock();
        let state = &mut *state;
        let entries: Vec<&Entry> = state.entries.values().collect();
        let now = if by_age { moment::now() } else { 0 };
        let doomed = retention::choose(&entries, &self.limits, now, unfinished);
        if doomed.is_empty() {
            return;
        }
        let mut removed = 0;
        for id in doomed {
            let Some(entry) = state.entries.get(&id) else {
                continue;
            };
            if let Err(e) = self.folder.remove(&entry.key) {
                state.problem = Some(problem(&self.folder, &e.to_string()));
                break;
            }
            state.ids.remove(&entry.key);
            state.tapes.remove(&entry.key);
            state.entries.remove(&id);
            removed += 1;
        }
        tracing::info!("{removed} transcripts were too old or too much, and were removed");
        if let Err(e) = self.folder.rewrite(state.entries.values()) {
            state.problem = Some(problem(&self.folder, &e.to_string()));
        }
    }

    /// The tickets that have a transcript.
    fn tickets(&self) -> Vec<i64> {
        let state = self.lock();
        let of = |key: &Key| match key.of {
            Of::Attempt { ticket, .. } => Some(ticket),
            Of::Proposal { .. } => None,
        };
        let mut tickets: Vec<i64> = state.ids.keys().filter_map(of).collect();
        tickets.sort_unstable();
        tickets.dedup();
        tickets
    }

    fn is_too_large(&self) -> bool {
        let state = self.lock();
        let size: u64 = state.entries.values().map(Entry::size).sum();
        size > self.limits.bytes
    }

    /// Forgets a problem that is no more.
    fn look_again(&self) {
        if self.problem().is_some() && self.must_have_room().is_ok() {
            self.lock().problem = None;
        }
    }

    fn must_have_room(&self) -> Result<()> {
        let free = free_bytes(self.folder.path());
        if free.is_none_or(|free| free >= self.reserve) {
            return Ok(());
        }
        let what = format!("less than {} are free", text::size(self.reserve));
        let what = problem(&self.folder, &what);
        self.lock().problem = Some(what.clone());
        Err(Error::Unavailable(what))
    }

    fn problem_of<T>(&self, result: &Result<T>) -> String {
        let why = result.as_ref().err().map(ToString::to_string);
        problem(&self.folder, &why.unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, entry: Entry) {
        self.last_id = self.last_id.max(entry.id);
        self.ids.insert(entry.key, entry.id);
        self.entries.insert(entry.id, entry);
    }

    /// A number that was never given before.
    fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    fn open(&mut self, key: Key) -> Arc<Mutex<Tape>> {
        let open = self.tapes.entry(key).or_insert_with(|| Open {
            tape: Arc::new(Mutex::new(Tape::new(key))),
            heard: Instant::now(),
        });
        open.heard = Instant::now();
        Arc::clone(&open.tape)
    }
}

fn begun(id: u64, key: Key, agent: &str) -> Entry {
    Entry {
        id,
        key,
        agent: agent.to_owned(),
        phase: String::new(),
        backend: String::new(),
        model: None,
        session: None,
        started_at: moment::text(moment::now()).unwrap_or_default(),
        ended_at: None,
        ending: None,
        bytes: 0,
        text_bytes: 0,
    }
}

fn unusable(folder: &Folder, error: std::io::Error) -> Error {
    Error::Io(format!("{} cannot be used", folder.path().display()), error)
}

fn problem(folder: &Folder, why: &str) -> String {
    let place = folder.path().display();
    format!("runs are not recorded in {place}: {why}; the work goes on without it")
}

/// What an ordinary user may still write on the disk of a folder.
fn free_bytes(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|p| p.exists())?;
    let disk = statvfs(there).ok()?;
    Some(disk.blocks_available() as u64 * disk.fragment_size() as u64)
}

#[cfg(test)]
mod tests;
