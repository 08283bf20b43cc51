//! Tests of the queue on real files: the store's rules, the schema, and the command from outside.

mod attempts;
mod cli;
mod landings;
mod migrations;
mod permissions;
mod support;
