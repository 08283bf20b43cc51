//! Whole swarms, from outside: the built commands, a Docker engine, real containers.

mod real_claude;
mod support;
