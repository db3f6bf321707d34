//! Uploads of people: `OPERLOG`, `BIODATA` and the other tables that hold users, templates and photos.
//!
//! A body is one decision and one transaction. Most uploads repeat what the fleet holds. Muster decides without a lock first;
//! if nothing changes, it writes nothing and takes no sequence number. Otherwise it decides again under the lock. With a single
//! writer (SQLite), uploads of up to [`SMALL_UPLOAD_RECORDS`] records skip the lock-free pass, because deciding under the lock
//! is faster.

mod users;

use std::collections::{BTreeMap, BTreeSet};

use roster::{Capability, Content, ContentHash, DefinitionName, ItemKey, Kind, Millis, Reading, Seq};
use store::{ClaimedUser, DeviceRow, HeldKind, HeldRecord, PendingWork, StoreError, Tx};
use sync::intake::{Deletion, Held, Intake, Outcome, Policy};
use sync::{DeviceView, Reason};
use wire::{Operation, OperationMeaning, Pin, SerialNumber};

use crate::capability;
use crate::context::Context;
use crate::cpu_bound::run_cpu_bound;
use crate::http::response::DeviceError;
use crate::upload::decision::{Decision, Tally, in_order};
use crate::upload::held_records::describe;
use crate::upload::side_records::SideRecords;
use fleet::definition::Places;

/// Stores the people and the side records of a body: all of it or, if that fails, nothing. When this returns, everything is
/// durable.
pub async fn people(
    context: &Context,
    device: &DeviceRow,
    table: &str,
    body: &[u8],
    mut side_records: SideRecords<'_>,
) -> Result<(), DeviceError> {
    let too_long = wire::count_lines(body) > MAX_LINES;
    if too_long {
        side_records.keep_aside(device.id, table, "more lines than any device holds: stored unchanged", body);
    }
    let read = || roster::read(Some(table), body, &device.capability);
    let readings = if too_long { Vec::new() } else { run_cpu_bound(body.len(), read) };
    if readings.is_empty() {
        return side_records.store(context, device).await;
    }
    let upload =
        Upload { context, table, bytes: body.len(), readings, side_records, now: context.clock.now() };
    let at_once = context.store.writes_one_at_a_time() && upload.readings.len() <= SMALL_UPLOAD_RECORDS;
    if !at_once
        && !upload.has_operations()
        && upload.side_records.is_empty()
        && upload.changes_nothing(device).await?
    {
        return upload.side_records.store(context, device).await;
    }
    store::retry(|| upload.write(device)).await?;
    Ok(())
}

struct Upload<'a> {
    context: &'a Context,
    table: &'a str,
    /// Length of the body, bytes.
    bytes: usize,
    readings: Vec<Reading<'a>>,
    side_records: SideRecords<'a>,
    now: Millis,
}

