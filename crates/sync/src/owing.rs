//! Exceptions: the small steps that plan, settle and intake share to make an item due, park it, or demand a deletion.
//!
//! An item is *due* (in the names of functions: `owe`) if Muster has to send it to the device outside the order of
//! the feed. A *wipe* is the deletion of a user, alone or as part of a replacement, that the device must acknowledge
//! before it gets anything else of the PIN.

use roster::{ItemKey, Kind, Millis, Seq, Slot};
use wire::Pin;

use crate::view::{DeviceView, Exception, ItemState, OpenCommand, Parked, Person, Wait};

/// The item that `key` depends on: the user of a person. A definition depends on itself.
pub(crate) fn root_of(key: &ItemKey) -> ItemKey {
    ItemKey { pin: key.pin.clone(), slot: Slot::root_of(&key.pin) }
}

pub(crate) fn user_key(pin: &Pin) -> ItemKey {
    ItemKey { pin: pin.clone(), slot: Slot::USER }
}

impl DeviceView {
    /// The fleet's state of an item. The person is in the view.
    pub fn item(&self, key: &ItemKey) -> Option<&ItemState> {
        self.person(&key.pin)?.items.get(&key.slot)
    }

    /// The live items of a person, without memberships, the user first.
    pub(crate) fn live_slots(&self, pin: &Pin) -> Vec<Slot> {
        let Some(person) = self.person(pin) else { return Vec::new() };
        let sent = |slot: &Slot, item: &ItemState| item.live && slot.kind != Kind::Membership;
        person.items.iter().filter(|(slot, item)| sent(slot, item)).map(|(slot, _)| *slot).collect()
    }

    /// Makes every live item of a person due: the device may have lost it.
    pub(crate) fn owe_person(&mut self, pin: &Pin, now: Millis) {
        for slot in self.live_slots(pin) {
            self.again_or_due(&ItemKey { pin: pin.clone(), slot }, now);
        }
    }

    /// Makes every live item of a person due, except the user. An item that failed only once, because its user was
    /// missing, is due at once. An item that failed more often keeps its pause.
    pub(crate) fn owe_belongings(&mut self, pin: &Pin, now: Millis) {
        let root = Slot::root_of(pin);
        for slot in self.live_slots(pin).into_iter().filter(|slot| *slot != root) {
            let key = ItemKey { pin: pin.clone(), slot };
            match self.exception(&key) {
                Some(Exception { wait: Wait::Due(at), attempts: 1, .. }) if at > now => {
                    self.owe(&key, now, 1);
                }
                _ => self.again_or_due(&key, now),
            }
        }
    }

    /// Makes every live item of a person due that changed before `seq`: the feed may have skipped it for this device.
    pub(crate) fn owe_older(&mut self, pin: &Pin, seq: Seq, now: Millis) {
        for slot in self.live_slots(pin) {
            let key = ItemKey { pin: pin.clone(), slot };
            let Some(item) = self.item(&key).filter(|item| item.seq < seq) else { continue };
            let under_way = self
                .open_of(&key)
                .is_some_and(|open| open.verb.brings() && open.seq == item.seq && !open.again);
            if !under_way {
                self.again_or_due(&key, now);
            }
        }
    }

    /// Marks the open command: the item must be sent again after the answer.
    pub(crate) fn again(&mut self, key: &ItemKey) {
        if let Some(command) = self.open_of(key).filter(|c| !c.again).cloned() {
            self.put_open(key, OpenCommand { again: true, ..command });
        }
    }

    /// Makes the item due: after the answer to its open command, or as soon as possible.
    pub(crate) fn again_or_due(&mut self, key: &ItemKey, now: Millis) {
        if self.open_of(key).is_some() {
            return self.again(key);
        }
        match self.exception(key) {
            // The pause after a temporary failure stays, and an item that is due already stays so.
            Some(Exception { wait: Wait::Due(at), attempts, .. }) if attempts > 0 || at <= now => {}
            other => self.owe(key, now, other.map_or(0, |e| e.attempts)),
        }
    }

    /// Makes the item due from `at` on, unless an operator has to decide first.
    pub(crate) fn owe(&mut self, key: &ItemKey, at: Millis, attempts: u32) {
        let before = self.exception(key).unwrap_or(Exception::NONE);
        if before.wait != Wait::Parked(Parked::Held) {
            self.put_exception(key, Exception { wait: Wait::Due(at), attempts, ..before });
        }
    }

    /// Parks the item until something else has happened, unless an operator has to decide first.
    pub(crate) fn park(&mut self, key: &ItemKey, parked: Parked) {
        let before = self.exception(key).unwrap_or(Exception::NONE);
        if before.wait != Wait::Parked(Parked::Held) {
            self.put_exception(key, Exception { wait: Wait::Parked(parked), ..before });
        }
    }

    /// Whether the device refused the newest content.
    pub(crate) fn is_refused(&self, key: &ItemKey) -> bool {
        let seq = self.item(key).map(|item| item.seq);
        self.exception(key).and_then(|e| e.refused).is_some_and(|refusal| Some(refusal.seq) == seq)
    }

    /// An operator decided about a held person: makes everything of the person due, after a deletion if `wipe`.
    pub fn release(&mut self, pin: &Pin, wipe: bool, now: Millis) {
        let root = ItemKey { pin: pin.clone(), slot: Slot::root_of(pin) };
        for slot in
            self.person(pin).map(|p| p.exceptions.keys().copied().collect::<Vec<_>>()).unwrap_or_default()
        {
            let key = ItemKey { pin: pin.clone(), slot };
            let before = self.exception(&key).unwrap_or(Exception::NONE);
            if matches!(before.wait, Wait::Parked(_)) {
                self.put_exception(&key, Exception { wait: Wait::Due(now), ..before });
            }
        }
        self.owe_person(pin, now);
        self.again_or_due(&root, now);
        if wipe {
            self.wipe(&root);
        }
    }

    /// Demands a deletion: the device must acknowledge a DELETE of this user before it gets anything else of the PIN.
    pub(crate) fn wipe(&mut self, user: &ItemKey) {
        if self.claim(&user.pin).is_some() {
            // Nothing new goes out under the PIN. The claim notes which life the device knows.
            return;
        }
        let before = self.exception(user).unwrap_or(Exception::NONE);
        self.put_exception(user, Exception { wipe: true, ..before });
    }

    /// Makes the item not due. A refusal stays on record.
    pub(crate) fn owe_nothing(&mut self, key: &ItemKey) {
        if let Some(before) = self.exception(key) {
            self.put_exception(key, Exception { wait: Wait::No, attempts: 0, unconfirmed: None, ..before });
        }
    }

    /// The device confirmed that it does not hold the item, or that it holds the fleet's content.
    pub(crate) fn confirmed(&mut self, key: &ItemKey) {
        if let Some(before) = self.exception(key).filter(|before| before.unconfirmed.is_some()) {
            self.put_exception(key, Exception { unconfirmed: None, ..before });
        }
    }

    /// Corrects the device: sends the fleet's version again, after an upload that was not accepted, or after a late
    /// command that may have undone something.
    pub(crate) fn correct(&mut self, key: &ItemKey, now: Millis) {
        if self.item(key).is_none() {
            return;
        }
        if key.slot == Slot::USER && !self.person(&key.pin).is_some_and(Person::user_live) {
            self.wipe(key);
        }
        self.again_or_due(key, now);
    }
}
