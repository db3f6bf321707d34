//! Room on a device: whether it can take more items, by its own numbers.
//!
//! Muster knows how many items of a kind a device holds from the device's last count and from what was sent since.
//! Every item that is new to the device takes a place ([`DeviceView::take_place`]); every item that the device
//! refuses gives its place back. A scan starts at zero and counts the items that it passes, because Muster does not
//! know which of them the device holds already. If no place is left, new items wait ([`Parked::Full`]) until the
//! device reports more room. Updates and deletions of items on the device go on.
//!
//! A device may report less room than it has. So once a day Muster sends one item more than the device reports room
//! for.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Capability, Kind, Millis};

use crate::view::{DeviceView, Parked, Wait};

#[cfg(doc)]
use crate::view::Changes;

/// The number of items of one kind on a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// The device's own count, plus the new items that were sent since.
    pub held: u64,
    /// When the device was first found full, or when Muster last tried one more item.
    pub tried_at: Option<Millis>,
}

/// Pause between two tries beyond the reported capacity, ms.
const TRY_PAUSE_MS: i64 = 86_400_000;

impl DeviceView {
    /// The device reported how many items of the kinds `told` it holds, or its capacity. `before` is what it had
    /// reported until then. `under_way` is the number of open commands of each kind that bring something new.
    ///
    /// If there is room, as many waiting items become due ([`Changes::unpark`]).
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
                self.update_occupancy(kind, held, most, other_room, now);
            }
        }
        if fewer {
            self.unpark_full();
        }
    }

    fn update_occupancy(&mut self, kind: Kind, held: u64, most: u64, other_room: bool, now: Millis) {
        let before = self.loads.get(&kind).copied();
        let mut load = Occupancy { held, ..before.unwrap_or_default() };
        let room = most.saturating_sub(held);
        // False if the device answered that it has no room for this kind: then items wait until it holds less.
        let waits = !self.full.contains(&kind);
        if room > 0 {
            load.tried_at = None;
            if waits && (other_room || before != Some(load)) {
                self.unpark(kind, room);
            }
        } else if waits && load.may_try(now) {
            // One item more than the device reports room for.
            load = Occupancy { held: held.saturating_sub(1), tried_at: Some(now) };
            self.unpark(kind, 1);
        }
        if before != Some(load) {
            self.loads.insert(kind, load);
            self.touch_device();
        }
    }

    /// Starts the counts of a scan, which counts the items that it passes.
    pub(crate) fn begin_loads(&mut self) {
        let limited =
            Capability::kinds_with_capacity().filter(|kind| self.capability.capacity_for(*kind).is_some());
        self.loads = limited.map(|kind| (kind, Occupancy::default())).collect();
        self.touch_device();
    }

    /// Takes a place for an item that is new to the device. False if the device reports no free place.
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

    /// Counts an item that the scan passes and that the device already holds.
    pub(crate) fn count_place(&mut self, kind: Kind) {
        if let Some(load) = self.loads.get_mut(&kind) {
            load.held += 1;
            self.touch_device();
        }
    }

    /// Frees the places of counted items that are not on the device, so that other items may use them.
    pub(crate) fn give_back(&mut self, kind: Kind, items: u64) {
        if let Some(load) = self.loads.get_mut(&kind) {
            load.held = load.held.saturating_sub(items);
            self.touch_device();
            if !self.full.contains(&kind) {
                self.unpark(kind, items);
            }
        }
    }

    /// An item became due because a place was free, and does not use the place: the next item of its kind may.
    pub(crate) fn pass_place_on(&mut self, kind: Kind) {
        if !self.full.contains(&kind) {
            self.unpark(kind, 1);
        }
    }

    /// Whether the device reports that it holds as many items of a kind as it can.
    pub(crate) fn says_full(&self, kind: Kind) -> bool {
        self.capability.capacity_for(kind).is_some_and(|most| self.capability.counted(kind) >= Some(most))
    }

    /// Makes this many items due that wait for room of a kind.
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

    /// The device holds less than before: items for which it had answered "no room" are tried again.
    pub fn unpark_full(&mut self) {
        for kind in std::mem::take(&mut self.full) {
            self.unpark(kind, u64::MAX);
            self.touch_device();
        }
    }
}

impl Occupancy {
    /// Whether it is time to try one item beyond the reported capacity.
    pub fn may_try(&self, now: Millis) -> bool {
        self.tried_at.is_some_and(|at| at.plus(TRY_PAUSE_MS) <= now)
    }
}
