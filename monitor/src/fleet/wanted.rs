//! How many agents there should be: as many as the human said; none while somebody waits for all of them
//! to finish what they have and go. That counts only for a while, so that a command which was killed
//! leaves no swarm without agents behind. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How long agents go on leaving after somebody last asked for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How many there should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    agents: u32,
    leaving_until: Option<Instant>,
}

impl Wanted {
    /// So many.
    pub fn new(agents: u32) -> Wanted {
        Wanted {
            agents,
            leaving_until: None,
        }
    }

    /// How many at this moment.
    pub fn agents(self) -> u32 {
        match self.leaving_until {
            Some(_) => 0,
            None => self.agents,
        }
    }

    /// All of them are to leave. True when that is news.
    pub fn leave(&mut self, now: Instant) -> bool {
        self.leaving_until.replace(now + PATIENCE).is_none()
    }

    /// They stay, or come back. True when they were to leave.
    pub fn stay(&mut self) -> bool {
        self.leaving_until.take().is_some()
    }

    /// The same, when nobody has asked again in time.
    pub fn stay_when_forgotten(&mut self, now: Instant) -> bool {
        self.leaving_until.is_some_and(|until| until <= now) && self.stay()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_leave_only_as_long_as_somebody_asks_for_it() {
        let begin = Instant::now();
        let mut wanted = Wanted::new(3);
        assert!(wanted.leave(begin));
        assert_eq!(wanted.agents(), 0);
        let later = begin + PATIENCE / 2;
        assert!(!wanted.leave(later));
        assert!(!wanted.stay_when_forgotten(begin + PATIENCE));
        assert_eq!(wanted.agents(), 0);
        assert!(wanted.stay_when_forgotten(later + PATIENCE));
        assert_eq!(wanted.agents(), 3);
        assert!(!wanted.stay_when_forgotten(later + PATIENCE * 2));
        assert!(!wanted.stay());
    }
}
