//! The view of one device that every decision is made on, and the changes a decision leaves in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use roster::{Area, Capability, ContentHash, Evidence, ItemKey, Kind, Millis, Seq, Slot};
use wire::{BioType, Pin};

use crate::claim::{Claim, ClaimNews};
#[cfg(doc)]
use crate::life::Knows;
use crate::photo_template::PhotoSent;
use crate::read_back::ReadBack;
use crate::room::Occupancy;

/// The number of a change that has none yet: after everything that anyone has read.
pub(crate) const UNNUMBERED: Seq = Seq(i64::MAX);

/// What the fleet holds in one slot of a person: newest version only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemState {
    /// The number of the newest version.
    pub seq: Seq,
    /// The number of its first version ever.
    pub first: Seq,
    /// The number of the version that made it live; an item whose `created` a device has not read is new to it.
    pub created: Seq,
    /// The device whose upload made it live, `None` for an operator. Of a deleted one: that made it live last.
    pub created_by: Option<i64>,
    /// False once it is deleted.
    pub live: bool,
    /// Hash of the content; that of the last content where it is deleted.
    pub hash: ContentHash,
    /// The device whose upload made this version, `None` for an operator.
    pub changed_by: Option<i64>,
    /// When this version was made.
    pub at: Millis,
    /// Of a template that a device made of a comparison photo: the version of that photo.
    pub made_of: Option<Seq>,
    /// About how many bytes the commands of an update take.
    pub bytes: usize,
    /// How many command lines an update takes: one, or one for each part of a template.
    pub lines: u16,
}

impl ItemState {
    /// It was deleted once and lives again: of a user, perhaps another person with the same PIN.
    pub fn is_revived(&self) -> bool {
        self.live && self.created > self.first
    }
}

/// What a command does to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Overwrites what the device holds, or adds what belongs to a user that it holds.
    Update,
    /// Of a user: brings a person to a device that is known to hold nobody under the PIN.
    Insert,
    /// Of a user: removes whomever the device holds under the PIN, then brings the fleet's person.
    Replace,
    /// Removes; of a user: with everything the device holds of it.
    Delete,
}

impl Verb {
    /// Whether the device holds the item afterwards.
    pub const fn brings(self) -> bool {
        !matches!(self, Self::Delete)
    }

    /// Whether a person begins on the device with this: until it is acknowledged the device does not know the person.
    pub const fn begins(self) -> bool {
        matches!(self, Self::Insert | Self::Replace)
    }
}

/// A command that was sent and is not acknowledged. At most one for each device and item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCommand {
    /// Rises with every command of the device.
    pub number: i64,
    /// What its lines are called on the wire, without the two characters for the line.
    pub wire_id: String,
    /// What it does.
    pub verb: Verb,
    /// The version it was rendered from.
    pub seq: Seq,
    /// The item changed meanwhile, or is in doubt: due again as soon as this is answered.
    pub again: bool,
    /// How often it went out.
    pub sends: u32,
    /// How many failures came before it.
    pub attempts: u32,
    /// When it goes out again if nothing is heard.
    pub due_at: Millis,
    /// How many lines it has, at most 64.
    pub lines: u16,
    /// Bit n: line n is acknowledged.
    pub answered: u64,
}

/// Why an item waits without a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parked {
    /// The device has no room for its kind.
    Full,
    /// Its user is not on the device, because the device refused it, has no room, or it is held.
    NoUser,
    /// An operator has to decide first.
    Held,
}

/// Whether and when an item is owed outside the order of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not owed: the row keeps a refusal.
    No,
    /// Owed from this time on.
    Due(Millis),
    /// Owed, but something else has to happen first.
    Parked(Parked),
}

impl Wait {
    /// Owed since there is room: as far as is known the device does not hold the item. No clock shows this time.
    pub const ROOM: Self = Self::Due(Millis(0));
}

/// A content that the device refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The version that was refused: newer content is tried again.
    pub seq: Seq,
    /// What the device answered.
    pub return_code: i32,
}

/// An item that the feed's cursor alone does not describe for this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Whether it is owed.
    pub wait: Wait,
    /// Of a user: the device may hold somebody else under the PIN, or a mixture. A deletion has to be acknowledged
    /// before anything else of the PIN; the mark stays until then.
    pub wipe: bool,
    /// Of a user: which life of the PIN the device knows, where the cursor does not tell ([`Knows`]); `Some(Seq(0))`:
    /// none.
    pub known: Option<Seq>,
    /// The refused version, where there is one.
    pub refused: Option<Refusal>,
    /// Failures in a row, for the growing delay.
    pub attempts: u32,
    /// What takes the item off the device failed [`Limits::most_attempts`] times in a row: the return code of the last
    /// failure. The mark stays until the device confirms the removal, also while a command for it is open.
    pub unconfirmed: Option<i32>,
}

