//! Reading back: asking a device for a template, to check that the device stored it.
//!
//! A return code of 0 means that a command was accepted, not that it had an effect (reference 11.4, field note 7.5).
//! So Muster asks for some of the templates that a device accepted, one at a time. The intake treats the upload like
//! any other, with one exception: if the device uploads the earlier content, this is no edit but shows that the
//! device did not keep the new content. A template that is not uploaded within a minute after the answer is not on
//! the device: Muster sends it again and reads it back again. After three times the template counts as refused, so
//! that the repetition ends.
//!
//! A change that a whole fleet accepts within seconds must not cause as many questions at once: Muster asks the other
//! devices later ([`Stage::Later`]).

use roster::{ItemKey, Kind, Millis, Seq, Slot};
use wire::Pin;

use crate::scope::Want;
use crate::settle::Answer;
use crate::view::{DeviceView, Exception, Refusal, Verb, Wait};

/// A template that a device accepted and that Muster reads back. At most one for each device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// The template.
    pub key: ItemKey,
    /// The version that the device accepted.
    pub seq: Seq,
    /// How often the device did not have it so far.
    pub misses: u32,
    /// The current step.
    pub stage: Stage,
    /// When the step began; for [`Stage::Later`], when Muster asks.
    pub since: Millis,
}

/// The steps of reading back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The device did not have it. Muster sends it again, and asks when the device has accepted it.
    Again,
    /// The device accepted it. Muster asks at the time `since`, which is in the future.
    Later,
    /// The command of this number asks for it.
    Asked(i64),
    /// The device answered the command. It has uploaded the template, or uploads it in a moment.
    Answered,
}

/// The consequence of a template that is missing on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The template is due again.
    Again,
    /// The device failed to keep it for the last time. Muster waits for newer content.
    Refused,
}

/// The return code of a refusal that stands for "accepted, but not kept". The device itself never refused it.
pub const NOT_KEPT: i32 = 0;

/// How long a device has for the upload after its answer, ms.
const UPLOADED_MS: i64 = 60_000;

/// A read-back that has not ended after this time makes room for another, ms.
const LONGEST_MS: i64 = 86_400_000;

/// After this many misses Muster stops trying.
const MAX_MISSES: u32 = 3;

impl DeviceView {
    /// Whether Muster should read back the template of an answer that was just settled. `drawn`: the sample contains
    /// it.
    pub fn wants_read_back(&self, answer: &Answer, drawn: bool, now: Millis) -> bool {
        let key = &answer.key;
        let asked_for = match &self.read_back {
            Some(other) if other.since.plus(LONGEST_MS) > now => {
                other.stage == Stage::Again && other.key == *key
            }
            _ => drawn,
        };
        asked_for
            && answer.verb == Verb::Update
            && matches!(key.slot.kind, Kind::Template(_))
            && self.is_held_as(key, answer.seq)
    }

    /// Notes that the command `order` asks for a template that the device accepted in version `seq`.
    pub fn asks_for(&mut self, key: &ItemKey, seq: Seq, order: i64, now: Millis) {
        self.put_read_back(key, seq, Stage::Asked(order), now);
    }

    /// Notes that Muster asks at `at` for a template that the device accepted in version `seq`.
    pub fn asks_later(&mut self, key: &ItemKey, seq: Seq, at: Millis) {
        self.put_read_back(key, seq, Stage::Later, at);
    }

    fn put_read_back(&mut self, key: &ItemKey, seq: Seq, stage: Stage, since: Millis) {
        let before = self.read_back.as_ref().filter(|it| it.key == *key && it.seq == seq);
        let misses = before.map_or(0, |it| it.misses);
        self.read_back = Some(ReadBack { key: key.clone(), seq, misses, stage, since });
        self.touch_device();
    }

    /// The template that Muster has to ask for now, its version, and the query from `query`. The person is in the
    /// view. The read-back ends if the device cannot be asked, or if the template changed meanwhile.
    pub fn read_back_turn<Q>(
        &mut self,
        query: impl FnOnce(&Self, &ItemKey) -> Option<Q>,
        now: Millis,
    ) -> Option<(ItemKey, Seq, Q)> {
        let waiting = self.read_back.as_ref().filter(|it| it.stage == Stage::Later && it.since <= now)?;
        let (key, seq) = (waiting.key.clone(), waiting.seq);
        let query = if self.is_held_as(&key, seq) { query(self, &key) } else { None };
        if query.is_none() {
            self.read_back = None;
            self.touch_device();
        }
        Some((key, seq, query?))
    }

