//! The command line of the hub. People start it with `swarm start`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::hub::{InContainer, Settings};

/// The hub of a swarm: API, git endpoint, landing, supervision and pages.
#[derive(Debug, Parser)]
#[command(name = "monitor", version)]
pub struct Cli {
    /// Start the hub as a process of its own, and again when it has crashed
    #[arg(long)]
    pub keep: bool,
    /// The project's folder, which holds .swarm/
    #[arg(long, value_name = "DIR")]
    project: PathBuf,
    /// Where people reach the hub; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    human: SocketAddr,
    /// Where agents reach the hub; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    agents: SocketAddr,
    /// The hub's own container; it then runs agents, and listens on its own networks only
    #[arg(long, value_name = "NAME", requires = "published")]
    container: Option<String>,
    /// The port on 127.0.0.1 that leads to the human address
    #[arg(long, value_name = "PORT", requires = "container")]
    published: Option<u16>,
}

impl From<Cli> for Settings {
    fn from(cli: Cli) -> Settings {
        Settings {
            project: cli.project,
            human: cli.human,
            agents: cli.agents,
            container: cli
                .container
                .zip(cli.published)
                .map(|(name, published)| InContainer { name, published }),
        }
    }
}
