//! Words of a fixed list, and what to say about one that is not on it.

/// The value that `word` names, or one sentence with the list and the nearest word.
pub(crate) fn one_of<T: Copy>(
    what: &str,
    word: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let known = all.iter().copied().find(|value| name(*value) == word);
    known.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|value| name(*value)).collect();
        unknown(what, word, &names)
    })
}

fn unknown(what: &str, word: &str, names: &[&str]) -> String {
    let list = match names {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => names.join(", "),
    };
    let word = crate::text::one_line(word);
    let nearest =
        nearest(&word, names).map_or(String::new(), |near| format!("; did you mean {near}?"));
    format!("unknown {what} '{word}': use {list}{nearest}")
}

/// The name that is most like `word`, when one is like it at all.
pub(crate) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase().replace([' ', '-'], "_");
    names
        .iter()
        .map(|name| (strsim::jaro_winkler(&word, &name.replace('-', "_")), *name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use crate::{Status, TicketType};

    #[test]
    fn an_unknown_word_gets_the_list_and_the_nearest() {
        assert_eq!(
            "in-progres".parse::<Status>().unwrap_err(),
            "unknown status 'in-progres': use open, in_progress, ready or done; did you mean in_progress?"
        );
        assert_eq!(
            "xyz".parse::<TicketType>().unwrap_err(),
            "unknown type 'xyz': use task, proposal, question or verify"
        );
    }
}
