//! Claims: content that a device uploaded under a PIN and that the fleet has not accepted.
//!
//! A device may mean another person by a PIN, or upload too little to tell. Then a *claim* keeps everything that the
//! device uploaded under the PIN. A claim waits for more uploads of the device ([`Stage::Waiting`]) or for an
//! operator ([`Stage::Blocking`]). Content that is no longer on the device needs no claim: Muster holds it for an
//! operator ([`crate::intake::Held::Left`]).
//!
//! **Invariant**: while a claim is open, Muster starts no command that brings content under its PIN to the device.

use std::collections::BTreeMap;

use roster::{Content, ItemKey, Kind, Millis, Seq, Slot, UserPatch};
use wire::Pin;

use crate::life::Knows;
use crate::owing::user_key;
use crate::scope::Want;
use crate::view::{DeviceView, Exception, Parked, Person, Wait};

/// Why Muster opened a claim, or why it holds content for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The device uploaded templates or photos without a user record.
    Unproved,
    /// The device knows the person and uploaded another name, or another card if there is no name.
    Renamed,
    /// The device has the newest user record and uploaded an earlier value.
    WentBack,
    /// The device enrolled somebody under a PIN that belonged to another person before.
    UsedBefore,
    /// The device means another person by the PIN.
    Other,
    /// It cannot be determined whether the device means the fleet's person.
    Unclear,
    /// A person whom the fleet removed is on the device again.
    Leaver,
    /// The person is not in the areas of the device.
    Outside,
    /// The device held this content under the PIN of another person, and Muster replaces or removes that person
    /// there.
    Remains,
    /// The policy [`crate::intake::Enrolment`] does not let the device enrol or change people.
    Enrolment,
    /// The device reported that the user was deleted there.
    Deleted,
}

/// How a claim goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Muster asks the device. Meanwhile it sends the device nothing new under the PIN.
    Waiting,
    /// An operator decides. Meanwhile the device keeps its own person, and Muster sends it nothing new under the PIN.
    Blocking,
}

/// A change of a claim, to be written to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimNews {
    /// The claim was opened, or is still open with a new state.
    Open(ClaimState),
    /// Closed: the device meant the fleet's person, and the newest content of the claim was accepted. Content of the
    /// claim that was replaced by newer content stays held: another template of the same slot, a record with another
    /// name.
    Taken,
    /// Closed: the content is no longer on the device, or is being removed from it. Muster keeps the content for an
    /// operator to look at.
    Left,
    /// Closed: the content was accepted except for the privilege. An operator decides about the privilege.
    Raised,
    /// Closed: the content was accepted except for credentials of a person with a privilege. An operator decides
    /// about them.
    Guarded,
    /// Closed: the content is void.
    Dropped,
}

/// The item that Muster asks the device for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The user record of the PIN.
    User,
    /// This template of the PIN. Some devices are asked for all templates of its kind.
    Template(Slot),
}

/// How far Muster is with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Muster has to send the question.
    Due,
    /// Muster asked with the command of this number, at this time.
    Asked(i64, Millis),
    /// The device answered the command at this time. It has uploaded its content, or uploads it in a moment.
    Answered(Millis),
    /// The device does not answer this kind of question. Muster learned so at this time.
    Refused(Millis),
}

/// A question of Muster to a device about one PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The item that Muster asks for.
    pub subject: Subject,
    /// How far Muster is with the question.
    pub asked: Asked,
    /// Since Muster asked, the device has uploaded a user record of the PIN, or has said that it holds a user there.
    pub shown: bool,
    /// How often Muster asked.
    pub times: u32,
}

/// A claim without the uploaded content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimState {
    /// Why Muster opened the claim.
    pub reason: Reason,
    /// How the claim goes on.
    pub stage: Stage,
    /// The life that the PIN had in the fleet when the claim began; 0 for none.
    pub life: Seq,
    /// Rises with every upload that joins the claim. An operator's decision is for the version that the operator saw.
    pub version: i64,
    /// The device's cursor when the claim began: newer changes of the PIN were not sent to the device. If the cursor
    /// does not say what the device was sent, this is [`Self::OWED`] or [`Self::WRITTEN`].
    pub since: Seq,
    /// The question to the device, if there is one.
    pub question: Option<Question>,
}

/// A claim: its state and the content that the device uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Everything except the content.
    pub state: ClaimState,
    /// The newest user record that the device uploaded.
    pub user: Option<UserPatch>,
    /// The newest template or photo of each slot.
    pub items: BTreeMap<Slot, Content>,
}

/// How long a device has to upload its content after it answered the command, ms.
const UPLOADED_MS: i64 = 30_000;

/// After this time Muster looks at the user count of a device that does not answer such questions, ms.
const COUNTED_MS: i64 = 60_000;

/// After this time Muster repeats a question that got no answer, ms.
const AGAIN_MS: i64 = 3_600_000;

/// How often Muster asks before it leaves the claim to an operator.
const MOST_TIMES: u32 = 3;

impl ClaimState {
    /// Stands in [`Self::since`] instead of a cursor: when the claim began, the user record was not settled, and no
    /// command of the user was open.
    pub const OWED: Seq = Seq(0);
    /// Stands in [`Self::since`] instead of a cursor: a command of the user was open when the claim began, or was
    /// carried out since. It may have overwritten the person whom the claim is about.
    pub const WRITTEN: Seq = Seq(-1);

