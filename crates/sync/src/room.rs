//! Whether a device has room for more, by its own word.
//!
//! What it holds is known as of its last count and by what was sent since: every item that is new to it takes a place
//! ([`DeviceView::take_place`]), every one that it refuses gives its place back. A scan begins with nothing and counts what
//! it passes, since nobody knows which of the things that it sends the device holds already. Where no place is left, what
//! is new waits ([`Parked::Full`]) until the device tells of more room; what it holds is updated and deleted as ever.
//!
//! A device that tells less than it takes must not stay short for good: once a day one item goes out beyond its word.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Capability, Kind, Millis};

use crate::view::{DeviceView, Parked, Wait};

#[cfg(doc)]
use crate::view::Changes;

/// How much of one kind a device holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// As it counted, and what was sent since that is new to it.
    pub held: u64,
    /// When it was first found to be without room, or when one more was tried since.
    pub tried_at: Option<Millis>,
}

/// How long nothing is sent beyond the word of a device, ms.
const TRY_PAUSE_MS: i64 = 86_400_000;

impl DeviceView {
    /// The device told how many of the kinds `told` it holds, or how many it takes; `before` is what it had told until then,
    /// `under_way` how many items of each kind that are new to it are sent and not answered.
    ///
    /// Where that leaves room, so many of what waits for it become due ([`Changes::unpark`]).
    pub fn counted(
        &mut self,
        before: &Capability,
        told: &BTreeSet<Kind>,
        under_way: &BTreeMap<Kind, u64>,
        now: Millis,
    ) {
        let mut fewer = false;
        for kind in Capability::kinds_with_capacity() {
            let (held_before, held) = (before.counted(kind), self.capability.counted(kind));
            let most = self.capability.capacity_for(kind);
            fewer |= matches!((held_before, held), (Some(before), Some(now)) if now < before);
            let (Some(held), Some(most)) = (held, most) else {
                if self.loads.remove(&kind).is_some() {
                    self.unpark(kind, u64::MAX);
                    self.touch_device();
                }
                continue;
            };
            let other_room = before.capacity_for(kind) != Some(most);
            if self.scan.is_none() && (told.contains(&kind) || other_room) {
                let held = held.saturating_add(under_way.get(&kind).copied().unwrap_or(0));
                self.load(kind, held, most, other_room, now);
            }
        }
        if fewer {
            self.unpark_full();
        }
    }

    fn load(&mut self, kind: Kind, held: u64, most: u64, other_room: bool, now: Millis) {
        let before = self.loads.get(&kind).copied();
        let mut load = Occupancy { held, ..before.unwrap_or_default() };
        let room = most.saturating_sub(held);
        // A kind of which the device answered that it has no room waits until it holds less.
        let waits = !self.full.contains(&kind);
        if room > 0 {
            load.tried_at = None;
            if waits && (other_room || before != Some(load)) {
                self.unpark(kind, room);
            }
        } else if waits && load.may_try(now) {
            // One more than it says.
            load = Occupancy { held: held.saturating_sub(1), tried_at: Some(now) };
            self.unpark(kind, 1);
        }
        if before != Some(load) {
            self.loads.insert(kind, load);
            self.touch_device();
        }
    }

    /// A scan begins: it counts what it passes.
    pub(crate) fn begin_loads(&mut self) {
        let limited =
            Capability::kinds_with_capacity().filter(|kind| self.capability.capacity_for(*kind).is_some());
        self.loads = limited.map(|kind| (kind, Occupancy::default())).collect();
        self.touch_device();
    }

    /// Takes a place for an item that is new to the device. False where it has none, by its own word.
    pub(crate) fn take_place(&mut self, kind: Kind, now: Millis) -> bool {
        let most = self.capability.capacity_for(kind);
        let (Some(load), Some(most)) = (self.loads.get_mut(&kind), most) else { return true };
        let goes = load.held < most;
        if goes {
            load.held += 1;
        } else {
            load.tried_at = load.tried_at.or(Some(now));
        }
        self.touch_device();
        goes
    }

    /// The device holds an item already that a scan passes.
    pub(crate) fn count_place(&mut self, kind: Kind) {
        if let Some(load) = self.loads.get_mut(&kind) {
            load.held += 1;
            self.touch_device();
        }
    }

    /// Items that were counted are not on the device, or not any more: others may have their places.
    pub(crate) fn give_back(&mut self, kind: Kind, items: u64) {
        if let Some(load) = self.loads.get_mut(&kind) {
            load.held = load.held.saturating_sub(items);
            self.touch_device();
            if !self.full.contains(&kind) {
                self.unpark(kind, items);
            }
        }
    }

    /// What became due since there is a place for it does not take it: the next of its kind may.
    pub(crate) fn pass_place_on(&mut self, kind: Kind) {
        if !self.full.contains(&kind) {
            self.unpark(kind, 1);
        }
    }

    /// Whether the device says that it holds all that it can of a kind.
    pub(crate) fn says_full(&self, kind: Kind) -> bool {
        self.capability.capacity_for(kind).is_some_and(|most| self.capability.counted(kind) >= Some(most))
    }

    /// So many of what waits for room of a kind become due.
    fn unpark(&mut self, kind: Kind, items: u64) {
        let sum = self.changed.unpark.entry(kind).or_default();
        *sum = sum.saturating_add(items);
        if items == u64::MAX {
            for (slot, exception) in self.persons.values_mut().flat_map(|person| &mut person.exceptions) {
                if slot.kind == kind && exception.wait == Wait::Parked(Parked::Full) {
                    exception.wait = Wait::ROOM;
                }
            }
        }
    }

    /// The device holds less than before: what had no room, by its answers, is tried again.
    pub fn unpark_full(&mut self) {
        for kind in std::mem::take(&mut self.full) {
            self.unpark(kind, u64::MAX);
            self.touch_device();
        }
    }
}

impl Occupancy {
    /// Whether it is time to see if the device takes more than it says.
    pub fn may_try(&self, now: Millis) -> bool {
        self.tried_at.is_some_and(|at| at.plus(TRY_PAUSE_MS) <= now)
    }
}
