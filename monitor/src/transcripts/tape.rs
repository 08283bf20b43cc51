//! One run that is being written: its two files, and what it takes to go on with them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

use swarm::transcripts::Folder;
use ticket::transcript::{Begin, End, Entry, Form, Key, Record, Renderer};
use ticket::{Error, Result, moment};

/// The longest line that is rendered, in bytes. A runner cuts what is printed well before that.
const LONGEST: usize = 8 << 20;
/// How much text is gathered before it is written.
const GATHER: usize = 256 << 10;

/// A run that is being written.
pub struct Tape {
    key: Key,
    /// None before the first piece, and after the disk refused something.
    writing: Option<Writing>,
    is_over: bool,
}

/// What a piece told.
#[derive(Debug, Default)]
pub struct News {
    /// The size of the JSONL now.
    pub bytes: u64,
    /// The size of the text now.
    pub text_bytes: u64,
    /// How the run began, and when.
    pub begin: Option<(String, Begin)>,
    /// How it ended, and when.
    pub end: Option<(String, End)>,
}

struct Writing {
    raw: File,
    text: File,
    bytes: u64,
    text_bytes: u64,
    /// The line whose end has not come.
    line: Vec<u8>,
    renderer: Renderer,
}

impl Tape {
    /// Of a run of which nothing is known here.
    pub fn new(key: Key) -> Tape {
        Tape {
            key,
            writing: None,
            is_over: false,
        }
    }

    /// Takes what is new of a piece that begins at `offset`; nothing when it would leave a hole. Says
    /// how much is there.
    pub fn append(
        &mut self,
        folder: &Folder,
        offset: u64,
        piece: &[u8],
        most: u64,
    ) -> Result<(u64, News)> {
        let mut news = News::default();
        let mut writing = match self.writing.take() {
            Some(writing) => writing,
            None => Writing::open(folder, &self.key, &mut news).map_err(|e| self.refused(e))?,
        };
        let known = writing.bytes.checked_sub(offset);
        let known = known.and_then(|known| usize::try_from(known).ok());
        let new = known.and_then(|known| piece.get(known..)).unwrap_or(&[]);
        if self.is_over || new.is_empty() {
            return Ok((writing.bytes, self.keep(writing, news)));
        }
        if writing.bytes + length(new) > most {
            let key = self.key;
            self.writing = Some(writing);
            return Err(Error::Refused(format!(
                "{key} is too long to be recorded: {most} bytes may be kept"
            )));
        }
        // What the disk refused is made anew from what it has.
        let taken = writing.take(new, &mut news);
        taken.map_err(|e| self.refused(e))?;
        Ok((writing.bytes, self.keep(writing, news)))
    }

    fn keep(&mut self, writing: Writing, mut news: News) -> News {
        (news.bytes, news.text_bytes) = (writing.bytes, writing.text_bytes);
        self.is_over |= news.end.is_some();
        self.writing = Some(writing);
        news
    }

    fn refused(&self, error: io::Error) -> Error {
        Error::Io(format!("{} cannot be recorded", self.key), error)
    }
}

impl Writing {
    /// Opens the files; the text is made from what is there.
    fn open(folder: &Folder, key: &Key, news: &mut News) -> io::Result<Writing> {
        let mut writing = Writing {
            raw: folder.open(key, Form::Raw)?,
            text: folder.open(key, Form::Text)?,
            bytes: 0,
            text_bytes: 0,
            line: Vec::new(),
            renderer: Renderer::new(),
        };
        writing.text.set_len(0)?;
        let raw = writing.raw.try_clone()?;
        let mut reader = BufReader::new(raw);
        loop {
            let piece = reader.fill_buf()?;
            if piece.is_empty() {
                return Ok(writing);
            }
            let used = piece.len();
            writing.bytes += length(piece);
            let text = writing.rendered(piece, news);
            writing.write_text(&text)?;
            reader.consume(used);
        }
    }

    fn take(&mut self, new: &[u8], news: &mut News) -> io::Result<()> {
        if let Err(e) = self.raw.write_all_at(new, self.bytes) {
            // What was written of it before the disk was full is no part of it.
            self.raw.set_len(self.bytes)?;
            return Err(e);
        }
        self.bytes += length(new);
        let text = self.rendered(new, news);
        self.write_text(&text)
    }

    fn write_text(&mut self, text: &str) -> io::Result<()> {
        for piece in text.as_bytes().chunks(GATHER) {
            self.text.write_all_at(piece, self.text_bytes)?;
            self.text_bytes += length(piece);
        }
        Ok(())
    }

    /// The text of the lines that `new` completes.
    fn rendered(&mut self, new: &[u8], news: &mut News) -> String {
        let mut text = String::new();
        for part in new.split_inclusive(|b| *b == b'\n') {
            let room = LONGEST.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                news.hear(&line);
                text += &self.renderer.line(&line);
            }
        }
        text
    }
}

impl News {
    /// Only the first and the last line of a transcript are of interest here.
    fn hear(&mut self, line: &str) {
        if !line.contains("\"begin\":{") && !line.contains("\"end\":{") {
            return;
        }
        let Ok(record) = serde_json::from_str::<Record>(line) else {
            return;
        };
        let at = moment_of(&record.at);
        if let Some(begin) = record.begin {
            self.begin = Some((at.clone(), begin));
        }
        if let Some(end) = record.end {
            self.end = Some((at, end));
        }
    }
}

/// The entry of a run that has files and is not in the index.
pub fn adopted(folder: &Folder, key: Key, id: u64) -> Entry {
    let mut news = News::default();
    if let Ok(raw) = folder.open(&key, Form::Raw) {
        let lines = BufReader::new(raw.take(LONGEST as u64)).lines();
        lines.map_while(io::Result::ok).for_each(|l| news.hear(&l));
    }
    let (started_at, begin) = news.begin.unwrap_or_default();
    let size = |form| {
        let file = std::fs::metadata(folder.file(&key, form));
        file.map_or(0, |file| file.len())
    };
    Entry {
        id,
        key,
        agent: begin.agent,
        phase: begin.phase,
        backend: begin.backend,
        model: begin.model,
        session: begin.session,
        started_at,
        ended_at: None,
        ending: None,
        bytes: size(Form::Raw),
        text_bytes: size(Form::Text),
    }
}

/// A record's time as the rest of the system writes times; now, where it has none.
fn moment_of(at: &str) -> String {
    let said = moment::parse(at, 0).ok().filter(|said| *said > 0);
    moment::text(said.unwrap_or_else(moment::now)).unwrap_or_default()
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
