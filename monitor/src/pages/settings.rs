//! The configuration as it is in force, read-only: each value, and where it comes from. Secrets are
//! set or not set, and no more is said of them.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use swarm::Config;
use swarm::channel::secret::Secret;
use swarm::config::view::{Setting, Source};
use swarm::config::{Layers, in_force};
use swarm::credentials::Credentials;
use ticket::moment;

use super::frame::Frame;
use super::rendered;
use crate::error::{Answer, Refusal};
use crate::hub::{Hub, Shared};

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    frame: Frame,
    /// What the file says now, where that is not what is in force.
    news: Option<String>,
    account: Vec<Fact>,
    sections: Vec<Section>,
}

/// Something that is not in the file.
struct Fact {
    name: String,
    value: String,
    source: String,
}

/// A table of the file.
struct Section {
    name: String,
    settings: Vec<Setting>,
}

/// `GET /settings`
pub async fn page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Settings").await?;
    let project = hub.project.clone();
    let read = tokio::task::spawn_blocking(move || {
        let is_kept = |secret: &Secret| secret.read(&project).is_ok_and(|kept| kept.is_some());
        let kept: Vec<Secret> = Secret::ALL.into_iter().filter(is_kept).collect();
        (Layers::of_hub(&project), Credentials::read(&project), kept)
    });
    let (config, credentials, kept) = read
        .await
        .map_err(|e| Refusal::broken("the settings were not read", e))?;
    let in_force = hub.in_force();
    let news = match config {
        Ok(config) => waits(&in_force.config, config).then(|| {
            "config.json has changed since the swarm was started: 'swarm stop' and 'swarm start' \
             put the rest of it in force"
                .to_owned()
        }),
        Err(error) => Some(format!("not in force, as it is broken: {error}")),
    };
    let page = Page {
        frame,
        news,
        account: account(&hub, credentials.ok(), &kept),
        sections: sections(&in_force.settings),
    };
    Ok(Html(rendered(&page)?))
}

/// Whether something that the file says now is in force only after the next start.
fn waits(running: &Config, now: Layers) -> bool {
    let now = now.into_config();
    in_force::after(running, now.clone()) != now
}

/// What the environment, a login or a command has said.
fn account(hub: &Hub, credentials: Option<Credentials>, kept: &[Secret]) -> Vec<Fact> {
    let fact = |name: &str, value: String, source: &str| Fact {
        name: name.to_owned(),
        value,
        source: source.to_owned(),
    };
    let desired = hub.fleet.desired();
    let scaled = desired != hub.config().agents.count;
    let in_force = hub.in_force();
    let configured = in_force.settings.iter().find(|s| s.key == "agents.count");
    let source = match configured {
        Some(setting) if !scaled => setting.source.as_str(),
        _ => "swarm scale",
    };
    let mut facts = vec![fact("agents that should run", desired.to_string(), source)];
    for secret in kept {
        facts.push(fact(secret.variable(), "set".to_owned(), "environment"));
    }
    let credentials = credentials.unwrap_or_default();
    let source = credentials.source();
    for name in credentials.values().keys() {
        facts.push(fact(name, "set".to_owned(), &source));
    }
    if credentials.values().is_empty() {
        facts.push(fact("account of the agent CLI", "not set".to_owned(), ""));
    }
    let ends = credentials.expires_at().and_then(moment::text);
    facts.extend(ends.map(|at| fact("login ends (UTC)", at, &source)));
    facts
}

/// The settings by the table that they are in.
fn sections(settings: &[Setting]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for setting in settings {
        let (name, key) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
        let setting = Setting {
            key: key.to_owned(),
            ..setting.clone()
        };
        match sections.iter_mut().find(|section| section.name == name) {
            Some(section) => section.settings.push(setting),
            None => sections.push(Section {
                name: name.to_owned(),
                settings: vec![setting],
            }),
        }
    }
    sections
}
