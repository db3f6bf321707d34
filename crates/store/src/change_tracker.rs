//! Change tracker: what this process knows of the feed without asking the database.
//!
//! It learns of this process's own changes at their commit, and of changes by other processes when this process reads
//! the clock ([`crate::Store::feed_counters`]). Code that caches data takes a [`ChangeTracker::change_epoch`] before
//! it reads the data. While the epoch stays equal, this process has not learned of any change since.

use std::sync::{Mutex, PoisonError};

use roster::Seq;

use crate::FeedCounters;

/// A state of the feed as far as this process knows. It differs after each change that the process learns of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeEpoch {
    number: u64,
    head: Seq,
}

impl ChangeEpoch {
    /// Whether the fleet changed between the two epochs, which is work for most devices. Any other event is work for
    /// one device.
    pub fn feed_differs_from(self, other: Self) -> bool {
        self.head != other.head
    }
}

/// Shared by all transactions of a store.
#[derive(Debug)]
pub(crate) struct ChangeTracker(Mutex<Known>);

#[derive(Debug)]
struct Known {
    feed_counters: FeedCounters,
    change_epoch: u64,
}

impl Default for ChangeTracker {
    fn default() -> Self {
        Self(Mutex::new(Known { feed_counters: FeedCounters { head: Seq(0), wakes: 0 }, change_epoch: 0 }))
    }
}

impl ChangeTracker {
    /// The current epoch.
    pub(crate) fn change_epoch(&self) -> ChangeEpoch {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ChangeEpoch { number: known.change_epoch, head: known.feed_counters.head }
    }

    /// Records the counters of the clock. Both only increase, so counters that were read earlier and arrive later
    /// change nothing.
    pub(crate) fn saw(&self, feed_counters: FeedCounters) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = FeedCounters {
            head: known.feed_counters.head.max(feed_counters.head),
            wakes: known.feed_counters.wakes.max(feed_counters.wakes),
        };
        if newest != known.feed_counters {
            known.feed_counters = newest;
            known.change_epoch += 1;
        }
    }

    /// Records that something may have changed, for example after a commit whose outcome is unknown.
    pub(crate) fn invalidate(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).change_epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(head: i64, wakes: i64) -> FeedCounters {
        FeedCounters { head: Seq(head), wakes }
    }

    #[test]
    fn an_epoch_ends_with_a_change_and_with_nothing_else() {
        let tracker = ChangeTracker::default();
        tracker.saw(at(5, 2));
        let change_epoch = tracker.change_epoch();

        tracker.saw(at(5, 2));
        tracker.saw(at(4, 1));
        assert_eq!(tracker.change_epoch(), change_epoch, "no new counters");

        tracker.saw(at(6, 2));
        let changed = tracker.change_epoch();
        assert_ne!(changed, change_epoch, "the fleet changed");
        assert!(changed.feed_differs_from(change_epoch));

        tracker.saw(at(6, 3));
        let woken = tracker.change_epoch();
        assert_ne!(woken, changed, "the wake counter changed");
        assert!(!woken.feed_differs_from(changed));

        tracker.invalidate();
        assert_ne!(tracker.change_epoch(), woken, "the outcome is unknown");
    }
}
