//! The view of one device, on which every decision is made, and the changes that a decision leaves in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use roster::{Area, Capability, ContentHash, Evidence, ItemKey, Kind, Millis, Seq, Slot};
use wire::{BioType, Pin};

use crate::claim::{Claim, ClaimNews};
#[cfg(doc)]
use crate::life::Knows;
#[cfg(doc)]
use crate::limits::Limits;
use crate::photo_template::PhotoSent;
use crate::read_back::ReadBack;
use crate::room::Occupancy;

/// Stands for the number of a change that has no number yet. It is newer than every cursor.
pub(crate) const UNNUMBERED: Seq = Seq(i64::MAX);

/// The newest version of what the fleet holds in one slot of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemState {
    /// The number of the newest version.
    pub seq: Seq,
    /// The number of its first version ever.
    pub first: Seq,
    /// The number of the version that made the item live. The item is new to a device that has not read this number.
    pub created: Seq,
    /// The device whose upload made the item live, `None` for an operator. For a deleted item: the device that made
    /// it live the last time.
    pub created_by: Option<i64>,
    /// False once it is deleted.
    pub live: bool,
    /// Hash of the content. For a deleted item: hash of its last content.
    pub hash: ContentHash,
    /// The device whose upload made this version, `None` for an operator.
    pub changed_by: Option<i64>,
    /// When this version was made.
    pub at: Millis,
    /// For a template that a device made of a comparison photo: the version of that photo.
    pub made_of: Option<Seq>,
    /// Approximate size of the commands of an update, bytes.
    pub bytes: usize,
    /// How many command lines an update takes: one, or one for each part of a template.
    pub lines: u16,
}

impl ItemState {
    /// Whether the item was deleted once and lives again. A revived user may be another person with the same PIN.
    pub fn is_revived(&self) -> bool {
        self.live && self.created > self.first
    }
}

/// The effect of a command on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Overwrites the item on the device, or adds it to a user that the device holds.
    Update,
    /// For a user: brings a person to a device that is known to hold nobody under the PIN.
    Insert,
    /// For a user: removes any person whom the device holds under the PIN, then brings the fleet's person.
    Replace,
    /// Removes the item. For a user: removes also everything else that the device holds of the user.
    Delete,
}

impl Verb {
    /// Whether the device holds the item afterwards.
    pub const fn brings(self) -> bool {
        !matches!(self, Self::Delete)
    }

    /// Whether the command starts a person on the device: the device does not know the person before it acknowledges
    /// the command.
    pub const fn begins(self) -> bool {
        matches!(self, Self::Insert | Self::Replace)
    }
}

/// A command that was sent and not acknowledged. At most one for each device and item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCommand {
    /// Rises with every command of the device.
    pub number: i64,
    /// The id of its lines on the wire, without the two characters for the line.
    pub wire_id: String,
    /// Its effect.
    pub verb: Verb,
    /// The version it was rendered from.
    pub seq: Seq,
    /// The item changed since, or the device may have lost it: due again as soon as this command is answered.
    pub again: bool,
    /// How often Muster sent it.
    pub sends: u32,
    /// How many failures in a row came before it.
    pub attempts: u32,
    /// When Muster sends it again if the device does not answer.
    pub due_at: Millis,
    /// How many lines it has, at most 64.
    pub lines: u16,
    /// Bit n: line n is acknowledged.
    pub answered: u64,
}

/// Why an item waits for an event instead of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parked {
    /// The device has no room for this kind.
    Full,
    /// The user of the item is not on the device: the device refused the user or has no room, an operator has to
    /// decide about the user, or the command of the user is not answered yet.
    NoUser,
    /// An operator has to decide first.
    Held,
}

/// Whether and when Muster has to send an item outside the order of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Muster does not have to send it. The row keeps something else, such as a refusal.
    No,
    /// Muster has to send it from this time on.
    Due(Millis),
    /// Muster has to send it, but something else has to happen first.
    Parked(Parked),
}

impl Wait {
    /// Due because there is room now: as far as Muster knows, the device does not hold the item. No clock shows this
    /// time.
    pub const ROOM: Self = Self::Due(Millis(0));
}

/// A content that the device refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The refused version. Muster tries newer content again.
    pub seq: Seq,
    /// The return code of the device.
    pub return_code: i32,
}

