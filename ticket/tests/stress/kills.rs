//! Processes killed at random moments under load: whatever one was told stands, and the next one is
//! not held up by what the dead one had locked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::audit::audit;
use super::number;
use super::worker::{Role, Scene};

/// How many work at once.
const SLOTS: usize = 4;
/// A kill comes within so long of the first answer.
const MICROSECONDS: u64 = 20_000;

#[test]
fn what_was_acknowledged_survives_kills_at_random_moments() {
    let kills = number("TICKET_STRESS_KILLS", 200);
    let scene = Scene::new(200);
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..SLOTS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= kills {
                        break;
                    }
                    let mut worker = scene.start(Role::Mix, &format!("agent-{n}"));
                    // It gets its first answer although its forerunner died with the lock.
                    worker.wait_for(2);
                    let moment = rand::random_range(0..MICROSECONDS);
                    std::thread::sleep(Duration::from_micros(moment));
                    worker.kill();
                }
            });
        }
    });
    let rows = audit(&scene);
    let told: usize = scene.told().iter().map(|(_, told)| told.len() - 1).sum();
    println!(
        "{kills} kills in {:.1} s: {told} answers are all true, the log has {rows} rows",
        began.elapsed().as_secs_f64()
    );
}
