//! Claims in uploads: which content a claim keeps, what joins it, and how it ends.

use roster::{Content, ContentHash, ItemKey, Likeness, Seq, Slot, UserPatch};
use wire::Pin;

use super::{Counts, Deletion, Enrolment, Held, Intake, Outcome, PrivilegePolicy, Verdict};
use crate::claim::{Asked, Claim, ClaimNews, ClaimState, Question, Reason, Stage, Subject};
use crate::life::Knows;
use crate::owing::user_key;
use crate::view::{Parked, Person};

impl Intake<'_> {
    /// Keeps a user record in a claim until the device uploads more, or an operator decides.
    pub(super) fn keep_user(&mut self, key: &ItemKey, reason: Reason, patch: &UserPatch) -> Outcome {
        let Some((stage, question)) = self.way_of(&key.pin, reason) else {
            // Nothing can prove the record, and the device holds a mixture of two people. Muster puts the PIN right
            // and holds the record for an operator.
            self.leave_claim(key);
            self.verdicts.insert(key.pin.clone(), Verdict::PutRight(Some(reason)));
            self.put_right(key);
            return Outcome::Held(Held::Left(key.pin.clone(), reason));
        };
        let mut claim = self.claim_for(&key.pin, reason, stage, question);
        claim.user = Some(patch.clone());
        self.view.open_claim(&key.pin, claim);
        Outcome::Held(Held::Claim(key.pin.clone(), reason, stage))
    }

    /// Keeps a template or photo in a claim.
    pub(super) fn keep_item(&mut self, key: &ItemKey, reason: Reason, content: Content) -> Outcome {
        let Some((stage, question)) = self.way_of(&key.pin, reason) else {
            let user = user_key(&key.pin);
            self.leave_claim(&user);
            self.put_right(&user);
            return Outcome::Held(Held::Left(key.pin.clone(), reason));
        };
        let mut claim = self.claim_for(&key.pin, reason, stage, question);
        claim.items.insert(key.slot, content);
        self.view.open_claim(&key.pin, claim);
        Outcome::Held(Held::Claim(key.pin.clone(), reason, stage))
    }

    /// How a claim of this reason goes on; `None` if it can neither be proved nor stay on the device.
    fn way_of(&self, pin: &Pin, reason: Reason) -> Option<(Stage, Option<Question>)> {
        let ask = |subject| Some((Stage::Waiting, Some(Question::new(subject))));
        match reason {
            Reason::Unproved | Reason::UsedBefore | Reason::WentBack | Reason::Deleted => ask(Subject::User),
            // Muster asks first whether the name is still there: a command may have overwritten it since.
            Reason::Renamed => self.proof_of(pin).and_then(|_| ask(Subject::User)),
            _ => Some((Stage::Blocking, None)),
        }
    }

    /// A template of the person that the device accepted. If the device still holds it, the person is there.
    fn proof_of(&self, pin: &Pin) -> Option<Slot> {
        let person = self.view.person(pin)?;
        let held = |slot: &Slot| {
            let key = ItemKey { pin: pin.clone(), slot: *slot };
            matches!(slot.kind, roster::Kind::Template(_))
                && self.view.capability.takes(slot).is_some()
                && self.view.settled_but_held(&key)
        };
        person.items.iter().filter(|(_, item)| item.live).map(|(slot, _)| *slot).find(held)
    }

    /// Asks the device who is under the PIN, because it reported a deletion of the PIN.
    pub(super) fn ask_after_deletion(&mut self, pin: &Pin) {
        if let Some((stage, question)) = self.way_of(pin, Reason::Deleted) {
            let claim = self.claim_for(pin, Reason::Deleted, stage, question);
            self.view.open_claim(pin, claim);
        }
    }

    fn claim_for(&self, pin: &Pin, reason: Reason, stage: Stage, question: Option<Question>) -> Claim {
        let life = self.view.person(pin).and_then(Person::life).unwrap_or(Seq(0));
        // If a command of the user was open or due at the beginning, the user is due again when the claim closes.
        let since = match self.view.open_of(&user_key(pin)) {
            Some(_) => ClaimState::WRITTEN,
            None if self.view.settled(&user_key(pin)) => self.view.cursor,
            None => ClaimState::OWED,
        };
        match self.view.claim(pin) {
            Some(claim) => {
                let mut claim = claim.clone();
                let asked = claim.state.question.filter(|_| reason == claim.state.reason);
                let version = claim.state.version + 1;
                let (since, question) = (claim.state.since, asked.or(question));
                claim.state = ClaimState { reason, stage, life, version, since, question };
                claim
            }
            None => Claim {
                state: ClaimState { reason, stage, life, version: 1, since, question },
                user: None,
                items: std::collections::BTreeMap::new(),
            },
        }
    }

    /// Processes a user record under a PIN on which the device has a claim.
    pub(super) fn user_joins_claim(&mut self, key: &ItemKey, patch: &UserPatch) -> Outcome {
        let Some(claim) = self.view.claim(&key.pin).cloned() else { return self.refuse(key) };
        self.view.with_question(&key.pin, |question| question.shown |= question.is_put());
        if claim.state.reason == Reason::Deleted {
            return self.user_after_deletion(key, &claim, patch);
        }
        if self.is_of_another_life(&claim, &key.pin) {
            // The content is of a person who does not have the PIN any more.
            self.leave_claim(key);
            self.verdicts.remove(&key.pin);
            let outcome = self.user(&key.pin, patch);
            if self.view.claim(&key.pin).is_none() {
                self.put_right(key);
            }
            return outcome;
        }
        let verdict = self.judge_user(key, patch);
        let stranger = claim.user.as_ref().is_some_and(|user| user != patch && !self.is_same(&key.pin, user));
        match (claim.state.stage, verdict) {
            (_, Verdict::Edit | Verdict::Fill) if claim.awaits_templates() && !stranger => {
                let outcome = self.carry_out(key, verdict, patch);
                self.verdicts.insert(key.pin.clone(), verdict);
                if verdict == Verdict::Fill {
                    self.view.begin_anew(key);
                }
                outcome
            }
            (Stage::Waiting, Verdict::Edit | Verdict::Fill | Verdict::New) if !stranger => {
                self.release(key, &claim, verdict, patch)
            }
            (_, Verdict::Edit | Verdict::Fill | Verdict::New) => {
                // The person of the claim is not there any more, and Muster does not know which of their content is
                // still there.
                self.leave_claim(key);
                self.carry_out(key, Verdict::PutRight(Some(Reason::Remains)), patch)
            }
            (Stage::Waiting, Verdict::Keep(Reason::UsedBefore)) if claim.is_repeated_by(patch) => {
                self.release(key, &claim, self.newcomer(key, &claim), patch)
            }
            (Stage::Waiting, Verdict::Keep(Reason::Renamed)) if claim.is_repeated_by(patch) => {
                self.ask_for_proof(key, claim)
            }
            (_, Verdict::Keep(_))
                if claim.state.stage == Stage::Waiting && Self::is_mixture(&claim, patch) =>
            {
                self.leave_claim(key);
                self.carry_out(key, Verdict::PutRight(Some(Reason::Remains)), patch)
            }
            (_, Verdict::Keep(reason)) => self.keep_user(key, reason, patch),
            (_, Verdict::PutRight(_)) => {
                self.leave_claim(key);
                self.carry_out(key, verdict, patch)
            }
        }
    }

    /// Whether the device replaced the claimed record with another name: then it is unknown whose the templates are.
    fn is_mixture(claim: &Claim, patch: &UserPatch) -> bool {
        !claim.items.is_empty() && claim.user.as_ref().is_some_and(|user| user.name != patch.name)
    }

    /// Whether a life of the PIN ended or began since the claim.
    fn is_of_another_life(&self, claim: &Claim, pin: &Pin) -> bool {
        let life = self.view.person(pin).and_then(Person::life).unwrap_or(Seq(0));
        claim.state.stage == Stage::Waiting && life != claim.state.life
    }

    /// The device still has the other name. A template that it held before shows whether the person is there.
    fn ask_for_proof(&mut self, key: &ItemKey, mut claim: Claim) -> Outcome {
        let asked = claim.state.question.filter(|question| question.subject == Subject::User);
        if let Some(asked) = asked {
            let Some(proof) = self.proof_of(&key.pin) else {
                self.leave_claim(key);
                return self.put_right(key);
            };
            let mut question = Question::new(Subject::Template(proof));
            if let Asked::Refused(_) = asked.asked {
                // The device uploads everything that it holds, the template after the user.
                question.asked = asked.asked;
            }
            claim.state.question = Some(question);
            self.view.put_claim(&key.pin, Some(claim));
        }
        Outcome::Held(Held::Claim(key.pin.clone(), Reason::Renamed, Stage::Waiting))
    }

    /// The verdict on a new person under a PIN that was used before. If content of the claim is of an earlier person,
    /// this is a leaver.
    fn newcomer(&self, key: &ItemKey, claim: &Claim) -> Verdict {
        let of_former = |(slot, content): (&Slot, &Content)| {
            let hash = roster::hash(self.hash_key, slot, content);
            self.is_older(&ItemKey { pin: key.pin.clone(), slot: *slot }, hash)
        };
        if claim.items.iter().any(of_former) { Verdict::PutRight(Some(Reason::Leaver)) } else { Verdict::New }
    }

    fn is_same(&self, pin: &Pin, patch: &UserPatch) -> bool {
        self.likeness(pin, patch).is_none_or(|likeness| likeness == Likeness::Same)
    }

    /// Whether Muster asked, and the device uploaded the same earlier value again.
    pub(super) fn is_confirmed(&self, pin: &Pin, patch: &UserPatch) -> bool {
        self.view
            .claim(pin)
            .is_some_and(|claim| claim.state.reason == Reason::WentBack && claim.is_repeated_by(patch))
    }

    /// Accepts the content of a claim: the device means the fleet's person, or a new person.
    fn release(&mut self, key: &ItemKey, claim: &Claim, verdict: Verdict, patch: &UserPatch) -> Outcome {
        if matches!(verdict, Verdict::PutRight(_)) {
            // Nothing can become due while the claim is open.
            self.leave_claim(key);
            return self.carry_out(key, verdict, patch);
        }
        let outcome = self.carry_out(key, verdict, patch);
        if matches!(outcome, Outcome::Held(Held::Claim(..))) {
            return outcome;
        }
        let taken = matches!(verdict, Verdict::Edit | Verdict::Fill | Verdict::New);
        let unproved = self.release_items(key, claim, verdict, !taken);
        if !unproved.items.is_empty() && claim.state.since == ClaimState::WRITTEN {
            // A command of the user was open: it may have overwritten the record of the person whom the templates
            // belong to.
            self.leave_claim(key);
            self.put_right(key);
            return outcome;
        }
        if let Some(slot) = unproved.items.keys().next().copied() {
            self.ask_for_templates(key, unproved, slot, verdict, patch);
            return outcome;
        }
        if matches!(outcome, Outcome::Corrected | Outcome::Held(_)) {
            // Nothing could become due while the claim was open.
            self.view.correct(key, self.now);
        }
        outcome
    }

    /// Accepts the templates and photos of a claim that are proved, and returns the claim with the others. If none is
    /// left, the claim is closed.
    fn release_items(&mut self, key: &ItemKey, claim: &Claim, verdict: Verdict, proves_all: bool) -> Claim {
        self.verdicts.insert(key.pin.clone(), verdict);
        let mut news = ClaimNews::Taken;
        let mut unproved = claim.clone();
        for (slot, content) in &claim.items {
            let item = ItemKey { pin: key.pin.clone(), slot: *slot };
            let hash = roster::hash(self.hash_key, slot, content);
            if !proves_all && !claim.proves(slot) && !self.is_known(&item, hash) {
                continue;
            }
            unproved.items.remove(slot);
            match self.carry_out_item(&item, verdict, content.clone(), hash) {
                Outcome::Held(Held::Credential(_)) if news == ClaimNews::Taken => news = ClaimNews::Guarded,
                Outcome::Held(_) => news = ClaimNews::Left,
                _ => {}
            }
        }
        if unproved.items.is_empty() {
            self.view.close_claim(&key.pin, news, self.now);
        }
        unproved
    }

    /// Asks for the templates that came before the user record. They belong to that user if the device uploads them
    /// again after the record. Otherwise they may belong to a person who was under the PIN before.
    fn ask_for_templates(
        &mut self,
        key: &ItemKey,
        mut claim: Claim,
        slot: Slot,
        verdict: Verdict,
        patch: &UserPatch,
    ) {
        claim.state.question = Some(Question::new(Subject::Template(slot)));
        claim.state.reason = Reason::Unproved;
        claim.state.version += 1;
        claim.state.life = self.view.person(&key.pin).and_then(Person::life).unwrap_or(Seq(0));
        claim.user = Some(patch.clone());
        if verdict == Verdict::Fill {
            // Until the answer, uploads of the device only fill gaps.
            self.view.begin_anew(key);
        }
        self.view.put_claim(&key.pin, Some(claim));
    }

    /// The device uploaded again a template that had come before its user record.
    pub(super) fn template_is_proved(
        &mut self,
        key: &ItemKey,
        mut claim: Claim,
        content: Content,
        hash: ContentHash,
    ) -> Outcome {
        let knows = self.view.knows(&key.pin) == Knows::Present;
        let verdict = if knows { Verdict::Edit } else { Verdict::Fill };
        let outcome = self.carry_out_item(key, verdict, content, hash);
        claim.items.remove(&key.slot);
        // A device that uploads everything may upload more of the person. That joins the claim too.
        let goes_on = matches!(claim.state.question.map(|question| question.asked), Some(Asked::Refused(_)));
        let done = claim.items.is_empty() && !goes_on;
        self.view.put_claim(&key.pin, Some(claim));
        if done {
            self.templates_are_proved(&user_key(&key.pin));
        }
        outcome
    }

    /// The device uploaded again everything that had come before its user record.
    fn templates_are_proved(&mut self, key: &ItemKey) -> Outcome {
        let knows = self.view.knows(&key.pin) == Knows::Present;
        self.view.close_claim(&key.pin, ClaimNews::Taken, self.now);
        self.view.recognise(&key.pin);
        if !knows {
            self.view.correct(key, self.now);
        }
        Outcome::Equal
    }

    /// Closes a claim whose content is no longer on the device, or is being removed from it. An operator may look at
    /// the content.
    fn leave_claim(&mut self, key: &ItemKey) {
        self.verdicts.insert(key.pin.clone(), Verdict::PutRight(Some(Reason::Remains)));
        self.view.close_claim(&key.pin, ClaimNews::Left, self.now);
    }

    /// Processes a template or photo under a PIN on which the device has a claim.
    pub(super) fn item_joins_claim(&mut self, key: &ItemKey, content: Content, hash: ContentHash) -> Outcome {
        let Some(claim) = self.view.claim(&key.pin).cloned() else { return self.refuse(key) };
        let user = user_key(&key.pin);
        let equal = self.view.item(key).is_some_and(|item| self.is_equal(key, item, hash));
        if claim.state.reason == Reason::Renamed && claim.state.stage == Stage::Waiting {
            let asked = claim.state.question.is_some_and(|question| {
                question.asked != Asked::Due && matches!(question.subject, Subject::Template(_))
            });
            let proves = equal && asked && self.view.settled_but_held(key);
            if let (true, Some(patch)) = (proves, claim.user.clone()) {
                // The person is there. Only the name differs.
                match self.release(&user, &claim, Verdict::Edit, &patch) {
                    Outcome::Held(Held::Privilege(..)) => {
                        self.view.tell_of_claim(&key.pin, ClaimNews::Raised);
                    }
                    Outcome::Held(Held::Credential(..)) => {
                        self.view.tell_of_claim(&key.pin, ClaimNews::Guarded);
                    }
                    _ => {}
                }
                return Outcome::Equal;
            }
        }
        let asked = claim.state.question.is_some_and(|question| question.asked != Asked::Due);
        let again = claim.items.get(&key.slot) == Some(&content);
        if claim.awaits_templates() && self.is_of_another_life(&claim, &key.pin) {
            self.leave_claim(&user);
            self.put_right(&user);
            return Outcome::Held(Held::Left(key.pin.clone(), Reason::Remains));
        }
        if claim.awaits_templates() && asked && again {
            return self.template_is_proved(key, claim, content, hash);
        }
        let known = equal || self.is_older(key, hash);
        if known && matches!(claim.state.reason, Reason::Other | Reason::Unclear) {
            // The device holds another person, and uploaded a template of the fleet's person or of a former person.
            self.leave_claim(&user);
            return self.put_right(&user);
        }
        if equal {
            return Outcome::Equal;
        }
        let mut joined = claim;
        joined.state.version += 1;
        let (reason, stage) = (joined.state.reason, joined.state.stage);
        joined.items.insert(key.slot, content);
        self.view.open_claim(&key.pin, joined);
        Outcome::Held(Held::Claim(key.pin.clone(), reason, stage))
    }

    /// Concludes a claim whose time has come: the device had time to answer, or did not answer.
    pub fn conclude(&mut self, pin: &Pin) -> Outcome {
        let key = user_key(pin);
        let Some(claim) = self.view.claim(pin).cloned() else { return Outcome::Equal };
        let Some(question) = claim.state.question else { return Outcome::Equal };
        if claim.state.due().is_none_or(|due| due > self.now) {
            return Outcome::Equal;
        }
        if matches!(question.asked, Asked::Asked(..)) {
            return self.ask_again(pin);
        }
        if matches!(question.asked, Asked::Refused(_)) {
            return self.conclude_by_counts(&key, &claim);
        }
        match claim.state.reason {
            _ if claim.awaits_templates() && claim.items.is_empty() => self.templates_are_proved(&key),
            _ if claim.awaits_templates() => self.templates_are_not_there(&key, claim, question),
            Reason::Deleted if !question.shown => self.deletion_is_proved(&key, &claim),
            Reason::Renamed | Reason::WentBack => {
                self.leave_claim(&key);
                self.put_right(&key)
            }
            _ if !question.shown => {
                // Nobody is there, so the claimed content is of a person who is gone.
                let lost = self.view.knows(pin) == Knows::Present;
                self.leave_claim(&key);
                if lost { self.put_right(&key) } else { Outcome::Corrected }
            }
            _ if question.may_repeat() => self.ask_again(pin),
            _ => {
                let mut claim = claim;
                claim.state.stage = Stage::Blocking;
                self.view.open_claim(pin, claim);
                Outcome::Equal
            }
        }
    }

    /// The device cannot be asked, so the number of people that it reports decides.
    fn conclude_by_counts(&mut self, key: &ItemKey, claim: &Claim) -> Outcome {
        let is_present = self.view.knows(&key.pin) == Knows::Present && !claim.state.is_doubted();
        match (claim.state.reason, self.counts) {
            _ if claim.awaits_templates() && claim.items.is_empty() => self.templates_are_proved(key),
            (Reason::Deleted, Counts::NobodyIsThere) => self.deletion_is_proved(key, claim),
            (Reason::Unproved, Counts::EverybodyIsThere) if is_present && claim.user.is_none() => {
                self.release_items(key, claim, Verdict::Edit, true);
                Outcome::Edit
            }
            _ => {
                let now = self.now;
                self.view.with_question(&key.pin, |question| question.asked = Asked::Refused(now));
                Outcome::Equal
            }
        }
    }

    /// The device did not upload the templates again. Muster asks for those of another kind; if there are none, it
    /// puts the PIN right.
    fn templates_are_not_there(&mut self, key: &ItemKey, mut claim: Claim, question: Question) -> Outcome {
        let asked = if let Subject::Template(slot) = question.subject { Some(slot.kind) } else { None };
        let other = claim.items.keys().find(|slot| Some(slot.kind) > asked).copied();
        if let Some(slot) = other {
            claim.state.question = Some(Question::new(Subject::Template(slot)));
            self.view.put_claim(&key.pin, Some(claim));
            return Outcome::Equal;
        }
        self.leave_claim(key);
        self.put_right(key)
    }

    /// The device holds nobody under the PIN.
    fn deletion_is_proved(&mut self, key: &ItemKey, claim: &Claim) -> Outcome {
        let deleted = self.deletion_is_true(key);
        let empty = claim.user.is_none() && claim.items.is_empty();
        let news = if empty { ClaimNews::Dropped } else { ClaimNews::Left };
        self.view.close_claim(&key.pin, news, self.now);
        if claim.state.is_doubted() {
            // A command of the user was open: the device may carry it out after its answer, and bring the user back.
            self.put_right(key);
        }
        self.await_decision(key, &deleted);
        deleted
    }

    /// Parks the PIN if an operator has to confirm the deletion: nothing goes out under it meanwhile.
    fn await_decision(&mut self, key: &ItemKey, deleted: &Outcome) {
        if *deleted == Outcome::Held(Held::Deletion(key.pin.clone())) {
            self.view.park(key, Parked::Held);
        }
    }

    fn ask_again(&mut self, pin: &Pin) -> Outcome {
        self.view.with_question(pin, |question| question.asked = Asked::Due);
        Outcome::Equal
    }

    /// The device reported a deletion, and uploaded a user record of the PIN.
    fn user_after_deletion(&mut self, key: &ItemKey, claim: &Claim, patch: &UserPatch) -> Outcome {
        let asked = claim.state.question.is_some_and(|question| question.asked != Asked::Due);
        if !asked {
            // The device may have sent the record before the deletion. Or it is of a person who was enrolled since.
            return self.keep_user(key, Reason::Deleted, patch);
        }
        let same = self.likeness(&key.pin, patch) == Some(Likeness::Same);
        if same && claim.state.is_doubted() {
            // A command of the user was open: it brought back the record, and nothing else of the person.
            self.leave_claim(key);
            return self.put_right(key);
        }
        if same {
            // Another person was deleted there: the operation names a number of the device's own.
            self.unexplained_deletions += 1;
            let news = if claim.items.is_empty() { ClaimNews::Dropped } else { ClaimNews::Left };
            self.view.close_claim(&key.pin, news, self.now);
            return self.user(&key.pin, patch);
        }
        let deleted = self.deletion_is_true(key);
        if self.view.person(&key.pin).and_then(Person::life).is_some() {
            // The device holds another person.
            self.leave_claim(key);
            self.put_right(key);
            self.await_decision(key, &deleted);
            return match deleted {
                Outcome::Corrected if !self.is_known_record(&key.pin, patch) => {
                    Outcome::Held(Held::Left(key.pin.clone(), Reason::Remains))
                }
                deleted => deleted,
            };
        }
        match self.judge_user(key, patch) {
            // The end of one life and the beginning of the next are two transactions. Muster asks the device once
            // more.
            Verdict::Keep(reason) => self.keep_user(key, reason, patch),
            verdict => self.release(key, claim, verdict, patch),
        }
    }

    /// The user is not on the device any more. The policy decides what that means for the fleet.
    fn deletion_is_true(&mut self, key: &ItemKey) -> Outcome {
        self.verdicts.remove(&key.pin);
        if self.view.knows(&key.pin) != Knows::Present {
            // The PIN belongs to another person since: the deletion was of the former person.
            self.view.begin_anew(key);
            return Outcome::Corrected;
        }
        let user = self.known.get(&key.pin).and_then(|known| known.user.as_ref());
        let guarded =
            user.is_some_and(|user| user.privilege > 0) && self.policy.privilege != PrivilegePolicy::Accept;
        // The device holds nobody of the fleet under the PIN.
        self.view.begin_anew(key);
        self.view.owe_belongings(&key.pin, self.now);
        match self.policy.deletion {
            _ if guarded || self.policy.enrolment != Enrolment::Accept => Outcome::Corrected,
            Deletion::Restore => Outcome::Corrected,
            Deletion::Propagate if self.policy.deletions_left > self.deletions() => {
                self.delete_person(&key.pin);
                Outcome::Edit
            }
            Deletion::Propagate | Deletion::Ask => Outcome::Held(Held::Deletion(key.pin.clone())),
        }
    }
}
