//! Whole swarms, from outside: the built commands, a Docker engine, real containers.

mod attacks;
mod backends;
mod interview;
mod keep;
mod orders;
mod outcomes;
mod real_claude;
mod several;
mod stop;
mod support;
#[path = "../terminal/mod.rs"]
mod terminal;
mod wrong_use;
