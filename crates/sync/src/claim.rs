//! What one device said of one PIN and the fleet did not take.
//!
//! A device may mean somebody else by a PIN, or say too little to tell. Then a *claim* keeps everything that it said under the
//! PIN, and nothing is sent to it there. A claim waits for the device to say more ([`Stage::Waiting`]) or for an operator
//! ([`Stage::Blocking`]). Content that is no longer on the device needs no claim: it is held for an operator to look at.

use std::collections::BTreeMap;

use roster::{Content, ItemKey, Kind, Millis, Seq, Slot, UserPatch};
use wire::Pin;

use crate::life::Knows;
use crate::owing::user_key;
use crate::scope::Want;
use crate::view::{DeviceView, Exception, Parked, Person, Wait};

/// Why a claim is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Templates or photos came without the user record of their device.
    Unproved,
    /// A device that knows the person shows another name, or another card where there is no name.
    Renamed,
    /// A device that has the newest user record shows a value from before.
    WentBack,
    /// The device enrolled somebody under a PIN that was somebody's before.
    UsedBefore,
    /// The device means somebody else by the PIN.
    Other,
    /// Nothing tells whether the device means the fleet's person.
    Unclear,
    /// Somebody whom the fleet removed is on the device again.
    Leaver,
    /// The person is not in the areas of the device.
    Outside,
    /// The device held this under the PIN of somebody else, and is put right.
    Remains,
    /// The device may not enrol or change people.
    Enrolment,
    /// The device reports that the user was deleted there.
    Deleted,
}

/// What becomes of a claim next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The device is asked; nothing is sent to it under the PIN meanwhile.
    Waiting,
    /// An operator decides; the device keeps its own person, and nothing is sent to it under the PIN.
    Blocking,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimNews {
    /// It is open.
    Open(ClaimState),
    /// The device showed that it means the fleet's person: what it had said last was taken. What
    /// something else replaced in the claim stays held: another template of its slot, a record with another name.
    Taken,
    /// What it had said is no longer on the device: it is kept for an operator to look at.
    Left,
    /// It was taken, but for the privilege, for which an operator decides.
    Raised,
    /// It was taken, but for what somebody with a privilege gets in with: an operator decides.
    Guarded,
    /// What it had said is void.
    Dropped,
}

/// What a device is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The user record of the PIN.
    User,
    /// This template of the PIN, or one of its kind.
    Template(Slot),
}

/// How far a question is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is to be put.
    Due,
    /// The command of this number asks, since this time.
    Asked(i64, Millis),
    /// The device answered the command then: what it has was uploaded before, or comes in a moment.
    Answered(Millis),
    /// The device does not answer such a question, as it showed then.
    Refused(Millis),
}

/// A question to a device about one PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it is about.
    pub subject: Subject,
    /// How far it is.
    pub asked: Asked,
    /// The device has uploaded a user record of the PIN since it was asked.
    pub shown: bool,
    /// How often it was put.
    pub times: u32,
}

/// A claim without what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimState {
    /// Why it is there.
    pub reason: Reason,
    /// What becomes of it next.
    pub stage: Stage,
    /// The life of the PIN that the fleet had when it began, 0 for none.
    pub life: Seq,
    /// Rises with everything that joins the claim: a decision is for the version that the operator saw.
    pub version: i64,
    /// Where the cursor of the device stood when it began: what is newer was not sent to the device. [`Self::OWED`] or
    /// [`Self::WRITTEN`] where that does not tell.
    pub since: Seq,
    /// What the device is asked.
    pub question: Option<Question>,
}

/// What one device said of one PIN and the fleet did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// All but what was said.
    pub state: ClaimState,
    /// The newest user record.
    pub user: Option<UserPatch>,
    /// Templates and photos, the newest of each slot.
    pub items: BTreeMap<Slot, Content>,
}

/// How long a device has to upload what it was asked for after it answered the command, ms.
const UPLOADED_MS: i64 = 30_000;

/// How long after a question that a device does not answer its count of users is looked at, ms.
const COUNTED_MS: i64 = 60_000;

/// A question that was never answered is put again after this time, ms.
const AGAIN_MS: i64 = 3_600_000;

/// So often a question is put before the claim is left to the operator.
const MOST_TIMES: u32 = 3;

