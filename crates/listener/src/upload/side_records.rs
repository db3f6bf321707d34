//! Side records: everything in an upload except people, such as punches, their pictures, other records, and unreadable records.
//!
//! An upload is one transaction (reference 2.11): Muster collects the side records first, and writes them with the people of
//! the same body, or alone if the body holds no people.

use std::borrow::Cow;
use std::collections::BTreeSet;

use roster::Millis;
use store::{
    DeviceRecordKind, DeviceRow, HeldKind, HeldRecord, MOST_PICTURE_BYTES, NewAttendancePhoto, NewPunch,
    StoreError, Tx,
};
use wire::{AttendancePhoto, DeviceRecord, Origin, Pin, RecordKind};

use crate::config::{Attendance, Config};
use crate::context::Context;
use crate::http::response::DeviceError;
use crate::log_text::printable;
use crate::upload::error_report;
use crate::upload::stamps::StampUpdate;

/// The side records of one upload.
#[derive(Default)]
pub struct SideRecords<'a> {
    punches: Vec<Cow<'a, [u8]>>,
    photos: Vec<NewAttendancePhoto>,
    others: Vec<(Option<RecordKind>, Cow<'a, [u8]>)>,
    verifications: Vec<&'a [u8]>,
    held: Held,
    stamp: Option<(StampUpdate, usize)>,
    /// People whose records a joining or reading device showed.
    shown: BTreeSet<Pin>,
}

/// Records that are held for an operator.
#[derive(Default)]
struct Held {
    records: Vec<HeldRecord>,
    unreadable: usize,
}

/// At most this many records of one upload are held one by one; further unreadable ones are held together.
const MAX_HELD: usize = 100;

/// Longer lines are not punches, and longer records are not of a known kind: Muster holds them.
const MAX_PUNCH_BYTES: usize = 16 << 10;
const MAX_RECORD_BYTES: usize = 2 << 20;

/// Number of punches that are read before they are written.
const PUNCH_BATCH: usize = 1_024;

impl<'a> SideRecords<'a> {
    /// Adds attendance records, which Muster keeps or discards by the setting `attendance`.
    pub fn punches(&mut self, config: &Config, device: &DeviceRow, lines: Cow<'a, [u8]>) {
        let records = wire::count_lines(&lines);
        if records == 0 {
            return;
        }
        match config.attendance {
            Attendance::Keep => self.punches.push(lines),
            Attendance::Discard => discarded(device, "ATTLOG", records),
        }
    }

    /// Adds the picture of a punch, kept or discarded by the same setting (§11.3).
    pub fn photo(&mut self, config: &Config, device: &DeviceRow, body: &[u8]) {
        const TABLE: &str = "ATTPHOTO";
        if wire::count_lines(body) == 0 {
            return;
        }
        if config.attendance == Attendance::Discard {
            return discarded(device, TABLE, 1);
        }
        let photo = match AttendancePhoto::read(body) {
            Ok(photo) if photo.picture.len() <= MOST_PICTURE_BYTES => photo,
            Ok(_) => {
                let reason = "a picture of more than 2 MiB".to_owned();
                return self.held.unreadable(device.id, TABLE, TABLE, None, reason, body);
            }
            Err(error) => {
                return self.held.unreadable(device.id, TABLE, TABLE, None, error.to_string(), body);
            }
        };
        let doubtful = !photo.fits || !photo.is_jpeg();
        if doubtful {
            tracing::warn!(
                device.serial_number = %device.serial_number, announced = photo.announced_bytes,
                bytes = photo.picture.len(), "a picture of a punch does not have the announced size, or is not a JPEG: stored unchanged"
            );
        }
        self.photos.push(NewAttendancePhoto {
            pin: photo.name.pin.unwrap_or_default(),
            time: photo.name.time,
            photo_type: photo.name.photo_type,
            file_name: photo.file_name,
            doubtful,
            picture: photo.picture.into_owned(),
        });
    }

