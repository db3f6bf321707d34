//! An acknowledgement: what a device's answer to a command means for the item (§13, appendix 1).

use roster::{Evidence, ItemKey, Kind, Millis, Slot};
use wire::{Form, ReturnCode, Verdict};

use crate::owing::root_of;
use crate::scope::Want;
use crate::view::{DeviceView, Exception, Limits, OpenCommand, Parked, Refusal, Verb, Wait};

/// The answer to one line of a command of this device, found by device *and* id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The number of the command that the id belongs to.
    pub number: i64,
    /// The item of that command. Its person is in the view.
    pub key: ItemKey,
    /// What the command did.
    pub verb: Verb,
    /// The version it was rendered from.
    pub seq: roster::Seq,
    /// Which of its lines, from 0.
    pub line: u16,
    /// What the device answered.
    pub return_code: ReturnCode,
}

/// What an answer came to, for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// One of several lines; more are expected.
    Partly,
    /// Closed, the device holds it.
    Done,
    /// Closed, and tried again later or in another form.
    Again,
    /// Closed, and left alone until there is newer content.
    Refused,
    /// Closed, and left alone until the device holds less.
    Full,
    /// The command was closed before: information, nothing more.
    Late,
}

/// Takes one answer in. The view holds the changes afterwards.
pub fn settle(view: &mut DeviceView, answer: &Answer, now: Millis, limits: &Limits) -> Settled {
    let key = &answer.key;
    let Some(command) = view.open_of(key).filter(|command| command.number == answer.number).cloned() else {
        late(view, answer, now);
        return Settled::Late;
    };
    let verdict = verdict_of(&command, answer);
    if verdict == Verdict::Pending {
        return Settled::Partly;
    }
    if verdict == Verdict::Done {
        let answered = command.answered | 1_u64.checked_shl(u32::from(answer.line)).unwrap_or(0);
        if answered.count_ones() < u32::from(command.lines) {
            view.put_open(key, OpenCommand { answered, ..command });
            return Settled::Partly;
        }
    }
    view.close(key, Some(answer.return_code.0));
    let mut closing = Closing { view, key, command: &command, now, limits };
    let settled = match (command.verb, verdict) {
        (Verb::Update, Verdict::Done) => closing.updated(answer.return_code),
        (Verb::Delete, Verdict::Done) => closing.deleted(),
        (Verb::Update, Verdict::UserMissing) => closing.user_missing(),
        (Verb::Update, Verdict::Full) => closing.full(),
        (Verb::Update, Verdict::Refused) => closing.refused(answer.return_code),
        (_, Verdict::Unsupported) => closing.unsupported(answer),
        (Verb::Delete, Verdict::Refused | Verdict::Full) if key.slot != Slot::USER => {
            closing.refused(answer.return_code)
        }
        _ => closing.retry(),
    };
    view.go_on_wiping(key, now);
    settled
}

/// The device reported that a command had no effect (§11.16), mostly after it had answered that it was carried out.
///
/// As if it had refused the content now: the item is left alone until there is newer content.
pub fn ineffective(view: &mut DeviceView, answer: &Answer, now: Millis, limits: &Limits) -> Settled {
    let key = &answer.key;
    if let Some(open) = view.open_of(key) {
        return if open.number == answer.number { settle(view, answer, now, limits) } else { Settled::Late };
    }
    let is_current = view.item(key).is_some_and(|item| item.seq == answer.seq);
    if answer.verb != Verb::Update || !is_current || view.want(key) != Want::Present {
        return Settled::Late;
    }
    let before = view.exception(key).unwrap_or(Exception::NONE);
    let refused = Some(Refusal { seq: answer.seq, return_code: answer.return_code.0 });
    view.put_exception(key, Exception { refused, ..before });
    Settled::Refused
}