impl ClaimState {
    /// Instead of a number: the user record was owed when the claim began.
    pub const OWED: Seq = Seq(0);
    /// Instead of a number: a command of the user was under way, and may have overwritten whoever the claim is about.
    pub const WRITTEN: Seq = Seq(-1);

    /// Nobody can tell by the cursor what the device was sent.
    pub(crate) fn is_doubted(&self) -> bool {
        self.since <= Self::OWED
    }

    /// When the claim has to be looked at again by itself.
    pub const fn due(&self) -> Option<Millis> {
        match (self.stage, self.question) {
            (Stage::Waiting, Some(question)) => match question.asked {
                Asked::Refused(at) if matches!(self.reason, Reason::Deleted | Reason::Unproved) => {
                    Some(at.plus(COUNTED_MS))
                }
                Asked::Due | Asked::Refused(_) => None,
                Asked::Asked(_, since) => Some(since.plus(AGAIN_MS)),
                Asked::Answered(at) => Some(at.plus(UPLOADED_MS)),
            },
            _ => None,
        }
    }
}

impl Claim {
    /// The device was asked, and says now what it said before.
    pub(crate) fn is_repeated_by(&self, record: &UserPatch) -> bool {
        let asked = self.state.question.is_some_and(|question| question.asked != Asked::Due);
        asked && self.user.as_ref() == Some(record)
    }

    /// The user record of the device was taken; templates that came before it are taken when the device shows them again.
    pub(crate) fn awaits_templates(&self) -> bool {
        let subject = self.state.question.map(|question| question.subject);
        self.state.reason == Reason::Unproved
            && self.user.is_some()
            && matches!(subject, Some(Subject::Template(_)))
    }

    /// Whether a second user record proves that this is of the same person. It proves photos, which no device can be asked for;
    /// a template that came before the first record may be of somebody who was deleted since.
    pub(crate) fn proves(&self, slot: &Slot) -> bool {
        match self.state.reason {
            Reason::Renamed => true,
            Reason::Unproved => self.user.is_some() && !is_template(slot),
            _ => false,
        }
    }
}

const fn is_template(slot: &Slot) -> bool {
    matches!(slot.kind, Kind::Template(_))
}

impl Question {
    pub(crate) const fn new(subject: Subject) -> Self {
        Self { subject, asked: Asked::Due, shown: false, times: 0 }
    }

    /// The device was asked.
    pub(crate) const fn is_put(&self) -> bool {
        !matches!(self.asked, Asked::Due)
    }

    /// Whether it may be put once more.
    pub(crate) const fn may_repeat(&self) -> bool {
        self.times < MOST_TIMES
    }
}

impl DeviceView {
    /// The questions that are to be put to the device.
    pub fn questions_due(&self) -> Vec<(Pin, Subject)> {
        let due = |(pin, person): (&Pin, &Person)| {
            let question = person.claim.as_ref()?.state.question?;
            (question.asked == Asked::Due).then(|| (pin.clone(), question.subject))
        };
        self.persons.iter().filter_map(due).collect()
    }

    /// A question was put with the command `order`; `None` where the device cannot be asked.
    pub fn question_put(&mut self, pin: &Pin, order: Option<i64>, now: Millis) {
        self.with_question(pin, |question| {
            question.shown = false;
            question.times += 1;
            question.asked = order.map_or(Asked::Refused(now), |order| Asked::Asked(order, now));
        });
        self.go_on_without_photos(pin);
    }

    /// No device can be asked for photos: it shows its user record once more. Templates come with everything that the device
    /// holds.
    fn go_on_without_photos(&mut self, pin: &Pin) {
        let photos_alone = |claim: &Claim| {
            claim.awaits_templates() && !claim.items.is_empty() && !claim.items.keys().any(is_template)
        };
        let awaits = self.claim(pin).is_some_and(photos_alone);
        self.with_question(pin, |question| {
            if awaits && matches!(question.asked, Asked::Refused(_)) {
                *question = Question::new(Subject::User);
            }
        });
    }

    /// The device answered the command `order` that put a question. `understood` is false where it does not know such a
    /// command, `is_there` true where it says that somebody is under the PIN.
    pub fn question_answered(
        &mut self,
        pin: &Pin,
        order: i64,
        understood: bool,
        is_there: bool,
        now: Millis,
    ) {
        self.with_question(pin, |question| {
            question.shown |= is_there;
            if matches!(question.asked, Asked::Asked(number, _) if number == order) {
                question.asked = if understood { Asked::Answered(now) } else { Asked::Refused(now) };
            }
        });
        self.go_on_without_photos(pin);
    }