impl Exception {
    /// Owed from `at` on.
    pub const fn due(at: Millis) -> Self {
        Self { wait: Wait::Due(at), ..Self::NONE }
    }

    /// It counts towards [`Limits::due`]. What failed does not: it must not keep anything else from the device.
    pub const fn counts_as_due(&self) -> bool {
        matches!(self.wait, Wait::Due(_)) && self.attempts == 0
    }

    /// Nothing owed, nothing refused.
    pub const NONE: Self =
        Self { wait: Wait::No, wipe: false, known: None, refused: None, attempts: 0, unconfirmed: None };

    const fn is_empty(&self) -> bool {
        let noted = self.known.is_some() || self.refused.is_some() || self.unconfirmed.is_some();
        matches!(self.wait, Wait::No) && !self.wipe && !noted
    }
}

/// One person: what the fleet holds, and what is open and owed to this device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Everything ever held of this PIN, live or deleted, memberships included.
    pub items: BTreeMap<Slot, ItemState>,
    /// Open commands of this device.
    pub open: BTreeMap<Slot, OpenCommand>,
    /// Exceptions of this device.
    pub exceptions: BTreeMap<Slot, Exception>,
    /// When a DELETE of this user last went to this device, for telling a deletion at the device from our own.
    pub delete_sent_at: Option<Millis>,
    /// Comparison photos that went to this device, for telling the template it makes of one from an enrolment at it.
    pub photos_sent: BTreeMap<BioType, PhotoSent>,
    /// What the device said of the PIN and the fleet did not take.
    pub claim: Option<Claim>,
}

/// Where a first fill stands. PINs are scanned in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanFrom {
    /// From the first PIN on.
    Start,
    /// This PIN and everything before it is done.
    After(Pin),
}

/// How a device is being taken in: until it has told what it holds, nothing is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// Its people join the fleet.
    Adopt,
    /// It is made equal to the fleet.
    Replace,
    /// It was restored from a backup or a stick: what it holds is of the past, and is compared before it is put right.
    Restored,
}

impl fmt::Display for Joining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adopt => "adopt",
            Self::Replace => "replace",
            Self::Restored => "restored",
        })
    }
}

/// What is known of one device, with the persons that the decision at hand touches.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// The number the store gave it.
    pub device: i64,
    /// The areas it belongs to.
    pub areas: BTreeSet<Area>,
    /// What it can take.
    pub capability: Capability,
    /// Every change up to here was read for this device.
    pub cursor: Seq,
    /// Where its first fill stands, `None` when it is done.
    pub scan: Option<ScanFrom>,
    /// The fill replaces: the device may hold anything under the PINs that it has not passed.
    pub scan_replaces: bool,
    /// Whether it is still being taken in.
    pub joining: Option<Joining>,
    /// It showed everybody whom it says to hold: under another PIN there is nobody on it.
    pub roster_complete: bool,
    /// The number the next command gets.
    pub next_command: i64,
    /// How many commands are open, of all persons.
    pub open_count: usize,
    /// How many exceptions wait for a time and have not failed, of all persons.
    pub due_count: usize,
    /// Kinds it had no room for: nothing of them is inserted until it holds less.
    pub full: BTreeSet<Kind>,
    /// How much it holds of the kinds of which it tells how much it takes.
    pub loads: BTreeMap<Kind, Occupancy>,
    /// The template that it is asked for, to see whether it keeps what it takes.
    pub read_back: Option<ReadBack>,
    /// The persons this decision is about. One that is not in the store is here with no items.
    pub persons: BTreeMap<Pin, Person>,
    pub(crate) changed: Changed,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    open: BTreeSet<ItemKey>,
    closed: Vec<ClosedCommand>,
    exceptions: BTreeSet<ItemKey>,
    device: bool,
    capability: bool,
    rebaseline: bool,
    claims: Vec<(Pin, ClaimNews)>,
    pub(crate) unpark: BTreeMap<Kind, u64>,
}

/// A command that got its answer, or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedCommand {
    /// Its number.
    pub number: i64,
    /// What the device answered, `None` where it was given up without an answer.
    pub return_code: Option<i32>,
}