/// What the answer to one line asks for, given what the line was for.
fn verdict_of(command: &OpenCommand, answer: &Answer) -> Verdict {
    let verdict = answer.return_code.verdict();
    let last = answer.line + 1 == command.lines;
    match (command.verb, verdict) {
        // What is to be deleted is not there: that is what was wanted.
        (Verb::Delete, Verdict::UserMissing) => Verdict::Done,
        // Before the user go the tables of its templates (§12.1.2); a device without such a table has nothing in it.
        (Verb::Delete, Verdict::Unsupported | Verdict::Refused) if !last => Verdict::Done,
        // A device that refuses again and again to delete a user does not have it: no code is given for that.
        (Verb::Delete, Verdict::Refused) if answer.key.slot == Slot::USER && command.attempts >= 3 => {
            Verdict::Done
        }
        // A photo is refused for its size or orientation with the code for "no room".
        (Verb::Update, Verdict::Full)
            if matches!(answer.key.slot.kind, Kind::ComparisonPhoto | Kind::UserPhoto) =>
        {
            Verdict::Refused
        }
        // A definition is about nobody.
        (Verb::Update, Verdict::UserMissing) if matches!(answer.key.slot.kind, Kind::Definition(_)) => {
            Verdict::Refused
        }
        // A user cannot be missing for the command that brings it.
        (Verb::Update, Verdict::UserMissing) if answer.key.slot == Slot::USER => Verdict::RetryLater,
        (_, other) => other,
    }
}

/// The command is no longer open. What it did may have come after what replaced it: then the item is told again.
fn late(view: &mut DeviceView, answer: &Answer, now: Millis) {
    let key = &answer.key;
    let Some(item) = view.item(key) else { return };
    let wanted = view.want(key) == Want::Present;
    if item.seq == answer.seq && (answer.verb == Verb::Update) == wanted {
        return;
    }
    if key.slot == Slot::USER && answer.verb == Verb::Delete {
        view.owe_person(&key.pin, now);
    }
    view.correct(key, now);
}

struct Closing<'a> {
    view: &'a mut DeviceView,
    key: &'a ItemKey,
    command: &'a OpenCommand,
    now: Millis,
    limits: &'a Limits,
}

