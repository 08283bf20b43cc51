//! The account that agents work with: found on the host, kept in one file of mode 0600, and handed
//! by the hub to the runners. Nothing here ever prints a value.
//!
//! Each backend names the variables that it needs (`secrets`); of alternatives the first that is there
//! is used. For `claude` they are looked for in this order, which is also its own: `ANTHROPIC_API_KEY`,
//! then `CLAUDE_CODE_OAUTH_TOKEN` from the environment, then the access token that `claude` keeps in
//! `.credentials.json` (in `CLAUDE_CONFIG_DIR` or `~/.claude`) or in the keychain of macOS. Only the
//! first one found is used: two together would make it unclear which account pays.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use ticket::backend::{AgentCli, alternatives};
use ticket::moment;

use crate::project::Project;

mod login;

const API_KEY: &str = "ANTHROPIC_API_KEY";
const OAUTH_TOKEN: &str = "CLAUDE_CODE_OAUTH_TOKEN";
const ONLY_OWNER: u32 = 0o600;
/// How tokens of a login begin, and keys.
const TOKEN_PREFIX: &str = "sk-ant-oat";
const KEY_PREFIX: &str = "sk-ant-api";
/// The longest credential, in bytes.
const LONGEST: usize = 8 * 1024;

/// Variables for the agent CLI's environment. Debug shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    values: BTreeMap<String, String>,
    expires_at: Option<i64>,
    login_file: Option<PathBuf>,
}

/// What is in the file. An earlier version wrote the variables alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Whole {
        values: BTreeMap<String, String>,
        expires_at: Option<i64>,
        login_file: Option<PathBuf>,
    },
    Values(BTreeMap<String, String>),
}

impl Credentials {
    /// What these agent CLIs need of whoever runs `swarm`; what is missing or cannot work is an error
    /// that says what to do.
    pub fn find(clis: &[AgentCli]) -> Result<Credentials> {
        let variable = |name: &str| std::env::var(name).ok();
        let host = Host {
            variable: &variable,
            keychain: &login::in_keychain,
            kept: &BTreeMap::new(),
            now: Utc::now(),
        };
        find_for(clis, &host)
    }

