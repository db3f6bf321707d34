//! `attendance`: punches, which tell who identified at which device and when (§11.2).

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_scalar};
use wire::{More, Punch, Screening};

use crate::keys::place_of_row;
use crate::sql::{batches, capped, rows, statement};
use crate::{StoreError, Tx};

/// An attendance record to store.
#[derive(Clone, Debug)]
pub struct NewPunch {
    /// The parsed record.
    pub punch: Punch,
    /// The line as received.
    pub raw: Vec<u8>,
    /// The current time zone of the device: an IANA name, or an offset.
    pub time_zone: String,
    /// Whether the device reads identity cards: see [`Punch::read`].
    pub reads_cards: bool,
}

/// A stored attendance record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PunchRow {
    /// The device that sent it.
    pub device: i64,
    /// The parsed record. Its time is in [`PunchRow::time_zone`].
    pub punch: Punch,
    /// The time zone of the device when the record was first received.
    pub time_zone: String,
    /// When it was first received.
    pub received_at: Millis,
    /// The line as received.
    pub raw: Vec<u8>,
    digest: Vec<u8>,
}

/// Selects attendance records; `None` selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PunchFilter {
    /// Only records of this device.
    pub device: Option<i64>,
    /// Only records of this PIN, as the device sent it; empty for unknown people.
    pub pin: Option<String>,
    /// Earliest local time, `2027-03-12 08:00:00` or a prefix of one.
    pub from: Option<String>,
    /// Latest local time, or a prefix of one: `2027-03-12` includes the whole day.
    pub to: Option<String>,
}

/// A longer time zone name from a device is cut to this length.
const MAX_ZONE_BYTES: usize = 64;

const COLUMNS: &str = "device_id, digest, time_zone, reads_cards, sealed, received_at";

/// Sorts after every character of a time.
const LAST_CHARACTER: char = '~';

impl PunchRow {
    fn read(row: &AnyRow, keys: &crate::Keys) -> Result<Self, StoreError> {
        let (device, digest): (i64, Vec<u8>) = (row.try_get("device_id")?, row.try_get("digest")?);
        let place = place_of_row("attendance", device, &digest);
        let raw = keys.open(&place, &row.try_get::<Vec<u8>, _>("sealed")?)?;
        let reads_cards = row.try_get::<i64, _>("reads_cards")? != 0;
        let punch = Punch::read(&raw, reads_cards).map_err(|_| StoreError::Inconsistent {
            table: "attendance",
            column: "sealed",
            key: place,
        })?;
        Ok(Self {
            device,
            punch,
            time_zone: row.try_get("time_zone")?,
            received_at: Millis(row.try_get("received_at")?),
            raw,
            digest,
        })
    }
}

impl PunchFilter {
    fn bounds(&self) -> (String, String) {
        let from = self.from.clone().unwrap_or_default();
        let to = self.to.clone().unwrap_or_default();
        (from, format!("{to}{LAST_CHARACTER}"))
    }
}

impl Tx {
    /// Stores attendance records. A record that is already stored, with the same device, PIN, time, status and
    /// verification, stays as it is. Returns how many are new.
    ///
    /// # Errors
    /// Database errors.
    pub async fn keep_punches(
        &mut self,
        device: i64,
        punches: &[NewPunch],
        at: Millis,
    ) -> Result<u64, StoreError> {
        let mut new = 0;
        for batch in batches(punches) {
            let sql = format!(
                "{}attendance (device_id, digest, pin, at_text, time_zone, status, verify, work_code, mask, \
                 temperature, converted_temperature, time_offset_s, reads_cards, sealed, received_at) VALUES {}",
                self.engine.insert_new(),
                rows(batch.len(), 15)
            );
            let mut insert = query(statement(sql));
            for NewPunch { punch, raw, time_zone, reads_cards } in batch {
                let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
                let digest = self.keys.digest(&[
                    b"attendance",
                    punch.pin.as_bytes(),
                    punch.time.as_bytes(),
                    number(punch.status).as_bytes(),
                    number(punch.verify).as_bytes(),
                ]);
                let measured = match &punch.more {
                    More::Screening(screening) => screening.clone(),
                    More::None | More::IdCard(_) => Screening::default(),
                };
                let sealed = self.keys.seal(&place_of_row("attendance", device, &digest), raw);
                insert = insert
                    .bind(device)
                    .bind(digest)
                    .bind(punch.pin.clone())
                    .bind(punch.time.clone())
                    .bind(capped(time_zone, MAX_ZONE_BYTES))
                    .bind(punch.status)
                    .bind(punch.verify)
                    .bind(punch.work_code.clone())
                    .bind(measured.mask.map(i64::from))
                    .bind(measured.temperature)
                    .bind(measured.converted_temperature)
                    .bind(measured.time_offset_s.map(i64::from))
                    .bind(i64::from(*reads_cards))
                    .bind(sealed)
                    .bind(at.0);
            }
            new += insert.execute(self.db()).await?.rows_affected();
        }
        Ok(new)
    }

    /// The attendance records after another one, in the order of their local times. Without one, from the first.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a line that cannot be decrypted.
    pub async fn punches(
        &mut self,
        filter: &PunchFilter,
        after: Option<&PunchRow>,
        limit: i64,
    ) -> Result<Vec<PunchRow>, StoreError> {
        let (from, to) = filter.bounds();
        let (from, device, digest) = match after {
            Some(row) => (row.punch.time.clone(), row.device, row.digest.clone()),
            None => (from, i64::MIN, Vec::new()),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM attendance WHERE at_text >= ? AND at_text < ? \
             AND (at_text > ? OR device_id > ? OR (device_id = ? AND digest > ?)) \
             AND (? IS NULL OR device_id = ?) AND (? IS NULL OR pin = ?) \
             ORDER BY at_text, device_id, digest LIMIT ?"
        );
        let found = query(statement(sql))
            .bind(from.clone())
            .bind(to)
            .bind(from)
            .bind(device)
            .bind(device)
            .bind(digest)
            .bind(filter.device)
            .bind(filter.device)
            .bind(filter.pin.clone())
            .bind(filter.pin.clone())
            .bind(limit)
            .fetch_all(self.db())
            .await?;
        found.iter().map(|row| PunchRow::read(row, &self.keys)).collect()
    }

    /// The number of stored attendance records of a device in a period of local times.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count_punches(&mut self, device: i64, from: &str, to: &str) -> Result<u64, StoreError> {
        let count: i64 = query_scalar(
            "SELECT COUNT(*) FROM attendance WHERE at_text >= ? AND at_text <= ? AND device_id = ?",
        )
        .bind(from)
        .bind(to)
        .bind(device)
        .fetch_one(self.db())
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The last attendance records by their local times, newest first.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a line that cannot be decrypted.
    pub async fn last_punches(
        &mut self,
        filter: &PunchFilter,
        limit: i64,
    ) -> Result<Vec<PunchRow>, StoreError> {
        let (from, to) = filter.bounds();
        let sql = format!(
            "SELECT {COLUMNS} FROM attendance WHERE at_text >= ? AND at_text < ? \
             AND (? IS NULL OR device_id = ?) AND (? IS NULL OR pin = ?) \
             ORDER BY at_text DESC, device_id DESC, digest DESC LIMIT ?"
        );
        let found = query(statement(sql))
            .bind(from)
            .bind(to)
            .bind(filter.device)
            .bind(filter.device)
            .bind(filter.pin.clone())
            .bind(filter.pin.clone())
            .bind(limit)
            .fetch_all(self.db())
            .await?;
        found.iter().map(|row| PunchRow::read(row, &self.keys)).collect()
    }
}
