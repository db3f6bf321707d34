//! Failed removals: removals that a device has refused several times.

use roster::{ItemKey, Millis};
use sqlx::{query, query_as};
use wire::{Pin, SerialNumber};

use crate::key::{key_of, narrow};
use crate::sql::statement;
use crate::{StoreError, Tx};

/// A new connection of the device triggers another attempt only this long after the last failure, ms. Some devices
/// connect anew every few minutes.
const AFTER_CONNECTION_MS: i64 = 3_600_000;

/// How long a removal waits after many failures, ms ([`sync::Limits::most_attempts`]).
const DAY_MS: i64 = 86_400_000;

/// An item that a device was told to remove and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRemoval {
    /// The device.
    pub serial_number: SerialNumber,
    /// The item that may still be on the device.
    pub key: ItemKey,
    /// The number of failures in a row.
    pub attempts: u32,
    /// The last return code of the device.
    pub return_code: i32,
    /// When the next attempt is due; `None` while a command for it is under way.
    pub due_at: Option<Millis>,
}

impl Tx {
    /// Removals that failed many times: of one device or of all, of one PIN or of all, in the order of devices and
    /// PINs.
    ///
    /// # Errors
    /// Database errors.
    pub async fn failed_removals(
        &mut self,
        device: Option<i64>,
        pin: Option<&Pin>,
        limit: i64,
    ) -> Result<Vec<FailedRemoval>, StoreError> {
        type Columns = (String, String, i64, i64, i64, i64, Option<i64>, i64, Option<i64>);
        let of_device = if device.is_some() { " AND e.device_id = ?" } else { "" };
        let of_pin = if pin.is_some() { " AND e.pin = ?" } else { "" };
        let sql = format!(
            "SELECT d.serial_number, e.pin, e.kind, e.slot, e.algorithm, e.attempts, c.attempts AS under_way, e.removal_code, \
             e.due_at FROM sync_exception e JOIN device d ON d.device_id = e.device_id \
             LEFT JOIN sync_command c ON c.device_id = e.device_id AND c.open = 1 AND c.pin = e.pin AND c.kind = e.kind \
             AND c.slot = e.slot AND c.algorithm = e.algorithm \
             WHERE e.removal_code IS NOT NULL{of_device}{of_pin} \
             ORDER BY e.device_id, e.pin, e.kind, e.slot, e.algorithm LIMIT ?"
        );
        let mut select = query_as(statement(sql));
        if let Some(device) = device {
            select = select.bind(device);
        }
        if let Some(pin) = pin {
            select = select.bind(pin.as_str().to_owned());
        }
        let rows: Vec<Columns> = select.bind(limit).fetch_all(self.db()).await?;
        let removal =
            |(serial_number, pin, kind, slot, algorithm, attempts, under_way, code, due): Columns| {
                let key = key_of("sync_exception", (pin, kind, slot, algorithm))?;
                let serial_number = serial_number.parse().map_err(|_| StoreError::Inconsistent {
                    table: "device",
                    column: "serial_number",
                    key: serial_number.clone(),
                })?;
                Ok(FailedRemoval {
                    serial_number,
                    attempts: narrow("sync_exception", "attempts", &key, under_way.unwrap_or(attempts))?,
                    return_code: narrow("sync_exception", "removal_code", &key, code)?,
                    due_at: due.map(Millis),
                    key,
                })
            };
        rows.into_iter().map(removal).collect()
    }

    /// The number of removals that failed many times, on all devices.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count_failed_removals(&mut self) -> Result<i64, StoreError> {
        let (count,) = query_as("SELECT COUNT(*) FROM sync_exception WHERE removal_code IS NOT NULL")
            .fetch_one(self.db())
            .await?;
        Ok(count)
    }

    /// Makes the failed removals of a device due after it connected anew, unless they failed within the last hour.
    ///
    /// # Errors
    /// Database errors.
    pub async fn retry_removals(&mut self, device: i64, now: Millis) -> Result<(), StoreError> {
        query(
            "UPDATE sync_exception SET due_at = ? WHERE device_id = ? AND removal_code IS NOT NULL \
             AND due_at > ? AND due_at <= ?",
        )
        .bind(now.0)
        .bind(device)
        .bind(now.0)
        .bind(now.plus(DAY_MS - AFTER_CONNECTION_MS).0)
        .execute(self.db())
        .await?;
        Ok(())
    }
}
