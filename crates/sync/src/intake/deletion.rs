//! Deletions: reports of a device that people are no longer on it, or that it was emptied.

use roster::{Field, ItemKey, Kind, Slot};
use wire::Pin;

use super::{Cleared, Deletion, Edit, Enrolment, Held, Intake, OWN_DELETION_MS, Outcome};
use crate::claim::{ClaimNews, Reason, Stage};
use crate::life::Knows;
use crate::owing::user_key;

impl Intake<'_> {
    /// The device reported that a user was deleted (operation codes 9 and 103).
    ///
    /// Muster does not take the report as a fact: the operation may name a number of the device's own, or the user
    /// may have come back since. Muster asks the device who is under the PIN. It ignores a report of its own
    /// deletion, or of a user who is not for the device.
    pub fn deletion(&mut self, pin: &Pin) -> Outcome {
        let key = user_key(pin);
        self.verdicts.remove(pin);
        let own = self.view.person(pin).and_then(|person| person.delete_sent_at);
        let recent = own.is_some_and(|at| at.plus(OWN_DELETION_MS) > self.now);
        // If Muster sent nothing under the PIN and the claim is a user record alone, that record was deleted where it
        // was made: the claim is void. If this may be Muster's own deletion, or the claim has templates, or Muster
        // sent something, it cannot be determined: the content stays for an operator.
        let claim = self.view.claim(pin).cloned();
        let doubted = claim.as_ref().is_some_and(|claim| claim.state.is_doubted());
        let written =
            recent || doubted || self.view.knows(pin) != Knows::Nobody || self.view.open_of(&key).is_some();
        let record_alone = claim.is_some_and(|claim| claim.items.is_empty());
        let news = if record_alone && !written { ClaimNews::Dropped } else { ClaimNews::Left };
        self.view.close_claim(pin, news, self.now);
        if self.is_held(&key) {
            return Outcome::Held(Held::Deletion(pin.clone()));
        }
        let live = self.view.item(&key).is_some_and(|item| item.live);
        match self.view.knows(pin) {
            // The device reports the deletion that Muster sent.
            Knows::Mixed if recent => Outcome::Equal,
            // That person is gone, but later content from Muster may be there.
            Knows::Former | Knows::Mixed => {
                if !live || self.view.in_scope(pin) {
                    self.put_right(&key);
                }
                Outcome::Corrected
            }
            Knows::Present if live && !self.view.in_scope(pin) => {
                // The device must remove the person, who may have come back since.
                self.put_right(&key);
                Outcome::Equal
            }
            _ if !live || !self.view.in_scope(pin) => Outcome::Equal,
            Knows::Nobody => {
                // The user is on the way. Or the user arrived and was deleted, together with the templates.
                self.view.owe_person(pin, self.now);
                Outcome::Corrected
            }
            Knows::Present if recent || self.view.joining.is_some() => {
                // Later uploads without a user record are not of this person.
                self.view.begin_anew(&key);
                self.view.owe_person(pin, self.now);
                Outcome::Corrected
            }
            Knows::Present => {
                self.ask_after_deletion(pin);
                Outcome::Held(Held::Claim(pin.clone(), Reason::Deleted, Stage::Waiting))
            }
        }
    }

    /// A user was deleted at the device under a number of the device's own, and the device uploaded all its people
    /// except this one. Muster asks who is under the PIN, as after a deletion that names the PIN.
    pub fn missing_after_deletion(&mut self, pin: &Pin) {
        if self.view.should_show(pin) {
            self.ask_after_deletion(pin);
        }
    }

    /// A finger, face, card or password of a user was deleted at the device (operation codes 10 to 12, 106, 107, 123
    /// and 126). The record does not say for certain which one. So the fleet keeps all of them, and Muster tells an
    /// operator, unless the policies undo such changes anyway.
    pub fn part_deleted(&mut self, pin: &Pin) -> Outcome {
        if self.view.knows(pin) != Knows::Present || !self.view.in_scope(pin) || self.view.joining.is_some() {
            return Outcome::Equal;
        }
        if self.policy.deletion == Deletion::Restore || self.policy.enrolment != Enrolment::Accept {
            self.view.owe_person(pin, self.now);
            return Outcome::Corrected;
        }
        Outcome::Held(Held::PartDeleted(pin.clone()))
    }

    /// Whether the next user record of the device shows what became of this card or password, which was deleted
    /// there. The device keeps the field, and the policy for emptied fields decides.
    pub fn will_show_cleared(&self, pin: &Pin, field: Field) -> bool {
        self.policy.cleared != Cleared::Ignore
            && self.view.joining.is_none()
            && !self.may_not_register()
            && self.view.knows(pin) == Knows::Present
            && self.view.in_scope(pin)
            && self.view.capability.keeps_written_values(field)
    }

    /// The device had a user for one punch only (§14) and has forgotten the user, which is never a deletion. If the
    /// device should hold the user, Muster sends the user again.
    pub fn forgotten(&mut self, pin: &Pin) -> Outcome {
        let is_live = self.view.item(&user_key(pin)).is_some_and(|item| item.live);
        if !is_live || !self.view.in_scope(pin) {
            return Outcome::Equal;
        }
        self.view.owe_person(pin, self.now);
        Outcome::Corrected
    }

    /// The device was emptied (operation codes 13 and 22). This is never a deletion: Muster fills the device again.
    pub fn wiped(&mut self) {
        self.view.rebaseline();
    }

    pub(super) fn deletions(&self) -> u32 {
        let users = |edit: &&Edit| edit.content.is_none() && edit.key.slot == Slot::USER;
        u32::try_from(self.edits.iter().filter(users).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn delete_person(&mut self, pin: &Pin) {
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
