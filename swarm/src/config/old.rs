//! `config.toml`, which earlier versions had: taken over once, and kept under another name.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Config, ConfigError, edit, schema};
use crate::project::Project;

/// Writes `config.json` with what `config.toml` says where there is only the latter, which becomes
/// `config.toml.old`. Returns what to tell.
pub fn take_over(project: &Project) -> Result<Option<String>, ConfigError> {
    let (new, old) = (project.config_file(), file(project));
    if new.exists() {
        return Ok(None);
    }
    let text = match fs::read_to_string(&old) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|e| ConfigError::Io(old.clone(), e))?,
    };
    let json = converted(&text, &old)?;
    let io = |e| ConfigError::Io(new.clone(), e);
    fs::write(project.folder().join(schema::FILE), schema::text()).map_err(io)?;
    edit::write(&new, &json).map_err(io)?;
    let kept = old.with_extension("toml.old");
    fs::rename(&old, &kept).map_err(|e| ConfigError::Io(kept.clone(), e))?;
    Ok(Some(format!(
        "the configuration is JSON now: {} has what {} said, which is kept as {}",
        new.display(),
        old.display(),
        kept.display()
    )))
}

fn file(project: &Project) -> PathBuf {
    project.folder().join("config.toml")
}

fn converted(text: &str, file: &Path) -> Result<String, ConfigError> {
    let broken = |what: String| ConfigError::broken(file, what);
    let read: Map<String, Value> = toml::from_str(text).map_err(|e| {
        broken(format!(
            "this is not TOML: {}",
            ticket::text::one_line(e.message())
        ))
    })?;
    let json = edit::fresh(&Value::Object(read));
    Config::parse(&json, file)?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "[agents]\ncount = 5 # more\n[agents.backend]\nkind = \"codex\"\n\
                       [prices.\"x-*\"]\ninput = 1.5\noutput = 2\n[limits]\nmemory = \"2g\"\n";

    #[test]
    fn what_the_old_file_said_holds() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        assert_eq!(take_over(&project).unwrap(), None);
        fs::write(file(&project), OLD).unwrap();
        let said = take_over(&project).unwrap().unwrap();
        assert!(said.contains("config.toml.old"), "{said}");
        let config = Config::load(&project).unwrap();
        assert_eq!(config.agents.count, 5);
        assert_eq!(config.agents.backend.kind, ticket::backend::Kind::Codex);
        assert_eq!(config.prices["x-*"].output, 2.0);
        assert_eq!(config.limits.memory.0, 2 << 30);
        let kept = fs::read_to_string(project.folder().join("config.toml.old")).unwrap();
        assert_eq!(kept, OLD);
        assert!(!file(&project).exists());
        assert_eq!(take_over(&project).unwrap(), None);
    }

    #[test]
    fn a_broken_old_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        for (text, words) in [
            ("[agents", "not TOML"),
            ("[agents]\ncount = 0\n", "agents.count: expected"),
        ] {
            fs::write(file(&project), text).unwrap();
            let said = take_over(&project).unwrap_err().to_string();
            assert!(
                said.contains("config.toml: ") && said.contains(words),
                "{said}"
            );
            assert!(!project.config_file().exists());
        }
    }
}
