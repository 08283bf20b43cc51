//! The account that agents work with: found on the host, kept in one file of mode 0600, and handed
//! by the hub to the runners. Nothing here ever prints a value.
//!
//! Looked for in this order, which is also `claude`'s own: `ANTHROPIC_API_KEY`, then
//! `CLAUDE_CODE_OAUTH_TOKEN` from the environment, then the access token that `claude` keeps in
//! `.credentials.json` (in `CLAUDE_CONFIG_DIR` or `~/.claude`). Only the first one found is used:
//! two together would make it unclear which account pays.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::project::Project;

const API_KEY: &str = "ANTHROPIC_API_KEY";
const OAUTH_TOKEN: &str = "CLAUDE_CODE_OAUTH_TOKEN";
const ONLY_OWNER: u32 = 0o600;

/// Variables for the agent CLI's environment. Debug shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    values: BTreeMap<String, String>,
}

impl Credentials {
    /// The account of whoever runs `swarm`; none is an error that says what to do.
    pub fn find() -> Result<Credentials> {
        let variable = |name: &str| std::env::var(name).ok();
        find_among(&variable, Utc::now())
    }

    /// What the last start found; nothing when agents need no account.
    pub fn read(project: &Project) -> Result<Credentials> {
        let file = project.credentials_file();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Credentials::default());
            }
            Err(error) => return Err(error).context(format!("cannot read {}", file.display())),
        };
        // The parser's own words could quote the file.
        match serde_json::from_str(&text) {
            Ok(values) => Ok(Credentials { values }),
            Err(_) => bail!("{} is damaged: run 'swarm start' again", file.display()),
        }
    }

    /// Keeps them for the hub, readable by the owner alone from the first byte on.
    pub fn write(&self, project: &Project) -> Result<()> {
        let file = project.credentials_file();
        write_private(&file, &serde_json::to_vec(&self.values)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Names and values, for the environment of the agent CLI and for nothing else.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    fn one(name: &str, value: &str) -> Credentials {
        Credentials {
            values: BTreeMap::from([(name.to_string(), value.to_string())]),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.values.keys().collect();
        write!(f, "Credentials({names:?})")
    }
}

/// Writes a file that its owner alone can read, from the first byte on; whole or not at all.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let mut open = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(ONLY_OWNER)
        .open(&draft)?;
    // A file that was there already keeps its mode.
    open.set_permissions(fs::Permissions::from_mode(ONLY_OWNER))?;
    open.write_all(bytes)?;
    open.sync_all()?;
    fs::rename(&draft, file)
}

fn find_among(
    variable: &dyn Fn(&str) -> Option<String>,
    now: DateTime<Utc>,
) -> Result<Credentials> {
    for name in [API_KEY, OAUTH_TOKEN] {
        if let Some(value) = variable(name).filter(|value| !value.trim().is_empty()) {
            return Ok(Credentials::one(name, value.trim()));
        }
    }
    match login_file(variable) {
        Some(file) if file.is_file() => from_login(&file, now),
        _ => bail!(
            "no credentials for the claude backend: set {API_KEY}, or {OAUTH_TOKEN} (made by 'claude setup-token'), or log in with 'claude'"
        ),
    }
}

fn login_file(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = variable("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    let folder = folder.or_else(|| Some(Path::new(&variable("HOME")?).join(".claude")))?;
    Some(folder.join(".credentials.json"))
}

/// The file that `claude` keeps, as far as it matters here.
#[derive(Deserialize)]
struct LoginFile {
    #[serde(rename = "claudeAiOauth")]
    login: Login,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    access_token: String,
    /// Milliseconds since 1970.
    expires_at: Option<i64>,
}

fn from_login(file: &Path, now: DateTime<Utc>) -> Result<Credentials> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let Ok(LoginFile { login }) = serde_json::from_str(&text) else {
        bail!(
            "{} holds no login: log in again with 'claude'",
            file.display()
        );
    };
    let expired = login
        .expires_at
        .and_then(DateTime::from_timestamp_millis)
        .filter(|at| *at <= now);
    if let Some(at) = expired {
        bail!(
            "the login in {} expired at {}: run 'claude' once, or set {OAUTH_TOKEN} (made by 'claude setup-token')",
            file.display(),
            at.format("%Y-%m-%d %H:%M UTC")
        );
    }
    Ok(Credentials::one(OAUTH_TOKEN, &login.access_token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_with(variables: &[(&str, &str)]) -> Result<Credentials> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_string())
        };
        find_among(&variable, DateTime::from_timestamp(1_000_000, 0).unwrap())
    }

    fn home_with(login: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".claude")).unwrap();
        fs::write(home.path().join(".claude/.credentials.json"), login).unwrap();
        home
    }

    #[test]
    fn the_first_one_in_the_order_is_the_only_one() {
        let home = home_with(r#"{"claudeAiOauth":{"accessToken":"file"}}"#);
        let home = home.path().to_str().unwrap();
        let (key, token) = ((API_KEY, "key"), (OAUTH_TOKEN, "token"));
        let table = [
            (vec![key, token, ("HOME", home)], (API_KEY, "key")),
            (vec![(API_KEY, " "), token], (OAUTH_TOKEN, "token")),
            (vec![("HOME", home)], (OAUTH_TOKEN, "file")),
        ];
        for (variables, (name, value)) in table {
            let found = find_with(&variables).unwrap();
            assert_eq!(found, Credentials::one(name, value));
        }
    }

    #[test]
    fn an_expired_or_unreadable_login_says_what_to_do() {
        let table = [
            (
                r#"{"claudeAiOauth":{"accessToken":"x","expiresAt":1}}"#,
                "expired at 1970-01-01",
            ),
            (r#"{"other":"sk-secret"}"#, "holds no login"),
        ];
        for (login, words) in table {
            let home = home_with(login);
            let error = find_with(&[("HOME", home.path().to_str().unwrap())]).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(!format!("{error:?}").contains("sk-secret"), "{error:?}");
        }
        let error = find_with(&[("HOME", "/nonexistent")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("no credentials"), "{error}");
    }

    #[test]
    fn what_is_written_is_private_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        assert_eq!(Credentials::read(&project).unwrap(), Credentials::default());
        fs::write(project.credentials_file(), "{}").unwrap();
        let written = Credentials::one(API_KEY, "sk-secret");
        written.write(&project).unwrap();
        let mode = fs::metadata(project.credentials_file())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, ONLY_OWNER);
        assert_eq!(Credentials::read(&project).unwrap(), written);
        assert!(!format!("{written:?}").contains("sk-secret"));
    }
}
