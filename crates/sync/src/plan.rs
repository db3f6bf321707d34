//! Plan of a poll: the commands that Muster sends now.
//!
//! Order: overdue commands, due exceptions, a page of the feed, the scan, until the limits are reached. The feed is read
//! before the scan. Changes to people whom the scan has not reached are left to the scan; the other order would send them
//! twice.

use std::collections::{BTreeMap, BTreeSet};

use roster::{ItemKey, Kind, Millis, Seq, Slot};
use wire::Pin;

use crate::life::Knows;
use crate::limits::Limits;
use crate::operator::SyncAllowance;
use crate::owing::root_of;
use crate::scope::Want;
use crate::view::{DeviceView, Exception, ItemState, OpenCommand, Parked, ScanFrom, Verb, Wait};
use crate::wire_id::wire_id;

/// The work that the driver read for a poll, in addition to the view. Every person named here is in the view.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Open commands whose answer is overdue.
    pub overdue: Vec<ItemKey>,
    /// Exceptions that are due, the longest waiting first.
    pub due: Vec<ItemKey>,
    /// The next PINs with a user, from the position of the scan.
    pub scan_page: Vec<Pin>,
    /// There are more PINs after that page.
    pub scan_more: bool,
    /// The next rows of the feed after the cursor, in order.
    pub feed_page: Vec<(Seq, ItemKey)>,
    /// There are more rows after that page: the scan waits until the feed is read.
    pub feed_more: bool,
    /// The items of `due` that were written to this device more than [`Limits::writes_per_hour`] times within the hour.
    pub items_over_write_limit: BTreeSet<ItemKey>,
}

/// One item to send, with all its command lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// The item.
    pub key: ItemKey,
    /// The effect of the command.
    pub verb: Verb,
    /// The id of its command, without the two characters for the line.
    pub wire_id: String,
}

/// Decides what to send in the answer to a poll. The view holds the changes afterwards.
///
/// `beside` says what ordered commands allow ([`crate::operator::plan`]). `salt` is fresh randomness: command numbers may
/// repeat after a restored backup, and an old acknowledgement must not match a new command.
pub fn plan(
    view: &mut DeviceView,
    work: &Work,
    beside: SyncAllowance,
    now: Millis,
    limits: &Limits,
    salt: u64,
) -> Vec<Send> {
    if beside == SyncAllowance::Nothing {
        return Vec::new();
    }
    let mut planner =
        Planner { view, now, limits, salt, sends: Vec::new(), lines: 0, bytes: 0, no_room: false };
    planner.overdue(&work.overdue);
    if planner.view.joining.is_some() || beside == SyncAllowance::Overdue {
        return planner.sends;
    }
    planner.exceptions(&work.due, &work.items_over_write_limit);
    planner.feed(&work.feed_page);
    if !work.feed_more {
        planner.scan(&work.scan_page, work.scan_more);
    }
    planner.sends
}

const HOUR_MS: i64 = 3_600_000;

/// How often Muster sends a command before it lets others pass for a while.
const MAX_SENDS: u32 = 6;

/// Approximate size of one line of a deletion, bytes.
const DELETE_LINE_BYTES: usize = 64;

struct Planner<'a> {
    view: &'a mut DeviceView,
    now: Millis,
    limits: &'a Limits,
    salt: u64,
    sends: Vec<Send>,
    lines: usize,
    bytes: usize,
    /// The reply holds a heavy item, or an item did not fit.
    no_room: bool,
}

