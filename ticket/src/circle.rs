//! Circles in what points to what: blockers that wait for each other, parents that are parts of each
//! other. Pure.

use std::collections::{BTreeMap, HashMap};

/// A circle along these edges, beginning and ending with the same id; none when there is none.
/// Looks at every edge once.
pub fn find(edges: &BTreeMap<i64, Vec<i64>>) -> Option<Vec<i64>> {
    let mut seen = HashMap::new();
    edges
        .keys()
        .find_map(|start| from(*start, edges, &mut seen))
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

fn from(
    start: i64,
    edges: &BTreeMap<i64, Vec<i64>>,
    seen: &mut HashMap<i64, Seen>,
) -> Option<Vec<i64>> {
    let next_of = |id: &i64| edges.get(id).map_or([].iter(), |next| next.iter());
    if seen.insert(start, Seen::OnChain).is_some() {
        seen.insert(start, Seen::Finished);
        return None;
    }
    let mut chain = vec![(start, next_of(&start))];
    while let Some((id, rest)) = chain.last_mut() {
        let Some(next) = rest.next() else {
            seen.insert(*id, Seen::Finished);
            chain.pop();
            continue;
        };
        match seen.get(next) {
            Some(Seen::Finished) => (),
            Some(Seen::OnChain) => {
                let ids = chain.iter().map(|(id, _)| *id);
                let circle = ids.skip_while(|id| id != next);
                return Some(circle.chain([*next]).collect());
            }
            None => {
                seen.insert(*next, Seen::OnChain);
                chain.push((*next, next_of(next)));
            }
        }
    }
    None
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
