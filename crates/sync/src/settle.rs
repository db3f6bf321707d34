//! Acknowledgements: what a device's answer to a command means for the item (§13, appendix 1).

use roster::{Evidence, ItemKey, Kind, Millis, Seq, Slot};
use wire::{Form, ReturnCode, Verdict};

use crate::limits::Limits;
use crate::owing::root_of;
use crate::scope::Want;
use crate::view::{DeviceView, Exception, OpenCommand, Parked, Person, Refusal, Verb, Wait};

/// The answer to one line of a command of this device, found by device *and* id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The number of the command.
    pub number: i64,
    /// The item of the command. Its person is in the view.
    pub key: ItemKey,
    /// The effect of the command.
    pub verb: Verb,
    /// The version of the item that the command was rendered from.
    pub seq: Seq,
    /// The answered line of the command, from 0.
    pub line: u16,
    /// The return code of the device.
    pub return_code: ReturnCode,
    /// Muster closed the command before without an answer.
    pub given_up: bool,
}

/// The result of an answer, for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckOutcome {
    /// One of several lines was answered; Muster waits for the others.
    Partly,
    /// The command is closed: the device carried it out.
    Done,
    /// The command is closed, and Muster tries again later or in another form.
    Again,
    /// The command is closed, and Muster waits for newer content.
    Refused,
    /// The command is closed, and Muster waits until the device holds less.
    Full,
    /// The command was closed before, so the answer is information only.
    Late,
}

/// Processes one answer. The view holds the changes afterwards.
pub fn settle(view: &mut DeviceView, answer: &Answer, now: Millis, limits: &Limits) -> AckOutcome {
    let key = &answer.key;
    let Some(command) = view.open_of(key).filter(|command| command.number == answer.number).cloned() else {
        late_answer(view, answer, now);
        return AckOutcome::Late;
    };
    let verdict = verdict_of(&command, answer);
    if verdict == Verdict::Pending {
        return AckOutcome::Partly;
    }
    if verdict == Verdict::Done {
        let answered = command.answered | 1_u64.checked_shl(u32::from(answer.line)).unwrap_or(0);
        if answered.count_ones() < u32::from(command.lines) {
            view.put_open(key, OpenCommand { answered, ..command });
            return AckOutcome::Partly;
        }
    }
    if verdict == Verdict::Done {
        view.close(key, Some(answer.return_code.0));
    } else {
        view.give_up(key, Some(answer.return_code.0));
    }
    if verdict == Verdict::Done {
        view.confirmed(key);
    }
    let mut closing = Closing { view, key, command: &command, now, limits };
    let brings = command.verb.brings();
    let settled = match verdict {
        // Muster repeats a removal until the device confirms it. It repeats a replacement as a whole.
        _ if verdict != Verdict::Done && removes(&command, answer) => {
            closing.retry_removal(answer.return_code)
        }
        Verdict::Done if brings => closing.updated(answer.return_code),
        Verdict::Done => closing.deleted(),
        Verdict::UserMissing => closing.user_missing(),
        Verdict::Full => closing.full(),
        Verdict::Refused => closing.refused(answer.return_code),
        Verdict::Unsupported => closing.unsupported(answer),
        Verdict::RetryLater | Verdict::Pending => closing.retry(),
    };
    view.keep_wipe_due(key, now);
    settled
}

/// The device reported that a command had no effect (§11.16), usually after it had acknowledged the command.
///
/// Muster treats this like a refusal of the content: it waits for newer content.
pub fn ineffective(view: &mut DeviceView, answer: &Answer, now: Millis, limits: &Limits) -> AckOutcome {
    let key = &answer.key;
    if let Some(open) = view.open_of(key) {
        return if open.number == answer.number {
            settle(view, answer, now, limits)
        } else {
            AckOutcome::Late
        };
    }
    let is_current = view.item(key).is_some_and(|item| item.seq == answer.seq);
    if !answer.verb.brings() || !is_current || view.want(key) != Want::Present {
        return AckOutcome::Late;
    }
    let before = view.exception(key).unwrap_or(Exception::NONE);
    let refused = Some(Refusal { seq: answer.seq, return_code: answer.return_code.0 });
    view.put_exception(key, Exception { refused, ..before });
    AckOutcome::Refused
}

/// The verdict on the answer to one line, considering the purpose of the line.
fn verdict_of(command: &OpenCommand, answer: &Answer) -> Verdict {
    let verdict = answer.return_code.verdict();
    let last = answer.line + 1 == command.lines;
    let is_user = answer.key.slot == Slot::USER;
    let removes = removes(command, answer);
    match verdict {
        // The item to be deleted is not there, as wanted.
        Verdict::UserMissing if removes => Verdict::Done,
        // Before the user, Muster deletes from the tables of its templates (§12.1.2). A device without such a table
        // has nothing in it.
        Verdict::Unsupported | Verdict::Refused if removes && !last && !answer.is_users_own(command) => {
            Verdict::Done
        }
        // A device that does not know a table of definitions holds none of them.
        Verdict::Unsupported if removes && matches!(answer.key.slot.kind, Kind::Definition(_)) => {
            Verdict::Done
        }
        _ if removes => verdict,
        // Devices refuse a photo for its size or orientation with the code for "no room".
        Verdict::Full if matches!(answer.key.slot.kind, Kind::ComparisonPhoto | Kind::UserPhoto) => {
            Verdict::Refused
        }
        // A definition does not belong to a user.
        Verdict::UserMissing if matches!(answer.key.slot.kind, Kind::Definition(_)) => Verdict::Refused,
        // A user cannot be missing for the command that brings the user.
        Verdict::UserMissing if is_user => Verdict::RetryLater,
        other => other,
    }
}