impl Planner<'_> {
    /// Sends overdue commands again with the same id. Gives a command up if its item changed, or if it brings several
    /// lines.
    fn overdue(&mut self, keys: &[ItemKey]) {
        for key in keys {
            let Some(command) = self.view.open_of(key).cloned() else { continue };
            if command.due_at > self.now {
                continue;
            }
            if command.again
                || self.item_changed(key, &command)
                || command.verb.brings() && self.view.is_without_user(key)
            {
                self.view.give_up(key, None);
                self.view.owe(key, self.now, command.attempts);
                continue;
            }
            if command.verb.brings() && command.lines > 1 {
                // The device must carry out all parts of a template, and both halves of a replacement, in one attempt. With
                // the same id, the answers to two interrupted attempts could look like one complete attempt.
                self.view.give_up(key, None);
                let attempts = command.attempts + 1;
                self.view.owe(key, self.now.plus(self.limits.retry_pause(attempts)), attempts);
                continue;
            }
            if !self.has_room(key, command.verb) {
                break;
            }
            if command.sends >= MAX_SENDS {
                // Commands that are never answered must not delay others.
                self.view.give_up(key, None);
                let attempts = command.attempts + 1;
                self.view.owe(key, self.now.plus(self.limits.longest_pause_ms), attempts);
                continue;
            }
            let sends = command.sends + 1;
            let due_at = self.now.plus(self.limits.answer_pause(sends));
            self.take_room(key, command.verb);
            self.sends.push(Send { key: key.clone(), verb: command.verb, wire_id: command.wire_id.clone() });
            let lines = u16::try_from(self.size(key, command.verb).0).unwrap_or(u16::MAX);
            self.view.put_open(key, OpenCommand { sends, due_at, lines, answered: 0, ..command });
        }
    }

    fn item_changed(&self, key: &ItemKey, command: &OpenCommand) -> bool {
        let brings = match self.view.want(key) {
            Want::Present => Some(true),
            Want::Absent => Some(false),
            Want::ByUser | Want::Anything => None,
        };
        brings != Some(command.verb.brings())
            || self.view.item(key).is_none_or(|item| item.seq != command.seq)
    }

    fn exceptions(&mut self, keys: &[ItemKey], items_over_write_limit: &BTreeSet<ItemKey>) {
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_by_key(|key| rank(key));
        let mut failing = 0;
        for key in keys {
            if self.is_full() {
                break;
            }
            if self.view.exception(key).is_some_and(|e| e.attempts > 0) {
                // Failed items take at most half of the open commands. The rest is for items that may succeed.
                failing += 1;
                if failing > self.limits.open.div_ceil(2) {
                    continue;
                }
            }
            let due =
                self.view.exception(key).is_some_and(|e| matches!(e.wait, Wait::Due(at) if at <= self.now));
            if due && items_over_write_limit.contains(key) {
                // The device does not keep what Muster writes. This limit prevents an endless loop.
                self.view.owe(key, self.now.plus(HOUR_MS), 1);
            } else if due && self.view.open_of(key).is_none() {
                let place_is_kept = self.view.exception(key).is_some_and(|e| e.wait == Wait::ROOM);
                self.send(key, Origin::Exception);
                if place_is_kept {
                    self.pass_place_on(key);
                }
            } else if due {
                // The item is due and has an open command: the answer to the command makes it due again.
                self.view.owe_nothing(key);
                self.view.again_or_due(key, self.now);
            }
        }
    }

    /// The first fill goes by PIN, because the feed does not put a user before its templates. Definitions come before all
    /// PINs.
    fn scan(&mut self, page: &[Pin], more: bool) {
        if self.view.scan.is_none() || self.pauses() {
            return;
        }
        if self.view.scan == Some(ScanFrom::Start) {
            self.view.begin_loads();
        }
        for pin in page {
            if self.is_full() || self.pauses() {
                return;
            }
            if self.view.in_scope(pin) {
                for slot in self.view.live_slots(pin) {
                    self.send(&ItemKey { pin: pin.clone(), slot }, Origin::Scan);
                }
            }
            self.view.scan = Some(ScanFrom::After(pin.clone()));
            self.view.touch_device();
        }
        if !more {
            self.view.scan = None;
            self.view.touch_device();
        }
    }

    fn feed(&mut self, page: &[(Seq, ItemKey)]) {
        for (seq, key) in page {
            if self.is_full() || self.pauses() || !self.is_known_as_of(*seq, key) {
                return;
            }
            self.row(*seq, key);
            self.view.read_up_to(*seq, self.now);
            self.view.touch_device();
        }
    }

    /// Whether the item was read in the version of the row, or in a newer one. The cursor does not pass a row that is newer
    /// than the item: the device would get the old content or nothing, and Muster would never return to that change.
    fn is_known_as_of(&self, seq: Seq, key: &ItemKey) -> bool {
        self.view.item(key).is_some_and(|item| item.seq >= seq)
    }

    /// Turns one row of the feed into exactly one of: sent, marked `again` on its open command, an exception, or skipped.
    fn row(&mut self, seq: Seq, key: &ItemKey) {
        let Some(item) = self.view.item(key).cloned() else { return };
        if item.seq > seq {
            // The item changed after the page was read. The row of that change comes later and covers everything.
            return;
        }
        let root = root_of(key);
        if let Some(area) = key.slot.area() {
            if self.view.areas.contains(&area) {
                self.membership_row(seq, key, item.live);
            }
            return;
        }
        let open = self.view.open_of(key).is_some();
        let owed = self.view.exception(key).is_some_and(|e| !matches!(e.wait, Wait::No));
        let is_user = key.slot == Slot::USER;
        let knows = self.view.knows(&key.pin);
        if !item.live && is_user && (open || owed && knows != Knows::Nobody) {
            self.view.wipe(key);
        }
        if !item.live && is_user && !open && !owed && knows == Knows::Nobody {
            // The device holds nobody of the fleet under the PIN.
            return;
        }
        // The PIN belongs to another person now: the device must remove everything of the former person first.
        if is_user && item.live && matches!(knows, Knows::Former | Knows::Mixed) {
            self.view.wipe(key);
            return self.view.again_or_due(key, self.now);
        }
        if open {
            return self.view.again(key);
        }
        if owed {
            return self.view.again_or_due(key, self.now);
        }
        match self.view.want(key) {
            // The row of the membership settles this item.
            Want::Absent if *key == root => {}
            Want::ByUser if !item.live && self.view.ever_in_scope(&key.pin) => {
                self.view.wipe(&root);
                self.view.again_or_due(&root, self.now);
            }
            Want::Anything if !item.live => {
                let winner =
                    self.view.person(&key.pin).and_then(|person| self.view.winner(person, &key.slot));
                if let Some(slot) = winner.filter(|_| self.view.in_scope(&key.pin)) {
                    self.view.again_or_due(&ItemKey { pin: key.pin.clone(), slot }, self.now);
                }
            }
            Want::ByUser | Want::Anything => {}
            // The scan sends it, after its user.
            Want::Present if !self.view.scanned(&key.pin) => {}
            Want::Present if self.view.holds_own(key) => {}
            Want::Present | Want::Absent => self.send(key, Origin::Feed),
        }
    }

    /// A person came into the areas of this device, or left them.
    ///
    /// For a person who came, everything that the feed skipped before is due now. Newer changes have rows of their own.
    fn membership_row(&mut self, seq: Seq, key: &ItemKey, live: bool) {
        let in_scope = self.view.in_scope(&key.pin);
        if live && in_scope {
            if self.view.scanned(&key.pin) {
                let before = self.view.person(&key.pin).map(|p| p.exceptions.clone()).unwrap_or_default();
                let knows = self.view.knows(&key.pin);
                self.view.owe_older(&key.pin, seq, self.now);
                if knows != Knows::Present {
                    self.owe_as_new(&key.pin, &before);
                }
            }
        } else if !live && !in_scope {
            let root = root_of(key);
            let nobody = self.view.exception(&root).is_some_and(|e| e.known == Some(Seq(0)) && !e.wipe);
            if nobody && self.view.open_of(&root).is_none() {
                if self.view.claim(&key.pin).is_none() {
                    self.view.mark_known(&root, None);
                }
                return;
            }
            self.view.again_or_due(&root, self.now);
        }
    }

    /// Notes that the items of a person who came are not on the device yet.
    fn owe_as_new(&mut self, pin: &Pin, before: &BTreeMap<Slot, Exception>) {
        for slot in self.view.live_slots(pin) {
            let key = ItemKey { pin: pin.clone(), slot };
            let now_owed = self.view.exception(&key).filter(|e| matches!(e.wait, Wait::Due(_)));
            if let Some(exception) = now_owed.filter(|_| !before.contains_key(&slot)) {
                let known = (slot == Slot::USER).then_some(Seq(0)).or(exception.known);
                self.view.put_exception(&key, Exception { wait: Wait::ROOM, known, ..exception });
            }
        }
    }

    /// Sends what the device should hold of `key`, or notes what has to happen first.
    fn send(&mut self, key: &ItemKey, origin: Origin) {
        if self.view.open_of(key).is_some() {
            self.view.owe_nothing(key);
            if origin == Origin::Scan {
                self.view.count_place(key.slot.kind);
            }
            return self.view.again(key);
        }
        let root = root_of(key);
        let is_root = *key == root;
        let before = self.view.exception(key);
        if before.is_some_and(|e| e.wait == Wait::Parked(Parked::Held)) {
            return;
        }
        let verb = match self.view.want(key) {
            Want::Present => self.verb_for(key),
            Want::Absent => Verb::Delete,
            Want::Anything => return self.view.owe_nothing(key),
            // The end of the claim decides about this item.
            Want::ByUser if self.view.claim(&key.pin).is_some() => {
                return self.view.park(key, Parked::NoUser);
            }
            Want::ByUser => {
                self.view.owe_nothing(key);
                self.view.wipe(&root);
                return self.view.again_or_due(&root, self.now);
            }
        };
        let Some(item) = self.view.item(key).cloned() else { return self.view.owe_nothing(key) };
        if verb.brings() && self.view.is_refused(key) {
            return self.view.owe_nothing(key);
        }
        // An item that waits for its user takes no place meanwhile.
        let alone = verb.brings() && !is_root && self.waits_for_missing_user(key, &root);
        // A replacement makes room for itself.
        let replaces = is_root && before.is_some_and(|e| e.wipe);
        if verb.brings() && !alone && !replaces && self.parks_for_lack_of_room(key, &item, origin) {
            return;
        }
        if !is_root && self.waits_for_user(key, &root, verb) {
            return;
        }
        if !self.has_room(key, verb) {
            self.no_room = true;
            return self.view.owe(key, self.now, before.map_or(0, |e| e.attempts));
        }
        self.emit(key, verb, &item, before);
    }

    /// The command that brings an item. The first command of a person removes everything that may be under the PIN, unless
    /// Muster knows that nobody is there.
    fn verb_for(&self, key: &ItemKey) -> Verb {
        if key.slot != Slot::USER {
            return Verb::Update;
        }
        match self.view.knows(&key.pin) {
            Knows::Present => Verb::Update,
            Knows::Nobody if self.view.roster_complete => Verb::Insert,
            Knows::Nobody | Knows::Former | Knows::Mixed => Verb::Replace,
        }
    }

    /// Whether `key` waits for its user: a template never goes out before its user, nor beside a deletion of its user.
    fn waits_for_user(&mut self, key: &ItemKey, user: &ItemKey, verb: Verb) -> bool {
        if let Some(waits) = self.waits_for_open_user(key, user) {
            return waits;
        }
        if verb == Verb::Delete {
            return false;
        }
        if self.waits_for_missing_user(key, user) {
            return true;
        }
        if self.view.settled(user) {
            return false;
        }
        self.send(user, Origin::Pulled);
        self.waits_for_open_user(key, user).unwrap_or_else(|| self.waits_for_missing_user(key, user))
    }

    /// Whether the user is not on the device, or not yet. Then `key` waits as long as the user does.
    fn waits_for_missing_user(&mut self, key: &ItemKey, user: &ItemKey) -> bool {
        let Some(exception) = self.view.exception(user) else { return false };
        match exception.wait {
            Wait::Due(at) if at > self.now || self.no_room => {
                if at <= self.now && self.view.exception(key).is_some_and(|e| e.wait == Wait::ROOM) {
                    return true;
                }
                let attempts = self.view.exception(key).map_or(0, |e| e.attempts);
                self.view.owe(key, at.max(self.now), attempts);
            }
            Wait::Parked(_) => self.view.park(key, Parked::NoUser),
            Wait::No if self.view.is_refused(user) => self.view.park(key, Parked::NoUser),
            Wait::Due(_) | Wait::No => return false,
        }
        true
    }

    /// Whether `key` waits for the open command of its user; `None` without such a command.
    ///
    /// A user and its templates may go out in one reply. A user command of an earlier reply that has no answer may be lost:
    /// then the device would refuse the templates.
    fn waits_for_open_user(&mut self, key: &ItemKey, user: &ItemKey) -> Option<bool> {
        let removing = matches!(self.view.open_of(user)?.verb, Verb::Delete | Verb::Replace);
        if removing {
            // The answer makes everything of the person due. This time counts if the command is repeated.
            let attempts = self.view.exception(key).map_or(0, |e| e.attempts);
            self.view.owe(key, self.now.plus(self.limits.retry_pause(1)), attempts);
            return Some(true);
        }
        let with_this_reply = self.sends.iter().any(|send| send.key == *user);
        if !with_this_reply {
            self.view.park(key, Parked::NoUser);
        }
        Some(!with_this_reply)
    }

    /// Parks a new item if the device has no room, until it holds less. Items that the device holds are still updated.
    fn parks_for_lack_of_room(&mut self, key: &ItemKey, item: &ItemState, origin: Origin) -> bool {
        let kind = key.slot.kind;
        let wait = self.view.exception(key).map(|e| e.wait);
        if item.changed_by == Some(self.view.device) {
            // The device uploaded the item, so it holds the item already.
            if origin == Origin::Scan {
                self.view.count_place(kind);
            }
            return false;
        }
        let insert = match origin {
            Origin::Scan => true,
            Origin::Exception | Origin::Pulled | Origin::Feed => {
                wait == Some(Wait::ROOM) || item.created > self.view.cursor
            }
        };
        if !insert {
            return false;
        }
        // The scan counts places from zero. It must not send an item that the device is known to lack while it reports
        // itself full.
        let waits =
            origin == Origin::Scan && wait == Some(Wait::Parked(Parked::Full)) && self.view.says_full(kind);
        if !(self.view.full.contains(&kind) || waits) && self.view.take_place(kind, self.now) {
            return false;
        }
        self.view.park(key, Parked::Full);
        true
    }

    /// A place was kept for `key`. If `key` waits for something else, or is no longer wanted, the next item gets the place.
    fn pass_place_on(&mut self, key: &ItemKey) {
        let wait = self.view.exception(key).map(|exception| exception.wait);
        let needs_it = self.view.open_of(key).is_some()
            || matches!(wait, Some(Wait::Due(_) | Wait::Parked(Parked::Full)));
        if !needs_it {
            self.view.pass_place_on(key.slot.kind);
        }
    }

    /// A deletion makes room for items that wait.
    fn give_back_places(&mut self, key: &ItemKey) {
        let mut freed: BTreeMap<Kind, u64> = BTreeMap::new();
        if let Some(person) = self.view.person(&key.pin).filter(|_| key.slot == Slot::USER) {
            for (slot, item) in &person.items {
                let held = item.live || item.seq > self.view.cursor;
                if held && !person.exceptions.contains_key(slot) {
                    *freed.entry(slot.kind).or_default() += 1;
                }
            }
        } else {
            freed.insert(key.slot.kind, 1);
        }
        for (kind, items) in freed {
            self.view.give_back(kind, items);
        }
    }

    fn emit(&mut self, key: &ItemKey, verb: Verb, item: &ItemState, before: Option<Exception>) {
        let number = self.view.next_command;
        self.view.next_command += 1;
        self.view.touch_device();
        if verb == Verb::Delete && before.is_none() {
            self.give_back_places(key);
        }
        let attempts = before.map_or(0, |e| e.attempts);
        let refused = before.and_then(|e| e.refused).filter(|_| verb.brings());
        let removes_user = key.slot == Slot::USER && matches!(verb, Verb::Delete | Verb::Replace);
        let known = before.and_then(|e| e.known);
        let removes = removes_user || verb == Verb::Delete;
        let unconfirmed = before.and_then(|e| e.unconfirmed).filter(|_| removes);
        self.view.put_exception(
            key,
            Exception { wait: Wait::No, wipe: removes_user, known, refused, attempts: 0, unconfirmed },
        );
        let wire_id = wire_id(number, self.salt);
        let (lines, _) = self.size(key, verb);
        self.take_room(key, verb);
        self.sends.push(Send { key: key.clone(), verb, wire_id: wire_id.clone() });
        self.view.put_open(
            key,
            OpenCommand {
                number,
                wire_id,
                verb,
                seq: item.seq,
                again: false,
                sends: 1,
                attempts,
                due_at: self.now.plus(self.limits.answer_pause(1)),
                lines: u16::try_from(lines).unwrap_or(u16::MAX),
                answered: 0,
            },
        );
    }

    /// Whether too many exceptions are due: Muster sends those first.
    fn pauses(&self) -> bool {
        self.view.due_count > self.limits.due
    }

    fn is_full(&self) -> bool {
        self.view.open_count >= self.limits.open
            || self.lines >= self.limits.lines
            || self.bytes >= self.limits.bytes
            || self.no_room
    }

    /// Whether `key` fits into the reply. An item larger than a reply goes alone, or together with its own user: an
    /// unsettled user goes out before its template each time, so the template would never fit otherwise.
    fn has_room(&self, key: &ItemKey, verb: Verb) -> bool {
        let (lines, bytes) = self.size(key, verb);
        let root = root_of(key);
        self.sends.iter().all(|send| send.key == root)
            || (self.lines + lines <= self.limits.lines && self.bytes + bytes <= self.limits.bytes)
    }

    fn take_room(&mut self, key: &ItemKey, verb: Verb) {
        let (lines, bytes) = self.size(key, verb);
        self.lines += lines;
        self.bytes += bytes;
        self.no_room |= bytes > self.limits.heavy_bytes;
    }

    fn size(&self, key: &ItemKey, verb: Verb) -> (usize, usize) {
        let removed = || {
            let lines = roster::delete_command_count(key, &self.view.capability);
            (lines, lines * DELETE_LINE_BYTES)
        };
        let Some(item) = self.view.item(key).filter(|_| verb.brings()) else { return removed() };
        let brought = (usize::from(item.lines), item.bytes);
        let before = if verb == Verb::Replace { removed() } else { (0, 0) };
        (before.0 + brought.0, before.1 + brought.1)
    }
}

/// The order of due items: items that others refer to, users, items that belong to users.
const fn rank(key: &ItemKey) -> u8 {
    match key.slot.kind {
        Kind::Definition(_) => 0,
        Kind::User => 1,
        _ => 2,
    }
}

/// The reason for a send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Exception,
    Scan,
    Feed,
    /// The user goes out because a template needs it first.
    Pulled,
}
