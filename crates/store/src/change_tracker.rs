//! What this process knows of the feed without asking the database.
//!
//! It knows of its own changes as soon as they are committed, and of those of others when it last read the clock
//! ([`crate::Store::feed_counters`]). Whoever keeps something that it read compares [`ChangeTracker::change_epoch`]s: taken before the reading, and equal
//! later, it says that this process has not learned of any change in between.

use std::sync::{Mutex, PoisonError};

use roster::Seq;

use crate::FeedCounters;

/// A moment of the feed, as far as this process knows: another one whenever it learns of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeEpoch {
    number: u64,
    head: Seq,
}

impl ChangeEpoch {
    /// Whether there are changes of the fleet between the two: something for most devices, where anything else that happened
    /// is something for one of them.
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
    /// The moment that it is.
    pub(crate) fn change_epoch(&self) -> ChangeEpoch {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ChangeEpoch { number: known.change_epoch, head: known.feed_counters.head }
    }

    /// The clock stood there. Both of its numbers only ever rise, so what was read earlier and told later says nothing.
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

    /// Something may have changed, of which nobody knows more: a commit whose outcome did not arrive.
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
    fn a_moment_ends_with_a_change_and_with_nothing_else() {
        let watch = ChangeTracker::default();
        watch.saw(at(5, 2));
        let change_epoch = watch.change_epoch();

        watch.saw(at(5, 2));
        watch.saw(at(4, 1));
        assert_eq!(watch.change_epoch(), change_epoch, "nothing new was learned");

        watch.saw(at(6, 2));
        let changed = watch.change_epoch();
        assert_ne!(changed, change_epoch, "there is a change of the fleet");
        assert!(changed.feed_differs_from(change_epoch));

        watch.saw(at(6, 3));
        let woken = watch.change_epoch();
        assert_ne!(woken, changed, "somebody was woken");
        assert!(!woken.feed_differs_from(changed));

        watch.invalidate();
        assert_ne!(watch.change_epoch(), woken, "nobody knows");
    }
}
