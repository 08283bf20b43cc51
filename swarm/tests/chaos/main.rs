//! A swarm at work, and something of it hit again and again. Afterwards every ticket is done exactly
//! once, every commit of main is green, and nothing waits for ever.
//!
//! The short run kills with SIGKILL: the hub, its keeper with the whole container, a runner, an agent
//! CLI, a verifier, the Docker engine itself. A night also freezes them, cuts agents off, fills the
//! disk, moves the clock, and half of its agents' runs go wrong by themselves.
//!
//! `make chaos` kills fifty times, `make test` a few, `make soak` is a night of half an hour.
//! `CHAOS_SEED` repeats the draws of an earlier run, `CHAOS_KILLS` says how many and `CHAOS_MINUTES`
//! how long, `CHAOS_AGENTS` how many agents there are. `CHAOS_TARGETS=hub,engine` leaves out the draws
//! of all others, as where others use the engine too. `CHAOS_CLOCK=yes` allows the machine's clock to
//! be moved.

mod checks;
mod clock;
mod disk;
mod draw;
mod human;
mod sample;
mod steady;
mod support;
mod victim;

use std::env;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use disk::Disk;
use draw::{Draw, KILLS, LONG_PAUSE, NIGHT, SHORT_PAUSE, Target, draws};
use human::Human;
use support::swarm::Swarm;
use victim::Victims;

/// How often `make test` kills.
const FEW: u32 = 10;
/// How often `make chaos` kills.
const MANY: u32 = 50;
/// How many agents work, unless told otherwise.
const AGENTS: u32 = 3;
/// How many minutes a night has, unless told otherwise.
const MINUTES: u32 = 30;
/// How many agents work at night.
const NIGHT_AGENTS: u32 = 8;
/// How many things may happen at once.
const AT_ONCE: u32 = 3;
/// How long the rest of the work may take after the last kill: leases, waits after failures and
/// restarts included.
const DEADLINE: Duration = Duration::from_secs(300);
/// The same after a night, with more work under way and longer waits.
const NIGHT_DEADLINE: Duration = Duration::from_secs(1200);
/// How often it is looked whether something is to be done.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many commits are verified again after a night.
const VERIFIED: usize = 100;

#[test]
fn a_few_kills_lose_nothing() {
    survive(FEW);
}

#[test]
#[ignore = "takes minutes: make chaos"]
fn fifty_kills_lose_nothing() {
    survive(MANY);
}

#[test]
#[ignore = "takes more than half an hour: make soak"]
fn a_night_loses_nothing() {
    let minutes = setting("CHAOS_MINUTES").unwrap_or(MINUTES);
    let length = Duration::from_secs(u64::from(minutes) * 60);
    let seed = setting("CHAOS_SEED").unwrap_or_else(rand::random::<u32>);
    let agents = setting("CHAOS_AGENTS").unwrap_or(NIGHT_AGENTS);
    println!("chaos: {minutes} minutes, {agents} agents, CHAOS_SEED={seed} repeats the draws");

    let (swarm, disk) = sample::night();
    swarm.start(&["--agents", &agents.to_string()]);
    let night = Night {
        swarm: &swarm,
        disk: disk.as_ref(),
        agents,
        began: Instant::now(),
    };
    let (hub, runners) = night.go(seed, length);
    night.say("all done");
    checks::some_of_main_is_green(&swarm, VERIFIED);
    night.say("all green");
    println!("{}", swarm.swarm(&["status"]));
    hub.must_be_flat("hub");
    runners.must_be_flat("runners");
    end(&swarm);
}

/// A long run.
struct Night<'a> {
    swarm: &'a Swarm,
    disk: Option<&'a Disk>,
    agents: u32,
    began: Instant,
}

