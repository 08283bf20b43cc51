//! Looks after the transcripts now and then: closes those whose attempt is over without a word of its
//! runner, and removes those that are too old or too much.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ticket::transcript::{Key, Of};

use crate::hub::Shared;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// How long after its last piece a run of an ended attempt is closed: its runner may catch up.
const SILENCE: Duration = Duration::from_secs(60);

/// Looks after them until the hub ends.
pub async fn run(hub: Shared) {
    loop {
        if let Err(error) = look(&hub).await {
            tracing::warn!("the transcripts could not be looked after: {error}");
        }
        tokio::select! {
            () = hub.closing.cancelled() => return,
            () = tokio::time::sleep(EVERY) => (),
        }
    }
}

async fn look(hub: &Shared) -> ticket::Result<()> {
    let silent = hub.transcripts.silent(SILENCE);
    if !silent.is_empty() {
        let live = live(hub).await?;
        for key in silent.iter().filter(|key| !live.contains(&key.of)) {
            hub.transcripts.close(key);
        }
    }
    let tickets = match hub.transcripts.is_too_large() {
        true => hub.transcripts.tickets(),
        false => Vec::new(),
    };
    let unfinished: HashSet<i64> = hub
        .database
        .read(move |store| store.unfinished(&tickets))
        .await?
        .into_iter()
        .collect();
    let transcripts = Arc::clone(&hub.transcripts);
    let by_age = hub.clock.is_settled();
    let thinned = tokio::task::spawn_blocking(move || {
        transcripts.thin_out(by_age, &|ticket| unfinished.contains(&ticket));
        transcripts.look_again();
    });
    if let Err(error) = thinned.await {
        tracing::warn!("the transcripts could not be thinned out: {error}");
    }
    Ok(())
}

/// What runs at present may belong to.
async fn live(hub: &Shared) -> ticket::Result<HashSet<Of>> {
    hub.database
        .read(|store| {
            let attempts = store.live_attempts()?.into_iter().map(|a| Of::Attempt {
                ticket: a.ticket_id,
                attempt: a.number,
            });
            let proposals = store.live_proposals()?.into_iter();
            let proposals = proposals.map(|proposal| Of::Proposal { proposal });
            Ok(attempts.chain(proposals).collect())
        })
        .await
}

/// Whose a run is, when it is known: of the attempt or of the proposal.
pub async fn owner(hub: &Shared, key: Key) -> ticket::Result<String> {
    if let Some(agent) = hub.transcripts.agent_of(&key) {
        return Ok(agent);
    }
    hub.database
        .read(move |store| match key.of {
            Of::Attempt { ticket, attempt } => Ok(store.attempt(ticket, attempt)?.agent),
            Of::Proposal { proposal } => store.proposer(proposal),
        })
        .await
}
