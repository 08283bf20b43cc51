//! A `.swarm/` that the reference system made: its settings and its tickets are taken over, and what it
//! had is kept beside them. All refusals come before the first write.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use git2::{AutotagOption, FetchOptions, Repository};
use serde_json::{Map, Value};
use ticket::filter::Filter;
use ticket::{Actor, Queue, Status, Store};

use crate::config::{ConfigError, edit, layers};
use crate::project::FOLDER;

/// Where what it had is kept.
const KEPT: &str = "reference";
/// Where a copy of its tickets is upgraded on trial.
const TRIAL: &str = "reference.trial";
/// Files of its database.
const DATABASE: [&str; 3] = ["tickets.db", "tickets.db-wal", "tickets.db-shm"];

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    folder: PathBuf,
    settings: Option<Map<String, Value>>,
    notes: Vec<String>,
    has_tickets: bool,
    has_repository: bool,
}

impl Reference {
    /// What the reference system left in `dir`; none when it left nothing. Settings that cannot be
    /// read are an error, and so are tickets of a version that nobody knows.
    pub fn find(dir: &Path) -> Result<Option<Reference>> {
        let folder = dir.join(FOLDER);
        let config = folder.join("config.json");
        let database = folder.join("tickets").join(DATABASE[0]);
        let repository = folder.join("repo.git");
        let mut found = Reference {
            settings: None,
            notes: Vec::new(),
            has_tickets: database.is_file(),
            has_repository: repository.is_dir(),
            folder,
        };
        if config.is_file() {
            let place = config.display();
            let text =
                fs::read_to_string(&config).with_context(|| format!("cannot read {place}"))?;
            let read = layers::document(&text).map_err(|fault| ConfigError::Broken {
                place: place.to_string(),
                what: fault.to_string(),
            });
            let (settings, aliases) = read?;
            found.settings = Some(settings);
            found.notes = aliases.into_iter().map(|alias| alias.note).collect();
        }
        if found.has_tickets {
            found.must_upgrade()?;
        }
        let is_there = found.has_tickets || found.has_repository || found.settings.is_some();
        Ok(is_there.then_some(found))
    }

    /// Upgrades a copy of the tickets, so that what cannot be upgraded is refused before anything is
    /// written.
    fn must_upgrade(&self) -> Result<()> {
        let trial = self.folder.join(TRIAL);
        let tried = copy_database(&self.folder, &trial)
            .and_then(|()| Ok(Store::migrate(&trial.join(DATABASE[0]), &mut |_| ())?));
        let _ = fs::remove_dir_all(&trial);
        tried
            .context("the tickets that are there cannot be taken over")
            .map(|_| ())
    }

    /// Refuses when its agents landed what the human's branch does not have: it would be left behind.
    pub fn must_be_pulled(&self, human: &Repository, branch: &str) -> Result<()> {
        let repository = self.folder.join("repo.git");
        let Some(theirs) = self
            .has_repository
            .then(|| Repository::open_bare(&repository))
        else {
            return Ok(());
        };
        let theirs = theirs.with_context(|| format!("cannot open {}", repository.display()))?;
        let name = format!("refs/heads/{branch}");
        let Ok(head) = theirs
            .find_reference(&name)
            .and_then(|r| r.peel_to_commit())
        else {
            return Ok(());
        };
        let ours = human.find_reference(&name).and_then(|r| r.peel_to_commit());
        let has_it = ours.is_ok_and(|ours| {
            ours.id() == head.id()
                || human
                    .graph_descendant_of(ours.id(), head.id())
                    .unwrap_or(false)
        });
        if has_it {
            return Ok(());
        }
        bail!(
            "the agents' repository of the earlier system has work that '{branch}' here does not have: bring it first, with 'git fetch .swarm/repo.git {branch}' and 'git merge FETCH_HEAD'"
        )
    }

    /// The text of a new project's settings, with those that were there over them.
    pub fn over(&self, new: &str) -> Result<String> {
        let Some(own) = &self.settings else {
            return Ok(new.to_owned());
        };
        let (new, _) = layers::document(new).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let mut merged = Value::Object(new);
        lay_over(&mut merged, &Value::Object(own.clone()));
        Ok(edit::fresh(&merged))
    }

