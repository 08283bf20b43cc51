//! `swarm interview-tools`: serves the interviewer's tools to the agent CLI that started it.

use anyhow::Result;
use swarm::Project;
use swarm::interview::tools::serve;

use super::runtime;

pub fn run(project: &Project) -> Result<()> {
    runtime()?.block_on(serve(project))
}
