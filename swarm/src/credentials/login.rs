//! The login that `claude` keeps: in `.credentials.json`, and on macOS in the keychain. Only the
//! access token is taken. A refresh token works once, so a copy of it would log everybody out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::OAUTH_TOKEN;

/// Under this name `claude` keeps its login in the keychain.
const KEYCHAIN_SERVICE: &str = "Claude Code-credentials";
/// A login that ends within so many seconds is as good as ended.
const SHORTEST_SECONDS: i64 = 5 * 60;

/// An access token, and until when it is good.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The token.
    pub token: String,
    /// In Unix seconds, where that is said.
    pub expires_at: Option<i64>,
}

/// The file, as far as it matters here.
#[derive(Deserialize)]
struct LoginFile {
    #[serde(rename = "claudeAiOauth")]
    login: Tokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    access_token: String,
    /// Milliseconds since 1970.
    expires_at: Option<i64>,
}

/// Where `claude` keeps its login.
pub fn file(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = variable("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    let folder = folder.or_else(|| Some(Path::new(&variable("HOME")?).join(".claude")))?;
    Some(folder.join(".credentials.json"))
}

/// The login in that file.
pub fn of_file(file: &Path, now: DateTime<Utc>) -> Result<Login> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text, &file.display().to_string(), now)
}

/// What the keychain of macOS holds; nothing elsewhere, and when it holds none.
pub fn in_keychain() -> Option<String> {
    if !cfg!(target_os = "macos") {
        return None;
    }
    let asked = Command::new("/usr/bin/security")
        .args(["find-generic-password", "-w", "-s", KEYCHAIN_SERVICE])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let found = String::from_utf8(asked.stdout).ok()?;
    (asked.status.success() && !found.trim().is_empty()).then_some(found)
}

/// The login in `text`, which comes from `place`. One that is over says what to run.
pub fn parse(text: &str, place: &str, now: DateTime<Utc>) -> Result<Login> {
    // The parser's own words could quote the text.
    let Ok(LoginFile { login }) = serde_json::from_str(text.trim()) else {
        bail!("{place} holds no login: log in again with 'claude'");
    };
    let expires_at = login.expires_at.map(|millis| millis.div_euclid(1000));
    let ended = expires_at.filter(|at| *at <= now.timestamp() + SHORTEST_SECONDS);
    if let Some(at) = ended {
        bail!(
            "the login in {place} {} at {} UTC: run 'claude' once, or set {OAUTH_TOKEN} (made by 'claude setup-token')",
            if at <= now.timestamp() {
                "expired"
            } else {
                "expires"
            },
            ticket::moment::text(at).unwrap_or_default()
        );
    }
    Ok(Login {
        token: login.access_token,
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_good_until_a_little_before_its_end() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        for (expires_at, words) in [
            (None, None),
            (Some(1_000_301_000), None),
            (
                Some(1_000_300_000),
                Some("expires at 1970-01-12 13:51:40 UTC"),
            ),
            (Some(1), Some("expired at 1970-01-01 00:00:00 UTC")),
        ] {
            let text = serde_json::json!({
                "claudeAiOauth": { "accessToken": "x", "expiresAt": expires_at }
            });
            match (parse(&text.to_string(), "there", now), words) {
                (Ok(login), None) => {
                    assert_eq!(
                        login.expires_at,
                        expires_at.map(|millis: i64| millis / 1000)
                    );
                }
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{error}");
                }
                (found, _) => panic!("{expires_at:?}: {:?}", found.map(|l| l.expires_at)),
            }
        }
    }
}