    /// Adds other records; `table` is for lines without a tag.
    pub fn others(&mut self, table: Option<RecordKind>, lines: Cow<'a, [u8]>) {
        if wire::count_lines(&lines) > 0 {
            self.others.push((table, lines));
        }
    }

    /// Adds the body of a background verification, whose format is not documented (§15).
    pub fn verification(&mut self, device: &DeviceRow, body: &'a [u8]) {
        if body.len() > MAX_RECORD_BYTES {
            self.keep_aside(device.id, "PostVerifyData", "larger than 2 MiB: stored unchanged", body);
        } else if !body.is_empty() {
            self.verifications.push(body);
        }
    }

    /// Adds a body that Muster cannot read, to be stored unchanged.
    pub fn keep_aside(&mut self, device: i64, table: &str, reason: &str, body: &[u8]) {
        if wire::count_lines(body) > 0 {
            self.held.records.push(HeldRecord {
                life: None,
                device,
                kind: HeldKind::UnreadTable,
                table: Some(printable(table)),
                pin: None,
                tag: String::new(),
                line: None,
                reason: reason.to_owned(),
                raw: body.to_vec(),
            });
        }
    }

    /// Adds the stamp of the upload, and the number of its records.
    pub fn stamp(&mut self, stamp: Option<StampUpdate>, records: usize) {
        self.stamp = stamp.map(|stamp| (stamp, records));
    }

    /// Adds people whose records a joining or reading device showed.
    pub fn shows(&mut self, users: BTreeSet<Pin>) {
        self.shown.extend(users);
    }

    /// Whether the upload holds no side records.
    pub fn is_empty(&self) -> bool {
        self.punches.is_empty()
            && self.photos.is_empty()
            && self.others.is_empty()
            && self.verifications.is_empty()
            && self.held.records.is_empty()
    }

    /// Writes the side records in their own transaction.
    ///
    /// # Errors
    /// Those of the database; then nothing was written.
    pub async fn store(&self, context: &Context, device: &DeviceRow) -> Result<(), DeviceError> {
        if self.is_empty() && self.stamp.is_none() && self.shown.is_empty() {
            return Ok(());
        }
        let now = context.clock.now();
        store::retry(|| async {
            let mut tx = context.store.write().await?;
            let Some(row) = tx.lock_device(device.id).await? else { return tx.rollback().await };
            self.write(&context.config, &mut tx, &row, now).await?;
            tx.commit().await
        })
        .await?;
        Ok(())
    }

    /// Writes the side records. The caller holds the lock of the device row; `row` may be out of date afterwards.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn write(
        &self,
        config: &Config,
        tx: &mut Tx,
        row: &DeviceRow,
        now: Millis,
    ) -> Result<(), StoreError> {
        if let Some((stamp, records)) = &self.stamp {
            stamp.write(tx, row.id, *records, now).await?;
        }
        if row.is_read() {
            tx.note_shown(row.id, &self.shown).await?;
        }
        let mut held = Held::default();
        for lines in &self.punches {
            write_punches(config, tx, row, lines, &mut held, now).await?;
        }
        for photo in &self.photos {
            tx.keep_attendance_photo(row.id, photo, now).await?;
        }
        for (table, lines) in &self.others {
            write_others(config, tx, row, (*table, lines), &mut held, now).await?;
        }
        for body in &self.verifications {
            tx.keep_record(row.id, DeviceRecordKind::Verification, None, body, now).await?;
        }
        for record in self.held.records.iter().chain(&held.records).flat_map(HeldRecord::pieces) {
            let kept = tx.hold(&record, now).await?;
            if kept.is_new {
                tracing::warn!(
                    device.serial_number = %row.serial_number, held = kept.id, kind = %record.kind,
                    table = record.table, record = %record.tag, line = record.line, bytes = record.raw.len(),
                    reason = %record.reason, "held: muster held show {}", kept.id
                );
            }
        }
        Ok(())
    }
}

