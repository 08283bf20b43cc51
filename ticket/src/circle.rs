//! Circles in what points to what: blockers that wait for each other, parents that are parts of each
//! other. Pure.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

/// A circle along these edges, beginning and ending with the same id; none when there is none.
/// Looks at every edge once.
pub fn find(edges: &BTreeMap<i64, Vec<i64>>) -> Option<Vec<i64>> {
    let starts = edges.keys().copied();
    let found: Result<_, Infallible> =
        find_along(starts, |id| Ok(edges.get(&id).cloned().unwrap_or_default()));
    match found {
        Ok(circle) => circle,
    }
}

/// As [`find`], where the edges are asked for as they are needed: those that lead on from `starts`,
/// each id once. An edge that cannot be told ends the search.
pub fn find_along<E>(
    starts: impl IntoIterator<Item = i64>,
    mut next_of: impl FnMut(i64) -> Result<Vec<i64>, E>,
) -> Result<Option<Vec<i64>>, E> {
    let mut seen = HashMap::new();
    for start in starts {
        if let Some(circle) = from(start, &mut next_of, &mut seen)? {
            return Ok(Some(circle));
        }
    }
    Ok(None)
}

/// The circle as a sentence: `#1 waits for #2 waits for #1`.
pub fn say(circle: &[i64], relation: &str) -> String {
    let names: Vec<String> = circle.iter().map(|id| format!("#{id}")).collect();
    names.join(&format!(" {relation} "))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    OnChain,
    Finished,
}

fn from<E>(
    start: i64,
    next_of: &mut impl FnMut(i64) -> Result<Vec<i64>, E>,
    seen: &mut HashMap<i64, Seen>,
) -> Result<Option<Vec<i64>>, E> {
    if seen.contains_key(&start) {
        return Ok(None);
    }
    seen.insert(start, Seen::OnChain);
    let mut chain = vec![(start, next_of(start)?.into_iter())];
    while let Some((id, rest)) = chain.last_mut() {
        let Some(next) = rest.next() else {
            seen.insert(*id, Seen::Finished);
            chain.pop();
            continue;
        };
        match seen.get(&next) {
            Some(Seen::Finished) => (),
            Some(Seen::OnChain) => {
                let ids = chain.iter().map(|(id, _)| *id);
                let circle = ids.skip_while(|id| *id != next);
                return Ok(Some(circle.chain([next]).collect()));
            }
            None => {
                seen.insert(next, Seen::OnChain);
                let further = next_of(next)?.into_iter();
                chain.push((next, further));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(edges: &[(i64, &[i64])]) -> Option<Vec<i64>> {
        find(&edges.iter().map(|(id, to)| (*id, to.to_vec())).collect())
    }

    #[test]
    fn circles_are_found_wherever_they_are() {
        assert_eq!(circle(&[(1, &[2, 3]), (2, &[3]), (3, &[4])]), None);
        assert_eq!(circle(&[(1, &[1])]), Some(vec![1, 1]));
        assert_eq!(
            circle(&[(1, &[2]), (2, &[5, 3]), (3, &[4]), (4, &[2])]),
            Some(vec![2, 3, 4, 2])
        );
        assert_eq!(
            circle(&[(1, &[]), (7, &[8]), (8, &[1, 9]), (9, &[7])]),
            Some(vec![7, 8, 9, 7])
        );
        assert_eq!(say(&[1, 2, 1], "waits for"), "#1 waits for #2 waits for #1");
    }

    #[test]
    fn a_long_chain_is_no_matter() {
        let mut edges: BTreeMap<i64, Vec<i64>> = (0..100_000).map(|n| (n, vec![n + 1])).collect();
        assert_eq!(find(&edges), None);
        edges.insert(100_000, vec![50_000]);
        assert_eq!(find(&edges).map(|c| c.len()), Some(50_002));
    }
}
