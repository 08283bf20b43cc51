//! What is done to one container.

use std::time::Duration;

use futures_util::TryStreamExt;
use swarm::fleet::{Blueprint, Fleet as Engine, FleetError};
use ticket::{secret, text};

use super::plan::Id;
use crate::hub::Shared;

/// The pause before a container that could not be removed is removed again.
const REMOVE_PAUSE: Duration = Duration::from_secs(5);
/// How long to wait for the last line that a dead container printed.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How many lines are asked for, and how much of them is kept, in bytes.
const LINES: u64 = 30;
const MAX_LINES: usize = 4 * 1024;
/// How much of the last line is kept, in characters.
const MAX_WORDS: usize = 200;

/// Registers an agent and starts its container, which gets a code to enrol with.
pub async fn start(
    hub: &Shared,
    engine: &Engine,
    blueprint: &Blueprint,
    id: Id,
) -> Result<(), FleetError> {
    let code = secret::new_token();
    let spec = blueprint.agent(id.role(), id.number, &code);
    let (name, container) = (id.name(), spec.name.clone());
    hub.presence.forget(&name);
    hub.database
        .call(move |store| store.register_agent(&name, id.role(), Some(&container), &code))
        .await
        .map_err(|error| FleetError::Engine(format!("it could not be registered: {error}")))?;
    engine.start_checked(&spec).await
}

/// Removes a container for sure; the engine may need some time, as when its disk is busy.
pub async fn remove(engine: &Engine, container: &str) {
    while let Err(error) = engine.remove(container).await {
        tracing::warn!("{container} was not removed yet: {error}");
        tokio::time::sleep(REMOVE_PAUSE).await;
    }
}

/// The last lines that a container printed, safe to show.
pub async fn last_lines(engine: &Engine, container: &str) -> Option<String> {
    let printed = engine.logs(container, false, Some(LINES)).try_concat();
    let bytes = tokio::time::timeout(LAST_WORDS, printed).await.ok()?.ok()?;
    let lines = text::plain(&String::from_utf8_lossy(&bytes));
    let lines = text::last_bytes(lines.trim(), MAX_LINES).to_owned();
    (!lines.is_empty()).then_some(lines)
}

/// The last of these lines.
pub fn last_words(lines: &str) -> Option<String> {
    let words = text::one_line(lines.lines().next_back()?.trim());
    let words: String = words.chars().take(MAX_WORDS).collect();
    (!words.is_empty()).then_some(words)
}