    /// Where its settings are.
    pub fn settings_file(&self) -> PathBuf {
        self.folder.join("config.json")
    }

    /// Whether it had tickets.
    pub fn has_tickets(&self) -> bool {
        self.has_tickets
    }

    /// Puts aside the repository, and a copy of settings and tickets. Returns where.
    pub fn keep(&self) -> Result<PathBuf> {
        let kept = self.folder.join(KEPT);
        let failed = || format!("cannot keep what was there in {}", kept.display());
        if kept.exists() {
            bail!("{} is there already: move it away first", kept.display());
        }
        copy_database(&self.folder, &kept)?;
        let config = self.folder.join("config.json");
        if config.is_file() {
            fs::copy(&config, kept.join("config.json")).with_context(failed)?;
        }
        if self.has_repository {
            let to = kept.join("repo.git");
            fs::rename(self.folder.join("repo.git"), to).with_context(failed)?;
        }
        Ok(kept)
    }

    /// Fetches every branch that its agents had into `refs/reference/` of the new repository, so that
    /// nothing they did is lost.
    pub fn keep_branches(&self, bare: &Repository) -> Result<()> {
        let old = self.folder.join(KEPT).join("repo.git");
        if !self.has_repository {
            return Ok(());
        }
        let old = old
            .to_str()
            .context("the project's folder is not a path in UTF-8")?;
        let mut options = FetchOptions::new();
        options
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        bare.remote_anonymous(old)?
            .fetch(&["refs/heads/*:refs/reference/*"], Some(&mut options), None)
            .context("cannot take over the branches of the earlier system")
    }

    /// What was taken over, for people.
    pub fn report(&self, database: &Path, kept: &Path) -> Result<String> {
        let mut lines = Vec::new();
        if self.has_tickets {
            let mut store = Store::open(database)?;
            let tickets = tickets(&mut store)?;
            lines.push(format!("Took over {tickets} tickets that were there."));
        }
        if self.settings.is_some() {
            lines.push("Took over the settings that were there.".into());
        }
        lines.extend(self.notes.iter().map(|note| format!("  {note}.")));
        lines.push(format!(
            "What was there before is kept in {}.",
            kept.display()
        ));
        Ok(lines.join("\n"))
    }
}

/// Copies the database, which nobody writes at present, into a new folder.
fn copy_database(folder: &Path, to: &Path) -> Result<()> {
    let failed = || format!("cannot copy the tickets to {}", to.display());
    fs::create_dir_all(to).with_context(failed)?;
    for name in DATABASE {
        let from = folder.join("tickets").join(name);
        if from.is_file() {
            fs::copy(&from, to.join(name)).with_context(failed)?;
        }
    }
    Ok(())
}

fn tickets(store: &mut Store) -> Result<u64> {
    let all = Status::ALL.map(Status::as_str).join(",");
    let filter = Filter {
        status: Some(all),
        ..Filter::default()
    };
    Ok(store.session(&Actor::Human).count(&filter)?)
}

/// Lays `own` over `below`, key by key.
fn lay_over(below: &mut Value, own: &Value) {
    match (below, own) {
        (Value::Object(below), Value::Object(own)) => {
            for (key, value) in own {
                lay_over(below.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (below, own) => *below = own.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_set_before_stands_over_what_is_new() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        assert_eq!(Reference::find(dir.path()).unwrap(), None);
        let config = dir.path().join(FOLDER).join("config.json");
        fs::write(
            &config,
            r#"{"agents": 5, "monitor_port": 3100, "max_turns": 9}"#,
        )
        .unwrap();
        let found = Reference::find(dir.path()).unwrap().unwrap();
        let new = r#"{"project": {"name": "p"}, "agents": {"count": 3, "model": "m"}}"#;
        let merged: Value = serde_json::from_str(&found.over(new).unwrap()).unwrap();
        assert_eq!(merged["agents"], json!({"count": 5, "model": "m"}));
        assert_eq!(merged["monitor"], json!({"port": 3100}));
        assert_eq!(merged["project"], json!({"name": "p"}));
        assert_eq!(found.notes.len(), 3);

        fs::write(&config, "{").unwrap();
        assert!(Reference::find(dir.path()).is_err());
    }
}