/// What has to be written after a decision, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The device's own row changed: cursor, scan, next command, full kinds, loads, what is read back, joining.
    pub device: bool,
    /// So did what it can take.
    pub capability: bool,
    /// First of all: every open command of the device becomes a due exception, refusals are forgotten, and so is whom the
    /// device knows ([`Exception::known`]), and parked exceptions become due, but for those that wait for an operator.
    /// Cursor and scan stand in the device's row.
    pub rebaseline: bool,
    /// First of all: so many of the exceptions of these kinds that are parked as [`Parked::Full`] become due, as
    /// [`Wait::ROOM`].
    pub unpark: BTreeMap<Kind, u64>,
    /// Commands that were closed.
    pub closed: Vec<ClosedCommand>,
    /// Open commands as they are now; new ones and changed ones.
    pub open: Vec<(ItemKey, OpenCommand)>,
    /// Exceptions as they are now, `None` for one that is gone.
    pub exceptions: Vec<(ItemKey, Option<Exception>)>,
    /// What became of claims, in order: one may be closed and another opened for the same PIN. What was said is written with
    /// the records that are held.
    pub claims: Vec<(Pin, ClaimNews)>,
}

impl Changes {
    /// A user that was written with this number: who made a life knows it by its number, and so does a claim of that life.
    pub fn numbered(&mut self, key: &ItemKey, seq: Seq) {
        for (pin, news) in &mut self.claims {
            if let ClaimNews::Open(state) = news
                && key.slot == Slot::USER
                && *pin == key.pin
                && state.life == UNNUMBERED
            {
                state.life = seq;
            }
        }
        for (changed, exception) in &mut self.exceptions {
            if let Some(exception) = exception.as_mut().filter(|_| changed == key) {
                exception.known = exception.known.map(|life| if life == UNNUMBERED { seq } else { life });
            }
        }
    }

    /// Whether a device that had nothing to do may have something to do after this, other than by changes of the fleet.
    pub fn gives_work(&self) -> bool {
        self.device
            || self.capability
            || self.rebaseline
            || !self.unpark.is_empty()
            || !self.claims.is_empty()
            || self.exceptions.iter().any(|(_, exception)| exception.is_some())
    }
}

impl DeviceView {
    /// A device that holds nothing and was sent nothing, in the area of everyone.
    pub fn new(device: i64, capability: Capability) -> Self {
        Self {
            device,
            areas: BTreeSet::from([Area::EVERYONE]),
            capability,
            cursor: Seq(0),
            scan: None,
            scan_replaces: false,
            joining: None,
            roster_complete: true,
            next_command: 1,
            open_count: 0,
            due_count: 0,
            full: BTreeSet::new(),
            loads: BTreeMap::new(),
            read_back: None,
            persons: BTreeMap::new(),
            changed: Changed::default(),
        }
    }

    /// Takes what the decisions since the last call changed.
    pub fn take_changes(&mut self) -> Changes {
        let changed = std::mem::take(&mut self.changed);
        let person = |key: &ItemKey| self.persons.get(&key.pin);
        Changes {
            device: changed.device,
            capability: changed.capability,
            rebaseline: changed.rebaseline,
            unpark: changed.unpark,
            closed: changed.closed,
            open: changed
                .open
                .iter()
                .filter_map(|key| Some((key.clone(), person(key)?.open.get(&key.slot)?.clone())))
                .collect(),
            exceptions: changed
                .exceptions
                .iter()
                .map(|key| (key.clone(), person(key).and_then(|p| p.exceptions.get(&key.slot)).copied()))
                .collect(),
            claims: changed.claims,
        }
    }

    pub(crate) fn person(&self, pin: &Pin) -> Option<&Person> {
        self.persons.get(pin)
    }

    pub(crate) fn open_of(&self, key: &ItemKey) -> Option<&OpenCommand> {
        self.persons.get(&key.pin)?.open.get(&key.slot)
    }

    pub(crate) fn exception(&self, key: &ItemKey) -> Option<Exception> {
        self.persons.get(&key.pin)?.exceptions.get(&key.slot).copied()
    }

    /// An item was written with this number: claims of the life that it began carry it.
    pub fn numbered(&mut self, key: &ItemKey, seq: Seq) {
        let person = self.persons.get_mut(&key.pin).filter(|_| key.slot == Slot::USER);
        if let Some(claim) = person.and_then(|person| person.claim.as_mut())
            && claim.state.life == UNNUMBERED
        {
            claim.state.life = seq;
        }
    }

    /// What the device said of a PIN and the fleet did not take.
    pub fn claim(&self, pin: &Pin) -> Option<&Claim> {
        self.person(pin)?.claim.as_ref()
    }

