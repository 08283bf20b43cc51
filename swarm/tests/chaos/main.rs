//! A swarm at work, and something of it killed with SIGKILL again and again: the hub, a runner, an
//! agent CLI, a verifier, the Docker engine itself. Afterwards every ticket is done exactly once,
//! every commit of main is green, and nothing waits for ever.
//!
//! `make chaos` kills fifty times, `make test` a few. `CHAOS_SEED` repeats the draws of an earlier
//! run, `CHAOS_KILLS` says how many, `CHAOS_AGENTS` how many agents there are. `CHAOS_TARGETS=hub,engine`
//! leaves out the draws of all others, as where others use the engine too.

mod checks;
mod draw;
mod human;
mod sample;
mod support;
mod victim;

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use draw::{Target, draws};
use human::Human;
use victim::Victims;

/// How often `make test` kills.
const FEW: u32 = 10;
/// How often `make chaos` kills.
const MANY: u32 = 50;
/// How many agents work, unless told otherwise.
const AGENTS: u32 = 3;
/// How long the rest of the work may take after the last kill: leases, waits after failures and
/// restarts included.
const DEADLINE: Duration = Duration::from_secs(300);

#[test]
fn a_few_kills_lose_nothing() {
    survive(FEW);
}

#[test]
#[ignore = "takes minutes: make chaos"]
fn fifty_kills_lose_nothing() {
    survive(MANY);
}

fn survive(kills: u32) {
    let seed = setting("CHAOS_SEED").unwrap_or_else(rand::random::<u32>);
    let kills = setting("CHAOS_KILLS").unwrap_or(kills);
    let agents = setting("CHAOS_AGENTS").unwrap_or(AGENTS);
    let targets = env::var("CHAOS_TARGETS").unwrap_or_default();
    let allowed = |target: Target| {
        targets.is_empty() || targets.split(',').any(|name| name == target.to_string())
    };
    println!("chaos: {kills} kills, {agents} agents, CHAOS_SEED={seed} repeats the draws");

    let swarm = sample::swarm();
    swarm.start(&["--agents", &agents.to_string()]);
    let (human, victims) = (Human::new(&swarm), Victims::new(&swarm));
    let began = Instant::now();
    let mut killed = 0;
    for draw in draws(seed).filter(|draw| allowed(draw.target)) {
        if killed == kills {
            break;
        }
        human.keep_busy(agents);
        thread::sleep(draw.pause);
        let what = victims.kill(&draw);
        killed += u32::from(what.is_ok());
        let seconds = began.elapsed().as_secs();
        match what {
            Ok(what) => println!("chaos: {seconds:4} s: kill {killed}: {what}"),
            Err(why) => println!("chaos: {seconds:4} s: {why}"),
        }
    }
    human.see_it_through(DEADLINE);
    println!("chaos: {:4} s: all done", began.elapsed().as_secs());
    checks::main_is_green(&swarm);
    println!("chaos: {:4} s: all green", began.elapsed().as_secs());
    swarm.stop();
    checks::once_each(&swarm);
    checks::nothing_left_over(&swarm);
    checks::work_is_kept(&swarm);
}

/// A number in the environment.
fn setting(name: &str) -> Option<u32> {
    let value = env::var(name).ok().filter(|value| !value.is_empty())?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is '{value}' and must be a number")))
}
