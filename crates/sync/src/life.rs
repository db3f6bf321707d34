//! Lives: the time of one person under a PIN, and which person a device holds there.
//!
//! Several people may have the same PIN one after the other. The time of one of them is a *life*. Its name is the
//! number of the change that made the user live. Muster assigns an upload under a PIN to the life that the device
//! knows.

use roster::{ItemKey, Millis, Seq, Slot};
use wire::Pin;

use crate::owing::{root_of, user_key};
use crate::view::{DeviceView, ItemState, OpenCommand, Person, Wait};

/// How long after a user record a device may upload templates of the user without a user record, ms. Later Muster
/// asks the device, because it may have been emptied meanwhile.
const ONE_ENROLMENT_MS: i64 = 60_000;

/// Which person a device holds under a PIN, as far as Muster can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// The fleet's person. The device acknowledged the user record of this life, uploaded it, or uploaded content by
    /// which Muster recognised the person.
    Present,
    /// A person who had the PIN before, or nobody: the device does not know yet that an earlier life ended.
    Former,
    /// Content of another person may be under the PIN, alone or mixed with the fleet's person. Muster replaces or
    /// removes the person there before it believes any upload.
    Mixed,
    /// Nobody whom the fleet knows.
    Nobody,
}

impl Person {
    /// The current life of the PIN, `None` if nobody has it.
    pub fn life(&self) -> Option<Seq> {
        self.items.get(&Slot::USER).filter(|user| user.live).map(|user| user.created)
    }

    /// The open command of the user record.
    fn open_user(&self) -> Option<&OpenCommand> {
        self.open.get(&Slot::USER)
    }
}

impl DeviceView {
    /// Whether Muster sent this user to the device and the device acknowledged it. The device itself made neither the
    /// life nor the newest version.
    pub fn wrote(&self, pin: &Pin) -> bool {
        let key = user_key(pin);
        let by_others = |user: &ItemState| {
            user.live && user.created_by != Some(self.device) && user.changed_by != Some(self.device)
        };
        self.joining.is_none()
            && self.item(&key).is_some_and(by_others)
            && self.knows(pin) == Knows::Present
            && self.settled(&key)
    }

    /// Whether the device should hold this user, has acknowledged the user, and is not being asked about the user. If
    /// a complete reading of its people does not contain the user, the user is missing there.
    pub fn should_show(&self, pin: &Pin) -> bool {
        self.joining.is_none()
            && self.claim(pin).is_none()
            && self.in_scope(pin)
            && self.knows(pin) == Knows::Present
            && self.settled(&user_key(pin))
    }

    /// Which person this device holds under `pin`, as far as Muster can tell.
    pub fn knows(&self, pin: &Pin) -> Knows {
        let Some(person) = self.person(pin) else { return Knows::Nobody };
        let exception = person.exceptions.get(&Slot::USER);
        if exception.is_some_and(|exception| exception.wipe) {
            return Knows::Mixed;
        }
        let Some(user) = person.items.get(&Slot::USER) else { return Knows::Nobody };
        let marked = exception.and_then(|exception| exception.known);
        let began_before = user.first < user.created || !user.live;
        let unread = if user.live { user.created } else { user.seq } > self.cursor;
        // The device may hold the person of an earlier life, or may have made that life.
        let may_hold_former = began_before && unread;
        if !user.live {
            let former = may_hold_former && marked != Some(Seq(0)) || marked.is_some_and(|life| life.0 > 0);
            return if former { Knows::Former } else { Knows::Nobody };
        }
        match marked {
            Some(life) if life == user.created => return Knows::Present,
            Some(Seq(0)) => return Knows::Nobody,
            Some(_) => return Knows::Former,
            None => {}
        }
        if self.scan_replaces && !self.scanned(pin) {
            // The device was emptied, restored or rebaselined since.
            return Knows::Mixed;
        }
        if person.open_user().is_some_and(|open| open.verb.brings() && open.seq < user.created) {
            // A command of an earlier life is open.
            return Knows::Former;
        }
        let made = user.created_by == Some(self.device) && unread;
        let changed = user.changed_by == Some(self.device);
        if made || changed && (user.seq > self.cursor || self.was_in_scope(person)) {
            return Knows::Present;
        }
        if person.open_user().is_some_and(|open| open.verb.begins()) {
            return Knows::Nobody;
        }
        if unread {
            return if may_hold_former { Knows::Former } else { Knows::Nobody };
        }
        if !self.scanned(pin) {
            return Knows::Nobody;
        }
        let waits = exception.map(|exception| exception.wait);
        if waits == Some(Wait::ROOM) || matches!(waits, Some(Wait::Parked(crate::Parked::Full))) {
            return Knows::Nobody;
        }
        if self.was_in_scope(person) || matches!(waits, Some(Wait::Due(_))) {
            return Knows::Present;
        }
        Knows::Nobody
    }

