//! Scope: what each item should be on a device, and what Muster believes the device holds.

use roster::{ItemKey, Kind, Seq, Slot};
use wire::{BioType, Pin};

use crate::view::{DeviceView, Parked, Person, ScanFrom, Wait};

/// The content that a device should hold in one slot of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The newest content.
    Present,
    /// Nothing.
    Absent,
    /// The person is not for this device. What happens to the user there settles this item too.
    ByUser,
    /// Anything: the device cannot accept this item, or another item has its place there.
    Anything,
}

impl Person {
    pub(crate) fn user_live(&self) -> bool {
        self.items.get(&Slot::USER).is_some_and(|user| user.live)
    }

    /// Whether the user is live; if the PIN is the owner of a definition, whether the definition is live.
    fn root_live(&self) -> bool {
        self.items.iter().find(|(slot, _)| slot.is_root()).is_some_and(|(_, root)| root.live)
    }
}

impl DeviceView {
    /// Whether the user (or definition) is live in an area of this device, and the device can hold such a PIN.
    pub fn in_scope(&self, pin: &Pin) -> bool {
        self.capability.accepts_pin(pin)
            && self.person(pin).is_some_and(|person| person.root_live() && self.is_member(person, true))
    }

    /// Whether the user was ever in an area of this device.
    pub(crate) fn ever_in_scope(&self, pin: &Pin) -> bool {
        self.person(pin).is_some_and(|person| self.is_member(person, false))
    }

    /// Whether the person belongs to an area of this device now, even without a user.
    pub(crate) fn is_in_area(&self, pin: &Pin) -> bool {
        self.person(pin).is_some_and(|person| self.is_member(person, true))
    }

    fn is_member(&self, person: &Person, live_only: bool) -> bool {
        person.items.iter().any(|(slot, item)| {
            (item.live || !live_only) && slot.area().is_some_and(|area| self.areas.contains(&area))
        })
    }

    /// The content of `key` that this device should hold.
    pub fn want(&self, key: &ItemKey) -> Want {
        let Some(person) = self.person(&key.pin) else { return Want::Anything };
        if !self.capability.accepts_pin(&key.pin) {
            return Want::Anything;
        }
        match key.slot.kind {
            Kind::Membership => Want::Anything,
            Kind::Definition(_) if self.capability.takes(&key.slot).is_none() => Want::Anything,
            Kind::User | Kind::Definition(_) if self.in_scope(&key.pin) => Want::Present,
            Kind::User | Kind::Definition(_) => Want::Absent,
            _ if self.capability.takes(&key.slot).is_none() => Want::Anything,
            // No command takes an assignment of a message back.
            Kind::PersonalMessage if !person.items.get(&key.slot).is_some_and(|item| item.live) => {
                Want::Anything
            }
            _ if !self.in_scope(&key.pin) => Want::ByUser,
            _ => match self.winner(person, &key.slot) {
                Some(winner) if winner == key.slot => Want::Present,
                Some(_) => Want::Anything,
                None => Want::Absent,
            },
        }
    }

    /// The live item that has the place of `slot` on this device.
    ///
    /// Versions of one finger that differ only in their minor number share a place. The version with the device's own
    /// minor number wins, then the newest. A comparison photo has the place only if the device has no template of its
    /// type (§3.1: never both), or only a template that was made of an earlier photo.
    pub(crate) fn winner(&self, person: &Person, slot: &Slot) -> Option<Slot> {
        let Some(place) = Place::of(slot) else {
            return person.items.get(slot).is_some_and(|item| item.live).then_some(*slot);
        };
        let own_minor = self.capability.version_of(place.bio_type).and_then(|(_, minor)| minor);
        person
            .items
            .iter()
            .filter(|(other, item)| {
                item.live && Place::of(other) == Some(place) && self.capability.takes(other).is_some()
            })
            .max_by_key(|(other, item)| {
                let rank = match other.kind {
                    Kind::Template(_) if person.is_outdated(other, item) => 0,
                    Kind::Template(_) => 2,
                    _ => 1,
                };
                (rank, Some(other.algorithm.minor) == own_minor, item.seq)
            })
            .map(|(other, _)| *other)
    }

    /// Whether Muster believes that the device holds what it should hold of this item.
    pub fn settled(&self, key: &ItemKey) -> bool {
        let Some(person) = self.person(&key.pin) else { return true };
        let seq = person.items.get(&key.slot).map_or(Seq(0), |item| item.seq);
        let owed = person.exceptions.get(&key.slot).is_some_and(|e| e.wipe || !matches!(e.wait, Wait::No));
        seq <= self.cursor && !person.open.contains_key(&key.slot) && !owed && self.scanned(&key.pin)
    }

    /// Like [`DeviceView::settled`], but an open claim alone does not make an item unsettled: it stays settled if it
    /// has not changed since the claim began.
    pub(crate) fn settled_but_held(&self, key: &ItemKey) -> bool {
        let Some(person) = self.person(&key.pin) else { return true };
        let Some(claim) = &person.claim else { return self.settled(key) };
        let seq = person.items.get(&key.slot).map_or(Seq(0), |item| item.seq);
        let owed = person.exceptions.get(&key.slot).is_some_and(|e| {
            e.wipe || !matches!(e.wait, Wait::No | Wait::Parked(Parked::Held | Parked::NoUser))
        });
        seq <= claim.state.since
            && seq <= self.cursor
            && !person.open.contains_key(&key.slot)
            && !owed
            && self.scanned(&key.pin)
    }

    /// Whether a running first fill has passed this person, or no fill is running.
    pub(crate) fn scanned(&self, pin: &Pin) -> bool {
        match &self.scan {
            None => true,
            Some(ScanFrom::Start) => false,
            Some(ScanFrom::After(done)) => pin <= done,
        }
    }
}

/// A place on a device. It holds one template, or the photo of which the device makes the template.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    bio_type: BioType,
    number: i64,
}

impl Place {
    fn of(slot: &Slot) -> Option<Self> {
        match slot.kind {
            Kind::Template(bio_type) => Some(Self { bio_type, number: slot.number }),
            Kind::ComparisonPhoto => {
                Some(Self { bio_type: BioType(u8::try_from(slot.number).ok()?), number: 0 })
            }
            Kind::User | Kind::Membership | Kind::UserPhoto | Kind::PersonalMessage | Kind::Definition(_) => {
                None
            }
        }
    }
}
