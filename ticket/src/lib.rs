//! The ticket queue: its types, its rules, the SQLite store, the wire types and the HTTP client.
//!
//! Everything that reads or writes tickets goes through [`Queue`], which has two implementations:
//! [`store::Session`] on the database file and [`client::Client`] through the hub.

pub mod actor;
pub mod attempt;
pub mod backend;
pub mod circle;
pub mod client;
pub mod comment;
pub mod cost;
pub mod diagnosis;
pub mod diff;
pub mod error;
pub mod event;
pub mod exit;
pub mod filter;
pub mod graph;
pub mod halt;
pub mod history;
pub mod landing;
pub mod learning;
pub mod likeness;
pub mod moment;
pub mod notice;
pub mod partial;
pub mod printed;
pub mod probe;
pub mod prompt;
pub mod queue;
pub mod reply;
pub mod schema;
pub mod secret;
pub mod shift;
pub mod status;
pub mod store;
pub mod text;
pub mod ticket;
pub mod transcript;
pub mod transfer;
pub mod usage;
pub mod usd;
pub mod waiting;
pub mod wire;
mod words;

pub use actor::Actor;
pub use error::{Error, Result};
pub use queue::Queue;
pub use status::{IllegalMove, Move, Status};
pub use store::Store;
pub use ticket::{Ticket, TicketDetail, TicketType};