/// An item that the cursor alone does not describe for this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Whether and when Muster has to send it.
    pub wait: Wait,
    /// For a user: the device may hold another person under the PIN, or a mixture of two. The device must acknowledge
    /// a deletion (alone or as part of a replacement) before it gets anything else of the PIN. The mark stays until
    /// then.
    pub wipe: bool,
    /// For a user: which life of the PIN the device knows, if the cursor does not say so ([`Knows`]). `Some(Seq(0))`:
    /// none.
    pub known: Option<Seq>,
    /// The refused version, if there is one.
    pub refused: Option<Refusal>,
    /// Failures in a row, for the growing pause.
    pub attempts: u32,
    /// The removal of the item failed [`crate::Limits::most_attempts`] times in a row. The value is the return code of the
    /// last failure. The mark stays until the device confirms the removal, also while a command for it is open.
    pub unconfirmed: Option<i32>,
}

impl Exception {
    /// Due from `at` on.
    pub const fn due(at: Millis) -> Self {
        Self { wait: Wait::Due(at), ..Self::NONE }
    }

    /// Whether it counts towards [`crate::Limits::due`]. A failed item does not count: it must not keep anything else from
    /// the device.
    pub const fn counts_as_due(&self) -> bool {
        matches!(self.wait, Wait::Due(_)) && self.attempts == 0
    }

    /// Nothing due, nothing refused.
    pub const NONE: Self =
        Self { wait: Wait::No, wipe: false, known: None, refused: None, attempts: 0, unconfirmed: None };

    const fn is_empty(&self) -> bool {
        let noted = self.known.is_some() || self.refused.is_some() || self.unconfirmed.is_some();
        matches!(self.wait, Wait::No) && !self.wipe && !noted
    }
}

/// One person: the fleet's items, and this device's open commands and exceptions for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Every item that the fleet ever held under this PIN, live or deleted, with the memberships.
    pub items: BTreeMap<Slot, ItemState>,
    /// Open commands of this device.
    pub open: BTreeMap<Slot, OpenCommand>,
    /// Exceptions of this device.
    pub exceptions: BTreeMap<Slot, Exception>,
    /// When a command that deletes this user last went to this device. It tells Muster's own deletion from a deletion
    /// at the device.
    pub delete_sent_at: Option<Millis>,
    /// Comparison photos that went to this device. They tell a template that the device made of a photo from an
    /// enrolment.
    pub photos_sent: BTreeMap<BioType, PhotoSent>,
    /// The device's claim on the PIN, if there is one.
    pub claim: Option<Claim>,
}

/// Position of a first fill. PINs are scanned in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanFrom {
    /// From the first PIN on.
    Start,
    /// This PIN and everything before it is done.
    After(Pin),
}

/// How a device is being taken in. Muster sends it nothing until it has uploaded what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// Its people join the fleet.
    Adopt,
    /// Muster makes the device equal to the fleet.
    Replace,
    /// The device was restored from a backup or a stick. Muster compares its old content with the fleet before it
    /// corrects the device.
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

/// The state of one device, with the persons that the current decision is about.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// The device's number in the store.
    pub device: i64,
    /// The areas it belongs to.
    pub areas: BTreeSet<Area>,
    /// The device's capability: which items and forms of commands it accepts.
    pub capability: Capability,
    /// The device's position in the feed: every change up to this number was read for it.
    pub cursor: Seq,
    /// Position of its first fill, `None` when the fill is done.
    pub scan: Option<ScanFrom>,
    /// The fill replaces people: under each PIN that it has not passed, the device may hold anything.
    pub scan_replaces: bool,
    /// How the device is being taken in, `None` if it is not.
    pub joining: Option<Joining>,
    /// The device has uploaded as many people as it says to hold. Under any other PIN there is nobody on it.
    pub roster_complete: bool,
    /// The number the next command gets.
    pub next_command: i64,
    /// Number of open commands, of all persons.
    pub open_count: usize,
    /// Number of exceptions that are due at a time and have not failed, of all persons.
    pub due_count: usize,
    /// Kinds for which the device answered that it has no room. Nothing of these kinds is inserted until the device
    /// holds less.
    pub full: BTreeSet<Kind>,
    /// For each kind whose capacity the device reports: how many items it holds.
    pub loads: BTreeMap<Kind, Occupancy>,
    /// The template that Muster reads back, to see whether the device keeps what it accepts.
    pub read_back: Option<ReadBack>,
    /// The persons that the decision is about. A person who is not in the store has no items here.
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

/// A command that was answered or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedCommand {
    /// Its number.
    pub number: i64,
    /// The return code of the device, `None` if Muster gave the command up without an answer.
    pub return_code: Option<i32>,
}

