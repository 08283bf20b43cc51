//! How busy the writer is.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Clones share the numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// Writes that were asked for and not answered yet.
    pub waiting: Gauge,
    /// Writes that were made.
    pub writes: Counter,
    /// How long each transaction took with its flush to disk, in seconds.
    pub transactions: Histogram,
}

impl Default for Numbers {
    fn default() -> Numbers {
        let seconds = [
            0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
        ];
        Numbers {
            waiting: Gauge::default(),
            writes: Counter::default(),
            transactions: Histogram::new(seconds),
        }
    }
}

impl Numbers {
    /// Puts the numbers among others.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "database_waiting_writes",
            "Writes that wait for the database",
            self.waiting.clone(),
        );
        registry.register(
            "database_writes",
            "Writes that were made since the hub was started",
            self.writes.clone(),
        );
        registry.register(
            "database_transaction_seconds",
            "How long transactions took, with their flush to disk, since the hub was started",
            self.transactions.clone(),
        );
    }
}
