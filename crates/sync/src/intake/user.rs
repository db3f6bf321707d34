//! User records in uploads: which person the device means by the PIN, and what follows.

use roster::{Content, Field, ItemKey, Likeness, Uploader, UserPatch};
use wire::Pin;

use super::{Cleared, Enrolment, Held, Intake, Known, Outcome, PrivilegePolicy, Verdict};
use crate::claim::{Claim, Reason};
use crate::life::Knows;
use crate::owing::user_key;
use crate::view::{ItemState, Joining};

impl Intake<'_> {
    /// A user record (§11.5).
    pub fn user(&mut self, pin: &Pin, patch: &UserPatch) -> Outcome {
        let key = user_key(pin);
        if let Some(held) = self.held_for_spelling(&key) {
            return held;
        }
        if self.view.joining == Some(Joining::Replace) {
            return self.replaced_user(&key, patch);
        }
        if self.view.claim(pin).is_some() {
            return self.user_joins_claim(&key, patch);
        }
        let verdict = match (self.judge_user(&key, patch), self.verdicts.get(pin)) {
            // The same upload contains the user twice. If content of the first record is held, content of the second
            // is held too.
            (Verdict::PutRight(None), Some(Verdict::PutRight(Some(reason)))) => {
                Verdict::PutRight(Some(*reason))
            }
            (verdict, _) => verdict,
        };
        self.verdicts.insert(pin.clone(), verdict);
        self.carry_out(&key, verdict, patch)
    }

    /// Which person a record means.
    pub(super) fn judge_user(&self, key: &ItemKey, patch: &UserPatch) -> Verdict {
        let knows = self.view.knows(&key.pin);
        let restored = self.view.joining == Some(Joining::Restored);
        let Some(likeness) = self.likeness(&key.pin, patch) else {
            return self.judge_user_of_nobody(key, patch, knows);
        };
        let former = || self.is_former(&key.pin, patch);
        match (likeness, knows) {
            (_, Knows::Mixed) => Verdict::PutRight(Some(Reason::Remains)),
            (Likeness::Same, _) if restored => Verdict::PutRight(Some(Reason::Remains)),
            // Only operators change areas.
            (Likeness::Same, _) if !self.view.in_scope(&key.pin) => Verdict::PutRight(Some(Reason::Outside)),
            (Likeness::Same, Knows::Present) if self.view.awaits_first_record(&key.pin) => Verdict::Fill,
            (Likeness::Same, Knows::Present) => Verdict::Edit,
            (Likeness::Same, _) => Verdict::Fill,
            (_, Knows::Former) => Verdict::PutRight(Some(Reason::Remains)),
            _ if restored || former() || self.view.is_beginning(&key.pin) => {
                Verdict::PutRight(Some(Reason::Remains))
            }
            // The device must lose this person. So Muster need not know whether this is a rename.
            (_, Knows::Present) if !self.view.in_scope(&key.pin) => Verdict::PutRight(Some(Reason::Outside)),
            (_, Knows::Present) => Verdict::Keep(Reason::Renamed),
            (Likeness::Other, Knows::Nobody) => Verdict::Keep(Reason::Other),
            // A person who had the PIN before, or a new person: it cannot be determined.
            (Likeness::Unclear, Knows::Nobody) if self.is_revived(key) && is_nameless(patch) => {
                Verdict::PutRight(Some(Reason::Leaver))
            }
            (Likeness::Unclear, Knows::Nobody) => Verdict::Keep(Reason::Unclear),
        }
    }

    fn judge_user_of_nobody(&self, key: &ItemKey, patch: &UserPatch, knows: Knows) -> Verdict {
        if self.view.item(key).is_none() {
            return match knows {
                Knows::Mixed => Verdict::PutRight(Some(Reason::Remains)),
                _ if self.may_not_register() => self.unregistered_newcomer(),
                _ => Verdict::New,
            };
        }
        match knows {
            Knows::Former | Knows::Mixed => Verdict::PutRight(Some(Reason::Remains)),
            _ if self.was_removed(&key.pin, patch) || self.may_be_the_leaver(key, patch) => {
                Verdict::PutRight(Some(Reason::Leaver))
            }
            _ if self.is_former(&key.pin, patch) && !self.is_enrolled_anew(key, patch) => {
                Verdict::PutRight(Some(Reason::Leaver))
            }
            _ if self.may_not_register() => self.unregistered_newcomer(),
            _ => Verdict::Keep(Reason::UsedBefore),
        }
    }

    /// The verdict on a new person at a device that may not enrol anybody.
    fn unregistered_newcomer(&self) -> Verdict {
        Verdict::PutRight((self.policy.enrolment == Enrolment::Hold).then_some(Reason::Enrolment))
    }

    /// Whether a record is of the fleet's person of that PIN; `None` if the PIN has no live user.
    pub(super) fn likeness(&self, pin: &Pin, patch: &UserPatch) -> Option<Likeness> {
        let known = self.known.get(pin)?;
        let current = known.user.as_ref()?;
        let capability = &self.view.capability;
        if self.view.knows(pin) == Knows::Present && roster::agrees_in_identity(current, patch, capability) {
            return Some(Likeness::Same);
        }
        let versions = std::iter::once(current).chain(&known.older_users);
        Some(roster::likeness(versions, patch, capability))
    }

    /// Whether a record is of a person who had the PIN before.
    fn is_former(&self, pin: &Pin, patch: &UserPatch) -> bool {
        let former = self.known.get(pin).map(|known| &known.former).filter(|former| !former.is_empty());
        former
            .is_some_and(|former| !roster::identity_marks_of_patch(self.hash_key, patch).is_disjoint(former))
    }

    /// Whether a record is of a person whom an operator removed from the PIN.
    fn was_removed(&self, pin: &Pin, patch: &UserPatch) -> bool {
        let removed = self.known.get(pin).map(|known| &known.removed).filter(|removed| !removed.is_empty());
        removed.is_some_and(|removed| {
            !roster::identity_marks_of_patch(self.hash_key, patch).is_disjoint(removed)
        })
    }

    /// Whether a deleted person was enrolled again: the log of the device says so, and the device knows of the
    /// deletion. Without the log, the device may have been set back to an earlier state.
    fn is_enrolled_anew(&self, key: &ItemKey, patch: &UserPatch) -> bool {
        let deleted_it = self.view.item(key).is_some_and(|user| user.changed_by == Some(self.view.device));
        let asked =
            |claim: &Claim| claim.state.reason == Reason::UsedBefore && claim.user.as_ref() == Some(patch);
        self.enrolled.contains(&key.pin) && (deleted_it || self.view.settled(key))
            || self.view.claim(&key.pin).is_some_and(asked)
    }

    /// Whether the edit brings back the record of an earlier life of the PIN.
    fn is_of_ended_life(&self, key: &ItemKey, merge: &roster::Merge) -> bool {
        let former = self.known.get(&key.pin).map(|known| &known.former).filter(|former| !former.is_empty());
        !merge.edited.is_empty()
            && former
                .is_some_and(|former| former.contains(&roster::record_mark(self.hash_key, &merge.fields)))
    }

    /// Whether the fleet has, or had under this PIN, the name and the card of a record: the fields that tell people
    /// apart.
    pub(super) fn is_known_record(&self, pin: &Pin, patch: &UserPatch) -> bool {
        let nobody = Known::default();
        let known = self.known.get(pin).unwrap_or(&nobody);
        parts_that_name(patch).iter().filter(|(_, part)| roster::has_identity(part)).all(|(_, part)| {
            let versions = known.user.iter().chain(&known.older_users);
            roster::likeness(versions, part, &self.view.capability) == Likeness::Same
                || self.is_former(pin, part)
        })
    }

    /// Whether a record could be of the person whom an operator removed, because it has no name.
    fn may_be_the_leaver(&self, key: &ItemKey, patch: &UserPatch) -> bool {
        let by_operator = self.view.item(key).is_some_and(|user| !user.live && user.changed_by.is_none());
        by_operator && is_nameless(patch)
    }

    /// Whether the user was deleted once and lives again: the PIN may have belonged to another person before.
    fn is_revived(&self, key: &ItemKey) -> bool {
        self.view.item(key).is_some_and(ItemState::is_revived)
    }

    /// Carries out a verdict on a user record.
    pub(super) fn carry_out(&mut self, key: &ItemKey, verdict: Verdict, patch: &UserPatch) -> Outcome {
        match verdict {
            Verdict::Edit | Verdict::Fill => self.take_user(key, verdict, patch),
            Verdict::New => self.new_user(key, patch),
            Verdict::Keep(reason) => self.keep_user(key, reason, patch),
            Verdict::PutRight(reason) => {
                if self.view.item(key).is_none() {
                    // The fleet does not know this PIN: the device has to delete it.
                    self.bury(key, false);
                }
                let corrected = self.put_right(key);
                // The record of a leaver is held even if the fleet knows the whole record, so that an operator sees
                // the name.
                let is_named = |reason| reason == Reason::Leaver && roster::has_identity(patch);
                match reason.filter(|reason| is_named(*reason) || !self.is_known_record(&key.pin, patch)) {
                    Some(reason) => Outcome::Held(Held::Left(key.pin.clone(), reason)),
                    None => corrected,
                }
            }
        }
    }

    /// Processes a user record of the fleet's person.
    pub(super) fn take_user(&mut self, key: &ItemKey, verdict: Verdict, patch: &UserPatch) -> Outcome {
        let Some(item) = self.view.item(key).cloned() else { return self.refuse(key) };
        let known = self.known.entry(key.pin.clone()).or_default();
        let Some(current) = known.user.clone() else { return self.refuse(key) };
        let fills = verdict == Verdict::Fill;
        let uploader = Uploader {
            capability: &self.view.capability,
            // Also the device that made the newest version may have been overwritten, by a command that was open.
            settled: !fills && self.view.settled_but_held(key),
            trust_privilege: self.policy.privilege == PrivilegePolicy::Accept,
        };
        let older = known.older_users.clone();
        let mut merge = roster::merge(&current, &older, patch, &uploader);
        if fills {
            merge.keep_existing(&current);
            // A name or card of an earlier life fills no gap.
            for (field, part) in parts_that_name(patch) {
                if self.is_former(&key.pin, &part) {
                    merge.drop_edit(field, &current);
                }
            }
            self.view.recognise(&key.pin);
        }
        let guarded = current.privilege > 0 && self.policy.privilege != PrivilegePolicy::Accept;
        self.judge_cleared(&mut merge, &older, patch, &key.pin, guarded);
        let of_ended_life = self.is_of_ended_life(key, &merge);
        let returned = of_ended_life || !merge.returned.is_disjoint(&merge.edited);
        if returned && !self.is_confirmed(&key.pin, patch) {
            if item.changed_by.is_some() {
                return self.keep_user(key, Reason::WentBack, patch);
            }
            // An operator replaced those values. The other differences were made at the device.
            let back = if of_ended_life { merge.edited.clone() } else { merge.returned.clone() };
            for field in back {
                merge.drop_edit(field, &current);
            }
        }
        let withheld = guarded && merge.drop_credential_edits(&current);
        // The device has the fleet's record but no name or card: it was restored, or somebody emptied the field.
        let lost = [Field::Name, Field::Card]
            .iter()
            .any(|field| merge.dropped.contains(field) && !merge.cleared.contains(field));
        let cleared = std::mem::take(&mut merge.cleared);
        if merge.edited.is_empty() {
            if !merge.stale.is_empty() || withheld || lost {
                self.view.correct(key, self.now);
            }
        } else if let Some(outcome) = self.unregistered(key) {
            return outcome;
        } else {
            if let Some(held) = self.contested(key, &item) {
                return held;
            }
            self.put(key, Content::User(merge.fields));
        }
        match (merge.raised, self.policy.privilege) {
            (Some(_), PrivilegePolicy::Never) => self.refuse(key),
            (Some(privilege), _) => {
                // Only the server decides who is an administrator, also on this device.
                self.view.correct(key, self.now);
                Outcome::Held(Held::Privilege(key.pin.clone(), privilege))
            }
            (None, PrivilegePolicy::Never) if withheld => self.refuse(key),
            (None, _) if withheld => {
                self.view.correct(key, self.now);
                Outcome::Held(Held::Credential(key.pin.clone()))
            }
            (None, _) if !cleared.is_empty() => Outcome::Held(Held::Cleared(key.pin.clone(), cleared)),
            (None, _) if !merge.edited.is_empty() => Outcome::Edit,
            (None, _) if !merge.stale.is_empty() || lost => Outcome::Corrected,
            (None, _) => Outcome::Equal,
        }
    }

    /// Decides about fields that were emptied at the device. Fields that are to be held stay in
    /// [`roster::Merge::cleared`].
    ///
    /// A record that identifies nobody any more is never accepted: another person without a name may have the PIN. An
    /// operator decides about the card and the password of a person with a privilege (`guarded`). While the device
    /// has a claim, no single field is held, because the claim covers the whole record.
    fn judge_cleared(
        &self,
        merge: &mut roster::Merge,
        older: &[roster::UserFields],
        patch: &UserPatch,
        pin: &Pin,
        guarded: bool,
    ) {
        let credential = merge.cleared.iter().any(|field| *field != Field::Name);
        let named = merge.cleared.contains(&Field::Name) || merge.cleared.contains(&Field::Card);
        let anonymous = named && !roster::has_identity(patch);
        let believed = self.view.joining.is_none() && !self.may_not_register();
        match self.policy.cleared {
            Cleared::Accept if believed && !anonymous && !(guarded && credential) => {
                merge.count_cleared_as_edits(older, patch, &self.view.capability);
            }
            Cleared::Hold | Cleared::Accept if believed && self.view.claim(pin).is_none() => {}
            _ => merge.cleared.clear(),
        }
    }

    /// Whether the device may not enrol or change people. A device that is being adopted may: its people were
    /// enrolled before.
    pub(super) fn may_not_register(&self) -> bool {
        self.policy.enrolment != Enrolment::Accept && self.view.joining != Some(Joining::Adopt)
    }

    /// Treats an edit from a device that may not make any: Muster corrects the device, and holds or ignores the edit.
    pub(super) fn unregistered(&mut self, key: &ItemKey) -> Option<Outcome> {
        if !self.may_not_register() {
            return None;
        }
        self.view.correct(key, self.now);
        Some(match self.policy.enrolment {
            Enrolment::Hold => Outcome::Held(Held::Left(key.pin.clone(), Reason::Enrolment)),
            _ => Outcome::Corrected,
        })
    }

    pub(super) fn new_user(&mut self, key: &ItemKey, patch: &UserPatch) -> Outcome {
        let trusted =
            self.policy.privilege == PrivilegePolicy::Accept || self.view.joining == Some(Joining::Adopt);
        let (fields, raised) = roster::first(patch, trusted);
        if key.pin.as_str().bytes().any(|byte| byte.is_ascii_alphabetic()) {
            self.lettered.insert(key.pin.as_str().to_ascii_lowercase(), key.pin.clone());
        }
        self.join_area(&key.pin);
        // The device may be marked as one that knows nobody. It knows the person whom it enrolled.
        let used_before = self.view.item(key).is_some()
            || self.view.claim(&key.pin).is_some()
            || self.view.scan_replaces && !self.view.scanned(&key.pin);
        self.put(key, Content::User(fields));
        if used_before {
            self.view.mark_known(key, Some(super::UNNUMBERED));
        }
        match raised {
            Some(privilege) if self.policy.privilege == PrivilegePolicy::Hold => {
                Outcome::Held(Held::Privilege(key.pin.clone(), privilege))
            }
            _ => Outcome::Edit,
        }
    }

    /// A user record from a device that is being made equal to the fleet.
    fn replaced_user(&mut self, key: &ItemKey, patch: &UserPatch) -> Outcome {
        match self.view.item(key) {
            None => {
                // The fleet does not know this PIN, and the fleet decides: this device has to delete it.
                self.bury(key, false);
                self.put_right(key)
            }
            Some(ItemState { live: true, .. }) if self.likeness(&key.pin, patch) == Some(Likeness::Same) => {
                self.view.recognise(&key.pin);
                self.refuse(key)
            }
            Some(_) => self.put_right(key),
        }
    }
}

fn is_nameless(patch: &UserPatch) -> bool {
    let [(_, name), _] = parts_that_name(patch);
    !roster::has_identity(&name)
}

/// The name of a record alone, and its card alone.
fn parts_that_name(patch: &UserPatch) -> [(Field, UserPatch); 2] {
    let name = UserPatch { name: patch.name.clone(), ..UserPatch::default() };
    let card = UserPatch { card: patch.card.clone(), ..UserPatch::default() };
    [(Field::Name, name), (Field::Card, card)]
}
