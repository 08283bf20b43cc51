//! The machine's clock, an hour wrong for a while. Everything on the machine sees that, so it takes
//! `CHAOS_CLOCK=yes`.

use std::env;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};

const JUMP: Duration = Duration::from_secs(3600);

/// Sets it forward or back, and right again after `length`.
pub fn wrong_for(length: Duration, forward: bool) -> Result<String, String> {
    if env::var("CHAOS_CLOCK").as_deref() != Ok("yes") {
        return Err("the clock is left alone without CHAOS_CLOCK=yes".into());
    }
    let (right, began) = (SystemTime::now(), Instant::now());
    let wrong = match forward {
        true => right + JUMP,
        false => right - JUMP,
    };
    set(wrong)?;
    thread::sleep(length);
    set(right + began.elapsed())?;
    let direction = if forward { "ahead" } else { "behind" };
    Ok(format!(
        "clock an hour {direction} for {:.1} s",
        length.as_secs_f64()
    ))
}

fn set(time: SystemTime) -> Result<(), String> {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|e| e.to_string())?;
    clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from_duration(since))
        .map_err(|e| format!("the clock cannot be set: {e}"))
}
