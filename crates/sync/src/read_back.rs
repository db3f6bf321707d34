//! Reading back: whether a device keeps what it says to have taken.
//!
//! A return code of 0 means that a command was accepted, not that it had an effect (reference 11.4, field note 7.5). Of
//! the templates that a device took one at a time is asked for. Its upload goes through the intake like any other, but for one
//! thing: that the device shows the content from before says that it did not keep the new one, and is no edit. A template that
//! is not uploaded within a minute after the answer is not there: it is due again, and read back again. After three times
//! it counts as refused, so that nothing goes to and fro for ever.
//!
//! A change that a whole fleet takes within seconds must not be followed by as many questions: who is not asked at once is
//! asked later ([`Stage::Later`]).

use roster::{ItemKey, Kind, Millis, Seq, Slot};
use wire::Pin;

use crate::scope::Want;
use crate::settle::Answer;
use crate::view::{DeviceView, Exception, Refusal, Verb, Wait};

/// A template that a device says to have taken and is asked for. One at a time for each device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// Which.
    pub key: ItemKey,
    /// The version that it took.
    pub seq: Seq,
    /// How often it was not there so far.
    pub misses: u32,
    /// How far this is.
    pub stage: Stage,
    /// Since when; of [`Stage::Later`], when it is asked for.
    pub since: Millis,
}

/// How far it is to read something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was not there: it goes out again, and is asked for when the device took it.
    Again,
    /// The device took it, and is asked for it when its time comes: `since`, which is still to come.
    Later,
    /// The order of this number asks for it.
    Asked(i64),
    /// The device answered the order: what it has of the template was uploaded, or comes in a moment.
    Answered,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The template is due again.
    Again,
    /// It was not kept for the last time: left alone until there is newer content.
    Refused,
}

/// What a template is recorded as refused with that the device took and does not hold: it never said no.
pub const NOT_KEPT: i32 = 0;

/// How long a device has to upload what it was asked for after it answered, ms.
const UPLOADED_MS: i64 = 60_000;

/// What came to no end in this time makes room for another, ms.
const LONGEST_MS: i64 = 86_400_000;

/// After so many times nothing is tried any more.
const MOST_MISSES: u32 = 3;

impl DeviceView {
    /// Whether the template of an answer that was just settled is to be read back. `drawn`: it is one of the sample.
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

    /// The order `order` asks for a template that the device took as version `seq`.
    pub fn asks_for(&mut self, key: &ItemKey, seq: Seq, order: i64, now: Millis) {
        self.put_read_back(key, seq, Stage::Asked(order), now);
    }

    /// A template that the device took as version `seq` is asked for at `at`.
    pub fn asks_later(&mut self, key: &ItemKey, seq: Seq, at: Millis) {
        self.put_read_back(key, seq, Stage::Later, at);
    }

    fn put_read_back(&mut self, key: &ItemKey, seq: Seq, stage: Stage, since: Millis) {
        let before = self.read_back.as_ref().filter(|it| it.key == *key && it.seq == seq);
        let misses = before.map_or(0, |it| it.misses);
        self.read_back = Some(ReadBack { key: key.clone(), seq, misses, stage, since });
        self.touch_device();
    }

    /// The template that it is time to ask for, its version, and how, by `query`. The person is in the view. Where the device
    /// cannot be asked, or something else became of the template meanwhile, that was it.
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

    /// The templates of a person that the device should hold, and is not known not to, with their versions: for a spot check.
    pub fn templates_held(&self, pin: &Pin) -> Vec<(ItemKey, Seq)> {
        let is_template = |slot: &Slot| matches!(slot.kind, Kind::Template(_));
        let slots = self.live_slots(pin).into_iter().filter(is_template);
        let keys = slots.map(|slot| ItemKey { pin: pin.clone(), slot });
        let held = keys.filter_map(|key| Some((self.item(&key)?.seq, key)));
        held.filter(|(seq, key)| self.is_held_as(key, *seq)).map(|(seq, key)| (key, seq)).collect()
    }

    /// Whether the device should hold this version of an item, and is not known not to.
    fn is_held_as(&self, key: &ItemKey, seq: Seq) -> bool {
        self.item(key).is_some_and(|item| item.live && item.seq == seq)
            && self.settled(key)
            && self.want(key) == Want::Present
    }

    /// The order of this number was answered, with or without success.
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

    /// When [`DeviceView::read_back_turn`] or [`DeviceView::judge_read_back`] has something to say, `None` where nothing is
    /// awaited.
    pub fn read_back_due(read_back: Option<&ReadBack>) -> Option<Millis> {
        let read_back = read_back?;
        match read_back.stage {
            Stage::Later => Some(read_back.since),
            Stage::Answered => Some(read_back.since.plus(UPLOADED_MS)),
            Stage::Again | Stage::Asked(_) => None,
        }
    }

    /// What the answer came to, once there was time to upload it. The person is in the view.
    pub fn judge_read_back(&mut self, now: Millis) -> Option<(ItemKey, Missed)> {
        let answered = |it: &mut ReadBack| it.stage == Stage::Answered && it.since.plus(UPLOADED_MS) <= now;
        let ReadBack { key, seq, misses, .. } = self.read_back.take_if(answered)?;
        self.touch_device();
        if !self.is_held_as(&key, seq) {
            // Something else became of it meanwhile.
            return None;
        }
        let missed = self.missed(&key, seq, misses + 1, now);
        Some((key, missed))
    }

    fn missed(&mut self, key: &ItemKey, seq: Seq, misses: u32, now: Millis) -> Missed {
        if misses >= MOST_MISSES {
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

    /// Whether the device is asked for this template, or another version of it that has the same place.
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

    /// The device uploaded a template: if it was asked for it, that is settled by what the intake made of it. `corrected`: it
    /// showed what it should not hold any more.
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