impl Night<'_> {
    /// Returns what the hub and the runners took, when all tickets are done.
    fn go(&self, seed: u32, length: Duration) -> (steady::Samples, steady::Samples) {
        let id = self.swarm.id().expect("a project");
        let (hub, agents) = (format!("swarm-{id}-hub"), format!("swarm-{id}-agent-"));
        let (over, under_way) = (AtomicBool::new(false), AtomicU32::new(0));
        let victims = Victims::new(self.swarm, self.disk);
        let human = Human::new(self.swarm);
        thread::scope(|scope| {
            let hub = scope.spawn(|| steady::watch(&hub, "monitor", &over));
            let runners = scope.spawn(|| steady::watch(&agents, "agent-runner", &over));
            let busy = scope.spawn(|| {
                while self.began.elapsed() < length {
                    human.keep_busy(self.agents);
                    thread::sleep(LOOK_EVERY);
                }
            });
            for draw in draws(seed, NIGHT, LONG_PAUSE).filter(|draw| allowed(draw.target)) {
                if self.began.elapsed() >= length {
                    break;
                }
                thread::sleep(draw.pause);
                while under_way.load(Ordering::Relaxed) >= AT_ONCE {
                    thread::sleep(LOOK_EVERY);
                }
                let (victims, one) = (&victims, OneOf::begin(&under_way));
                scope.spawn(move || {
                    let _one = one;
                    self.hit(victims, draw);
                });
            }
            while under_way.load(Ordering::Relaxed) > 0 {
                thread::sleep(LOOK_EVERY);
            }
            busy.join().expect("somebody who keeps it busy");
            self.say("the night is over");
            human.see_it_through(NIGHT_DEADLINE);
            over.store(true, Ordering::Relaxed);
            let join = |watch: thread::ScopedJoinHandle<'_, _>| watch.join().expect("a watch");
            (join(hub), join(runners))
        })
    }

    fn hit(&self, victims: &Victims<'_>, draw: Draw) {
        match victims.hit(&draw) {
            Ok(what) | Err(what) => self.say(&what),
        }
    }

    fn say(&self, what: &str) {
        println!("chaos: {:4} s: {what}", self.began.elapsed().as_secs());
    }
}

/// One thing that happens; over when it is dropped, by a panic too.
struct OneOf<'a>(&'a AtomicU32);

impl OneOf<'_> {
    fn begin(all: &AtomicU32) -> OneOf<'_> {
        all.fetch_add(1, Ordering::Relaxed);
        OneOf(all)
    }
}

impl Drop for OneOf<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn survive(kills: u32) {
    let seed = setting("CHAOS_SEED").unwrap_or_else(rand::random::<u32>);
    let kills = setting("CHAOS_KILLS").unwrap_or(kills);
    let agents = setting("CHAOS_AGENTS").unwrap_or(AGENTS);
    println!("chaos: {kills} kills, {agents} agents, CHAOS_SEED={seed} repeats the draws");

    let swarm = sample::swarm();
    swarm.start(&["--agents", &agents.to_string()]);
    let (human, victims) = (Human::new(&swarm), Victims::new(&swarm, None));
    let began = Instant::now();
    let mut killed = 0;
    for draw in draws(seed, KILLS, SHORT_PAUSE).filter(|draw| allowed(draw.target)) {
        if killed == kills {
            break;
        }
        human.keep_busy(agents);
        thread::sleep(draw.pause);
        let what = victims.hit(&draw);
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
    end(&swarm);
}

/// Stops the swarm, and looks at all that it left.
fn end(swarm: &Swarm) {
    swarm.stop();
    checks::once_each(swarm);
    checks::nothing_left_over(swarm);
    checks::work_is_kept(swarm);
}

fn allowed(target: Target) -> bool {
    let targets = env::var("CHAOS_TARGETS").unwrap_or_default();
    targets.is_empty() || targets.split(',').any(|name| name == target.to_string())
}

/// A number in the environment.
fn setting(name: &str) -> Option<u32> {
    let value = env::var(name).ok().filter(|value| !value.is_empty())?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is '{value}' and must be a number")))
}
