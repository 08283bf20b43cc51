//! Numbers for Prometheus, gathered when it asks: what the database counts, what the activity log adds
//! up to, and what the hub itself knows.

mod tally;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use ticket::store::{Census, Spender};
use ticket::waiting::Waiting;
use ticket::wire::SwarmStatus;
use ticket::{Store, moment};
use tokio::sync::Mutex;

use self::tally::Tally;
use crate::database::Kept;
use crate::error::{Answer, Refusal};
use crate::hub::Hub;
use crate::routes::status;

/// What the text is: see the OpenMetrics specification.
pub const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What all names begin with.
const PREFIX: &str = "swarm";
/// How many rows of the activity log are read at once.
const PAGE: u32 = 20_000;
/// The longest value of a label, in characters.
const MAX_LABEL: usize = 100;

/// Names and values that tell the numbers of one family apart.
type Labels = Vec<(&'static str, String)>;
type Amounts = Family<Labels, Gauge<f64, AtomicU64>>;
type Numbers = Family<Labels, Gauge>;

/// What is kept between two readings.
#[derive(Debug)]
pub struct Metrics {
    started_at: i64,
    tally: Mutex<Tally>,
    spenders: Kept<(), Arc<Vec<Spender>>>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            started_at: moment::now(),
            tally: Mutex::default(),
            spenders: Kept::default(),
        }
    }
}

/// All numbers, as Prometheus reads them.
pub async fn exposition(hub: &Hub) -> Answer<String> {
    let status = status::gather(hub).await?;
    let census = hub.database.read(|store| store.census()).await?;
    let waiting = hub.waiting().await?;
    let read = |store: &mut Store, _| store.spenders().map(Arc::new);
    let spenders = hub
        .database
        .read_kept(&hub.metrics.spenders, (), read)
        .await?;
    let mut registry = Registry::with_prefix(PREFIX);
    tickets(&mut registry, &status, &census, &waiting);
    agents(&mut registry, &status, &census);
    spending(&mut registry, &spenders);
    house(&mut registry, hub, &status);
    tally(hub).await?.register(&mut registry);
    let mut text = String::new();
    text::encode(&mut text, &registry)
        .map_err(|e| Refusal::broken("the metrics cannot be written", e))?;
    Ok(text)
}

/// Reads the activity log to its end.
async fn tally(hub: &Hub) -> Answer<tokio::sync::MutexGuard<'_, Tally>> {
    let mut kept = hub.metrics.tally.lock().await;
    loop {
        let mut tally = std::mem::take(&mut *kept);
        let after = tally.cursor();
        // What was counted comes back also when the rows cannot be read.
        let read = hub.database.read(move |store| {
            let read = store.tell(after, PAGE, &mut |told| tally.add(told));
            Ok((tally, read))
        });
        let (tally, read) = read.await?;
        *kept = tally;
        if read? < PAGE {
            return Ok(kept);
        }
    }
}

fn tickets(registry: &mut Registry, status: &SwarmStatus, census: &Census, waiting: &[Waiting]) {
    let by_status = Numbers::default();
    for (status, count) in &status.tickets {
        set(&by_status, "status", status, *count);
    }
    registry.register("tickets", "Tickets, by status", by_status);
    let oldest = Numbers::default();
    for (status, age) in &census.oldest {
        set(&oldest, "status", status, age.unsigned_abs());
    }
    registry.register(
        "oldest_ticket_age_seconds",
        "How old the oldest unfinished ticket is, by status",
        oldest,
    );
    one(
        registry,
        "tickets_claimable",
        "Tickets that could be claimed now",
        census.claimable,
    );
    one(
        registry,
        "tickets_blocked",
        "Unfinished tickets that wait for another one",
        census.blocked,
    );
    let wanted = Numbers::default();
    for word in ticket::waiting::Wanted::ALL {
        let count = waiting.iter().filter(|row| row.wanted == word).count();
        set(&wanted, "wanted", word.as_str(), count as u64);
    }
    registry.register(
        "waiting_for_human",
        "Tickets that wait for the human, by what is wanted, up to 500 of each kind",
        wanted,
    );
    let landings = Numbers::default();
    for state in ["queued", "verifying", "held"] {
        let count = census.landings.get(state).copied().unwrap_or(0);
        set(&landings, "state", state, count);
    }
    registry.register("landing_queue", "Submissions that wait, by state", landings);
    one(registry, "leases", "Attempts under a lease", census.leases);
}