    /// The templates of a person, with their versions, that the device should hold and is not known to lack. For a
    /// spot check.
    pub fn templates_held(&self, pin: &Pin) -> Vec<(ItemKey, Seq)> {
        let is_template = |slot: &Slot| matches!(slot.kind, Kind::Template(_));
        let slots = self.live_slots(pin).into_iter().filter(is_template);
        let keys = slots.map(|slot| ItemKey { pin: pin.clone(), slot });
        let held = keys.filter_map(|key| Some((self.item(&key)?.seq, key)));
        held.filter(|(seq, key)| self.is_held_as(key, *seq)).map(|(seq, key)| (key, seq)).collect()
    }

    /// Whether the device should hold this version of an item, and is not known to lack it.
    fn is_held_as(&self, key: &ItemKey, seq: Seq) -> bool {
        self.item(key).is_some_and(|item| item.live && item.seq == seq)
            && self.settled(key)
            && self.want(key) == Want::Present
    }

    /// The command of this number was answered, with or without success.
    pub fn answered_order(&mut self, order: i64, done: bool, now: Millis) {
        let Some(read_back) = self.read_back.as_mut().filter(|it| it.stage == Stage::Asked(order)) else {
            return;
        };
        (read_back.stage, read_back.since) = (Stage::Answered, now);
        if !done {
            self.read_back = None;
        }
        self.touch_device();
    }

    /// When [`DeviceView::read_back_turn`] or [`DeviceView::judge_read_back`] has work, `None` if there is nothing to
    /// wait for.
    pub fn read_back_due(read_back: Option<&ReadBack>) -> Option<Millis> {
        let read_back = read_back?;
        match read_back.stage {
            Stage::Later => Some(read_back.since),
            Stage::Answered => Some(read_back.since.plus(UPLOADED_MS)),
            Stage::Again | Stage::Asked(_) => None,
        }
    }

    /// The result of a read-back, once the device had time to upload. The person is in the view.
    pub fn judge_read_back(&mut self, now: Millis) -> Option<(ItemKey, Missed)> {
        let answered = |it: &mut ReadBack| it.stage == Stage::Answered && it.since.plus(UPLOADED_MS) <= now;
        let ReadBack { key, seq, misses, .. } = self.read_back.take_if(answered)?;
        self.touch_device();
        if !self.is_held_as(&key, seq) {
            // The item changed meanwhile.
            return None;
        }
        let missed = self.missed(&key, seq, misses + 1, now);
        Some((key, missed))
    }

    fn missed(&mut self, key: &ItemKey, seq: Seq, misses: u32, now: Millis) -> Missed {
        if misses >= MAX_MISSES {
            let before = self.exception(key).unwrap_or(Exception::NONE);
            let refused = Some(Refusal { seq, return_code: NOT_KEPT });
            self.put_exception(key, Exception { wait: Wait::No, refused, attempts: 0, ..before });
            self.give_back(key.slot.kind, 1);
            return Missed::Refused;
        }
        self.correct(key, now);
        self.read_back = Some(ReadBack { key: key.clone(), seq, misses, stage: Stage::Again, since: now });
        Missed::Again
    }

    /// Whether Muster asks the device for this template, or for another version of it in the same place.
    pub(crate) fn reads_back(&self, key: &ItemKey) -> bool {
        let same = |asked: &ItemKey| {
            let (one, other) = (&asked.slot, &key.slot);
            asked.pin == key.pin
                && (one.kind, one.number, one.algorithm.major)
                    == (other.kind, other.number, other.algorithm.major)
        };
        let is_asked = |it: &ReadBack| matches!(it.stage, Stage::Asked(_) | Stage::Answered);
        self.read_back.as_ref().is_some_and(|it| is_asked(it) && same(&it.key))
    }

    /// The device uploaded a template. If Muster asked for it, the result of the intake ends the read-back.
    /// `corrected`: the device uploaded content that it should not hold any more.
    pub(crate) fn uploaded(&mut self, key: &ItemKey, corrected: bool, now: Millis) {
        if !self.reads_back(key) {
            return;
        }
        self.touch_device();
        let Some(ReadBack { key, seq, misses, .. }) = self.read_back.take() else { return };
        let current = self.item(&key).is_some_and(|item| item.live && item.seq == seq);
        if corrected && current && self.want(&key) == Want::Present {
            self.missed(&key, seq, misses + 1, now);
        }
    }
}