impl Closing<'_> {
    fn updated(&mut self, return_code: ReturnCode) -> Settled {
        if let Some(form) = self.form().filter(|_| !self.made_before_a_refusal()) {
            self.view.accept_form(form, self.evidence(return_code));
        }
        if let Some(before) = self.view.exception(self.key) {
            self.view.put_exception(self.key, Exception { refused: None, ..before });
        }
        if self.key.slot == Slot::USER {
            self.view.release_person(&self.key.pin, self.now);
        }
        self.once_more(0);
        Settled::Done
    }

    fn deleted(&mut self) -> Settled {
        self.view.unpark_full();
        let user = self.key.slot == Slot::USER;
        if user && self.view.want(self.key) == Want::Present {
            self.view.owe_person(&self.key.pin, self.now);
        } else {
            if user {
                self.view.owe_no_parked(&self.key.pin);
            }
            self.once_more(0);
        }
        Settled::Done
    }

    /// The device lost the user: all of it is in doubt.
    fn user_missing(&mut self) -> Settled {
        let user = root_of(self.key);
        let no_room = matches!(self.view.exception(&user).map(|e| e.wait), Some(Wait::Parked(_)));
        if no_room || self.view.is_refused(&user) {
            self.view.park(self.key, Parked::NoUser);
            return Settled::Again;
        }
        let attempts = self.command.attempts + 1;
        self.view.owe_person(&self.key.pin, self.now);
        let at = if attempts == 1 { self.now } else { self.now.plus(self.limits.retry_pause(attempts)) };
        self.view.owe(self.key, at, attempts);
        self.view.again_or_due(&user, self.now);
        Settled::Again
    }

    fn full(&mut self) -> Settled {
        self.view.full.insert(self.key.slot.kind);
        self.view.give_back(self.key.slot.kind, 1);
        self.view.touch_device();
        self.view.park(self.key, Parked::Full);
        Settled::Full
    }

    fn refused(&mut self, return_code: ReturnCode) -> Settled {
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        let refused = Some(Refusal { seq: self.command.seq, return_code: return_code.0 });
        self.view.put_exception(self.key, Exception { refused, ..before });
        if self.command.verb == Verb::Update {
            self.view.give_back(self.key.slot.kind, 1);
        }
        self.once_more(0);
        Settled::Refused
    }

    /// The device does not know this form of command: take the other form, or do without.
    fn unsupported(&mut self, answer: &Answer) -> Settled {
        if self.command.verb == Verb::Delete || self.key.slot == Slot::USER {
            return self.refused_or_retry(answer.return_code);
        }
        // With no form left the answer to another item of its kind came first; and one of many that were under way when the
        // first of them was refused was of that form too. It is not this content that is refused: with another firmware it
        // is tried again.
        if let Some(form) = self.form().filter(|_| !self.made_before_a_refusal()) {
            self.view.refuse_form(form, self.evidence(answer.return_code));
        }
        self.view.owe(self.key, self.now, 0);
        Settled::Again
    }

    /// The form in which the item goes to this device now, as far as it is known to take one.
    fn form(&self) -> Option<Form> {
        match self.command.verb {
            Verb::Update => self.view.capability.takes(&self.key.slot),
            Verb::Delete => None,
        }
    }

    /// Whether the command was made in a form of which it turned out since that the device refuses it.
    fn made_before_a_refusal(&self) -> bool {
        self.view.capability.refused_since(&self.key.slot, self.command.number)
    }

    fn evidence(&self, return_code: ReturnCode) -> Evidence {
        Evidence { return_code, kind: Some(self.key.slot.kind), at: self.now, before: self.view.next_command }
    }

    fn refused_or_retry(&mut self, return_code: ReturnCode) -> Settled {
        if self.command.verb == Verb::Delete && self.key.slot == Slot::USER {
            return self.retry();
        }
        self.refused(return_code)
    }

    fn retry(&mut self) -> Settled {
        let attempts = self.command.attempts + 1;
        if self.command.verb == Verb::Delete && self.key.slot == Slot::USER {
            self.view.wipe(self.key);
        }
        self.view.owe(self.key, self.now.plus(self.limits.retry_pause(attempts)), attempts);
        Settled::Again
    }

    /// The item changed while the command was under way.
    fn once_more(&mut self, attempts: u32) {
        if self.command.again {
            self.view.owe(self.key, self.now, attempts);
        }
    }
}

impl DeviceView {
    /// A DELETE that became due while the command was under way is not forgotten for what that command came to.
    fn go_on_wiping(&mut self, key: &ItemKey, now: Millis) {
        let wait = self.exception(key).filter(|e| e.wipe).map(|e| e.wait);
        if matches!(wait, Some(Wait::No | Wait::Parked(Parked::Full | Parked::NoUser))) {
            self.owe(key, now, 0);
        }
    }

    /// The user is gone from the device for good: nothing of the person waits any more.
    fn owe_no_parked(&mut self, pin: &wire::Pin) {
        let parked = |e: &Exception| matches!(e.wait, Wait::Parked(Parked::NoUser | Parked::Full));
        let slots: Vec<Slot> = self
            .person(pin)
            .into_iter()
            .flat_map(|person| &person.exceptions)
            .filter(|(slot, e)| **slot != Slot::USER && parked(e))
            .map(|(slot, _)| *slot)
            .collect();
        for slot in slots {
            self.owe_nothing(&ItemKey { pin: pin.clone(), slot });
        }
    }

    /// The user is on the device now: what waited for it may go.
    fn release_person(&mut self, pin: &wire::Pin, now: Millis) {
        let waiting: Vec<_> = self
            .person(pin)
            .into_iter()
            .flat_map(|person| &person.exceptions)
            .filter(|(_, e)| e.wait == Wait::Parked(Parked::NoUser))
            .map(|(slot, _)| *slot)
            .collect();
        for slot in waiting {
            self.owe(&ItemKey { pin: pin.clone(), slot }, now, 0);
        }
    }
}
