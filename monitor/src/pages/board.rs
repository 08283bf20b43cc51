//! The board: unfinished tickets in columns by stage, and what landed lately.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use serde::{Deserialize, Serialize};
use swarm::config::MAX_AGENTS;
use ticket::filter::{Filter, Search};
use ticket::landing::{Landing, LandingState};
use ticket::ticket::{HUMAN, TicketType};
use ticket::wire::{Base, SwarmStatus};
use ticket::{Actor, Queue, Status, Store, Ticket, moment};

use super::fields::{given, is_blank};
use super::frame::Frame;
use super::rendered;
use crate::error::{Answer, Query};
use crate::hub::{Hub, Shared};
use crate::routes::status;

/// How many unfinished tickets are shown: those that somebody is at, then the oldest; of those that
/// were looked for the newest.
const MAX_TICKETS: u32 = 500;
/// Which tickets are looked for.
const UNFINISHED: &str = "open,in_progress,ready";
/// How many that landed.
const LANDED: u32 = 20;

/// Which tickets are shown, as the address says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Wanted {
    #[serde(default, skip_serializing_if = "is_blank")]
    q: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    label: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "is_blank")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    assigned_to: Option<String>,
}

impl Wanted {
    /// Whether it leaves anything out.
    fn narrows(&self) -> bool {
        [&self.q, &self.label, &self.kind, &self.assigned_to]
            .into_iter()
            .any(|field| !is_blank(field))
    }

    /// Where the script finds the same tickets.
    fn part(&self) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        format!("/parts/tickets?{query}")
    }

    fn filter(&self) -> Filter {
        Filter {
            kind: given(&self.kind),
            label: given(&self.label),
            assigned_to: given(&self.assigned_to),
            ..Filter::default()
        }
    }
}

#[derive(Template)]
#[template(path = "board.html")]
struct Board {
    frame: Frame,
    summary: Summary,
    wanted: Wanted,
    columns: Columns,
    controls: Controls,
}

/// Pause, drain, resume, scale.
#[derive(Template)]
#[template(path = "controls.html")]
pub struct Controls {
    paused: Option<String>,
    is_frozen: bool,
    agents: u32,
    most: u32,
}

/// Main's head, and counts.
#[derive(Template)]
#[template(path = "summary.html")]
pub struct Summary {
    base: Base,
    agents: u32,
    counts: Vec<(Status, u64)>,
}

/// Tickets by stage.
#[derive(Template)]
#[template(path = "columns.html")]
pub struct Columns {
    columns: Vec<Column>,
    is_empty: bool,
    /// Some tickets were asked for and not all.
    is_narrowed: bool,
    more: u64,
    is_cut: bool,
}

struct Column {
    title: &'static str,
    cards: Vec<Card>,
    /// There may be more that belong here.
    has_more: bool,
}

/// A ticket in a column.
struct Card {
    id: i64,
    title: String,
    /// What else is worth a glance, in a few words each.
    about: Vec<String>,
}

impl Card {
    fn of(ticket: Ticket) -> Card {
        let kind = (ticket.kind != TicketType::Task).then(|| ticket.kind.to_string());
        let about = kind
            .into_iter()
            .chain([format!("priority {}", ticket.priority)])
            .chain(ticket.assigned_to)
            .chain(ticket.labels);
        Card {
            id: ticket.id,
            title: ticket.title,
            about: about.collect(),
        }
    }

    fn landed(landing: Landing) -> Card {
        Card {
            id: landing.ticket_id,
            title: landing.title,
            about: vec![landing.agent],
        }
    }
}

/// `GET /`
pub async fn page(State(hub): State<Shared>, Query(wanted): Query<Wanted>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Board").await?;
    let board = Board {
        summary: Summary::of(&frame.status),
        columns: columns(&hub, &wanted).await?,
        controls: controls(&hub).await?,
        wanted,
        frame,
    };
    Ok(Html(rendered(&board)?))
}

/// `GET /parts/tickets`
pub async fn tickets(
    State(hub): State<Shared>,
    Query(wanted): Query<Wanted>,
) -> Answer<Html<String>> {
    Ok(Html(rendered(&columns(&hub, &wanted).await?)?))
}

impl Summary {
    fn of(status: &SwarmStatus) -> Summary {
        let count = |s: Status| status.tickets.get(s.as_str()).copied().unwrap_or(0);
        Summary {
            base: status.base.clone(),
            agents: status.desired_agents,
            counts: Status::ALL.map(|s| (s, count(s))).into(),
        }
    }
}

/// The swarm in a line.
pub async fn summary(hub: &Hub) -> Answer<Summary> {
    Ok(Summary::of(&status::gather(hub).await?))
}

/// What the human can do with the swarm as a whole.
pub async fn controls(hub: &Hub) -> Answer<Controls> {
    Ok(Controls {
        paused: hub.read(Actor::Human, |queue| queue.paused()).await?,
        is_frozen: hub.freeze.is_on(),
        agents: hub.fleet.desired(),
        most: MAX_AGENTS,
    })
}

async fn columns(hub: &Hub, wanted: &Wanted) -> Answer<Columns> {
    let (filter, words) = (wanted.filter(), given(&wanted.q));
    let shown = hub
        .database
        .read(move |store| match words {
            Some(words) => Shown::found(store, &filter, words),
            None => Shown::first(store, filter),
        })
        .await?;
    let asked: BTreeSet<i64> = hub
        .waiting()
        .await?
        .iter()
        .map(|asked| asked.ticket)
        .collect();
    let landed = match wanted.narrows() {
        true => Vec::new(),
        false => landed(hub).await?,
    };
    Ok(Columns {
        is_empty: shown.tickets.is_empty() && landed.is_empty(),
        is_narrowed: wanted.narrows(),
        more: shown.more,
        is_cut: shown.is_cut,
        columns: by_stage(shown, &asked, landed, moment::now()),
    })
}