    /// The same; what is nowhere to be found is taken from what the last `swarm start` or `swarm
    /// login` kept.
    pub fn find_or_kept(clis: &[AgentCli], project: &Project) -> Result<Credentials> {
        let mut kept = Credentials::read(project)?;
        if kept.expires_at.is_some_and(|at| at <= moment::now()) {
            kept.values.remove(OAUTH_TOKEN);
        }
        let variable = |name: &str| std::env::var(name).ok();
        let host = Host {
            variable: &variable,
            keychain: &login::in_keychain,
            kept: kept.values(),
            now: Utc::now(),
        };
        find_for(clis, &host)
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
            Ok(Kept::Whole {
                values,
                expires_at,
                login_file,
            }) => Ok(Credentials {
                values,
                expires_at,
                login_file,
            }),
            Ok(Kept::Values(values)) => Ok(Credentials {
                values,
                ..Credentials::default()
            }),
            Err(_) => bail!("{} is damaged: run 'swarm login'", file.display()),
        }
    }

    /// Keeps them for the hub, readable by the owner alone from the first byte on.
    pub fn write(&self, project: &Project) -> Result<()> {
        let file = project.credentials_file();
        let kept = Kept::Whole {
            values: self.values.clone(),
            expires_at: self.expires_at,
            login_file: self.login_file.clone(),
        };
        write_private(&file, &serde_json::to_vec(&kept)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Names and values, for the environment of the agent CLI and for nothing else.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// When it stops working, in Unix seconds, where that is known.
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// The login that `claude` has renewed meanwhile, when this one came from a file that can be seen
    /// from here and holds another one that is good.
    pub fn renewed(&self) -> Option<Credentials> {
        let file = self.login_file.as_ref()?;
        let mut found = of_login(login::of_file(file, Utc::now()).ok()?, Some(file.clone()));
        for (name, value) in &self.values {
            found.values.entry(name.clone()).or_insert(value.clone());
        }
        (found.values != self.values).then_some(found)
    }

    /// Where it came from, for people.
    pub fn source(&self) -> String {
        match (&self.login_file, self.expires_at) {
            (Some(file), _) => format!("the login in {}", file.display()),
            (None, Some(_)) => "the login in the keychain".into(),
            (None, None) => {
                let names: Vec<&str> = self.values.keys().map(String::as_str).collect();
                format!("{} of the environment", names.join(" and "))
            }
        }
    }

    fn one(name: &str, value: &str) -> Credentials {
        Credentials {
            values: BTreeMap::from([(name.to_string(), value.to_string())]),
            ..Credentials::default()
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

/// Where credentials may be found.
struct Host<'a> {
    /// The environment.
    variable: &'a dyn Fn(&str) -> Option<String>,
    /// What `claude` keeps in the keychain of macOS.
    keychain: &'a dyn Fn() -> Option<String>,
    /// What an earlier command kept, for want of anything else.
    kept: &'a BTreeMap<String, String>,
    now: DateTime<Utc>,
}

impl Host<'_> {
    /// The first of these variables that was kept.
    fn kept(&self, names: &[&str]) -> Option<Credentials> {
        let mut kept = names
            .iter()
            .filter_map(|name| self.kept.get_key_value(*name));
        kept.next()
            .map(|(name, value)| Credentials::one(name, value))
    }
}

fn find_for(clis: &[AgentCli], host: &Host<'_>) -> Result<Credentials> {
    let mut found = Credentials::default();
    for backend in clis.iter().map(|cli| &cli.backend) {
        for entry in &backend.secrets {
            let names: Vec<&str> = alternatives(entry).collect();
            let is_claude = names.contains(&OAUTH_TOKEN);
            let one = match find_variable(&names, host.variable)? {
                Some(one) => Some(one),
                None if is_claude => find_login(host)?,
                None => None,
            };
            let Some(one) = one.or_else(|| host.kept(&names)) else {
                let (name, names) = (&backend.name, names.join(" or "));
                match is_claude {
                    true => bail!(
                        "no credentials for the claude backend: set {API_KEY}, or {OAUTH_TOKEN} (made by 'claude setup-token'), or log in with 'claude'"
                    ),
                    false => bail!("no credentials for the {name} backend: set {names}"),
                }
            };
            found.values.extend(one.values);
            found.expires_at = found.expires_at.or(one.expires_at);
            found.login_file = found.login_file.or(one.login_file);
        }
    }
    Ok(found)
}

/// The first of these variables that is there.
fn find_variable(
    names: &[&str],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Credentials>> {
    for name in names {
        if let Some(value) = variable(name).filter(|value| !value.trim().is_empty()) {
            check_shape(name, value.trim())?;
            return Ok(Some(Credentials::one(name, value.trim())));
        }
    }
    Ok(None)
}

/// The login that `claude` keeps, if it keeps one.
fn find_login(host: &Host<'_>) -> Result<Option<Credentials>> {
    if let Some(file) = login::file(host.variable).filter(|file| file.is_file()) {
        return Ok(Some(of_login(login::of_file(&file, host.now)?, Some(file))));
    }
    let kept = (host.keychain)();
    let login = kept.map(|text| login::parse(&text, "the keychain", host.now));
    Ok(login.transpose()?.map(|login| of_login(login, None)))
}

fn of_login(login: login::Login, file: Option<PathBuf>) -> Credentials {
    Credentials {
        expires_at: login.expires_at,
        login_file: file,
        ..Credentials::one(OAUTH_TOKEN, &login.token)
    }
}

/// Finds what can only be a mistake: pasted with something around it, or into the wrong variable.
fn check_shape(name: &str, value: &str) -> Result<()> {
    if value.len() > LONGEST || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("{name} is not a credential: expected one word, without blanks and line breaks");
    }
    let belongs = match name {
        API_KEY if value.starts_with(TOKEN_PREFIX) => OAUTH_TOKEN,
        OAUTH_TOKEN if value.starts_with(KEY_PREFIX) => API_KEY,
        _ => return Ok(()),
    };
    bail!("{name} holds what belongs into {belongs}: unset it and set the other one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn find_with(variables: &[(&str, &str)]) -> Result<Credentials> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_string())
        };
        find_claude(&variable, &|| None, now())
    }

    fn find_claude(
        variable: &dyn Fn(&str) -> Option<String>,
        keychain: &dyn Fn() -> Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Credentials> {
        let kept = &BTreeMap::new();
        let host = Host {
            variable,
            keychain,
            kept,
            now,
        };
        find_for(&Config::default().clis(), &host)
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000, 0).unwrap()
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
            assert_eq!(found.values, Credentials::one(name, value).values);
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
    fn each_agent_cli_gets_what_it_needs_and_no_more() {
        let text = r#"{"agents": {"model": "openai/m", "backend": {"kind": "opencode"}, "roles": {"propose": {"backend": "gemini"}}}}"#;
        let clis = Config::parse(text, Path::new("c")).unwrap().clis();
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let find = |names: &[&str]| {
            let variable = |name: &str| names.contains(&name).then(|| format!("value-of-{name}"));
            let host = Host {
                variable: &variable,
                keychain: &|| None,
                kept: &BTreeMap::new(),
                now,
            };
            find_for(&clis, &host)
        };
        let found = find(&["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"]).unwrap();
        let names: Vec<&String> = found.values().keys().collect();
        assert_eq!(names, ["GEMINI_API_KEY", "OPENAI_API_KEY"]);
        let error = find(&["OPENAI_API_KEY"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "no credentials for the gemini backend: set GEMINI_API_KEY"
        );
    }

    #[test]
    fn what_was_kept_is_taken_when_nothing_else_is_there() {
        let text = r#"{"agents": {"backend": {"kind": "codex"}, "roles": {"propose": {"backend": "claude"}}}}"#;
        let clis = Config::parse(text, Path::new("c")).unwrap().clis();
        let kept = [
            ("CODEX_API_KEY", "kept"),
            (OAUTH_TOKEN, "kept"),
            ("OTHER", "kept"),
        ];
        let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let kept = BTreeMap::from(kept);
        let find = |set: &[(&str, &str)], kept: &BTreeMap<String, String>| {
            let variable = |name: &str| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let host = Host {
                variable: &variable,
                keychain: &|| None,
                kept,
                now: now(),
            };
            find_for(&clis, &host).map(|found| found.values)
        };
        let found = find(&[("CODEX_API_KEY", "set")], &kept).unwrap();
        assert_eq!(found.get(OAUTH_TOKEN).map(String::as_str), Some("kept"));
        assert!(
            found.values().any(|value| value == "set") && found.len() == 2,
            "{found:?}"
        );
        assert_eq!(find(&[], &kept).unwrap().len(), 2);
        assert!(find(&[], &BTreeMap::new()).is_err());
        let wrong = find(&[(API_KEY, "two words")], &kept).unwrap_err();
        assert!(wrong.to_string().contains("expected one word"), "{wrong}");
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

    #[test]
    fn the_keychain_is_asked_last() {
        let text = r#"{"claudeAiOauth":{"accessToken":"chain","expiresAt":2000000000}}"#;
        let keychain = || Some(text.to_owned());
        let found = find_claude(&|_| None, &keychain, now()).unwrap();
        assert_eq!(found.values[OAUTH_TOKEN], "chain");
        assert_eq!(found.expires_at(), Some(2_000_000));
        assert_eq!(found.source(), "the login in the keychain");
        let variable = |name: &str| (name == OAUTH_TOKEN).then(|| "mine".to_owned());
        let found = find_claude(&variable, &keychain, now()).unwrap();
        assert_eq!(found.values[OAUTH_TOKEN], "mine");
    }

    #[test]
    fn what_can_only_be_a_mistake_is_refused_without_its_value() {
        for (name, value, words) in [
            (
                API_KEY,
                "sk-ant-oat01-secret",
                "belongs into CLAUDE_CODE_OAUTH_TOKEN",
            ),
            (
                OAUTH_TOKEN,
                "sk-ant-api03-secret",
                "belongs into ANTHROPIC_API_KEY",
            ),
            (API_KEY, "export KEY=secret", "expected one word"),
            (OAUTH_TOKEN, "sk\nsecret", "expected one word"),
        ] {
            let error = find_with(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_login_that_claude_renewed_is_taken_from_where_it_was() {
        let later = |hours: i64| (Utc::now().timestamp() + hours * 3600) * 1000;
        let login = |token: &str, hours: i64| {
            serde_json::json!({
                "claudeAiOauth": { "accessToken": token, "expiresAt": later(hours) }
            })
            .to_string()
        };
        let home = home_with(&login("old", 1));
        let variables = [("HOME", home.path().to_str().unwrap())];
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let old = find_claude(&variable, &|| None, Utc::now()).unwrap();
        assert_eq!(old.renewed(), None);
        let file = home.path().join(".claude/.credentials.json");
        fs::write(&file, login("late", 0)).unwrap();
        assert_eq!(old.renewed(), None, "one that is over helps nobody");
        fs::write(&file, login("new", 8)).unwrap();
        let new = old.renewed().unwrap();
        assert_eq!(new.values[OAUTH_TOKEN], "new");
        assert!(new.expires_at() > old.expires_at());
    }

    #[test]
    fn a_file_of_an_earlier_version_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        fs::write(project.credentials_file(), r#"{"ANTHROPIC_API_KEY":"k"}"#).unwrap();
        let read = Credentials::read(&project).unwrap();
        assert_eq!(read, Credentials::one(API_KEY, "k"));
    }
}
