//! The end of a transcript, and what comes behind it while somebody looks.

use ticket::transcript::{Entry, Form, Wanted};
use tokio::sync::watch;

use crate::error::{Answer, Refusal};
use crate::hub::{Hub, Shared};

/// How much of a transcript's end is shown, in bytes.
pub const SHOWN: u64 = 64 << 10;

/// Which transcript.
#[derive(Clone, Debug)]
pub enum Of {
    /// The newest of this agent, and the next when that begins.
    Agent(String),
    /// The one of this number.
    Run(u64),
}

/// A reader that stays at the end.
pub struct Tail {
    hub: Shared,
    of: Of,
    came: watch::Receiver<u64>,
    /// The transcript that is read, and how far.
    at: Option<(u64, u64)>,
}

/// Some text of a transcript.
pub struct Piece {
    /// The text.
    pub text: String,
    /// It is the first of its transcript that is given.
    pub is_first: bool,
}

impl Tail {
    /// Begins near the end.
    pub fn new(hub: Shared, of: Of) -> Tail {
        let came = hub.transcripts.came();
        let at = None;
        Tail { hub, of, came, at }
    }

    /// What comes next. `None` when the hub ends, or the transcript cannot be read.
    pub async fn next(&mut self) -> Option<Piece> {
        loop {
            self.came.borrow_and_update();
            if let Some(entry) = self.newest() {
                let known = self.at.filter(|(id, _)| *id == entry.id);
                let offset = known.map_or(entry.text_bytes.saturating_sub(SHOWN), |(_, at)| at);
                let bytes = read(&self.hub, entry.id, offset).await.ok()?;
                let end = offset + u64::try_from(bytes.len()).unwrap_or(0);
                self.at = Some((entry.id, end));
                if known.is_none() || !bytes.is_empty() {
                    return Some(Piece {
                        text: from_line(&bytes, known.is_none() && offset > 0),
                        is_first: known.is_none(),
                    });
                }
            }
            tokio::select! {
                () = self.hub.closing.cancelled() => return None,
                came = self.came.changed() => came.ok()?,
            }
        }
    }

    fn newest(&self) -> Option<Entry> {
        match &self.of {
            Of::Agent(agent) => newest_of(&self.hub, agent),
            Of::Run(id) => by_id(&self.hub, *id),
        }
    }
}

/// The newest transcript of an agent.
pub fn newest_of(hub: &Hub, agent: &str) -> Option<Entry> {
    let wanted = Wanted {
        agent: Some(agent.to_owned()),
        ..Wanted::default()
    };
    hub.transcripts.list(&wanted, 1).pop()
}

fn by_id(hub: &Hub, id: u64) -> Option<Entry> {
    let from = Wanted {
        after: Some(id.checked_sub(1)?),
        ..Wanted::default()
    };
    let found = hub.transcripts.list(&from, usize::MAX);
    found.into_iter().find(|entry| entry.id == id)
}

/// The end of a transcript as it is now.
pub async fn end_of(hub: &Hub, entry: &Entry) -> Answer<String> {
    let offset = entry.text_bytes.saturating_sub(SHOWN);
    let bytes = read(hub, entry.id, offset).await?;
    Ok(from_line(&bytes, offset > 0))
}

async fn read(hub: &Hub, id: u64, offset: u64) -> Answer<Vec<u8>> {
    let transcripts = hub.transcripts.clone();
    let piece = tokio::task::spawn_blocking(move || transcripts.read(id, Form::Text, offset));
    let piece = piece
        .await
        .map_err(|e| Refusal::broken("the transcript was not read", e))?;
    Ok(piece?.bytes)
}

/// The text; from its first whole line on, where it begins somewhere in the middle.
fn from_line(bytes: &[u8], is_cut: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.split_once('\n') {
        Some((_, rest)) if is_cut => rest.to_owned(),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::from_line;

    #[test]
    fn what_is_cut_begins_with_a_whole_line() {
        assert_eq!(from_line(b"\xa9 half\nwhole\n", true), "whole\n");
        assert_eq!(from_line(b"first\nsecond\n", false), "first\nsecond\n");
        assert_eq!(from_line(b"one", true), "one");
    }
}