/// The tickets of a board.
struct Shown {
    tickets: Vec<Ticket>,
    /// Those of them that wait for others.
    waiting: BTreeSet<i64>,
    /// How many there are beside them.
    more: u64,
    /// There may be yet more.
    is_cut: bool,
}

impl Shown {
    /// The oldest ones; where there are too many, those that the human or an agent is at come first.
    fn first(store: &mut Store, filter: Filter) -> ticket::Result<Shown> {
        let filter = Filter {
            limit: Some(MAX_TICKETS),
            ..filter
        };
        let mut queue = store.session(&Actor::Human);
        let oldest = queue.list(&filter)?;
        if oldest.len() < MAX_TICKETS as usize {
            let all = oldest.len() as u64;
            return Shown::of(store, oldest, all, false);
        }
        let all = queue.count(&filter)?;
        let asked = store.waiting()?.into_iter().map(|asked| asked.ticket);
        let attempts = store.live_attempts()?.into_iter();
        let landings = store.landing_queue()?.into_iter();
        let busy: Vec<i64> = asked
            .chain(attempts.map(|attempt| attempt.ticket_id))
            .chain(landings.map(|landing| landing.ticket_id))
            .collect();
        let busy = store.list_among(&busy, &filter)?;
        let mut tickets: BTreeMap<i64, Ticket> = busy.into_iter().map(|t| (t.id, t)).collect();
        for ticket in oldest {
            if tickets.len() < MAX_TICKETS as usize {
                tickets.entry(ticket.id).or_insert(ticket);
            }
        }
        Shown::of(store, tickets.into_values().collect(), all, false)
    }

    /// The newest ones with these words.
    fn found(store: &mut Store, filter: &Filter, words: String) -> ticket::Result<Shown> {
        let search = Search {
            words,
            status: Some(UNFINISHED.into()),
            limit: Some(u32::MAX),
        };
        let hits = store.session(&Actor::Human).search(&search)?;
        let is_cut = hits.len() >= search.limit() as usize;
        let ids: Vec<i64> = hits.iter().map(|hit| hit.ticket.id).collect();
        let mut tickets = store.list_among(&ids, filter)?;
        let all = tickets.len() as u64;
        tickets.drain(..tickets.len().saturating_sub(MAX_TICKETS as usize));
        Shown::of(store, tickets, all, is_cut)
    }

    fn of(store: &Store, tickets: Vec<Ticket>, all: u64, is_cut: bool) -> ticket::Result<Shown> {
        let ids: Vec<i64> = tickets.iter().map(|ticket| ticket.id).collect();
        Ok(Shown {
            waiting: store.blocked_among(&ids)?,
            more: all.saturating_sub(tickets.len() as u64),
            tickets,
            is_cut,
        })
    }
}

/// What landed lately, the latest first.
async fn landed(hub: &Hub) -> Answer<Vec<Card>> {
    let landings = hub.database.read(|store| store.landings(LANDED)).await?;
    let landed = landings
        .into_iter()
        .filter(|landing| landing.state == LandingState::Landed);
    Ok(landed.map(Card::landed).collect())
}

/// The columns, in the order in which a ticket passes through them.
fn by_stage(shown: Shown, asked: &BTreeSet<i64>, landed: Vec<Card>, now: i64) -> Vec<Column> {
    let mut columns: Vec<Column> = Stage::ALL
        .map(|stage| Column {
            title: stage.title(),
            cards: Vec::new(),
            has_more: shown.is_cut || shown.more > 0 && matches!(stage, Stage::Waits | Stage::Open),
        })
        .into();
    for ticket in shown.tickets {
        let is_blocked = shown.waiting.contains(&ticket.id);
        let is_asked = asked.contains(&ticket.id);
        let stage = Stage::of(&ticket, is_blocked, is_asked, now);
        columns[stage as usize].cards.push(Card::of(ticket));
    }
    columns[Stage::Landed as usize].cards = landed;
    columns
}

/// Where a ticket stands, as a person sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    NeedsYou,
    Waits,
    Open,
    AtWork,
    Ready,
    Landed,
}

impl Stage {
    const ALL: [Stage; 6] = [
        Stage::NeedsYou,
        Stage::Waits,
        Stage::Open,
        Stage::AtWork,
        Stage::Ready,
        Stage::Landed,
    ];

    fn title(self) -> &'static str {
        match self {
            Stage::NeedsYou => "Needs you",
            Stage::Waits => "Waits",
            Stage::Open => "Open",
            Stage::AtWork => "At work",
            Stage::Ready => "Ready",
            Stage::Landed => "Landed lately",
        }
    }

    fn of(ticket: &Ticket, is_blocked: bool, is_asked: bool, now: i64) -> Stage {
        // Only so many are asked about at once; those beyond them are the human's all the same.
        let is_the_humans = ticket.assigned_to.as_deref() == Some(HUMAN) && !is_blocked;
        match ticket.status {
            Status::Done => Stage::Landed,
            _ if is_asked || is_the_humans => Stage::NeedsYou,
            Status::InProgress => Stage::AtWork,
            Status::Ready => Stage::Ready,
            Status::Open if is_blocked || ticket.not_before > now => Stage::Waits,
            Status::Open => Stage::Open,
        }
    }
}

/// The types that can be chosen.
fn kinds() -> [TicketType; 4] {
    TicketType::ALL
}