/// Whether the line removes something. In a replacement, every line but the last does.
fn removes(command: &OpenCommand, answer: &Answer) -> bool {
    match command.verb {
        Verb::Delete => true,
        Verb::Replace => answer.line + 1 < command.lines,
        Verb::Update | Verb::Insert => false,
    }
}

impl Answer {
    /// Whether this line of a replacement deletes the user itself: the line before the last.
    fn is_users_own(&self, command: &OpenCommand) -> bool {
        command.verb == Verb::Replace && self.line + 2 == command.lines
    }
}

/// The command is no longer open. The device may have carried it out after a newer command: then Muster sends the
/// item again.
fn late_answer(view: &mut DeviceView, answer: &Answer, now: Millis) {
    let key = &answer.key;
    let Some(item) = view.item(key) else { return };
    let wanted = view.want(key) == Want::Present;
    let is_user = key.slot == Slot::USER;
    if is_user && view.claim(&key.pin).is_some() {
        // The command may have removed or overwritten the claimed content.
        return view.doubt_claim(&key.pin);
    }
    if is_user && answer.verb == Verb::Replace && answer.given_up {
        // The command may have removed a person who was brought to the device since.
        view.wipe(key);
        return view.again_or_due(key, now);
    }
    if item.seq == answer.seq && answer.verb.brings() == wanted {
        return;
    }
    if is_user && answer.verb == Verb::Delete {
        view.owe_person(&key.pin, now);
    }
    if is_user && answer.verb.begins() {
        // Another person may be under the PIN since then.
        view.wipe(key);
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
    fn updated(&mut self, return_code: ReturnCode) -> AckOutcome {
        if let Some(form) = self.form().filter(|_| !self.form_was_refused_since()) {
            self.view.accept_form(form, self.evidence(return_code));
        }
        if let Some(before) = self.view.exception(self.key) {
            self.view.put_exception(self.key, Exception { refused: None, ..before });
        }
        if self.key.slot == Slot::USER {
            self.user_acknowledged();
            self.view.release_person(&self.key.pin, self.now);
        } else if self.key.slot.kind != Kind::UserPhoto {
            self.view.mixed_under_claim(&self.key.pin, self.now);
        }
        self.due_again_if_changed(0);
        AckOutcome::Done
    }

    /// The device acknowledged a user record. If it was the first command of the life there, the device knows that
    /// life now. After a replacement it holds nothing else of the life yet.
    fn user_acknowledged(&mut self) {
        let verb = self.command.verb;
        let life = self.view.person(&self.key.pin).and_then(Person::life);
        if life.is_none_or(|life| self.command.seq < life) {
            // The record was of a person who does not have the PIN any more.
            self.view.wipe(self.key);
            return self.view.owe(self.key, self.now, 0);
        }
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        let read = life.is_some_and(|life| life <= self.view.cursor) && self.view.scanned(&self.key.pin);
        let known = life.filter(|_| !read && (before.known.is_some() || verb.begins()));
        // This replacement answers the mark, unless something changed while the command was open. Any other command
        // leaves it.
        let wipe = before.wipe && (self.command.again || verb != Verb::Replace);
        self.view.put_exception(self.key, Exception { wipe, known, ..before });
        if verb == Verb::Replace {
            self.view.owe_belongings(&self.key.pin, self.now);
        }
        if verb.begins() {
            self.view.begun_under_claim(&self.key.pin, self.now);
        }
    }

    fn deleted(&mut self) -> AckOutcome {
        self.view.unpark_full();
        if self.key.slot != Slot::USER {
            self.due_again_if_changed(0);
            return AckOutcome::Done;
        }
        let wanted = self.view.want(self.key) == Want::Present;
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        // Nobody is under the PIN now. The next person starts from nothing.
        let known = wanted.then_some(Seq(0));
        let wipe = before.wipe && self.command.again;
        self.view.put_exception(self.key, Exception { wipe, known, ..before });
        if wanted {
            self.view.owe_person(&self.key.pin, self.now);
        } else {
            self.view.clear_parked(&self.key.pin);
            self.due_again_if_changed(0);
        }
        AckOutcome::Done
    }

    /// The device lost the user, so it may have lost everything of the person.
    fn user_missing(&mut self) -> AckOutcome {
        let user = root_of(self.key);
        let no_room = matches!(self.view.exception(&user).map(|e| e.wait), Some(Wait::Parked(_)));
        if no_room || self.view.is_refused(&user) {
            self.view.park(self.key, Parked::NoUser);
            return AckOutcome::Again;
        }
        let attempts = self.command.attempts + 1;
        if user.slot == Slot::USER {
            // If somebody is under the PIN now, it is not the person whom Muster sent.
            self.view.wipe(&user);
        }
        self.view.owe_person(&self.key.pin, self.now);
        let at = if attempts == 1 { self.now } else { self.now.plus(self.limits.retry_pause(attempts)) };
        self.view.owe(self.key, at, attempts);
        self.view.again_or_due(&user, self.now);
        AckOutcome::Again
    }

    /// Whether a replacement that failed has removed the previous person: all lines before the last were answered
    /// with success.
    fn has_removed(&self) -> bool {
        let lines = u32::from(self.command.lines.saturating_sub(1)).min(63);
        let before = (1_u64 << lines) - 1;
        self.command.answered & before == before
    }

    /// Notes that a replacement removed the previous person and brought nobody.
    fn note_removal(&mut self) {
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        self.view.put_exception(self.key, Exception { wipe: false, known: Some(Seq(0)), ..before });
    }

    fn full(&mut self) -> AckOutcome {
        if self.command.verb == Verb::Replace {
            if !self.has_removed() {
                return self.retry();
            }
            self.note_removal();
        }
        self.view.full.insert(self.key.slot.kind);
        self.view.give_back(self.key.slot.kind, 1);
        self.view.touch_device();
        self.view.park(self.key, Parked::Full);
        AckOutcome::Full
    }

    fn refused(&mut self, return_code: ReturnCode) -> AckOutcome {
        if self.command.verb == Verb::Replace {
            if !self.has_removed() {
                return self.retry();
            }
            self.note_removal();
        }
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        let refused = Some(Refusal { seq: self.command.seq, return_code: return_code.0 });
        self.view.put_exception(self.key, Exception { refused, ..before });
        if self.command.verb.brings() {
            self.view.give_back(self.key.slot.kind, 1);
        }
        self.due_again_if_changed(0);
        AckOutcome::Refused
    }

    /// The device does not know this form of command. Muster uses another form, or does without.
    fn unsupported(&mut self, answer: &Answer) -> AckOutcome {
        if self.key.slot == Slot::USER {
            return self.refused(answer.return_code);
        }
        // The device does not refuse this content but the form. If no other form is left, the answer to another item
        // of the kind came first. Commands that were open when the first of them was refused had the refused form
        // too, and are not counted again. With another firmware Muster tries again.
        if let Some(form) = self.form().filter(|_| !self.form_was_refused_since()) {
            self.view.refuse_form(form, self.evidence(answer.return_code));
        }
        self.view.owe(self.key, self.now, 0);
        AckOutcome::Again
    }

    /// The form in which Muster sends the item to this device now, `None` if the device accepts none.
    fn form(&self) -> Option<Form> {
        self.view.capability.takes(&self.key.slot).filter(|_| self.command.verb.brings())
    }

    /// Whether the command was rendered in a form that the device has refused since.
    fn form_was_refused_since(&self) -> bool {
        self.view.capability.was_sent_before_refusal(&self.key.slot, self.command.number)
    }

    fn evidence(&self, return_code: ReturnCode) -> Evidence {
        Evidence { return_code, kind: Some(self.key.slot.kind), at: self.now, before: self.view.next_command }
    }

    fn retry(&mut self) -> AckOutcome {
        let attempts = self.command.attempts + 1;
        self.view.owe(self.key, self.now.plus(self.limits.retry_pause(attempts)), attempts);
        AckOutcome::Again
    }

    /// The device did not carry out a removal. After many failures in a row, Muster notes that the item may still be
    /// there.
    fn retry_removal(&mut self, return_code: ReturnCode) -> AckOutcome {
        if self.command.verb == Verb::Delete && self.key.slot == Slot::USER {
            self.view.wipe(self.key);
        }
        let settled = self.retry();
        let owed = self.view.exception(self.key).filter(|owed| self.limits.has_given_up(owed.attempts));
        if let Some(before) = owed {
            self.view.put_exception(self.key, Exception { unconfirmed: Some(return_code.0), ..before });
        }
        settled
    }

    /// The item changed while the command was open: it is due again.
    fn due_again_if_changed(&mut self, attempts: u32) {
        if self.command.again {
            self.view.owe(self.key, self.now, attempts);
        }
    }
}

impl DeviceView {
    /// Makes the user due again if a deletion of the user is still required after the command was closed.
    fn keep_wipe_due(&mut self, key: &ItemKey, now: Millis) {
        let wait = self.exception(key).filter(|e| e.wipe).map(|e| e.wait);
        if matches!(wait, Some(Wait::No | Wait::Parked(Parked::Full | Parked::NoUser))) {
            self.owe(key, now, 0);
        }
    }

    /// The user was removed from the device for good, so no item of the person waits any more.
    fn clear_parked(&mut self, pin: &wire::Pin) {
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

    /// The user is on the device now, so items that waited for the user become due.
    pub(crate) fn release_person(&mut self, pin: &wire::Pin, now: Millis) {
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