    pub(crate) fn with_question(&mut self, pin: &Pin, change: impl FnOnce(&mut Question)) {
        let Some(mut claim) = self.claim(pin).cloned() else { return };
        let Some(question) = &mut claim.state.question else { return };
        change(question);
        self.put_claim(pin, Some(claim));
    }

    /// A command of the user was carried out although a claim waits: what was claimed may not be on the device any more. The
    /// device is asked, and what it answered before does not count.
    pub(crate) fn doubt_claim(&mut self, pin: &Pin) {
        let Some(mut claim) = self.claim(pin).cloned() else { return };
        claim.state.since = ClaimState::WRITTEN;
        if claim.state.stage == Stage::Blocking {
            claim.state.stage = Stage::Waiting;
            claim.state.question = Some(Question::new(Subject::User));
        }
        self.put_claim(pin, Some(claim));
    }

    /// The device took a template of the fleet's person under somebody else.
    pub(crate) fn mixed_under_claim(&mut self, pin: &Pin, now: Millis) {
        if self.claim(pin).is_some_and(|claim| claim.state.stage == Stage::Blocking) {
            self.close_claim(pin, ClaimNews::Left, now);
            let user = user_key(pin);
            self.wipe(&user);
            self.owe(&user, now, 0);
        }
    }

    /// The fleet's person began on the device although there is a claim. The user record proves nothing of templates that came
    /// before it: they may be of whoever was there.
    pub(crate) fn begun_under_claim(&mut self, pin: &Pin, now: Millis) {
        let Some(reason) = self.claim(pin).map(|claim| claim.state.reason) else { return };
        if reason != Reason::Unproved {
            return self.doubt_claim(pin);
        }
        self.close_claim(pin, ClaimNews::Left, now);
        let user = user_key(pin);
        self.wipe(&user);
        self.owe(&user, now, 0);
    }

    /// Closes a claim, and owes what it held back.
    pub fn close_claim(&mut self, pin: &Pin, news: ClaimNews, now: Millis) {
        if self.claim(pin).is_none() {
            return;
        }
        let since = self.claim(pin).map_or(ClaimState::OWED, |claim| claim.state.since);
        self.put_claim(pin, None);
        self.tell_of_claim(pin, news);
        self.release_after_claim(pin, since, now);
    }

    /// What could not go out under a PIN since the cursor stood at `since` is owed; what did not change is not.
    fn release_after_claim(&mut self, pin: &Pin, since: Seq, now: Millis) {
        let root = ItemKey { pin: pin.clone(), slot: Slot::root_of(pin) };
        let Some(before) = self.exception(&root) else { return };
        if before.wait == Wait::Parked(Parked::Held) {
            let user = self.item(&root).cloned();
            let changed = user.as_ref().is_some_and(|user| user.seq > since);
            let holds = self.knows(pin);
            let is_present = holds == Knows::Present && self.in_scope(pin);
            // Where the cursor tells as much, it needs no mark.
            let read = user.is_some_and(|user| user.created <= self.cursor) && self.scanned(pin);
            let known = before.known.filter(|_| !(is_present && read));
            self.put_exception(&root, Exception { wait: Wait::No, known, ..before });
            let nobody = holds == Knows::Nobody && self.want(&root) != Want::Present;
            if !(is_present && !changed || nobody) {
                self.owe(&root, now, 0);
            }
        }
        self.release_person(pin, now);
    }

    /// Opens a claim, or changes one: nothing goes out under the PIN meanwhile.
    pub(crate) fn open_claim(&mut self, pin: &Pin, claim: Claim) {
        let user = ItemKey { pin: pin.clone(), slot: Slot::root_of(pin) };
        if self.claim(pin).is_none() {
            // The cursor goes on meanwhile: whom the device knows is noted.
            let life = self.person(pin).and_then(Person::life);
            let known = life.filter(|_| self.knows(pin) == Knows::Present);
            self.mark_known(&user, Some(known.unwrap_or(Seq(0))));
        }
        self.put_claim(pin, Some(claim));
        self.park(&user, Parked::Held);
    }
}
