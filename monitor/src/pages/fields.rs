//! What forms send: every field is text, an empty one says nothing, and lines end in two characters.

use ticket::{Error, Result, text};

/// What a field of an address says.
pub fn given(field: &Option<String>) -> Option<String> {
    field.as_deref().and_then(said)
}

/// Whether a field of an address says nothing.
pub fn is_blank(field: &Option<String>) -> bool {
    given(field).is_none()
}

/// What a field says, without blanks around it.
pub fn said(field: &str) -> Option<String> {
    let field = field.replace("\r\n", "\n");
    Some(field.trim().to_owned()).filter(|said| !said.is_empty())
}

/// The ticket that a field names, by `12` or `#12`.
pub fn ticket(field: &str) -> Result<Option<i64>> {
    let number = |word: String| {
        word.trim_start_matches('#').parse().map_err(|_| {
            let word = text::one_line(&word);
            Error::Invalid(format!("'{word}' is not the number of a ticket"))
        })
    };
    said(field).map(number).transpose()
}

/// The words that a field has between commas.
pub fn words(field: &str) -> Vec<String> {
    field.split(',').filter_map(said).collect()
}
