//! Held records, which wait for an operator.

use std::collections::BTreeMap;
use std::fmt;

use roster::Millis;
use serde::Serialize;
use store::{HeldFilter, HeldKind, HeldRow};
use wire::{Pin, SerialNumber};

use crate::{Fleet, FleetError, NotFound, lookup, text, time};

/// Maximum number of held records in a list.
const MAX_LISTED: i64 = 1000;

/// Which held records are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldQuery {
    /// Only of this kind.
    pub kind: Option<HeldKind>,
    /// Only from this device.
    pub device: Option<SerialNumber>,
    /// Also records that were decided.
    pub with_decided: bool,
}

/// A held record, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldView {
    /// The number of the held record.
    pub id: i64,
    /// Why it is held.
    #[serde(serialize_with = "text::serialize")]
    pub kind: HeldKind,
    /// The serial number of the device that sent it; empty if the device no longer exists.
    pub device: String,
    /// The PIN of the record.
    #[serde(serialize_with = "text::serialize_option")]
    pub pin: Option<Pin>,
    /// The table of the upload.
    pub table: Option<String>,
    /// The name of the record; empty = none.
    pub record: String,
    /// The line of the upload in which it was first seen.
    pub line: Option<i64>,
    /// Why it is held, in words.
    pub reason: String,
    /// When the record first arrived.
    #[serde(serialize_with = "time::serialize")]
    pub first_at: Millis,
    /// When the record last arrived.
    #[serde(serialize_with = "time::serialize")]
    pub last_at: Millis,
    /// How often the record arrived.
    pub times_seen: i64,
    /// The decision, by the word in the database.
    pub resolution: Option<String>,
    /// When an operator decided.
    #[serde(serialize_with = "time::serialize_option")]
    pub resolved_at: Option<Millis>,
}

/// A held record with its content, which may be personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldContent {
    /// The record.
    pub held: HeldView,
    /// The record as the device sent it.
    pub raw: Vec<u8>,
}

impl fmt::Debug for HeldContent {
    /// Shows all fields except the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldContent").field("held", &self.held).field("raw_bytes", &self.raw.len()).finish()
    }
}

impl Fleet {
    /// Held records, newest first; at most a thousand.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn held(&self, query: &HeldQuery) -> Result<Vec<HeldView>, FleetError> {
        let mut tx = self.read().await?;
        let device = match &query.device {
            Some(serial_number) => Some(lookup::device(&mut tx, serial_number).await?.id),
            None => None,
        };
        let filter = HeldFilter { kind: query.kind, device, pin: None, resolved_too: query.with_decided };
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let rows = tx.held(&filter, MAX_LISTED).await?;
        Ok(rows.into_iter().map(|row| HeldView::of(row, &serial_numbers)).collect())
    }

    /// One held record with its content.
    ///
    /// # Errors
    /// Nothing is held under this number; those of the database.
    pub async fn held_content(&self, id: i64) -> Result<HeldContent, FleetError> {
        let mut tx = self.read().await?;
        let (row, raw) = tx.show_held(id).await?.ok_or(NotFound::Held(id))?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        Ok(HeldContent { held: HeldView::of(row, &serial_numbers), raw })
    }
}

impl HeldView {
    fn of(row: HeldRow, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            device: serial_numbers.get(&row.device).map(ToString::to_string).unwrap_or_default(),
            pin: row.pin,
            table: row.table,
            record: row.tag,
            line: row.line,
            reason: row.reason,
            first_at: row.first_at,
            last_at: row.last_at,
            times_seen: row.times_seen,
            resolution: row.resolution,
            resolved_at: row.resolved_at,
        }
    }
}