impl Upload<'_> {
    /// Decides without a lock whether the upload repeats what the fleet holds: most uploads do.
    async fn changes_nothing(&self, device: &DeviceRow) -> Result<bool, StoreError> {
        let mut tx = self.context.store.read().await?;
        let found = tx.device_snapshot(&device.serial_number, self.now).await?;
        let changes_nothing = match found {
            Some((row, view, standing)) => {
                Box::pin(self.decide(&mut tx, &row, view, Some(&standing))).await?.is_empty()
            }
            None => false,
        };
        tx.rollback().await?;
        Ok(changes_nothing)
    }

    /// Decides under the lock, and writes.
    async fn write(&self, known: &DeviceRow) -> Result<(), StoreError> {
        let store = &self.context.store;
        // The lock order: clock, items, device.
        let long = self.readings.len() > LARGE_UPLOAD_RECORDS;
        let mut tx = if long { store.write_fleet_alone().await? } else { store.write_fleet().await? };
        let decided = Box::pin(self.decide_locked(&mut tx, &known.serial_number)).await?;
        let Some((row, decision)) = decided else { return tx.rollback().await };
        if decision.is_empty() && !self.has_operations() && self.side_records.is_empty() {
            // Commits the stamp of the upload, if there is one.
            return tx.commit().await;
        }
        let tally = decision.write(self.context, &mut tx, &row, self.now).await?;
        tx.commit().await?;
        let Tally { equal, edits, corrected, held, unreadable } = tally;
        tracing::info!(
            device.serial_number = %row.serial_number, table = self.table, equal, edits, corrected, held, unreadable,
            "upload"
        );
        Ok(())
    }

    /// Decides on the current state; `None` if the device is gone. Writes the side records first.
    async fn decide_locked(
        &self,
        tx: &mut Tx,
        serial_number: &SerialNumber,
    ) -> Result<Option<(DeviceRow, Decision)>, StoreError> {
        let Some((mut row, mut view, standing)) = tx.standing(serial_number, self.now).await? else {
            return Ok(None);
        };
        let mut standing = Some(&standing);
        self.side_records.write(&self.context.config, tx, &row, self.now).await?;
        if !self.side_records.is_empty() {
            row = tx.device(row.id).await?.unwrap_or(row);
            view = tx.view(&row).await?;
            standing = None;
        }
        let decision = self.decide(tx, &row, view, standing).await?;
        Ok(Some((row, decision)))
    }

    async fn decide(
        &self,
        tx: &mut Tx,
        row: &DeviceRow,
        mut view: DeviceView,
        standing: Option<&PendingWork>,
    ) -> Result<Decision, StoreError> {
        let pins: Vec<Pin> = self.pins().into_iter().collect();
        tx.load_persons_at(&mut view, &pins, standing).await?;
        let mut known = tx.known(row.id, &pins, self.now, standing).await?;
        let photographed = self.photographed();
        if !photographed.is_empty() {
            tx.know_photo_forms(&mut known, &photographed).await?;
        }
        for (key, content) in tx.contents(&self.wants_earlier(&view)).await? {
            if let Content::Template(template) = content {
                known.entry(key.pin).or_default().templates.insert(key.slot, template);
            }
        }
        let policy = self.policy(tx, row, &view).await?;
        let new_operations = self.new_operations(tx, row).await?;
        let deleted: Vec<Pin> = self.deleted().into_iter().collect();
        let visitors = tx.given_remotely(row.id, &deleted).await?;
        let key = tx.hash_key().clone();
        let places = if self.has_definitions() { Places::load(tx).await? } else { Places::default() };
        let mut deciding = Deciding {
            row,
            table: self.table,
            intake: Intake::new(&mut view, &mut known, &key, &policy, self.now),
            held: Vec::new(),
            tally: Tally::default(),
            capability: row.capability.clone(),
            queries: BTreeSet::new(),
            spoken_of: self.spoken_of(),
            visitors,
            places,
            users: BTreeMap::new(),
            left: Vec::new(),
            restored: false,
        };
        deciding.intake.enrolled = self.enrolled(row, &new_operations);
        run_cpu_bound(self.bytes, || {
            for number in self.users_first() {
                if let Some(reading) = self.readings.get(number) {
                    deciding.reading(reading, new_operations.contains(&number));
                }
            }
        });
        let Deciding { intake, held, tally, capability, queries, users, left, restored, .. } = deciding;
        let unexplained_deletions = intake.unexplained_deletions;
        let (edits, partial) = (run_cpu_bound(self.bytes, || in_order(intake.edits)), intake.partial);
        if row.joining.is_none() && capability::takes_other_things(&row.capability, &capability) {
            tracing::info!(
                device.serial_number = %row.serial_number,
                "the upload shows new capabilities of the device: comparing everything"
            );
            view.rescan();
        }
        let changes = view.take_changes();
        Ok(Decision {
            view,
            changes,
            edits: edits.0,
            own_edits: edits.1,
            partial,
            held,
            capability: (capability != row.capability).then_some(capability),
            queries,
            users,
            left,
            unexplained_deletions,
            restored,
            tally,
        })
    }

    /// Operations are always logged in the database, so a pass without writing is useless.
    fn has_operations(&self) -> bool {
        self.readings.iter().any(|reading| matches!(reading, Reading::Operation { .. }))
    }

    fn has_definitions(&self) -> bool {
        self.readings.iter().any(|reading| matches!(reading, Reading::Definition { .. }))
    }

    fn pins(&self) -> BTreeSet<Pin> {
        self.readings
            .iter()
            .filter_map(|reading| match reading {
                Reading::User { pin, .. } => Some(pin.clone()),
                Reading::Item { key, .. } => Some(key.pin.clone()),
                Reading::Definition { name, .. } => name.owner().ok(),
                Reading::Operation { operation, .. } => match operation.meaning() {
                    OperationMeaning::UserDeleted(pin)
                    | OperationMeaning::Enrolled(pin)
                    | OperationMeaning::PartDeleted { pin, .. } => Some(pin),
                    _ => None,
                },
                Reading::Unreadable { .. } => None,
            })
            .collect()
    }

    /// People enrolled as new at the device, by operations of the body that were not reported before.
    fn enrolled(&self, row: &DeviceRow, new_operations: &BTreeSet<usize>) -> BTreeSet<Pin> {
        let new_user = |number: &usize| match self.readings.get(*number) {
            Some(Reading::Operation { operation, .. }) if !is_history(row, operation) => operation.new_user(),
            _ => None,
        };
        new_operations.iter().filter_map(new_user).collect()
    }

    /// People with photos in this body.
    fn photographed(&self) -> Vec<Pin> {
        let pin = |reading: &Reading<'_>| match reading {
            Reading::Item { key, content: Content::Photo(_), .. } => Some(key.pin.clone()),
            _ => None,
        };
        self.readings.iter().filter_map(pin).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// People with records in this body: Muster need not ask for them. A photo alone does not count.
    fn spoken_of(&self) -> BTreeSet<Pin> {
        let is_picture = |kind| matches!(kind, Kind::UserPhoto | Kind::ComparisonPhoto);
        let pin = |reading: &Reading<'_>| match reading {
            Reading::User { pin, .. } => Some(pin.clone()),
            Reading::Item { key, .. } if is_picture(key.slot.kind) => None,
            Reading::Item { key, .. } => Some(key.pin.clone()),
            Reading::Definition { .. } | Reading::Operation { .. } | Reading::Unreadable { .. } => None,
        };
        self.readings.iter().filter_map(pin).collect()
    }

    /// The order of processing: a user before its templates, whatever their order in the body, unless the body also reports the
    /// deletion of that user.
    fn users_first(&self) -> Vec<usize> {
        let deleted = self.deleted();
        let first = |number: &usize| matches!(self.readings.get(*number), Some(Reading::User { pin, .. }) if !deleted.contains(pin));
        let (users, others): (Vec<usize>, Vec<usize>) = (0..self.readings.len()).partition(first);
        users.into_iter().chain(others).collect()
    }

    /// People whose deletion the body reports.
    fn deleted(&self) -> BTreeSet<Pin> {
        self.readings
            .iter()
            .filter_map(|reading| match reading {
                Reading::Operation { operation, .. } => match operation.meaning() {
                    OperationMeaning::UserDeleted(pin) => Some(pin),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    /// Templates that arrive in parts: the intake needs their current content.
    fn wants_earlier(&self, view: &DeviceView) -> Vec<ItemKey> {
        let wants = |reading: &Reading<'_>| match reading {
            Reading::Item { key, content: Content::Template(template), .. } => {
                view.wants_earlier_parts(key, template).then(|| key.clone())
            }
            _ => None,
        };
        self.readings.iter().filter_map(wants).collect()
    }

    /// Logs the operations of the body and returns those that were not reported before: a device that uploads its whole log
    /// again must not delete anybody.
    async fn new_operations(&self, tx: &mut Tx, row: &DeviceRow) -> Result<BTreeSet<usize>, StoreError> {
        let mut new = BTreeSet::new();
        let operations = self.readings.iter().enumerate().filter_map(|(number, reading)| match reading {
            Reading::Operation { operation, .. } => Some((number, operation)),
            _ => None,
        });
        for (number, operation) in operations {
            if tx.log_operation(row.id, operation, self.now).await? {
                new.insert(number);
            }
        }
        Ok(new)
    }

    async fn policy(&self, tx: &mut Tx, row: &DeviceRow, view: &DeviceView) -> Result<Policy, StoreError> {
        let config = &self.context.config;
        // An answer that shows another person proves a deletion that was reported before.
        let in_doubt = |person: &sync::Person| {
            person.claim.as_ref().is_some_and(|claim| claim.state.reason == Reason::Deleted)
        };
        let may_delete = !self.deleted().is_empty() || view.persons.values().any(in_doubt);
        let left = if may_delete && config.deletion == Deletion::Propagate {
            fleet::deletion_limit::deletions_left(tx, self.now).await?
        } else {
            0
        };
        Ok(config.policy(row, left))
    }
}

const DAY_MS: i64 = 24 * 3_600_000;

/// Longer than any user record that devices send: storing more could harm other requests.
const MAX_USER_BYTES: usize = 2_048;

/// At most this many records of one upload are held one by one; further unreadable ones are held together.
const MAX_HELD: usize = 100;

/// Uploads of up to this many records skip the lock-free pass on SQLite.
const SMALL_UPLOAD_RECORDS: usize = 8;

/// Uploads of more records take long, so they commit alone: other transactions do not wait in their commit group.
const LARGE_UPLOAD_RECORDS: usize = 1_000;

/// More lines than any device holds: Muster stores such a body unchanged.
const MAX_LINES: usize = 250_000;

struct Deciding<'a> {
    row: &'a DeviceRow,
    table: &'a str,
    intake: Intake<'a>,
    held: Vec<HeldRecord>,
    tally: Tally,
    capability: Capability,
    queries: BTreeSet<Pin>,
    spoken_of: BTreeSet<Pin>,
    /// People whom Muster gave to the device for one punch.
    visitors: BTreeSet<Pin>,
    places: Places,
    /// The user records so far, unchanged.
    users: BTreeMap<Pin, ClaimedUser>,
    /// Templates and photos that are only stored.
    left: Vec<(Pin, ContentHash)>,
    restored: bool,
}

impl Deciding<'_> {
    fn reading(&mut self, reading: &Reading<'_>, new: bool) {
        match reading {
            Reading::User { line, pin, raw, .. } if raw.len() > MAX_USER_BYTES => {
                let reason = format!("a user record of {} bytes, devices send some hundred", raw.len());
                self.unreadable(Some(pin.clone()), *line, "USER", reason, raw);
            }
            Reading::User { line, pin, patch, raw } => {
                self.learn_from(pin, patch);
                let record = ClaimedUser { table: self.table.to_owned(), raw: raw.to_vec() };
                self.users.insert(pin.clone(), record);
                let outcome = self.intake.user(pin, patch);
                self.count(&outcome, pin, *line, "USER", raw);
                self.keep_unreadable_name(pin, patch, *line, raw);
            }
            Reading::Item { line, key, content, raw } if content.wire_bytes() > wire::MAX_COMMAND_BYTES => {
                let reason = "too large to send to any device".to_owned();
                self.unreadable(Some(key.pin.clone()), *line, &key.slot.to_string(), reason, raw);
            }
            Reading::Item { line, key, content, raw } => {
                if let Kind::Template(bio_type) = key.slot.kind {
                    let algorithm = key.slot.algorithm;
                    if algorithm.major > 0 {
                        self.capability.learn_version(bio_type, algorithm.major, algorithm.minor);
                    }
                }
                let outcome = self.intake.item(key, content.clone());
                if matches!(outcome, Outcome::Held(Held::Left(..))) {
                    let hash = roster::hash(self.intake.hash_key, &key.slot, content);
                    self.left.push((key.pin.clone(), hash));
                }
                self.count(&outcome, &key.pin, *line, &key.slot.to_string(), raw);
            }
            Reading::Definition { line, name, text, raw } => self.definition(*line, name, text, raw),
            Reading::Operation { line, operation } => match operation.meaning() {
                _ if !new => {}
                OperationMeaning::UserDeleted(_)
                | OperationMeaning::Restored
                | OperationMeaning::PartDeleted { .. }
                    if is_history(self.row, operation) => {}
                OperationMeaning::UserDeleted(pin) => {
                    let visited = self.visitors.contains(&pin);
                    let outcome =
                        if visited { self.intake.forgotten(&pin) } else { self.intake.deletion(&pin) };
                    let raw = format!("OPLOG {} {pin} {}", operation.code, operation.time);
                    self.count(&outcome, &pin, *line, "OPLOG", raw.as_bytes());
                }
                OperationMeaning::Wiped => {
                    tracing::warn!(
                        device.serial_number = %self.row.serial_number, code = operation.code,
                        "device was wiped: filling it again"
                    );
                    self.intake.wiped();
                }
                OperationMeaning::Restored => {
                    tracing::warn!(
                        device.serial_number = %self.row.serial_number, code = operation.code,
                        "device was restored from a backup: comparing its people before accepting any"
                    );
                    self.restored = true;
                    self.intake.view.restored();
                }
                OperationMeaning::Enrolled(pin) => {
                    let told = self.spoken_of.contains(&pin);
                    if !told && self.intake.asks_for(&pin, is_history(self.row, operation)) {
                        self.queries.insert(pin);
                    }
                }
                OperationMeaning::PartDeleted { pin, part } if self.will_show_cleared(&pin, part) => {
                    if !self.spoken_of.contains(&pin) {
                        self.queries.insert(pin);
                    }
                }
                OperationMeaning::PartDeleted { pin, part } => {
                    let outcome = self.intake.part_deleted(&pin);
                    let raw = format!("OPLOG {} {pin} {part:?} {}", operation.code, operation.time);
                    self.count(&outcome, &pin, *line, "OPLOG", raw.as_bytes());
                }
                OperationMeaning::PoweredOn | OperationMeaning::Other => {}
            },
            Reading::Unreadable { line, tag, reason, raw } => {
                self.unreadable(None, *line, tag, reason.clone(), raw);
            }
        }
    }

    fn definition(&mut self, line: usize, name: &DefinitionName, text: &str, raw: &[u8]) {
        let tag = name.kind.table().form().to_string();
        let (Ok(key), Ok(definition)) = (fleet::definition::key(name), self.places.work_code(name, text))
        else {
            let reason = "devices do not accept its name".to_owned();
            return self.unreadable(None, line, &tag, reason, raw);
        };
        let outcome = self.intake.definition(&key, definition);
        self.count(&outcome, &key.pin, line, &tag, raw);
    }

    fn count(&mut self, outcome: &Outcome, pin: &Pin, line: usize, tag: &str, raw: &[u8]) {
        match outcome {
            Outcome::Equal | Outcome::Partly => self.tally.equal += 1,
            Outcome::Edit => self.tally.edits += 1,
            Outcome::Corrected => self.tally.corrected += 1,
            Outcome::Held(Held::Cleared(_, fields)) => self.hold_cleared(pin, fields, line),
            Outcome::Held(held) => {
                self.tally.held += 1;
                let (kind, reason) = describe(held);
                self.hold(kind, Some(pin.clone()), line, tag, reason, raw);
            }
        }
    }

    /// Holds an unreadable record: the first ones by themselves, further ones together.
    fn unreadable(&mut self, pin: Option<Pin>, line: usize, tag: &str, reason: String, raw: &[u8]) {
        self.tally.unreadable += 1;
        match self.held.last_mut().filter(|_| self.tally.unreadable > MAX_HELD) {
            Some(rest) if self.tally.unreadable > MAX_HELD + 1 && rest.kind == HeldKind::Unreadable => {
                rest.raw.push(b'\n');
                rest.raw.extend_from_slice(raw);
                "and further records of the same upload that cannot be read".clone_into(&mut rest.reason);
            }
            _ => self.hold(HeldKind::Unreadable, pin, line, tag, reason, raw),
        }
    }

    fn hold(&mut self, kind: HeldKind, pin: Option<Pin>, line: usize, tag: &str, reason: String, raw: &[u8]) {
        self.held.push(HeldRecord {
            device: self.row.id,
            kind,
            table: Some(self.table.to_owned()),
            life: self.life_of(pin.as_ref()),
            pin,
            tag: tag.to_owned(),
            line: i64::try_from(line).ok(),
            reason,
            raw: raw.to_vec(),
        });
    }

    /// The life that the fleet holds under a PIN.
    fn life_of(&self, pin: Option<&Pin>) -> Option<Seq> {
        let person = self.intake.view.persons.get(pin?)?;
        Some(person.life().unwrap_or(Seq(0)))
    }
}

/// Whether an operation was done before the device joined the fleet. The device's clock is local and may be wrong, so Muster
/// allows for one day.
fn is_history(row: &DeviceRow, operation: &Operation) -> bool {
    let done = operation.time.trim().parse::<jiff::civil::DateTime>().ok();
    let done = done.and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let approved = row.approved_at.map_or(0, |at| at.0);
    done.is_some_and(|time| time.timestamp().as_millisecond() + DAY_MS < approved)
}
