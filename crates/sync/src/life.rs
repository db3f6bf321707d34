//! Lives: one person's time under a PIN, and whom a device holds there.
//!
//! A PIN is a place; a *life* is one person's time in it. It is named by the number of the change that made its user live.
//! What a device uploads under a PIN is read as of the life that the device knows.

use roster::{ItemKey, Millis, Seq, Slot};
use wire::Pin;

use crate::owing::{root_of, user_key};
use crate::view::{DeviceView, ItemState, OpenCommand, Person, Wait};

/// So long after a user record its templates come at most, where they come without one, ms. Later the device is asked: it may
/// have been emptied meanwhile.
const ONE_ENROLMENT_MS: i64 = 60_000;

/// Whom a device holds under a PIN, as far as the server can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// The fleet's person: it acknowledged the user record of this life, uploaded it, or was recognised by what it showed.
    Present,
    /// Somebody who had the PIN before, or nobody: it has not heard of the end of an earlier life.
    Former,
    /// Somebody else, or a mixture: it has to be put right before it is believed.
    Mixed,
    /// Nobody that the fleet knows of.
    Nobody,
}

impl Person {
    /// The life that the PIN has now, `None` where nobody has it.
    pub fn life(&self) -> Option<Seq> {
        self.items.get(&Slot::USER).filter(|user| user.live).map(|user| user.created)
    }

    /// The command of the user that is not answered.
    fn open_user(&self) -> Option<&OpenCommand> {
        self.open.get(&Slot::USER)
    }
}

impl DeviceView {
    /// Whether Muster wrote the user on the device, and the device acknowledged it. Neither the person nor the newest version
    /// comes from the device.
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

    /// Whether the device should hold this user and acknowledged the user, and is not asked about the user: where a reading of all
    /// its people does not show the user, the user is missing there.
    pub fn should_show(&self, pin: &Pin) -> bool {
        self.joining.is_none()
            && self.claim(pin).is_none()
            && self.in_scope(pin)
            && self.knows(pin) == Knows::Present
            && self.settled(&user_key(pin))
    }

    /// Whom this device holds under `pin`, as far as the server can tell.
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
        // The device may have had an earlier life, or made it.
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
            // It was emptied, restored or doubted since.
            return Knows::Mixed;
        }
        if person.open_user().is_some_and(|open| open.verb.brings() && open.seq < user.created) {
            // A command of an earlier life is under way.
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

    /// The device uploaded the newest user record itself a moment ago, and no command of the user went to it since: templates
    /// that follow are of that person. Most devices upload them in requests of their own.
    pub(crate) fn has_shown(&self, pin: &Pin, now: Millis) -> bool {
        let Some(person) = self.person(pin) else { return false };
        let Some(user) = person.items.get(&Slot::USER).filter(|user| user.live) else { return false };
        let recently = user.at.plus(ONE_ENROLMENT_MS) > now;
        let uploaded = user.changed_by == Some(self.device) && user.seq > self.cursor;
        uploaded && recently && person.open_user().is_none()
    }

    /// The device was recognised by what it showed, and has not acknowledged the fleet's record: what differs in its own was
    /// there before.
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

    /// The first command of a life is under way to the device.
    pub(crate) fn is_beginning(&self, pin: &Pin) -> bool {
        self.person(pin).and_then(Person::open_user).is_some_and(|open| open.verb.begins())
    }

    /// The item belongs to a user whom the device does not know and who is not on the way: somebody else may be under the
    /// PIN.
    pub(crate) fn is_without_user(&self, key: &ItemKey) -> bool {
        let root = root_of(key);
        root.slot == Slot::USER
            && *key != root
            && self.open_of(&root).is_none()
            && (self.claim(&key.pin).is_some() || self.knows(&key.pin) != Knows::Present)
    }

    /// The person was in an area of this device when its cursor stood where it stands.
    fn was_in_scope(&self, person: &Person) -> bool {
        person.items.iter().any(|(slot, item)| {
            let left_since = !item.live && item.first <= self.cursor && item.seq > self.cursor;
            let there = left_since || item.live && item.created <= self.cursor;
            there && slot.area().is_some_and(|area| self.areas.contains(&area))
        })
    }

    /// The cursor moves on. Where it passes the number with which a life began, but not yet the row of its user, whom the device
    /// holds is noted: the cursor alone would tell that it knows that life.
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

    /// The device was recognised: it holds the fleet's person under the PIN.
    pub(crate) fn recognise(&mut self, pin: &Pin) {
        let Some(life) = self.person(pin).and_then(Person::life) else { return };
        if self.knows(pin) != Knows::Present {
            self.mark_known(&user_key(pin), Some(life));
        }
    }

    /// The device does not know the person, whatever its cursor says.
    pub(crate) fn begin_anew(&mut self, user: &ItemKey) {
        self.mark_known(user, Some(Seq(0)));
    }

    pub(crate) fn mark_known(&mut self, user: &ItemKey, known: Option<Seq>) {
        let before = self.exception(user).unwrap_or(crate::Exception::NONE);
        self.put_exception(user, crate::Exception { known, ..before });
    }
}
