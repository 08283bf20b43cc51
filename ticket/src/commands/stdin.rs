//! Texts that stand on standard input instead of the command line.

use std::io::Read;

use ticket::ticket::MAX_TEXT;
use ticket::{Error, Result};

/// The text itself, or standard input for `-`, without the line breaks at its end.
pub fn text_or_stdin(text: &str) -> Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let text = whole("standard input", std::io::stdin(), MAX_TEXT)?;
    if text.is_empty() {
        return Err(Error::Invalid(
            "there is nothing on standard input: '-' reads the text from there".into(),
        ));
    }
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// All of `from`, which is called `name`; no more than `most` bytes are ever read.
pub fn whole(name: &str, from: impl Read, most: usize) -> Result<String> {
    let mut read = Vec::new();
    from.take(most as u64 + 1)
        .read_to_end(&mut read)
        .map_err(|e| Error::Io(format!("cannot read {name}"), e))?;
    if read.len() > most {
        return Err(Error::Invalid(format!(
            "{name} has more than {most} bytes: that is the most that is taken"
        )));
    }
    String::from_utf8(read).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::Invalid(format!(
            "{name} is not UTF-8 text (line {line}): convert it first, as iconv does"
        ))
    })
}
