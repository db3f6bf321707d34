//! Templates and photos in uploads, with or without a user record.

use roster::{Content, ContentHash, ItemKey};

use super::{Held, Intake, Outcome, PrivilegePolicy, Verdict, Whole};
use crate::claim::Reason;
use crate::life::Knows;
use crate::owing::user_key;
use crate::view::Joining;

impl Intake<'_> {
    /// A template or photo, with all parts that came together.
    pub fn item(&mut self, key: &ItemKey, content: Content) -> Outcome {
        let outcome = self.taken_item(key, content);
        if outcome != Outcome::Partly {
            self.view.uploaded(key, outcome == Outcome::Corrected, self.now);
        }
        outcome
    }

    fn taken_item(&mut self, key: &ItemKey, content: Content) -> Outcome {
        let user = user_key(&key.pin);
        if let Some(held) = self.held_for_spelling(&user) {
            return held;
        }
        let content = match content {
            Content::Template(template) => match self.whole(key, template) {
                Whole::Template(template) => Content::Template(template),
                Whole::Known => return Outcome::Equal,
                Whole::Partly => return Outcome::Partly,
            },
            other => other,
        };
        let hash = roster::hash(self.hash_key, &key.slot, &content);
        if self.view.joining == Some(Joining::Replace) {
            return self.replaced_item(key, hash);
        }
        // An accepted user record in the same upload proves its templates and photos.
        let came_with_user = self.verdicts.get(&key.pin).copied();
        if let Some(claim) = self.view.claim(&key.pin) {
            if came_with_user.is_none() || !claim.awaits_templates() {
                return self.item_joins_claim(key, content, hash);
            }
            if claim.items.get(&key.slot) == Some(&content) {
                // The device uploaded it again after the user record: Muster need not ask for it any more.
                let claim = claim.clone();
                return self.template_is_proved(key, claim, content, hash);
            }
        }
        let verdict = came_with_user.unwrap_or_else(|| self.judge_item(key, hash));
        self.carry_out_item(key, verdict, content, hash)
    }

    /// Which person a template belongs to that came without a user record.
    fn judge_item(&self, key: &ItemKey, hash: ContentHash) -> Verdict {
        let user = user_key(&key.pin);
        let knows = self.view.knows(&key.pin);
        let older = self.is_older(key, hash);
        let live = self.view.person(&key.pin).and_then(crate::Person::life).is_some();
        let equal = live && self.view.item(key).is_some_and(|item| self.is_equal(key, item, hash));
        match knows {
            Knows::Mixed | Knows::Former => Verdict::PutRight(Some(Reason::Remains)),
            Knows::Present if live && !self.view.in_scope(&key.pin) => {
                Verdict::PutRight(Some(Reason::Outside))
            }
            // Content that the fleet holds or held says nothing new.
            Knows::Present if equal || older => Verdict::Edit,
            Knows::Present if self.view.has_shown(&key.pin, self.now) => {
                if self.view.joining.is_some() {
                    Verdict::Fill
                } else {
                    Verdict::Edit
                }
            }
            // Muster sends nothing to a device that is being taken in, so what it uploaded is still there.
            Knows::Present if self.view.joining == Some(Joining::Adopt) => Verdict::Fill,
            // Muster asked for it: the device made the template of a photo of the person.
            Knows::Present if self.view.made_of(key, self.now).is_some() => Verdict::Edit,
            Knows::Nobody if live && equal => Verdict::Fill,
            Knows::Nobody if older && self.view.item(&user).is_some() => Verdict::PutRight(None),
            Knows::Present | Knows::Nobody => Verdict::Keep(Reason::Unproved),
        }
    }

    /// Carries out a verdict on a template or photo.
    pub(super) fn carry_out_item(
        &mut self,
        key: &ItemKey,
        verdict: Verdict,
        content: Content,
        hash: ContentHash,
    ) -> Outcome {
        match verdict {
            Verdict::Edit | Verdict::New => self.take_item(key, false, content, hash),
            Verdict::Fill => self.take_item(key, true, content, hash),
            Verdict::Keep(reason) => self.keep_item(key, reason, content),
            Verdict::PutRight(reason) => {
                let user = user_key(&key.pin);
                if self.view.item(&user).is_some() {
                    self.put_right(&user);
                }
                match reason.filter(|_| !self.is_known(key, hash)) {
                    Some(reason) => Outcome::Held(Held::Left(key.pin.clone(), reason)),
                    None => Outcome::Corrected,
                }
            }
        }
    }

    /// Processes a template or photo of the fleet's person.
    pub(super) fn take_item(
        &mut self,
        key: &ItemKey,
        fills: bool,
        content: Content,
        hash: ContentHash,
    ) -> Outcome {
        let item = self.view.item(key).cloned();
        if let Some(item) = &item {
            if self.is_equal(key, item, hash) {
                return Outcome::Equal;
            }
            let taken = fills && item.live && item.changed_by != Some(self.view.device);
            if taken || self.is_beside(key, item) {
                return self.refuse(key);
            }
        }
        // Replaced or removed content is never accepted again, whichever device uploads it.
        if self.is_older(key, hash) {
            self.remove_unknown(key);
            return self.refuse(key);
        }
        let privilege =
            self.known.get(&key.pin).and_then(|known| known.user.as_ref()).map(|user| user.privilege);
        if privilege.is_some_and(|privilege| privilege > 0)
            && self.policy.privilege != PrivilegePolicy::Accept
            && !self.vouched_for(key)
        {
            self.remove_unknown(key);
            self.refuse(key);
            return match self.policy.privilege {
                PrivilegePolicy::Never => Outcome::Corrected,
                _ => Outcome::Held(Held::Credential(key.pin.clone())),
            };
        }
        if self.may_not_register() {
            self.remove_unknown(key);
            if let Some(outcome) = self.unregistered(key) {
                return outcome;
            }
        }
        if let Some(held) = item.as_ref().and_then(|item| self.contested(key, item)) {
            return held;
        }
        self.put(key, content);
        Outcome::Edit
    }

    /// Whether the device brought the person and is being adopted. An operator has just approved the device: it may
    /// bring the person's templates too.
    fn vouched_for(&self, key: &ItemKey) -> bool {
        let user = self.view.item(&user_key(&key.pin));
        let by_it = user.is_some_and(|user| user.created_by == Some(self.view.device));
        self.view.joining == Some(Joining::Adopt) && by_it
    }

    /// Removes an item from the device that was not accepted. If the fleet has nothing in that slot, it writes a
    /// tombstone.
    fn remove_unknown(&mut self, key: &ItemKey) {
        if self.view.item(key).is_none() {
            self.bury(key, false);
        }
    }

    /// Whether the fleet has this content, or had it.
    pub(super) fn is_known(&self, key: &ItemKey, hash: ContentHash) -> bool {
        let current =
            self.view.item(key).is_some_and(|item| self.is_equal(key, item, hash) || item.hash == hash);
        current || self.is_older(key, hash)
    }

    /// A template or photo from a device that is being made equal to the fleet.
    fn replaced_item(&mut self, key: &ItemKey, hash: ContentHash) -> Outcome {
        let user = user_key(&key.pin);
        if self.view.item(key).is_some_and(|item| self.is_equal(key, item, hash)) {
            return Outcome::Equal;
        }
        // The device holds something of this PIN that the fleet does not hold. Muster removes everything of the PIN
        // and brings the fleet's content.
        if self.view.item(&user).is_none() {
            self.bury(&user, false);
        }
        self.put_right(&user)
    }
}
