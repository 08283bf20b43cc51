//! Whether a proposal says the same as another ticket in other words. Pure.
//!
//! Two titles are compared by their words: without those that say nothing here (`the`, `add`), and
//! with words that share most of their letters (`parser`, `parsing`) counted as almost the same.
//! Descriptions count too, where both have one that is long enough to tell.

use std::collections::BTreeSet;

/// From this likeness on a proposal repeats the other.
pub const REPEATS: f64 = 0.55;
/// How much the titles weigh where descriptions are compared as well.
const TITLES: f64 = 0.7;
/// Descriptions that are so much alike are the same, whatever the titles say.
const SAME_DESCRIPTION: f64 = 0.75;
/// A description with fewer words says too little to be compared.
const FEWEST_WORDS: usize = 6;
/// What is looked at of a description, in words.
const MOST_WORDS: usize = 200;
/// Words with less in common than this have nothing in common.
const SAME_WORD: f64 = 0.5;

/// Words that are in every other title.
const EMPTY: [&str; 64] = [
    "a",
    "add",
    "adds",
    "all",
    "also",
    "an",
    "and",
    "are",
    "as",
    "at",
    "be",
    "but",
    "by",
    "can",
    "change",
    "create",
    "do",
    "does",
    "each",
    "fix",
    "for",
    "from",
    "get",
    "give",
    "has",
    "have",
    "if",
    "implement",
    "improve",
    "in",
    "into",
    "introduce",
    "is",
    "it",
    "its",
    "let",
    "make",
    "more",
    "new",
    "not",
    "of",
    "on",
    "or",
    "provide",
    "should",
    "so",
    "some",
    "support",
    "that",
    "the",
    "their",
    "them",
    "there",
    "this",
    "to",
    "use",
    "we",
    "when",
    "where",
    "which",
    "will",
    "with",
    "write",
    "you",
];

/// The words of one proposal or ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    title: BTreeSet<String>,
    description: BTreeSet<String>,
}

impl Words {
    /// Takes a title and a description apart.
    pub fn of(title: &str, description: Option<&str>) -> Words {
        Words {
            title: words(title).collect(),
            description: words(description.unwrap_or_default())
                .take(MOST_WORDS)
                .collect(),
        }
    }

    /// The title's words, for finding tickets that may be alike.
    pub fn title(&self) -> &BTreeSet<String> {
        &self.title
    }
}

/// How much two proposals are alike, from 0 to 1.
pub fn likeness(one: &Words, other: &Words) -> f64 {
    let titles = overlap(&one.title, &other.title);
    let shortest = one.description.len().min(other.description.len());
    if shortest < FEWEST_WORDS {
        return titles;
    }
    let descriptions = shared(&one.description, &other.description);
    let both = TITLES * titles + (1.0 - TITLES) * descriptions;
    match descriptions >= SAME_DESCRIPTION {
        true => both.max(descriptions),
        false => both,
    }
}

/// The words that say something, in small letters and without their endings.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase);
    words
        .filter(|word| EMPTY.binary_search(&word.as_str()).is_err())
        .map(|word| stem(&word).to_owned())
}

/// A word without the ending of a plural or a participle.
fn stem(word: &str) -> &str {
    let endings = ["ing", "ed", "es", "s"];
    let stem = endings.iter().find_map(|ending| word.strip_suffix(ending));
    stem.filter(|stem| stem.chars().count() >= 3 && !stem.ends_with('s'))
        .unwrap_or(word)
}

/// How many words two long texts share, as a part of what they have together.
fn shared(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    let same = one.intersection(other).count() as f64;
    same / (one.len() as f64 + other.len() as f64 - same)
}

/// What two short texts have in common, as a part of what they have together. Words that are almost
/// the same count in part.
fn overlap(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    let same = one.intersection(other).count() as f64;
    let rest: Vec<&String> = other.difference(one).collect();
    let near: f64 = one
        .difference(other)
        .map(|word| {
            let likeness = rest.iter().map(|other| in_common(word, other));
            likeness.fold(0.0, f64::max)
        })
        .filter(|likeness| *likeness >= SAME_WORD)
        .sum();
    let common = same + near;
    (common / (one.len() as f64 + other.len() as f64 - common)).min(1.0)
}

