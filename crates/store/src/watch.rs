//! What this process knows of the feed without asking the database.
//!
//! It knows of its own changes as soon as they are committed, and of those of others when it last read the clock
//! ([`crate::Store::pulse`]). Whoever keeps something that it read compares [`Watch::moment`]s: taken before the reading, and equal
//! later, it says that this process has not learned of any change in between.

use std::sync::{Mutex, PoisonError};

use roster::Seq;

use crate::Pulse;

/// A moment of the feed, as far as this process knows: another one whenever it learns of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    number: u64,
    head: Seq,
}

impl Moment {
    /// Whether there are changes of the fleet between the two: something for most devices, where anything else that happened
    /// is something for one of them.
    pub fn has_other_people(self, other: Self) -> bool {
        self.head != other.head
    }
}

/// Shared by all transactions of a store.
#[derive(Debug)]
pub(crate) struct Watch(Mutex<Known>);

#[derive(Debug)]
struct Known {
    pulse: Pulse,
    moment: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Self(Mutex::new(Known { pulse: Pulse { head: Seq(0), wakes: 0 }, moment: 0 }))
    }
}

impl Watch {
    /// The moment that it is.
    pub(crate) fn moment(&self) -> Moment {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Moment { number: known.moment, head: known.pulse.head }
    }

    /// The clock stood there. Both of its numbers only ever rise, so what was read earlier and told later says nothing.
    pub(crate) fn saw(&self, pulse: Pulse) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest =
            Pulse { head: known.pulse.head.max(pulse.head), wakes: known.pulse.wakes.max(pulse.wakes) };
        if newest != known.pulse {
            known.pulse = newest;
            known.moment += 1;
        }
    }

    /// Something may have changed, of which nobody knows more: a commit whose outcome did not arrive.
    pub(crate) fn doubt(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).moment += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(head: i64, wakes: i64) -> Pulse {
        Pulse { head: Seq(head), wakes }
    }

    #[test]
    fn a_moment_ends_with_a_change_and_with_nothing_else() {
        let watch = Watch::default();
        watch.saw(at(5, 2));
        let moment = watch.moment();

        watch.saw(at(5, 2));
        watch.saw(at(4, 1));
        assert_eq!(watch.moment(), moment, "nothing new was learned");

        watch.saw(at(6, 2));
        let changed = watch.moment();
        assert_ne!(changed, moment, "there is a change of the fleet");
        assert!(changed.has_other_people(moment));

        watch.saw(at(6, 3));
        let woken = watch.moment();
        assert_ne!(woken, changed, "somebody was woken");
        assert!(!woken.has_other_people(changed));

        watch.doubt();
        assert_ne!(watch.moment(), woken, "nobody knows");
    }
}
