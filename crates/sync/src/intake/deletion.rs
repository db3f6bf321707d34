//! What a device says of people who are not on it any more: deletions, and that it was emptied.

use roster::{ItemKey, Kind, Slot};
use wire::Pin;

use super::{Deletion, Edit, Held, Intake, OWN_DELETION_MS, Outcome};
use crate::owing::user_key;

impl Intake<'_> {
    /// A user was deleted at the device (operation codes 9 and 103).
    ///
    /// `now` and the view decide whether it is believed: a device's report of our own deletion, of a user that is not
    /// for it, or of a version it does not have any more, is none.
    pub fn deletion(&mut self, pin: &Pin) -> Outcome {
        let key = user_key(pin);
        if self.is_held(&key) {
            return Outcome::Held(Held::Conflict(pin.clone()));
        }
        let own = self.view.person(pin).and_then(|person| person.delete_sent_at);
        let recent = own.is_some_and(|at| at.plus(OWN_DELETION_MS) > self.now);
        let item = self.view.item(&key).cloned();
        let Some(item) = item.filter(|item| item.live) else { return Outcome::Equal };
        if !self.view.in_scope(pin) {
            return Outcome::Equal;
        }
        let by_it = item.changed_by == Some(self.view.device);
        if recent || self.view.joining.is_some() || !(self.view.settled(&key) || by_it) {
            self.view.owe_person(pin, self.now);
            return Outcome::Corrected;
        }
        match self.policy.deletion {
            Deletion::Restore => {
                self.view.owe_person(pin, self.now);
                Outcome::Corrected
            }
            Deletion::Propagate if self.policy.deletions_left > self.deletions() => {
                self.delete_person(pin);
                Outcome::Edit
            }
            Deletion::Propagate | Deletion::Ask => Outcome::Held(Held::Deletion(pin.clone())),
        }
    }

    /// A device that was given a user for one punch (§14) has forgotten it by itself, which is never a deletion. Where it
    /// should hold the user, it is told again.
    pub fn forgotten(&mut self, pin: &Pin) -> Outcome {
        let is_live = self.view.item(&user_key(pin)).is_some_and(|item| item.live);
        if !is_live || !self.view.in_scope(pin) {
            return Outcome::Equal;
        }
        self.view.owe_person(pin, self.now);
        Outcome::Corrected
    }

    /// The device was emptied (operation codes 13 and 22). Never a deletion: it is filled again.
    pub fn wiped(&mut self) {
        self.view.rebaseline();
    }

    fn deletions(&self) -> u32 {
        let users = |edit: &&Edit| edit.content.is_none() && edit.key.slot == Slot::USER;
        u32::try_from(self.edits.iter().filter(users).count()).unwrap_or(u32::MAX)
    }

    fn delete_person(&mut self, pin: &Pin) {
        let Some(person) = self.view.person(pin) else { return };
        let mut slots: Vec<Slot> =
            person.items.iter().filter(|(_, item)| item.live).map(|(slot, _)| *slot).collect();
        slots.sort_by_key(|slot| slot.kind == Kind::Membership);
        for slot in slots {
            self.bury(&ItemKey { pin: pin.clone(), slot }, true);
        }
        self.known.entry(pin.clone()).or_default().user = None;
    }
}
