//! An acknowledgement: what a device's answer to a command means for the item (§13, appendix 1).

use roster::{Evidence, ItemKey, Kind, Millis, Seq, Slot};
use wire::{Form, ReturnCode, Verdict};

use crate::limits::Limits;
use crate::owing::root_of;
use crate::scope::Want;
use crate::view::{DeviceView, Exception, OpenCommand, Parked, Person, Refusal, Verb, Wait};

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
    pub seq: Seq,
    /// Which of its lines, from 0.
    pub line: u16,
    /// What the device answered.
    pub return_code: ReturnCode,
    /// The command was closed before without an answer.
    pub given_up: bool,
}

/// What an answer came to, for the log and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckOutcome {
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
pub fn settle(view: &mut DeviceView, answer: &Answer, now: Millis, limits: &Limits) -> AckOutcome {
    let key = &answer.key;
    let Some(command) = view.open_of(key).filter(|command| command.number == answer.number).cloned() else {
        late(view, answer, now);
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
        // What removes something is tried until it is carried out. A replacement is repeated as a whole.
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
    view.go_on_wiping(key, now);
    settled
}

/// The device reported that a command had no effect (§11.16), mostly after it had answered that it was carried out.
///
/// As if it had refused the content now: the item is left alone until there is newer content.
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

/// What the answer to one line asks for, given what the line was for.
fn verdict_of(command: &OpenCommand, answer: &Answer) -> Verdict {
    let verdict = answer.return_code.verdict();
    let last = answer.line + 1 == command.lines;
    let is_user = answer.key.slot == Slot::USER;
    let removes = removes(command, answer);
    match verdict {
        // What is to be deleted is not there: that is what was wanted.
        Verdict::UserMissing if removes => Verdict::Done,
        // Before the user go the tables of its templates (§12.1.2); a device without such a table has nothing in it.
        Verdict::Unsupported | Verdict::Refused if removes && !last && !answer.is_users_own(command) => {
            Verdict::Done
        }
        // A device that does not know a table of definitions holds none of them.
        Verdict::Unsupported if removes && matches!(answer.key.slot.kind, Kind::Definition(_)) => {
            Verdict::Done
        }
        _ if removes => verdict,
        // A photo is refused for its size or orientation with the code for "no room".
        Verdict::Full if matches!(answer.key.slot.kind, Kind::ComparisonPhoto | Kind::UserPhoto) => {
            Verdict::Refused
        }
        // A definition is about nobody.
        Verdict::UserMissing if matches!(answer.key.slot.kind, Kind::Definition(_)) => Verdict::Refused,
        // A user cannot be missing for the command that brings it.
        Verdict::UserMissing if is_user => Verdict::RetryLater,
        other => other,
    }
}

/// Whether the line removes something. The lines of a replacement before the last do.
fn removes(command: &OpenCommand, answer: &Answer) -> bool {
    match command.verb {
        Verb::Delete => true,
        Verb::Replace => answer.line + 1 < command.lines,
        Verb::Update | Verb::Insert => false,
    }
}

impl Answer {
    /// Whether the line is the one of a replacement that deletes the user itself: the last before the user is brought.
    fn is_users_own(&self, command: &OpenCommand) -> bool {
        command.verb == Verb::Replace && self.line + 2 == command.lines
    }
}

/// The command is no longer open. What it did may have come after what replaced it: then the item is told again.
fn late(view: &mut DeviceView, answer: &Answer, now: Millis) {
    let key = &answer.key;
    let Some(item) = view.item(key) else { return };
    let wanted = view.want(key) == Want::Present;
    let is_user = key.slot == Slot::USER;
    if is_user && view.claim(&key.pin).is_some() {
        // What was claimed may have been removed or overwritten by it.
        return view.doubt_claim(&key.pin);
    }
    if is_user && answer.verb == Verb::Replace && answer.given_up {
        // It may have removed what was brought since.
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
        // Somebody else may be under the PIN since.
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
        if let Some(form) = self.form().filter(|_| !self.made_before_a_refusal()) {
            self.view.accept_form(form, self.evidence(return_code));
        }
        if let Some(before) = self.view.exception(self.key) {
            self.view.put_exception(self.key, Exception { refused: None, ..before });
        }
        if self.key.slot == Slot::USER {
            self.begun();
            self.view.release_person(&self.key.pin, self.now);
        } else if self.key.slot.kind != Kind::UserPhoto {
            self.view.mixed_under_claim(&self.key.pin, self.now);
        }
        self.once_more(0);
        AckOutcome::Done
    }

    /// The device holds the user record of the command. Where it was the first of a life there, the device knows that life,
    /// and holds nothing else of it after a replacement.
    fn begun(&mut self) {
        let verb = self.command.verb;
        let life = self.view.person(&self.key.pin).and_then(Person::life);
        if life.is_none_or(|life| self.command.seq < life) {
            // It was of somebody who does not have the PIN any more.
            self.view.wipe(self.key);
            return self.view.owe(self.key, self.now, 0);
        }
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        let read = life.is_some_and(|life| life <= self.view.cursor) && self.view.scanned(&self.key.pin);
        let known = life.filter(|_| !read && (before.known.is_some() || verb.begins()));
        // What was found to be wrong meanwhile is put right after this.
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
            self.once_more(0);
            return AckOutcome::Done;
        }
        let wanted = self.view.want(self.key) == Want::Present;
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        // Nobody is under the PIN now; who comes next begins there.
        let known = wanted.then_some(Seq(0));
        let wipe = before.wipe && self.command.again;
        self.view.put_exception(self.key, Exception { wipe, known, ..before });
        if wanted {
            self.view.owe_person(&self.key.pin, self.now);
        } else {
            self.view.owe_no_parked(&self.key.pin);
            self.once_more(0);
        }
        AckOutcome::Done
    }

    /// The device lost the user: all of it is in doubt.
    fn user_missing(&mut self) -> AckOutcome {
        let user = root_of(self.key);
        let no_room = matches!(self.view.exception(&user).map(|e| e.wait), Some(Wait::Parked(_)));
        if no_room || self.view.is_refused(&user) {
            self.view.park(self.key, Parked::NoUser);
            return AckOutcome::Again;
        }
        let attempts = self.command.attempts + 1;
        if user.slot == Slot::USER {
            // Whoever is under the PIN now is not the one who was sent.
            self.view.wipe(&user);
        }
        self.view.owe_person(&self.key.pin, self.now);
        let at = if attempts == 1 { self.now } else { self.now.plus(self.limits.retry_pause(attempts)) };
        self.view.owe(self.key, at, attempts);
        self.view.again_or_due(&user, self.now);
        AckOutcome::Again
    }

    /// Of a replacement that was not taken: whether its lines before the last removed what was there.
    fn has_removed(&self) -> bool {
        let lines = u32::from(self.command.lines.saturating_sub(1)).min(63);
        let before = (1_u64 << lines) - 1;
        self.command.answered & before == before
    }

    /// A replacement removed what was there and brought nobody.
    fn removed(&mut self) {
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        self.view.put_exception(self.key, Exception { wipe: false, known: Some(Seq(0)), ..before });
    }

    fn full(&mut self) -> AckOutcome {
        if self.command.verb == Verb::Replace {
            if !self.has_removed() {
                return self.retry();
            }
            self.removed();
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
            self.removed();
        }
        let before = self.view.exception(self.key).unwrap_or(Exception::NONE);
        let refused = Some(Refusal { seq: self.command.seq, return_code: return_code.0 });
        self.view.put_exception(self.key, Exception { refused, ..before });
        if self.command.verb.brings() {
            self.view.give_back(self.key.slot.kind, 1);
        }
        self.once_more(0);
        AckOutcome::Refused
    }

    /// The device does not know this form of command: take the other form, or do without.
    fn unsupported(&mut self, answer: &Answer) -> AckOutcome {
        if self.key.slot == Slot::USER {
            return self.refused(answer.return_code);
        }
        // With no form left the answer to another item of its kind came first; and one of many that were under way when the
        // first of them was refused was of that form too. It is not this content that is refused: with another firmware it
        // is tried again.
        if let Some(form) = self.form().filter(|_| !self.made_before_a_refusal()) {
            self.view.refuse_form(form, self.evidence(answer.return_code));
        }
        self.view.owe(self.key, self.now, 0);
        AckOutcome::Again
    }

    /// The form in which the item goes to this device now, as far as it is known to take one.
    fn form(&self) -> Option<Form> {
        self.view.capability.takes(&self.key.slot).filter(|_| self.command.verb.brings())
    }

    /// Whether the command was made in a form of which it turned out since that the device refuses it.
    fn made_before_a_refusal(&self) -> bool {
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

    /// The device did not remove what it was told to. After many failures in a row that is noted: the item may still be there.
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