    /// Whether the cursor does not say which user record the device has: [`Self::OWED`] or [`Self::WRITTEN`].
    pub(crate) fn is_doubted(&self) -> bool {
        self.since <= Self::OWED
    }

    /// When Muster has to look at the claim again although the device uploads nothing.
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
    /// Whether Muster asked and the device uploaded the same record as before.
    pub(crate) fn is_repeated_by(&self, record: &UserPatch) -> bool {
        let asked = self.state.question.is_some_and(|question| question.asked != Asked::Due);
        asked && self.user.as_ref() == Some(record)
    }

    /// Whether Muster accepted the user record, and waits for the device to upload the earlier templates once more.
    pub(crate) fn awaits_templates(&self) -> bool {
        let subject = self.state.question.map(|question| question.subject);
        self.state.reason == Reason::Unproved
            && self.user.is_some()
            && matches!(subject, Some(Subject::Template(_)))
    }

    /// Whether a second upload of the user record proves that this item belongs to the same person.
    ///
    /// It proves photos, because no device can be asked for a photo. It does not prove a template that came before
    /// the first record: the template may belong to a person who was deleted since.
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

    /// Whether Muster has asked.
    pub(crate) const fn is_put(&self) -> bool {
        !matches!(self.asked, Asked::Due)
    }

    /// Whether Muster may ask once more.
    pub(crate) const fn may_repeat(&self) -> bool {
        self.times < MOST_TIMES
    }
}

impl DeviceView {
    /// The questions that Muster has to send to the device.
    pub fn questions_due(&self) -> Vec<(Pin, Subject)> {
        let due = |(pin, person): (&Pin, &Person)| {
            let question = person.claim.as_ref()?.state.question?;
            (question.asked == Asked::Due).then(|| (pin.clone(), question.subject))
        };
        self.persons.iter().filter_map(due).collect()
    }

    /// Notes that Muster asked with the command `order`. `None`: the device cannot be asked.
    pub fn question_put(&mut self, pin: &Pin, order: Option<i64>, now: Millis) {
        self.with_question(pin, |question| {
            question.shown = false;
            question.times += 1;
            question.asked = order.map_or(Asked::Refused(now), |order| Asked::Asked(order, now));
        });
        self.go_on_without_photos(pin);
    }

    /// If only photos are left in the claim, asks for the user record once more: no device can be asked for photos.
    /// Templates come with the full upload of the device.
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

    /// The device answered the command `order`, which carried a question. `understood` is false if the device does
    /// not know the command. `is_there` is true if the device says that somebody is under the PIN.
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

    /// A command of the user was carried out although a claim is open: the claimed content may no longer be on the
    /// device. This is noted as [`ClaimState::WRITTEN`]. If an operator was to decide, Muster asks the device first.
    pub(crate) fn doubt_claim(&mut self, pin: &Pin) {
        let Some(mut claim) = self.claim(pin).cloned() else { return };
        claim.state.since = ClaimState::WRITTEN;
        if claim.state.stage == Stage::Blocking {
            claim.state.stage = Stage::Waiting;
            claim.state.question = Some(Question::new(Subject::User));
        }
        self.put_claim(pin, Some(claim));
    }

    /// The device accepted a template of the fleet's person under a PIN where it holds another person.
    pub(crate) fn mixed_under_claim(&mut self, pin: &Pin, now: Millis) {
        if self.claim(pin).is_some_and(|claim| claim.state.stage == Stage::Blocking) {
            self.close_claim(pin, ClaimNews::Left, now);
            let user = user_key(pin);
            self.wipe(&user);
            self.owe(&user, now, 0);
        }
    }

    /// The device carried out the first command of the fleet's person although a claim is open. The user record
    /// proves nothing about templates that came before it: they may belong to the person who was there.
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

    /// Closes a claim, and makes due what the claim held back.
    pub fn close_claim(&mut self, pin: &Pin, news: ClaimNews, now: Millis) {
        if self.claim(pin).is_none() {
            return;
        }
        let since = self.claim(pin).map_or(ClaimState::OWED, |claim| claim.state.since);
        self.put_claim(pin, None);
        self.tell_of_claim(pin, news);
        self.release_after_claim(pin, since, now);
    }

    /// Makes due what could not be sent under the PIN since the cursor stood at `since`. Unchanged items stay
    /// settled.
    fn release_after_claim(&mut self, pin: &Pin, since: Seq, now: Millis) {
        let root = ItemKey { pin: pin.clone(), slot: Slot::root_of(pin) };
        let Some(before) = self.exception(&root) else { return };
        if before.wait == Wait::Parked(Parked::Held) {
            let user = self.item(&root).cloned();
            let changed = user.as_ref().is_some_and(|user| user.seq > since);
            let holds = self.knows(pin);
            let is_present = holds == Knows::Present && self.in_scope(pin);
            // The cursor says so already: no mark is needed.
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

    /// Opens or changes a claim. While it is open, nothing new goes out under the PIN.
    pub(crate) fn open_claim(&mut self, pin: &Pin, claim: Claim) {
        let user = ItemKey { pin: pin.clone(), slot: Slot::root_of(pin) };
        if self.claim(pin).is_none() {
            // The cursor moves on while the claim is open, so the life that the device knows is noted now.
            let life = self.person(pin).and_then(Person::life);
            let known = life.filter(|_| self.knows(pin) == Knows::Present);
            self.mark_known(&user, Some(known.unwrap_or(Seq(0))));
        }
        self.put_claim(pin, Some(claim));
        self.park(&user, Parked::Held);
    }
}