/// The changes of a decision, to be written in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The device's own row changed: cursor, scan, next command, full kinds, loads, read-back, joining.
    pub device: bool,
    /// The device's capability changed.
    pub capability: bool,
    /// Written before everything else: every open command of the device becomes a due exception. Refusals and
    /// [`Exception::known`] are cleared. Parked exceptions become due, except those that wait for an operator. Cursor
    /// and scan stand in the device's row.
    pub rebaseline: bool,
    /// Written before everything else: this many exceptions of each kind that are parked as [`Parked::Full`] become
    /// due, as [`Wait::ROOM`].
    pub unpark: BTreeMap<Kind, u64>,
    /// Commands that were closed.
    pub closed: Vec<ClosedCommand>,
    /// New and changed open commands.
    pub open: Vec<(ItemKey, OpenCommand)>,
    /// New and changed exceptions, `None` for a removed one.
    pub exceptions: Vec<(ItemKey, Option<Exception>)>,
    /// Changes of claims, in order: a claim may be closed and another opened for the same PIN. The content of claims
    /// is written with the held records.
    pub claims: Vec<(Pin, ClaimNews)>,
}

impl Changes {
    /// A user was written with the number `seq`, which replaces the missing number in the claims and exceptions about
    /// the user's new life.
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

    /// Whether a device without work may have work after this. Changes of the fleet are not considered here.
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
    /// A device in the area of everyone that holds nothing and was sent nothing.
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

    /// Takes the changes of all decisions since the last call.
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

    /// A user was written with the number `seq`. A claim of the life that began with it gets this number.
    pub fn numbered(&mut self, key: &ItemKey, seq: Seq) {
        let person = self.persons.get_mut(&key.pin).filter(|_| key.slot == Slot::USER);
        if let Some(claim) = person.and_then(|person| person.claim.as_mut())
            && claim.state.life == UNNUMBERED
        {
            claim.state.life = seq;
        }
    }

    /// The device's claim on a PIN, if there is one.
    pub fn claim(&self, pin: &Pin) -> Option<&Claim> {
        self.person(pin)?.claim.as_ref()
    }

    pub(crate) fn put_claim(&mut self, pin: &Pin, claim: Option<Claim>) {
        if let Some(claim) = &claim {
            self.tell_of_claim(pin, ClaimNews::Open(claim.state));
        }
        self.persons.entry(pin.clone()).or_default().claim = claim;
    }

    /// Records a change of a claim. It replaces the previous change of the PIN if both leave the claim open, or both
    /// close it.
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

    /// Closes a command that, as far as Muster knows, was not carried out.
    pub(crate) fn give_up(&mut self, key: &ItemKey, return_code: Option<i32>) -> Option<OpenCommand> {
        let command = self.close(key, return_code)?;
        if command.verb.begins() {
            self.begin_anew(key);
            if return_code.is_none() {
                // The device may have carried it out, over another person.
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

    /// Writes an exception, or removes it if nothing is left in it.
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

    /// Muster can no longer rely on what the device holds: it was emptied, exchanged, or came back after too long.
    ///
    /// The driver carries this out for the whole device ([`Changes::rebaseline`]). The cursor stays: the report of a
    /// wipe may come late, and deleted people may be on the device again.
    pub fn rebaseline(&mut self) {
        self.changed.rebaseline = true;
        self.full.clear();
        self.loads.clear();
        self.read_back = None;
        self.rescan();
        self.scan_replaces = true;
    }

    /// The device was restored from a backup or a stick (operation codes 38 and 40). It knows nothing that Muster
    /// sent since. Its uploads show an old state until all of them were compared.
    pub fn restored(&mut self) {
        if self.joining != Some(Joining::Replace) {
            self.joining = Some(Joining::Restored);
        }
        self.rebaseline();
    }

    /// The device has uploaded what it holds. Muster fills it from now on.
    pub fn joined(&mut self) {
        // True also if the device was emptied, or was rebaselined, while it was taken in.
        let doubted = self.scan_replaces && self.scan == Some(ScanFrom::Start);
        let replaces = doubted || matches!(self.joining, Some(Joining::Restored));
        self.joining = None;
        self.rescan();
        self.scan_replaces = replaces;
    }

    /// Notes that the device does not know a form of command.
    pub fn refuse_form(&mut self, form: wire::Form, evidence: Evidence) {
        self.capability.refuse(form, evidence);
        self.changed.capability = true;
    }

    /// Notes that the device accepts a form of command.
    pub fn accept_form(&mut self, form: wire::Form, evidence: Evidence) {
        self.changed.capability |= self.capability.accept(form, evidence);
    }

    /// Allows every form of command to be tried again.
    pub fn forget_refusals(&mut self) {
        self.capability.forget_refusals();
        self.changed.capability = true;
    }

    /// Starts a scan: everything is sent once more, by PIN, beside the changes of the feed.
    pub fn rescan(&mut self) {
        self.scan = Some(ScanFrom::Start);
        self.changed.device = true;
    }
}
