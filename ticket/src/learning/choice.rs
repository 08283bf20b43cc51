//! Which learnings a prompt gets when there are more than fit: the newest few, then those whose words
//! match the ticket's best, then the newest of the others. Pure; words are ranked by Okapi BM25.

use std::collections::{BTreeSet, HashMap};

use super::Learning;
use crate::likeness::words;

/// How many of the newest a prompt gets whatever they are about, while they fit into a quarter of it.
const NEWEST: usize = 5;
/// How fast a word that occurs again counts for less.
const K1: f64 = 1.2;
/// How much a long learning counts for less than a short one.
const B: f64 = 0.5;

/// The learnings that fit into `bytes` together, oldest first, and how many were left out. `all` are
/// the oldest first; `about` is what the ticket says.
pub fn choose(all: Vec<Learning>, about: &str, bytes: usize) -> (Vec<Learning>, usize) {
    let size: usize = all.iter().map(|l| l.body.len()).sum();
    if size <= bytes {
        return (all, 0);
    }
    let newest = (0..all.len()).rev();
    let mut chosen = Chosen::new(&all);
    for place in newest.clone().take(NEWEST) {
        chosen.take(place, bytes / 4);
    }
    for place in matching(&all, about) {
        chosen.take(place, bytes);
    }
    for place in newest {
        chosen.take(place, bytes);
    }
    let (total, places) = (all.len(), chosen.places);
    let kept = all.into_iter().enumerate();
    let kept = kept.filter(|(place, _)| places.contains(place));
    let kept: Vec<Learning> = kept.map(|(_, learning)| learning).collect();
    let left_out = total - kept.len();
    (kept, left_out)
}

struct Chosen<'a> {
    all: &'a [Learning],
    places: BTreeSet<usize>,
    bytes: usize,
}

impl<'a> Chosen<'a> {
    fn new(all: &'a [Learning]) -> Chosen<'a> {
        Chosen {
            all,
            places: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Takes one more, where it fits.
    fn take(&mut self, place: usize, most: usize) {
        let bytes = self.bytes + self.all[place].body.len();
        if bytes <= most && self.places.insert(place) {
            self.bytes = bytes;
        }
    }
}

/// The places of learnings that share words with `about`, the best match first, the newest among
/// equals.
fn matching(all: &[Learning], about: &str) -> Vec<usize> {
    let wanted: BTreeSet<String> = words(about).collect();
    let counted: Vec<(HashMap<String, usize>, usize)> = all
        .iter()
        .map(|learning| {
            let mut counts = HashMap::new();
            let mut length = 0;
            for word in words(&learning.body).chain(words(&learning.category)) {
                length += 1;
                if wanted.contains(&word) {
                    *counts.entry(word).or_insert(0) += 1;
                }
            }
            (counts, length)
        })
        .collect();
    let number = all.len() as f64;
    let mean = counted
        .iter()
        .map(|(_, length)| *length as f64)
        .sum::<f64>()
        / number;
    let mut with_word: HashMap<&str, f64> = HashMap::new();
    for word in counted.iter().flat_map(|(counts, _)| counts.keys()) {
        *with_word.entry(word).or_insert(0.0) += 1.0;
    }
    let score = |(counts, length): &(HashMap<String, usize>, usize)| -> f64 {
        let weight = |(word, times): (&String, &usize)| {
            let having = with_word.get(word.as_str()).copied().unwrap_or(1.0);
            let rare = (1.0 + (number - having + 0.5) / (having + 0.5)).ln();
            let times = *times as f64;
            let long = 1.0 - B + B * *length as f64 / mean.max(1.0);
            rare * times * (K1 + 1.0) / (times + K1 * long)
        };
        // In an order of its own a sum of the same numbers could differ in its last digits.
        let mut weights: Vec<f64> = counts.iter().map(weight).collect();
        weights.sort_by(f64::total_cmp);
        weights.iter().sum()
    };
    let mut scored: Vec<(f64, usize)> = counted.iter().map(score).zip(0..).collect();
    scored.retain(|(score, _)| *score > 0.0);
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    scored.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learning(id: i64, category: &str, body: &str) -> Learning {
        Learning {
            id,
            body: body.into(),
            category: category.into(),
            author: "agent-1".into(),
            ticket_id: None,
            created_at: String::new(),
        }
    }

    /// A thousand learnings of about fifty bytes about other things.
    fn many() -> Vec<Learning> {
        let body = |n: i64| format!("Number {n} says that the weather was fine on that day");
        (1..=1000)
            .map(|n| learning(n, "general", &body(n)))
            .collect()
    }

    fn ids(chosen: &[Learning]) -> Vec<i64> {
        chosen.iter().map(|l| l.id).collect()
    }

    #[test]
    fn all_that_fit_are_there() {
        let (kept, left_out) = choose(many(), "anything", 1 << 20);
        assert_eq!((kept.len(), left_out), (1000, 0));
        assert_eq!(choose(Vec::new(), "anything", 10), (Vec::new(), 0));
    }

    #[test]
    fn what_matches_the_ticket_comes_before_what_is_new() {
        let mut all = many();
        all[10] = learning(11, "build", "The parser is generated: run make gen first");
        all[20] = learning(21, "parser", "Run the slow tests with --all");
        all[30] = learning(
            31,
            "general",
            "Parsing quotation marks needs the table in marks.py",
        );
        let (kept, left_out) = choose(all, "Mend the parser of quotation marks", 1600);
        let kept = ids(&kept);
        assert!([11, 21, 31].iter().all(|id| kept.contains(id)), "{kept:?}");
        assert!(
            [1000, 999, 998].iter().all(|id| kept.contains(id)),
            "{kept:?}"
        );
        assert!(kept.is_sorted());
        assert_eq!(left_out, 1000 - kept.len());
    }

    #[test]
    fn rare_words_count_more_than_frequent_ones() {
        let mut all = many();
        all[10] = learning(
            11,
            "general",
            "The cache of the thermostat is stale after a restart",
        );
        let (kept, _) = choose(all, "Which day was the weather fine at the thermostat", 500);
        assert!(ids(&kept).contains(&11), "{kept:?}");
    }

    #[test]
    fn the_choice_is_the_same_each_time() {
        let once = choose(many(), "weather number day", 4096);
        for _ in 0..5 {
            assert_eq!(choose(many(), "weather number day", 4096), once);
        }
    }

    #[test]
    fn one_that_is_too_long_keeps_no_other_away() {
        let mut all = many();
        all.push(learning(1001, "general", &"x".repeat(4000)));
        let (kept, _) = choose(all, "nothing in common", 2000);
        assert!(ids(&kept).contains(&1000) && !ids(&kept).contains(&1001));
        assert!(kept.iter().map(|l| l.body.len()).sum::<usize>() <= 2000);
    }
}
