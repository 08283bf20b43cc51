//! Which unfinished tickets wait for which, drawn and as a list.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::Status;
use ticket::store::{Linked, Waits};

use super::frame::Frame;
use super::layers::{Cell, cells};
use super::rendered;
use crate::error::Answer;
use crate::hub::{Hub, Shared};

/// How many tickets are drawn.
const MOST: usize = 300;
/// How many pairs are read for them.
const PAIRS: u32 = 2_000;
/// How wide and high a box is, in units of the drawing.
const BOX: (usize, usize) = (204, 30);
/// From one box to the next, to the right and down.
const STEP: (usize, usize) = (254, 42);
/// How many characters of a title fit into a box.
const TITLE: usize = 20;

#[derive(Template)]
#[template(path = "graph.html")]
struct Page {
    frame: Frame,
    graph: Graph,
}

/// The drawing, and what it shows.
#[derive(Template)]
#[template(path = "graph_drawing.html")]
pub struct Graph {
    width: usize,
    height: usize,
    boxes: Vec<Node>,
    lines: Vec<String>,
    is_cut: bool,
}

/// A ticket in its place.
struct Node {
    id: i64,
    title: String,
    /// As much of the title as fits.
    short: String,
    status: Status,
    x: usize,
    y: usize,
    waits_for: Vec<i64>,
}

/// `GET /graph`
pub async fn page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Graph").await?;
    let graph = graph(&hub).await?;
    Ok(Html(rendered(&Page { frame, graph })?))
}

/// At this moment.
pub async fn graph(hub: &Hub) -> Answer<Graph> {
    let waits = hub.database.read(|store| store.waits(PAIRS)).await?;
    Ok(drawn(waits))
}

/// Puts tickets and lines in their places.
fn drawn(waits: Waits) -> Graph {
    let (kept, pairs) = first_of(&waits.pairs, MOST);
    let is_cut = waits.is_cut || pairs.len() < waits.pairs.len();
    let ids: Vec<i64> = kept.iter().copied().collect();
    let cells = cells(&ids, &pairs);
    let mut waits_for: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (one, other) in &pairs {
        waits_for.entry(*one).or_default().push(*other);
    }
    let columns = cells.values().map(|cell| cell.column + 1).max();
    let rows = cells.values().map(|cell| cell.row + 1).max();
    let line = |(waits, on): &(i64, i64)| Some(line(*cells.get(on)?, *cells.get(waits)?));
    let lines = pairs.iter().filter_map(line).collect();
    let boxes = waits.tickets.into_iter().filter_map(|ticket| {
        let cell = cells.get(&ticket.id)?;
        Some(node(ticket, *cell, &mut waits_for))
    });
    Graph {
        width: columns.unwrap_or(0) * STEP.0,
        height: rows.unwrap_or(0) * STEP.1,
        boxes: boxes.collect(),
        lines,
        is_cut,
    }
}

/// The first tickets, so many at most, and the pairs among them.
fn first_of(pairs: &[(i64, i64)], most: usize) -> (BTreeSet<i64>, Vec<(i64, i64)>) {
    let mut kept = BTreeSet::new();
    for (one, other) in pairs {
        let more = [one, other]
            .iter()
            .filter(|id| !kept.contains(**id))
            .count();
        if kept.len() + more <= most {
            kept.extend([*one, *other]);
        }
    }
    let among = pairs
        .iter()
        .filter(|(one, other)| kept.contains(one) && kept.contains(other))
        .copied()
        .collect();
    (kept, among)
}

fn node(ticket: Linked, cell: Cell, waits_for: &mut BTreeMap<i64, Vec<i64>>) -> Node {
    let (x, y) = corner(cell);
    Node {
        x,
        y,
        short: ticket::text::beginning(&ticket.title, TITLE),
        waits_for: waits_for.remove(&ticket.id).unwrap_or_default(),
        id: ticket.id,
        title: ticket.title,
        status: ticket.status,
    }
}

fn corner(cell: Cell) -> (usize, usize) {
    (cell.column * STEP.0, cell.row * STEP.1)
}

/// A line from the right of one box to the left of another.
fn line(from: Cell, to: Cell) -> String {
    let ((x1, y1), (x2, y2)) = (corner(from), corner(to));
    let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2, y2 + BOX.1 / 2);
    let bend = (STEP.0 - BOX.0) / 2;
    let (out, back) = (x1 + bend, x2.saturating_sub(bend));
    format!("M{x1} {y1}C{out} {y1} {back} {y2} {x2} {y2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(pairs: &[(i64, i64)]) -> Waits {
        let ids: BTreeSet<i64> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        let ticket = |id: i64| Linked {
            id,
            title: format!("</title><script>ticket {id}"),
            status: Status::Open,
        };
        Waits {
            tickets: ids.into_iter().map(ticket).collect(),
            pairs: pairs.to_vec(),
            is_cut: false,
        }
    }

    #[test]
    fn a_graph_has_a_box_for_each_ticket_and_a_line_for_each_pair() {
        let graph = drawn(waits(&[(2, 1), (3, 2)]));
        assert_eq!((graph.boxes.len(), graph.lines.len()), (3, 2));
        assert!(!graph.is_cut);
        assert_eq!(graph.boxes[2].waits_for, [2]);
        assert!(graph.boxes.iter().all(|b| b.x + BOX.0 <= graph.width));
        let shown = graph.render().unwrap();
        assert!(!shown.contains("<script") && shown.contains("/tickets/3"));
    }

    #[test]
    fn a_graph_that_is_too_large_says_so() {
        let pairs: Vec<(i64, i64)> = (1..500).map(|id| (id + 1, id)).collect();
        let graph = drawn(waits(&pairs));
        assert!(graph.is_cut);
        assert_eq!(graph.boxes.len(), MOST);
        assert_eq!(graph.lines.len(), MOST - 1);
    }
}