    /// Whether the device uploaded the newest user record a moment ago and no command of the user is open. Then
    /// templates that follow belong to that person: most devices upload them in separate requests.
    pub(crate) fn has_shown(&self, pin: &Pin, now: Millis) -> bool {
        let Some(person) = self.person(pin) else { return false };
        let Some(user) = person.items.get(&Slot::USER).filter(|user| user.live) else { return false };
        let recently = user.at.plus(ONE_ENROLMENT_MS) > now;
        let uploaded = user.changed_by == Some(self.device) && user.seq > self.cursor;
        uploaded && recently && person.open_user().is_none()
    }

    /// Whether Muster recognised the person by an upload, and the device has not acknowledged the fleet's record yet.
    /// Then its differences from the fleet's record are older than that record.
    pub(crate) fn awaits_first_record(&self, pin: &Pin) -> bool {
        let Some(person) = self.person(pin) else { return false };
        let Some(user) = person.items.get(&Slot::USER).filter(|user| user.live) else { return false };
        let exception = person.exceptions.get(&Slot::USER);
        let recognised = exception.is_some_and(|exception| exception.known == Some(user.created));
        let claimed = person.claim.as_ref().is_some_and(|claim| claim.state.is_doubted());
        let owed = exception.is_some_and(|exception| match exception.wait {
            Wait::Due(_) => true,
            Wait::Parked(_) => claimed,
            Wait::No => false,
        });
        let filled = user.changed_by == Some(self.device) && user.seq > self.cursor;
        recognised && user.seq != user.created && (owed || filled || person.open_user().is_some())
            || recognised && user.changed_by != Some(self.device) && (owed || person.open_user().is_some())
    }

    /// Whether the first command of a life is open.
    pub(crate) fn is_beginning(&self, pin: &Pin) -> bool {
        self.person(pin).and_then(Person::open_user).is_some_and(|open| open.verb.begins())
    }

    /// Whether the item belongs to a user whom the device does not know or has a claim on, and no command of the user
    /// is open. Another person may be under the PIN.
    pub(crate) fn is_without_user(&self, key: &ItemKey) -> bool {
        let root = root_of(key);
        root.slot == Slot::USER
            && *key != root
            && self.open_of(&root).is_none()
            && (self.claim(&key.pin).is_some() || self.knows(&key.pin) != Knows::Present)
    }

    /// Whether the person was in an area of this device as of the device's cursor.
    fn was_in_scope(&self, person: &Person) -> bool {
        person.items.iter().any(|(slot, item)| {
            let left_since = !item.live && item.first <= self.cursor && item.seq > self.cursor;
            let there = left_since || item.live && item.created <= self.cursor;
            there && slot.area().is_some_and(|area| self.areas.contains(&area))
        })
    }

    /// Moves the cursor. If it passes the number with which a life began, but not yet the newest row of the user,
    /// this notes which person the device holds. The cursor alone would say that the device knows that life.
    pub(crate) fn read_up_to(&mut self, seq: Seq, now: Millis) {
        let passes = |user: &ItemState| {
            user.live && self.cursor < user.created && user.created <= seq && seq < user.seq
        };
        let begun: Vec<(Pin, Knows)> = self
            .persons
            .iter()
            .filter(|(_, person)| person.items.get(&Slot::USER).is_some_and(passes))
            .map(|(pin, _)| (pin.clone(), self.knows(pin)))
            .collect();
        for (pin, knows) in begun {
            match knows {
                Knows::Present => {}
                Knows::Nobody => self.begin_anew(&user_key(&pin)),
                Knows::Former | Knows::Mixed => {
                    self.wipe(&user_key(&pin));
                    self.again_or_due(&user_key(&pin), now);
                }
            }
        }
        self.cursor = seq;
    }

    /// Notes that the device holds the fleet's person under the PIN, because Muster recognised an upload.
    pub(crate) fn recognise(&mut self, pin: &Pin) {
        let Some(life) = self.person(pin).and_then(Person::life) else { return };
        if self.knows(pin) != Knows::Present {
            self.mark_known(&user_key(pin), Some(life));
        }
    }

    /// Notes that the device does not hold the person, whatever its cursor says.
    pub(crate) fn begin_anew(&mut self, user: &ItemKey) {
        self.mark_known(user, Some(Seq(0)));
    }

    pub(crate) fn mark_known(&mut self, user: &ItemKey, known: Option<Seq>) {
        let before = self.exception(user).unwrap_or(crate::Exception::NONE);
        self.put_exception(user, crate::Exception { known, ..before });
    }
}
