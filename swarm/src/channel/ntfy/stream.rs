//! What others publish to a topic, as it comes: ntfy's JSON stream over one outgoing connection.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::post::{DEADLINE, Published};
use super::Ntfy;

/// A server says every 45 seconds that it is there; one that is silent for so long is not.
pub const QUIET: Duration = Duration::from_secs(120);
/// The longest line that is read, in bytes: a message has 4096 at most, and its words around it.
const LONGEST_LINE: u64 = 64 * 1024;
/// How many events may wait for their reader.
const WAITING: usize = 16;

/// What comes from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It listens to us, or says that it is still there.
    Alive,
    /// Somebody published this.
    Message(Incoming),
    /// The connection is over, and why. Nothing comes after it.
    End(Published),
}

/// A message that somebody published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The server's name for it.
    pub id: String,
    /// When it was published, in Unix seconds by the server's clock.
    pub time: i64,
    /// Its text.
    pub message: String,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: String,
    #[serde(default)]
    time: i64,
    event: String,
    #[serde(default)]
    message: String,
}

impl Ntfy {
    /// Listens for what was published since then, in Unix seconds, on a thread of its own. The thread
    /// ends when the answer is dropped: at the next line, or after two minutes without one.
    pub fn listen(&self, since: i64) -> Receiver<Heard> {
        let (sender, receiver) = channel(WAITING);
        let (ntfy, ending) = (self.clone(), sender.clone());
        let started = thread::Builder::new()
            .name("ntfy".into())
            .spawn(move || ntfy.read(since, &sender));
        if let Err(error) = started {
            let why = Published::Away(format!("no thread could be started: {error}"));
            // The channel is new, so there is room.
            let _ = ending.try_send(Heard::End(why));
        }
        receiver
    }

    fn read(&self, since: i64, sender: &Sender<Heard>) {
        let end = match self.open(since) {
            Err(end) => end,
            Ok(mut lines) => loop {
                match next(&mut lines) {
                    Ok(None) => break Published::Away("it ended the connection".into()),
                    Ok(Some(line)) => {
                        let Some(heard) = heard(&line) else { continue };
                        if sender.blocking_send(heard).is_err() {
                            return;
                        }
                    }
                    Err(error) => break Published::Away(self.post.clean(&error.to_string())),
                }
            },
        };
        // Nobody listens any more: fine.
        let _ = sender.blocking_send(Heard::End(end));
    }

    fn open(&self, since: i64) -> Result<impl BufRead + use<>, Published> {
        let url = format!("{}/json?since={since}", self.address());
        let mut request = self
            .post
            .agent
            .get(&url)
            .config()
            .timeout_global(None)
            .timeout_connect(Some(DEADLINE))
            .timeout_recv_response(Some(DEADLINE))
            .timeout_per_read(Some(QUIET))
            .build();
        if let Some((name, value)) = self.authorization() {
            request = request.header(name, value);
        }
        match request.call() {
            Ok(answer) if answer.status().is_success() => {
                Ok(BufReader::new(answer.into_body().into_reader()))
            }
            Ok(answer) => Err(self.post.published(answer.status().as_u16(), None, "")),
            Err(error) => Err(Published::Away(self.post.clean(&error.to_string()))),
        }
    }
}

/// The next line, without its end; none when there are no more.
fn next(lines: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = lines.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if read as u64 == LONGEST_LINE => Err(std::io::Error::new(
            ErrorKind::InvalidData,
            "it sent a line without end",
        )),
        // Half a line: the connection was cut.
        Some(_) => Ok(None),
    }
}

/// What a line says; none when it is nothing to us.
fn heard(line: &[u8]) -> Option<Heard> {
    let line: Line = serde_json::from_slice(line).ok()?;
    match line.event.as_str() {
        "open" | "keepalive" => Some(Heard::Alive),
        "message" => Some(Heard::Message(Incoming {
            id: line.id,
            time: line.time,
            message: line.message,
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_ntfy_documents() {
        let text = concat!(
            r#"{"id":"a","time":1,"event":"open","topic":"t"}"#,
            "\n",
            r#"{"id":"b","time":2,"event":"message","topic":"t","message":"12 code","title":"x"}"#,
            "\n",
            r#"{"id":"c","time":3,"event":"keepalive","topic":"t"}"#,
            "\n",
            r#"{"id":"d","time":4,"event":"message_delete","topic":"t"}"#,
            "\nnot JSON\n{\"half\":",
        );
        let mut lines = text.as_bytes();
        let mut all = Vec::new();
        while let Some(line) = next(&mut lines).unwrap() {
            all.push(heard(&line));
        }
        let message = Incoming {
            id: "b".into(),
            time: 2,
            message: "12 code".into(),
        };
        assert_eq!(
            all,
            [
                Some(Heard::Alive),
                Some(Heard::Message(message)),
                Some(Heard::Alive),
                None,
                None,
            ]
        );
    }

    #[test]
    fn a_line_without_end_is_not_read_for_ever() {
        let endless = vec![b'x'; LONGEST_LINE as usize * 2];
        assert!(next(&mut endless.as_slice()).is_err());
    }
}
