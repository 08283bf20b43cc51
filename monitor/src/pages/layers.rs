//! Where the boxes of a graph go: from left to right, each behind all that it waits for. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// How often each column is put into a better order.
const SWEEPS: usize = 4;

/// The place of a box: its column and its row in it, both counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// As many columns are before it as the longest way to it has steps.
    pub column: usize,
    /// Its row.
    pub row: usize,
}

/// A cell for each node. The first of each pair waits for the second; pairs with other nodes are
/// passed over. Nodes that wait for each other in a circle come last.
pub fn cells(nodes: &[i64], pairs: &[(i64, i64)]) -> BTreeMap<i64, Cell> {
    let known: BTreeSet<i64> = nodes.iter().copied().collect();
    let mut waits_for: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (waits, on) in pairs {
        if waits != on && known.contains(waits) && known.contains(on) {
            waits_for.entry(*waits).or_default().push(*on);
        }
    }
    let mut waited_by: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (waits, on) in waits_for
        .iter()
        .flat_map(|(id, on)| on.iter().map(move |on| (id, on)))
    {
        waited_by.entry(*on).or_default().push(*waits);
    }
    let mut columns = columns(&known, &waits_for);
    for _ in 0..SWEEPS {
        sort_by_neighbours(columns.iter_mut(), &waits_for);
        sort_by_neighbours(columns.iter_mut().rev(), &waited_by);
    }
    let cell = |(column, ids): (usize, &Vec<i64>)| {
        let rows = ids.iter().enumerate();
        rows.map(move |(row, id)| (*id, Cell { column, row }))
            .collect::<Vec<_>>()
    };
    columns.iter().enumerate().flat_map(cell).collect()
}

/// Each node in the first column that is behind all that it waits for.
fn columns(known: &BTreeSet<i64>, waits_for: &BTreeMap<i64, Vec<i64>>) -> Vec<Vec<i64>> {
    let mut columns: Vec<Vec<i64>> = Vec::new();
    let mut placed: BTreeSet<i64> = BTreeSet::new();
    while placed.len() < known.len() {
        let is_free = |id: &i64| {
            let on = waits_for.get(id).into_iter().flatten();
            on.into_iter().all(|on| placed.contains(on))
        };
        let left = known.difference(&placed).copied();
        let mut column: Vec<i64> = left.clone().filter(is_free).collect();
        if column.is_empty() {
            column = left.collect();
        }
        placed.extend(&column);
        columns.push(column);
    }
    columns
}

/// Puts each node near the middle of its neighbours in the columns before, so that lines cross less.
fn sort_by_neighbours<'a>(
    columns: impl Iterator<Item = &'a mut Vec<i64>>,
    neighbours: &BTreeMap<i64, Vec<i64>>,
) {
    let mut row_of: BTreeMap<i64, usize> = BTreeMap::new();
    for column in columns {
        let middle = |(row, id): (usize, &i64)| {
            let near = neighbours.get(id).map_or(&[][..], Vec::as_slice);
            let rows: Vec<usize> = near
                .iter()
                .filter_map(|id| row_of.get(id).copied())
                .collect();
            // In thousandths of a row, so that it can be compared.
            let mean = (rows.iter().sum::<usize>() * 1000).checked_div(rows.len());
            (mean.unwrap_or(row * 1000), row, *id)
        };
        let mut sorted: Vec<(usize, usize, i64)> = column.iter().enumerate().map(middle).collect();
        sorted.sort_unstable();
        *column = sorted.into_iter().map(|(_, _, id)| id).collect();
        row_of.extend(column.iter().enumerate().map(|(row, id)| (*id, row)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column_of(cells: &BTreeMap<i64, Cell>, id: i64) -> usize {
        cells[&id].column
    }

    #[test]
    fn everything_is_behind_what_it_waits_for() {
        let pairs = [(2, 1), (3, 2), (3, 1), (5, 4), (6, 99)];
        let cells = cells(&[1, 2, 3, 4, 5, 6], &pairs);
        let found: Vec<usize> = (1..=6).map(|id| column_of(&cells, id)).collect();
        assert_eq!(found, [0, 1, 2, 0, 1, 0]);
    }

    #[test]
    fn no_two_share_a_cell() {
        let nodes: Vec<i64> = (1..=100).collect();
        let pairs: Vec<(i64, i64)> = (2..=100).map(|id| (id, id / 3 + 1)).collect();
        let cells = cells(&nodes, &pairs);
        let places: BTreeSet<(usize, usize)> =
            cells.values().map(|cell| (cell.column, cell.row)).collect();
        assert_eq!((cells.len(), places.len()), (100, 100));
        for (waits, on) in pairs.iter().filter(|(waits, on)| waits != on) {
            assert!(column_of(&cells, *waits) > column_of(&cells, *on));
        }
    }

    #[test]
    fn lines_that_could_cross_do_not() {
        let cells = cells(&[1, 2, 3, 4], &[(3, 2), (4, 1)]);
        let is_above = |one: i64, other: i64| cells[&one].row < cells[&other].row;
        assert_eq!(is_above(1, 2), is_above(4, 3));
    }

    #[test]
    fn a_circle_is_drawn_too() {
        let cells = cells(&[1, 2, 3], &[(1, 2), (2, 1), (3, 3)]);
        assert_eq!(cells.len(), 3);
        assert_eq!(column_of(&cells, 1), column_of(&cells, 2));
    }
}
