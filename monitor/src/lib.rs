//! The hub: the only door to the database and to main while the swarm runs.
//!
//! | module | owns |
//! |---|---|
//! | [`hub`] | start, end, and what the parts share |
//! | [`listener`] | the two doors: one for people, one for agents |
//! | [`routes`] | the JSON API, one file for each concern |
//! | [`pages`] | the page |
//! | [`database`] | the one crossing from async code to the store |
//! | [`git`] | the bare repository and smart HTTP |
//! | [`lander`] | candidates, verdicts, and main |
//! | [`verification`] | commits that wait for a verifier |
//! | [`fleet`] | containers: desired against actual |
//! | [`freeze`] | whether agents stand still |
//! | [`keep`] | the process that starts a crashed hub again |
//! | [`login`] | the account's credential, and when it ends |
//! | [`metrics`] | numbers for Prometheus |
//! | [`notifier`] | what people who are away are told |
//! | [`pace`] | how often loops look when a lot happens |
//! | [`supervisor`] | leases that run out |
//! | [`transcripts`] | what agents were asked and printed |
//! | [`reconcile`] | what a killed hub left undone |

pub mod auth;
pub mod cli;
pub mod clock;
pub mod configuration;
pub mod database;
pub mod error;
pub mod fleet;
pub mod freeze;
pub mod git;
pub mod hub;
pub mod hub_file;
pub mod keep;
pub mod lander;
pub mod listener;
pub mod login;
pub mod metrics;
pub mod notifier;
pub mod pace;
pub mod pages;
pub mod presence;
pub mod reconcile;
pub mod routes;
pub mod settings;
pub mod supervisor;
pub mod transcripts;
pub mod verification;
