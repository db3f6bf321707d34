//! `device_record`: records that are neither about people nor punches, sealed as received.

use std::fmt;
use std::str::FromStr;

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_scalar};
use wire::{Pin, RecordKind};

use crate::key::pin_of;
use crate::keys::place_of_row;
use crate::sql::statement;
use crate::{StoreError, Tx};

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceRecordKind {
    /// An identity card that was read (§11.6).
    IdCard,
    /// An error of the device (§11.16).
    Error,
    /// A message that the device shows.
    Message,
    /// Background verification: the person whom the device asked to let in (§15).
    Verification,
}

impl DeviceRecordKind {
    const ALL: [Self; 4] = [Self::IdCard, Self::Error, Self::Message, Self::Verification];

    /// The name under which it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdCard => "id-card",
            Self::Error => "error",
            Self::Message => "message",
            Self::Verification => "verification",
        }
    }

    /// The protocol's record kind; `None` for a record that no document describes.
    pub const fn record(self) -> Option<RecordKind> {
        match self {
            Self::IdCard => Some(RecordKind::IdCard),
            Self::Error => Some(RecordKind::Error),
            Self::Message => Some(RecordKind::Message),
            Self::Verification => None,
        }
    }
}

impl From<RecordKind> for DeviceRecordKind {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::IdCard => Self::IdCard,
            RecordKind::Error => Self::Error,
            RecordKind::Message => Self::Message,
        }
    }
}

impl fmt::Display for DeviceRecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("want id-card, error, work-code, message or verification")]
pub struct UnknownKeptKind;

impl FromStr for DeviceRecordKind {
    type Err = UnknownKeptKind;

    fn from_str(text: &str) -> Result<Self, UnknownKeptKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKeptKind)
    }
}

/// A stored record, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecordRow {
    /// Its number.
    pub id: i64,
    /// The device that sent it.
    pub device: i64,
    /// Its kind.
    pub kind: DeviceRecordKind,
    /// For an identity card: the PIN of its owner.
    pub pin: Option<Pin>,
    /// When it was first received.
    pub first_at: Millis,
    /// When it was last received.
    pub last_at: Millis,
    /// How often it was received.
    pub times_seen: i64,
}

const COLUMNS: &str = "record_id, device_id, digest, kind, pin, first_at, last_at, times_seen";

impl DeviceRecordRow {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let id: i64 = row.try_get("record_id")?;
        let kind: String = row.try_get("kind")?;
        let pin: Option<String> = row.try_get("pin")?;
        Ok(Self {
            id,
            device: row.try_get("device_id")?,
            kind: kind.parse().map_err(|UnknownKeptKind| StoreError::Inconsistent {
                table: "device_record",
                column: "kind",
                key: id.to_string(),
            })?,
            pin: pin.map(|pin| pin_of("device_record", &pin)).transpose()?,
            first_at: Millis(row.try_get("first_at")?),
            last_at: Millis(row.try_get("last_at")?),
            times_seen: row.try_get("times_seen")?,
        })
    }
}

impl Tx {
    /// Stores a record as received, at most 2 MiB of it. A repeated record of the same device is only counted.
    /// Returns true if it is new.
    ///
    /// # Errors
    /// Database errors.
    pub async fn keep_record(
        &mut self,
        device: i64,
        kind: DeviceRecordKind,
        pin: Option<&Pin>,
        raw: &[u8],
        at: Millis,
    ) -> Result<bool, StoreError> {
        let digest = self.keys.digest(&[b"record", kind.as_str().as_bytes(), raw]);
        let sealed = self.keys.seal(&place_of_row("record", device, &digest), raw);
        let upsert = format!(
            "{}times_seen = device_record.times_seen + 1, {}",
            self.engine.on_conflict("device_record", "device_id, digest"),
            self.engine.assignments(&["last_at"])
        );
        query(statement(format!(
            "INSERT INTO device_record (device_id, digest, kind, pin, sealed, first_at, last_at, times_seen) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 1){upsert}"
        )))
        .bind(device)
        .bind(digest.clone())
        .bind(kind.as_str())
        .bind(pin.map(ToString::to_string))
        .bind(sealed)
        .bind(at.0)
        .bind(at.0)
        .execute(self.db())
        .await?;
        let times: i64 =
            query_scalar("SELECT times_seen FROM device_record WHERE device_id = ? AND digest = ?")
                .bind(device)
                .bind(digest)
                .fetch_one(self.db())
                .await?;
        Ok(times == 1)
    }

    /// The records of a kind or of all kinds, of a device or of all devices; newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn records(
        &mut self,
        kind: Option<DeviceRecordKind>,
        device: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DeviceRecordRow>, StoreError> {
        let kind = kind.map(DeviceRecordKind::as_str);
        let sql = format!(
            "SELECT {COLUMNS} FROM device_record WHERE (? IS NULL OR kind = ?) AND (? IS NULL OR device_id = ?) \
             ORDER BY last_at DESC, record_id DESC LIMIT ?"
        );
        let rows = query(statement(sql))
            .bind(kind)
            .bind(kind)
            .bind(device)
            .bind(device)
            .bind(limit)
            .fetch_all(self.db())
            .await?;
        rows.iter().map(DeviceRecordRow::read).collect()
    }

    /// A record, with its text as received.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for one that cannot be decrypted.
    pub async fn record(&mut self, id: i64) -> Result<Option<(DeviceRecordRow, Vec<u8>)>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, sealed FROM device_record WHERE record_id = ?");
        let Some(row) = query(statement(sql)).bind(id).fetch_optional(self.db()).await? else {
            return Ok(None);
        };
        let (digest, sealed): (Vec<u8>, Vec<u8>) = (row.try_get("digest")?, row.try_get("sealed")?);
        let kept = DeviceRecordRow::read(&row)?;
        let raw = self.keys.open(&place_of_row("record", kept.device, &digest), &sealed)?;
        Ok(Some((kept, raw)))
    }
}