/// Reads punches and stores them in batches; an unreadable punch is held (reference 9.1).
async fn write_punches(
    config: &Config,
    tx: &mut Tx,
    row: &DeviceRow,
    lines: &[u8],
    held: &mut Held,
    now: Millis,
) -> Result<(), StoreError> {
    let (time_zone, reads_cards) = (config.fleet.zone_name(row, now), row.capability.reads_cards());
    let (mut new, mut records) = (0, 0);
    let mut punches = Vec::new();
    for line in wire::punches(lines, reads_cards) {
        records += 1;
        match line.record {
            Ok(punch) if line.raw.len() <= MAX_PUNCH_BYTES => punches.push(NewPunch {
                punch,
                raw: line.raw.to_vec(),
                time_zone: time_zone.clone(),
                reads_cards,
            }),
            Ok(_) => {
                let reason = "a line of more than 16 KiB".to_owned();
                held.unreadable(row.id, "ATTLOG", "ATTLOG", Some(line.number), reason, line.raw);
            }
            Err(error) => {
                let reason = error.source.to_string();
                held.unreadable(row.id, "ATTLOG", "ATTLOG", Some(line.number), reason, line.raw);
            }
        }
        if punches.len() >= PUNCH_BATCH {
            new += tx.keep_punches(row.id, &punches, now).await?;
            punches.clear();
        }
    }
    new += tx.keep_punches(row.id, &punches, now).await?;
    tracing::info!(device.serial_number = %row.serial_number, records, new, unreadable = held.unreadable, "attendance");
    Ok(())
}

/// Reads other records and stores them; applies error reports to their commands.
async fn write_others(
    config: &Config,
    tx: &mut Tx,
    row: &DeviceRow,
    (table, lines): (Option<RecordKind>, &[u8]),
    held: &mut Held,
    now: Millis,
) -> Result<(), StoreError> {
    let name = table.map_or("OPERLOG", RecordKind::tag);
    for line in wire::read_device_records(table, lines) {
        let (kind, record) = match (line.kind, line.record) {
            (Some(kind), Ok(record)) if line.raw.len() <= MAX_RECORD_BYTES => (kind, record),
            (kind, record) => {
                let reason = record
                    .err()
                    .map_or("a line of more than 2 MiB".to_owned(), |error| error.source.to_string());
                let tag = kind.map_or("", RecordKind::tag);
                held.unreadable(row.id, name, tag, Some(line.number), reason, line.raw);
                continue;
            }
        };
        let pin = match &record {
            DeviceRecord::IdCard(card) => card.pin.clone(),
            _ => None,
        };
        let is_new = tx.keep_record(row.id, kind.into(), pin.as_ref(), line.raw, now).await?;
        if let DeviceRecord::Error(error) = &record
            && is_new
        {
            tracing::warn!(
                device.serial_number = %row.serial_number, code = error.code, meaning = error.describe(),
                of_command = error.origin != Origin::Device, "the device reports an error"
            );
            error_report::apply(&config.limits, tx, row, error, now).await?;
        }
    }
    Ok(())
}

fn discarded(device: &DeviceRow, table: &str, records: usize) {
    tracing::info!(
        device.serial_number = %device.serial_number, table, records,
        "attendance discarded, as attendance = \"discard\" says"
    );
}

impl Held {
    /// Holds an unreadable record: the first ones by themselves, further ones together.
    fn unreadable(
        &mut self,
        device: i64,
        table: &str,
        tag: &str,
        line: Option<usize>,
        reason: String,
        raw: &[u8],
    ) {
        self.unreadable += 1;
        if self.unreadable > MAX_HELD + 1
            && let Some(rest) = self.records.last_mut()
        {
            rest.raw.push(b'\n');
            rest.raw.extend_from_slice(raw);
            "and further records of the same upload that cannot be read".clone_into(&mut rest.reason);
            return;
        }
        self.records.push(HeldRecord {
            life: None,
            device,
            kind: HeldKind::Unreadable,
            table: Some(table.to_owned()),
            pin: None,
            tag: tag.to_owned(),
            line: line.and_then(|line| i64::try_from(line).ok()),
            reason,
            raw: raw.to_vec(),
        });
    }
}
