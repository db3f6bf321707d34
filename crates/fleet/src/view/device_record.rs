//! Records that devices send besides people and punches.

use std::collections::BTreeMap;

use roster::Millis;
use serde::Serialize;
pub use store::DeviceRecordKind;
use store::DeviceRecordRow;
use wire::{DeviceRecord, ErrorRecord, Pin, SerialNumber};

use crate::{Fleet, FleetError, NotFound, lookup, text, time};

/// Maximum number of records in a list.
const MAX_LISTED: i64 = 1_000;

/// A record of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceRecordView {
    /// The number of the record.
    pub id: i64,
    /// The kind of record.
    #[serde(serialize_with = "text::serialize")]
    pub kind: DeviceRecordKind,
    /// Serial number of the device; empty if the device no longer exists.
    pub device: String,
    /// The person of the record.
    #[serde(serialize_with = "text::serialize_option")]
    pub pin: Option<Pin>,
    /// The part of the content that may be shown.
    #[serde(skip)]
    pub summary: RecordSummary,
    /// When the record first arrived.
    #[serde(serialize_with = "time::serialize")]
    pub first_at: Millis,
    /// When the record last arrived.
    #[serde(serialize_with = "time::serialize")]
    pub last_at: Millis,
    /// How often the record arrived.
    pub times_seen: i64,
}

/// The part of a record's content that may be shown: nothing from an identity card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordSummary {
    /// An error that the device reported.
    Error(ErrorRecord),
    /// A message that the device shows.
    Message {
        /// The number of the message.
        number: i64,
        /// The text of the message.
        text: String,
    },
    /// Anything else.
    Other {
        /// The length of the record.
        bytes: usize,
    },
}

impl Fleet {
    /// Records that devices sent besides people and punches, newest first; at most a thousand. `None` = any.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn device_records(
        &self,
        kind: Option<DeviceRecordKind>,
        device: Option<&SerialNumber>,
    ) -> Result<Vec<DeviceRecordView>, FleetError> {
        let mut tx = self.read().await?;
        let device = match device {
            Some(serial_number) => Some(lookup::device(&mut tx, serial_number).await?.id),
            None => None,
        };
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let mut records = Vec::new();
        for row in tx.records(kind, device, MAX_LISTED).await? {
            // Read one by one: a record may be long, and little of it is shown.
            let Some((row, raw)) = tx.record(row.id).await? else { continue };
            records.push(DeviceRecordView::of(row, &raw, &serial_numbers));
        }
        Ok(records)
    }

    /// One record of a device.
    ///
    /// # Errors
    /// There is no such record; those of the database.
    pub async fn device_record(&self, id: i64) -> Result<DeviceRecordView, FleetError> {
        let mut tx = self.read().await?;
        let (row, raw) = tx.record(id).await?.ok_or(NotFound::Record(id))?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        Ok(DeviceRecordView::of(row, &raw, &serial_numbers))
    }

    /// One record as the device sent it. It may hold the whole content of an identity card.
    ///
    /// # Errors
    /// There is no such record; those of the database.
    pub async fn raw_device_record(&self, id: i64) -> Result<Vec<u8>, FleetError> {
        let (_, raw) = self.read().await?.record(id).await?.ok_or(NotFound::Record(id))?;
        Ok(raw)
    }
}

impl DeviceRecordView {
    fn of(row: DeviceRecordRow, raw: &[u8], serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            device: serial_numbers.get(&row.device).map(ToString::to_string).unwrap_or_default(),
            pin: row.pin,
            summary: RecordSummary::of(row.kind, raw),
            first_at: row.first_at,
            last_at: row.last_at,
            times_seen: row.times_seen,
        }
    }
}

impl RecordSummary {
    fn of(kind: DeviceRecordKind, raw: &[u8]) -> Self {
        match kind.record().and_then(|kind| DeviceRecord::from_stored_line(kind, raw).ok()) {
            Some(DeviceRecord::Error(error)) => Self::Error(error),
            Some(DeviceRecord::Message(message)) => {
                let text = String::from_utf8_lossy(message.text).into_owned();
                Self::Message { number: message.number, text }
            }
            Some(DeviceRecord::IdCard(_)) | None => Self::Other { bytes: raw.len() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_an_identity_card_is_its_length() {
        let raw = b"IDCARD PIN=7\tSNNum=990101198001011234\tName=Ilse";
        assert_eq!(
            RecordSummary::of(DeviceRecordKind::IdCard, raw),
            RecordSummary::Other { bytes: raw.len() }
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_is_shown_by_its_length() {
        assert_eq!(
            RecordSummary::of(DeviceRecordKind::Error, b"ERRORLOG"),
            RecordSummary::Other { bytes: 8 }
        );
    }
}
