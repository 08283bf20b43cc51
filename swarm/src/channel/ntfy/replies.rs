//! The topic on which answers come in. Its name is made at random, or given in the configuration, and is
//! as good as a password.

use std::collections::BTreeMap;
use std::fmt;

use super::super::secret::{self, Secret};
use super::{Button, Ntfy, is_topic};
use crate::config::Config;
use crate::project::Project;

/// The file in `.swarm/secrets` that holds a name made at random.
pub const FILE: &str = "ntfy-reply-topic";
/// The value of `notify.reply_topic` that has one made.
pub const AUTO: &str = "auto";
/// The shortest name that nobody guesses.
const SHORTEST: usize = 16;

/// Where answers come in.
#[derive(Clone)]
pub struct Replies {
    /// The topic, as the hub reads it.
    pub topic: Ntfy,
    /// For how long a message can be answered, in seconds.
    pub seconds: i64,
    /// What the phone's request needs where not everybody may publish.
    token: Option<String>,
}

impl Replies {
    /// The reply topic beside `ntfy` that the configuration wants, if it does; its name is made when
    /// that was never done.
    pub fn of(project: &Project, config: &Config, ntfy: &Ntfy) -> anyhow::Result<Option<Replies>> {
        let name = match config.notify.reply_topic.as_deref() {
            None => return Ok(None),
            Some(AUTO) => made(project)?,
            Some(name) => name.to_owned(),
        };
        Ok(Some(Replies {
            topic: ntfy.beside(&name),
            seconds: i64::try_from(config.notify.reply_hours * 60 * 60)?,
            token: Secret::NtfyReplyToken.read(project)?,
        }))
    }

    /// A button that publishes `body` here.
    pub fn tap(&self, label: &str, body: String) -> Button {
        let bearer = self.token.iter().map(|token| format!("Bearer {token}"));
        Button::Http {
            label: label.to_owned(),
            url: self.topic.address(),
            method: "POST",
            headers: BTreeMap::from_iter(bearer.map(|value| ("authorization", value))),
            body,
            clear: true,
        }
    }

    /// A button that opens the topic, where a text can be published.
    pub fn view(&self, label: &str) -> Button {
        Button::View {
            label: label.to_owned(),
            url: self.topic.address(),
        }
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replies({:?})", self.topic)
    }
}

/// What is wrong with a name from the configuration, if anything.
pub fn check(name: &str, ntfy: Option<&str>) -> Result<(), String> {
    let Some(ntfy) = ntfy else {
        return Err("expected notify.ntfy beside it: answers come in on the same server".into());
    };
    if name == AUTO {
        return Ok(());
    }
    if !is_topic(name) || name.len() < SHORTEST {
        return Err(format!(
            "expected \"{AUTO}\", or 16 to 64 letters, digits, - and _ that nobody guesses"
        ));
    }
    match super::split(ntfy) {
        Ok((_, topic)) if topic == name => {
            Err("expected another topic than that of notify.ntfy".into())
        }
        _ => Ok(()),
    }
}

/// The name made for this project, now or earlier.
fn made(project: &Project) -> anyhow::Result<String> {
    if let Some(name) = secret::read(project, FILE)?.filter(|name| is_topic(name)) {
        return Ok(name);
    }
    let name = format!("swarm-{:032x}", rand::random::<u128>());
    secret::write(project, FILE, &name)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(reply_topic: Option<&str>) -> Config {
        let mut config = Config::default();
        config.notify.ntfy = Some("https://ntfy.sh/topic".into());
        config.notify.reply_topic = reply_topic.map(str::to_owned);
        config
    }

    #[test]
    fn a_name_is_made_once_and_only_when_it_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        let ntfy = Ntfy::new("https://ntfy.sh/topic", None).unwrap();
        let of = |topic| Replies::of(&project, &config(topic), &ntfy).unwrap();
        assert!(of(None).is_none());
        assert!(!project.secret_file(FILE).exists());
        let made = of(Some(AUTO)).unwrap().topic.address();
        assert!(made.len() > "https://ntfy.sh/swarm-".len() + 30, "{made}");
        assert_eq!(of(Some(AUTO)).unwrap().topic.address(), made);
        let given = of(Some("my-own-topic-4711")).unwrap();
        assert_eq!(given.topic.address(), "https://ntfy.sh/my-own-topic-4711");
        assert!(!format!("{given:?}").contains("4711"));
    }

    #[test]
    fn a_name_that_can_be_guessed_is_refused() {
        let ntfy = Some("https://ntfy.sh/a-topic-of-my-own");
        for (name, ntfy, is_fine) in [
            ("auto", ntfy, true),
            ("auto", None, false),
            ("answers-to-4711-0815", ntfy, true),
            ("short", ntfy, false),
            ("", ntfy, false),
            ("with a space in it", ntfy, false),
            ("a-topic-of-my-own", ntfy, false),
        ] {
            assert_eq!(check(name, ntfy).is_ok(), is_fine, "{name}");
        }
    }
}
