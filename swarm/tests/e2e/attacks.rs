//! What a hostile agent cannot do, tried in its real container with all that an agent has. Each file
//! has one swarm: its `.py` programs are what the agents do, the tests look at what came of it.

mod branches;
mod gate;
mod machine;
mod queue;
mod trees;