/// How many groups of three letters two words share, from 0 to 1. A word begins and ends with a
/// letter of its own.
fn in_common(one: &str, other: &str) -> f64 {
    let (one, other) = (trigrams(one), trigrams(other));
    let same = one.intersection(&other).count() as f64;
    2.0 * same / (one.len() + other.len()) as f64
}

fn trigrams(word: &str) -> BTreeSet<[char; 3]> {
    let letters: Vec<char> = "  "
        .chars()
        .chain(word.chars())
        .chain(" ".chars())
        .collect();
    letters.windows(3).map(|w| [w[0], w[1], w[2]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_are_in_order() {
        assert!(EMPTY.is_sorted());
    }

    #[test]
    fn what_says_the_same_repeats() {
        for (one, other) in [
            ("Add a count command", "Add a count command"),
            ("Add a count command", "add a `count` command to the CLI"),
            ("Add a command that counts items", "Add a count command"),
            (
                "Tests for the parser are missing",
                "Add missing parser tests",
            ),
            (
                "Document the configuration file",
                "Write documentation for the config file",
            ),
            (
                "Validate the price of an item",
                "Price validation for items",
            ),
            ("Drop Python 3.8", "Drop support for Python 3.8"),
            (
                "README: explain how to install",
                "Explain the install in the README",
            ),
        ] {
            let like = likeness(&Words::of(one, None), &Words::of(other, None));
            assert!(like >= REPEATS, "{one} / {other}: {like:.2}");
        }
    }

    #[test]
    fn what_says_something_else_does_not() {
        for (one, other) in [
            ("Add a count command", "Add a sum command"),
            ("Add tests for the parser", "Add tests for the lexer"),
            (
                "Fix the crash when the file is missing",
                "Fix the crash when the file is empty",
            ),
            ("Drop Python 3.8", "Use Python 3.12 features in the store"),
            ("Speed up the start", "Speed up the export of large stores"),
            (
                "Support JSON output for list",
                "Support CSV input for import",
            ),
            ("Add", "Add"),
        ] {
            let like = likeness(&Words::of(one, None), &Words::of(other, None));
            assert!(like < REPEATS, "{one} / {other}: {like:.2}");
        }
    }

    #[test]
    fn descriptions_decide_where_titles_do_not() {
        let told = "The store loses the last line of a file that has no newline at its end. \
                    storage.py reads lines with readline and drops the rest.";
        let again = "A file without a newline at its end loses its last line: storage.py drops \
                     the rest that readline reads from the store.";
        let other = "Prices are rounded twice in the report, so that the sum differs from what \
                     the till shows by a cent now and then.";
        let like = |a: (&str, &str), b: (&str, &str)| {
            likeness(&Words::of(a.0, Some(a.1)), &Words::of(b.0, Some(b.1)))
        };
        let repeats = like(
            ("Keep the last line", told),
            ("Read files to their end", again),
        );
        assert!(repeats >= REPEATS, "{repeats:.2}");
        let differs = like(
            ("Mend the storage module", told),
            ("Mend the report module", other),
        );
        assert!(differs < REPEATS, "{differs:.2}");
        let same_title = like(("Keep the last line", told), ("Keep the last line", other));
        assert!(same_title >= REPEATS, "{same_title:.2}");
    }

    #[test]
    fn any_letters_can_be_compared() {
        for (one, other) in [
            ("", ""),
            ("…", "??"),
            ("日本語", "日本"),
            ("ß", "ẞ"),
            ("e\u{301}", "é"),
        ] {
            let like = likeness(&Words::of(one, Some(other)), &Words::of(other, None));
            assert!((0.0..=1.0).contains(&like));
        }
    }
}
