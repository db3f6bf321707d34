//! The small steps that plan, settle and intake share: owing an item, doubting it, wiping a person.

use roster::{ItemKey, Kind, Millis, Seq, Slot};
use wire::Pin;

use crate::view::{DeviceView, Exception, ItemState, OpenCommand, Parked, Person, Wait};

/// What the item depends on: the user of a person; a definition is its own.
pub(crate) fn root_of(key: &ItemKey) -> ItemKey {
    ItemKey { pin: key.pin.clone(), slot: Slot::root_of(&key.pin) }
}

pub(crate) fn user_key(pin: &Pin) -> ItemKey {
    ItemKey { pin: pin.clone(), slot: Slot::USER }
}

impl DeviceView {
    /// What the fleet holds of an item of a person in the view.
    pub fn item(&self, key: &ItemKey) -> Option<&ItemState> {
        self.person(&key.pin)?.items.get(&key.slot)
    }

    /// The live items of a person that devices hold, the user first.
    pub(crate) fn live_slots(&self, pin: &Pin) -> Vec<Slot> {
        let Some(person) = self.person(pin) else { return Vec::new() };
        let sent = |slot: &Slot, item: &ItemState| item.live && slot.kind != Kind::Membership;
        person.items.iter().filter(|(slot, item)| sent(slot, item)).map(|(slot, _)| *slot).collect()
    }

    /// Everything live of a person is in doubt on this device.
    pub(crate) fn owe_person(&mut self, pin: &Pin, now: Millis) {
        for slot in self.live_slots(pin) {
            self.again_or_due(&ItemKey { pin: pin.clone(), slot }, now);
        }
    }

    /// Everything live of a person but the user is due. An item that failed once, for want of its user, has waited for
    /// the user alone; what fails again and again keeps its pause.
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

    /// Everything live of a person that changed before `seq` may have been passed over on this device.
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

    /// The open command is no longer the last word on its item.
    pub(crate) fn again(&mut self, key: &ItemKey) {
        if let Some(command) = self.open_of(key).filter(|c| !c.again).cloned() {
            self.put_open(key, OpenCommand { again: true, ..command });
        }
    }

    /// The item is owed: after the answer to its open command, or as soon as it may go.
    pub(crate) fn again_or_due(&mut self, key: &ItemKey, now: Millis) {
        if self.open_of(key).is_some() {
            return self.again(key);
        }
        match self.exception(key) {
            // A pause after a passing failure is kept; so is an operator's decision that is awaited.
            Some(Exception { wait: Wait::Due(at), attempts, .. }) if attempts > 0 || at <= now => {}
            other => self.owe(key, now, other.map_or(0, |e| e.attempts)),
        }
    }

    /// The item is owed from `at` on, unless an operator has to decide first.
    pub(crate) fn owe(&mut self, key: &ItemKey, at: Millis, attempts: u32) {
        let before = self.exception(key).unwrap_or(Exception::NONE);
        if before.wait != Wait::Parked(Parked::Held) {
            self.put_exception(key, Exception { wait: Wait::Due(at), attempts, ..before });
        }
    }

    /// The item is owed, but not before something else happened.
    pub(crate) fn park(&mut self, key: &ItemKey, parked: Parked) {
        let before = self.exception(key).unwrap_or(Exception::NONE);
        if before.wait != Wait::Parked(Parked::Held) {
            self.put_exception(key, Exception { wait: Wait::Parked(parked), ..before });
        }
    }

    /// The device refused the newest content.
    pub(crate) fn is_refused(&self, key: &ItemKey) -> bool {
        let seq = self.item(key).map(|item| item.seq);
        self.exception(key).and_then(|e| e.refused).is_some_and(|refusal| Some(refusal.seq) == seq)
    }

    /// An operator decided about a person that was held: everything of it is owed, after its deletion if `wipe`.
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

    /// A DELETE of this user has to be acknowledged before anything else of the PIN goes out.
    pub(crate) fn wipe(&mut self, user: &ItemKey) {
        if self.claim(&user.pin).is_some() {
            // Nothing goes out under the PIN. Whom the device knows is noted with the claim.
            return;
        }
        let before = self.exception(user).unwrap_or(Exception::NONE);
        self.put_exception(user, Exception { wipe: true, ..before });
    }

    /// Nothing is owed any more; a refusal stays on record.
    pub(crate) fn owe_nothing(&mut self, key: &ItemKey) {
        if let Some(before) = self.exception(key) {
            self.put_exception(key, Exception { wait: Wait::No, attempts: 0, unconfirmed: None, ..before });
        }
    }

    /// The device confirmed that the item is not on it, or holds what the fleet holds.
    pub(crate) fn confirmed(&mut self, key: &ItemKey) {
        if let Some(before) = self.exception(key).filter(|before| before.unconfirmed.is_some()) {
            self.put_exception(key, Exception { unconfirmed: None, ..before });
        }
    }

    /// Answers what was not taken, or what a late command may have undone: the device is told again.
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