    pub(crate) fn put_claim(&mut self, pin: &Pin, claim: Option<Claim>) {
        if let Some(claim) = &claim {
            self.tell_of_claim(pin, ClaimNews::Open(claim.state));
        }
        self.persons.entry(pin.clone()).or_default().claim = claim;
    }

    /// What became of a claim. Of one that is open, or of one that is closed, the last news counts.
    pub(crate) fn tell_of_claim(&mut self, pin: &Pin, news: ClaimNews) {
        let is_open = |news: &ClaimNews| matches!(news, ClaimNews::Open(_));
        match self.changed.claims.iter_mut().rfind(|(of, _)| of == pin) {
            Some((_, last)) if is_open(last) == is_open(&news) => *last = news,
            _ => self.changed.claims.push((pin.clone(), news)),
        }
    }

    pub(crate) fn touch_device(&mut self) {
        self.changed.device = true;
    }

    pub(crate) fn put_open(&mut self, key: &ItemKey, command: OpenCommand) {
        let person = self.persons.entry(key.pin.clone()).or_default();
        if person.open.insert(key.slot, command).is_none() {
            self.open_count += 1;
        }
        self.changed.open.insert(key.clone());
    }

    /// Closes a command that was not carried out, as far as is known.
    pub(crate) fn give_up(&mut self, key: &ItemKey, return_code: Option<i32>) -> Option<OpenCommand> {
        let command = self.close(key, return_code)?;
        if command.verb.begins() {
            self.begin_anew(key);
            if return_code.is_none() {
                // It may have been carried out, over whoever was there.
                self.wipe(key);
            }
        }
        Some(command)
    }

    pub(crate) fn close(&mut self, key: &ItemKey, return_code: Option<i32>) -> Option<OpenCommand> {
        let command = self.persons.get_mut(&key.pin)?.open.remove(&key.slot)?;
        self.open_count = self.open_count.saturating_sub(1);
        self.changed.open.remove(key);
        self.changed.closed.push(ClosedCommand { number: command.number, return_code });
        Some(command)
    }

    /// Writes an exception, or removes it where nothing is left to say.
    pub(crate) fn put_exception(&mut self, key: &ItemKey, exception: Exception) {
        let person = self.persons.entry(key.pin.clone()).or_default();
        let before = person.exceptions.get(&key.slot).copied();
        if before == Some(exception) || (before.is_none() && exception.is_empty()) {
            return;
        }
        if exception.is_empty() {
            person.exceptions.remove(&key.slot);
        } else {
            person.exceptions.insert(key.slot, exception);
        }
        let due = |e: Exception| usize::from(e.counts_as_due());
        self.due_count = (self.due_count + due(exception)).saturating_sub(before.map_or(0, due));
        self.changed.exceptions.insert(key.clone());
    }

    /// Everything the device holds is in doubt: it was emptied, exchanged, or came back after too long.
    ///
    /// The driver carries it out for the whole device ([`Changes::rebaseline`]). The cursor stays: news of a wipe may
    /// come late, and what was deleted meanwhile may be on the device again.
    pub fn rebaseline(&mut self) {
        self.changed.rebaseline = true;
        self.full.clear();
        self.loads.clear();
        self.read_back = None;
        self.rescan();
        self.scan_replaces = true;
    }

    /// The device was restored from a backup or a stick (operation codes 38 and 40): it knows nothing that the fleet told
    /// it, and what it says is of the past until all of it was compared.
    pub fn restored(&mut self) {
        if self.joining != Some(Joining::Replace) {
            self.joining = Some(Joining::Restored);
        }
        self.rebaseline();
    }

    /// The device told what it holds: it is filled from now on.
    pub fn joined(&mut self) {
        // Also where it was emptied or doubted while it was taken in.
        let doubted = self.scan_replaces && self.scan == Some(ScanFrom::Start);
        let replaces = doubted || matches!(self.joining, Some(Joining::Restored));
        self.joining = None;
        self.rescan();
        self.scan_replaces = replaces;
    }

    /// The device does not know a form of command.
    pub fn refuse_form(&mut self, form: wire::Form, evidence: Evidence) {
        self.capability.refuse(form, evidence);
        self.changed.capability = true;
    }

    /// The device took a form of command.
    pub fn accept_form(&mut self, form: wire::Form, evidence: Evidence) {
        self.changed.capability |= self.capability.accept(form, evidence);
    }

    /// Every form of command may be tried again.
    pub fn forget_refusals(&mut self) {
        self.capability.forget_refusals();
        self.changed.capability = true;
    }

    /// Everything is sent once more, by PIN, beside what the feed brings.
    pub fn rescan(&mut self) {
        self.scan = Some(ScanFrom::Start);
        self.changed.device = true;
    }
}