fn agents(registry: &mut Registry, status: &SwarmStatus, census: &Census) {
    let by_state = Numbers::default();
    for agent in &status.agents {
        let labels = vec![
            ("role", agent.role.as_str().to_owned()),
            ("state", escaped(&agent.state)),
        ];
        by_state.get_or_create(&labels).inc();
    }
    registry.register("agents", "Agents and verifiers, by state", by_state);
    one(
        registry,
        "agents_desired",
        "How many agents there should be",
        status.desired_agents.into(),
    );
    let outbox = Numbers::default();
    for (channel, count) in &census.outbox {
        set(&outbox, "channel", channel, *count);
    }
    registry.register(
        "outbox_waiting",
        "Messages that no channel has taken yet, by channel",
        outbox,
    );
}

/// An estimate that was too high is taken back later, so these are no counters.
fn spending(registry: &mut Registry, spenders: &[Spender]) {
    let (tokens, cost) = (Numbers::default(), Amounts::default());
    for spender in spenders {
        let of: Labels = vec![
            ("agent", escaped(&spender.agent)),
            ("backend", escaped(&spender.backend)),
            ("model", escaped(&spender.model)),
        ];
        let spent = &spender.spent;
        cost.get_or_create(&of).inc_by(spent.cost_usd.dollars());
        for (kind, count) in [
            ("input", spent.input_tokens),
            ("output", spent.output_tokens),
            ("cache_read", spent.cache_read_tokens),
            ("cache_write", spent.cache_write_tokens),
        ] {
            let mut labels = of.clone();
            labels.push(("kind", kind.to_owned()));
            tokens.get_or_create(&labels).inc_by(count);
        }
    }
    registry.register(
        "tokens",
        "Tokens that agents used since the database began",
        tokens,
    );
    registry.register(
        "cost_usd",
        "What agents cost since the database began, in US dollars, as far as it is known",
        cost,
    );
}

/// The hub's own affairs.
fn house(registry: &mut Registry, hub: &Hub, status: &SwarmStatus) {
    one(
        registry,
        "start_time_seconds",
        "When the hub was started, in Unix seconds",
        hub.metrics.started_at.unsigned_abs(),
    );
    one(
        registry,
        "problems",
        "What hinders the swarm at present",
        status.problems.len() as u64,
    );
    let connections = Numbers::default();
    for (door, open) in hub.doors.connections() {
        set(&connections, "door", door, open as u64);
    }
    registry.register("connections", "Open connections, by door", connections);
    one(
        registry,
        "sse_clients",
        "Clients that follow the events",
        hub.streams.open() as u64,
    );
    hub.database.numbers().register(registry);
}

fn one(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(whole(value));
    registry.register(name, help, gauge);
}

fn set(family: &Numbers, name: &'static str, value: &str, number: u64) {
    family.get_or_create(&label(name, value)).set(whole(number));
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, escaped(value))]
}

/// The library writes values as they are; what others wrote must not end the quotes.
fn escaped(value: &str) -> String {
    let short = value.chars().take(MAX_LABEL);
    short
        .map(|c| match c {
            '\\' => Cow::Borrowed("\\\\"),
            '"' => Cow::Borrowed("\\\""),
            '\n' => Cow::Borrowed("\\n"),
            c => Cow::Owned(c.to_string()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_quotes() {
        assert_eq!(escaped("a\"} 1\nb\\"), "a\\\"} 1\\nb\\\\");
        assert_eq!(escaped(&"x".repeat(500)).len(), MAX_LABEL);
    }
}
