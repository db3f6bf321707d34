//! Pacing of read-backs: when the next device may be asked for a template.

use std::sync::{Mutex, PoisonError};

use roster::Millis;

/// Spaces read-backs evenly, however many devices took the same template at the same moment.
#[derive(Debug, Default)]
pub struct ReadBacks {
    /// The next free time.
    next: Mutex<Millis>,
}

/// Time between two read-backs, ms.
const PAUSE_MS: i64 = 100;

/// Read-backs may run ahead of the pace by this much, ms: a small fleet is asked at once.
const AHEAD_MS: i64 = 2_000;

impl ReadBacks {
    /// Reserves a read-back and returns its time: now or later.
    pub fn next(&self, now: Millis) -> Millis {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now);
        *next = turn.plus(PAUSE_MS);
        if turn.plus(-AHEAD_MS) <= now { now } else { turn.plus(-AHEAD_MS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_asked_at_once_and_a_fleet_one_after_the_other() {
        let (read_backs, now) = (ReadBacks::default(), Millis(1_000_000));
        let turns: Vec<i64> = (0..10_000).map(|_| read_backs.next(now).0 - now.0).collect();
        assert_eq!(turns[..21], [0; 21]);
        assert_eq!(turns[21..24], [100, 200, 300]);
        assert_eq!(turns[9_999], 997_900, "a quarter of an hour for all");

        assert_eq!(read_backs.next(now.plus(500_000)), now.plus(998_000), "no sooner for somebody else");
        let rested = now.plus(2_000_000);
        assert_eq!(read_backs.next(rested), rested);
    }
}
