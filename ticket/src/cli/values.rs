//! What single arguments may look like; each refusal says what would do.

use std::str::FromStr;

use ticket::usd::Usd;

/// A ticket's number, with or without `#` in front.
pub fn id(text: &str) -> Result<i64, String> {
    parsed(text.strip_prefix('#').unwrap_or(text))
        .filter(|id| *id >= 0)
        .ok_or_else(|| "an id is a whole number, such as 12".into())
}

/// How many.
pub fn number(text: &str) -> Result<u32, String> {
    parsed(text).ok_or_else(|| "use a whole number, such as 20".into())
}

/// A moment, in Unix seconds.
pub fn moment(text: &str) -> Result<i64, String> {
    ticket::moment::parse(text, ticket::moment::now())
}

/// An amount of money.
pub fn budget(text: &str) -> Result<Usd, String> {
    text.parse().map_err(|e: ticket::Error| e.to_string())
}

/// The same, or `none`, which is nothing.
pub fn budget_or_none(text: &str) -> Result<Usd, String> {
    match text {
        "none" => Ok(Usd(0)),
        amount => budget(amount).map_err(|e| format!("{e}, or none")),
    }
}

/// A text may begin with a dash, as a list in Markdown does; a single word that does is an option
/// that nobody knows.
pub fn prose(text: &str) -> Result<String, String> {
    if text.starts_with('-') && text != "-" && !text.contains(char::is_whitespace) {
        return Err("there is no such option".into());
    }
    Ok(text.into())
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}
