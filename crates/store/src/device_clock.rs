//! Columns of `device` about time: the time zone that the device was told, and the drift of its clock.

use std::collections::BTreeMap;

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query};

use crate::key::narrow;
use crate::sql::statement;
use crate::{StoreError, Tx};

/// The state of the clock of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceClock {
    /// Whether it is part of the fleet and was heard of lately, so that it can be asked for a handshake.
    pub active: bool,
    /// IANA name of its time zone; `None` for the server's.
    pub time_zone: Option<String>,
    /// Minutes from UTC that its last handshake told it; `None` before the first.
    pub told_offset_min: Option<i32>,
    /// The offset for which Muster asked for a new handshake, after the time zone's offset changed; `None` if none is
    /// needed.
    pub asked_offset_min: Option<i32>,
    /// The drift of its clock, if it was observed.
    pub drift: Option<Drift>,
}

/// The difference between a device's clock and the time of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Seconds ahead; negative if behind.
    pub ahead_s: i64,
    /// When it was observed.
    pub seen_at: Millis,
}

const COLUMNS: &str = "SELECT device_id, state, time_zone, told_offset_min, asked_offset_min, clock_drift_s, \
                       clock_seen_at FROM device";

impl DeviceClock {
    fn read(row: &AnyRow) -> Result<(i64, Self), StoreError> {
        let device: i64 = row.try_get("device_id")?;
        let offset = |column: &'static str| {
            let minutes: Option<i64> = row.try_get(column)?;
            minutes.map(|minutes| narrow("device", column, &device, minutes)).transpose()
        };
        let (ahead, seen): (Option<i64>, Option<i64>) =
            (row.try_get("clock_drift_s")?, row.try_get("clock_seen_at")?);
        let clock = Self {
            active: row.try_get::<String, _>("state")? == crate::DeviceState::Active.as_str(),
            time_zone: row.try_get("time_zone")?,
            told_offset_min: offset("told_offset_min")?,
            asked_offset_min: offset("asked_offset_min")?,
            drift: ahead.zip(seen).map(|(ahead_s, seen_at)| Drift { ahead_s, seen_at: Millis(seen_at) }),
        };
        Ok((device, clock))
    }
}

impl Tx {
    /// The clocks of all devices.
    ///
    /// # Errors
    /// Database errors.
    pub async fn clocks(&mut self) -> Result<BTreeMap<i64, DeviceClock>, StoreError> {
        let rows = query(COLUMNS).fetch_all(self.db()).await?;
        rows.iter().map(DeviceClock::read).collect()
    }

    /// The clock of one device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn clock(&mut self, device: i64) -> Result<DeviceClock, StoreError> {
        let row = query(statement(format!("{COLUMNS} WHERE device_id = ?")))
            .bind(device)
            .fetch_optional(self.db())
            .await?;
        Ok(row.as_ref().map(DeviceClock::read).transpose()?.map(|(_, clock)| clock).unwrap_or_default())
    }

    /// Notes the offset that a handshake tells a device. A new handshake for that offset is no longer needed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn tell_offset(&mut self, device: i64, minutes: i32) -> Result<(), StoreError> {
        query("UPDATE device SET told_offset_min = ?, asked_offset_min = NULL WHERE device_id = ?")
            .bind(i64::from(minutes))
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Notes that Muster asks a device for a handshake because of an offset. Returns false if Muster already asked
    /// for this offset, or if the device was told it in the meantime. A caller that gets true sends the request.
    ///
    /// # Errors
    /// Database errors.
    pub async fn ask_offset(&mut self, device: i64, minutes: i32) -> Result<bool, StoreError> {
        let asked = query(
            "UPDATE device SET asked_offset_min = ? WHERE device_id = ? AND told_offset_min <> ? \
             AND (asked_offset_min IS NULL OR asked_offset_min <> ?)",
        )
        .bind(i64::from(minutes))
        .bind(device)
        .bind(i64::from(minutes))
        .bind(i64::from(minutes))
        .execute(self.db())
        .await?;
        Ok(asked.rows_affected() > 0)
    }

    /// Notes that a new handshake is no longer needed: the zone is back at the offset that the device was told.
    ///
    /// # Errors
    /// Database errors.
    pub async fn need_no_offset(&mut self, device: i64) -> Result<(), StoreError> {
        query("UPDATE device SET asked_offset_min = NULL WHERE device_id = ?")
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Notes the difference between a device's clock and the time of its zone.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_drift(&mut self, device: i64, drift: Drift) -> Result<(), StoreError> {
        query("UPDATE device SET clock_drift_s = ?, clock_seen_at = ? WHERE device_id = ?")
            .bind(drift.ahead_s)
            .bind(drift.seen_at.0)
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }
}
