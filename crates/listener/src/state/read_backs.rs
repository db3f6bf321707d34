//! When the next device is asked for a template that it took.

use std::sync::{Mutex, PoisonError};

use roster::Millis;

/// Whose turn it is to be asked: so many a second, however many devices took the same template in the same moment.
#[derive(Debug, Default)]
pub struct ReadBacks {
    /// When the one after the last is asked.
    next: Mutex<Millis>,
}

/// From one device to the next, ms.
const PAUSE_MS: i64 = 100;

/// So much sooner than their turn some are asked at once, ms: most fleets are small.
const AHEAD_MS: i64 = 2_000;

impl ReadBacks {
    /// When the next device is asked: now, or later.
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
