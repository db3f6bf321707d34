//! `device`, as to its time: what it was told of its zone, and how its clock goes.

use std::collections::BTreeMap;

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query};

use crate::key::narrow;
use crate::sql::statement;
use crate::{StoreError, Tx};

/// What is known of the clock of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceClock {
    /// Part of the fleet and heard of lately: it can be asked to come.
    pub active: bool,
    /// IANA name of its zone; `None` for the server's.
    pub time_zone: Option<String>,
    /// Minutes from UTC that the last handshake told it; `None` before the first.
    pub told_offset_min: Option<i32>,
    /// The offset for which it was asked to come, since that of its zone changed; `None` where it need not come.
    pub asked_offset_min: Option<i32>,
    /// How its clock goes, as far as that was seen.
    pub drift: Option<Drift>,
}

/// How far the clock of a device was from the time of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Seconds ahead; below 0 behind.
    pub ahead_s: i64,
    /// When that was seen.
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
    /// Those of the database.
    pub async fn clocks(&mut self) -> Result<BTreeMap<i64, DeviceClock>, StoreError> {
        let rows = query(COLUMNS).fetch_all(self.db()).await?;
        rows.iter().map(DeviceClock::read).collect()
    }

    /// The clock of one device.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn clock(&mut self, device: i64) -> Result<DeviceClock, StoreError> {
        let row = query(statement(format!("{COLUMNS} WHERE device_id = ?")))
            .bind(device)
            .fetch_optional(self.db())
            .await?;
        Ok(row.as_ref().map(DeviceClock::read).transpose()?.map(|(_, clock)| clock).unwrap_or_default())
    }

    /// Notes the offset that a handshake tells a device: it need not be asked to come for it any more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tell_offset(&mut self, device: i64, minutes: i32) -> Result<(), StoreError> {
        query("UPDATE device SET told_offset_min = ?, asked_offset_min = NULL WHERE device_id = ?")
            .bind(i64::from(minutes))
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Notes that a device is asked to come for an offset. False where it was asked for this one before, or told it
    /// meanwhile: whoever gets a true is the one to ask.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Notes that a device has no need to come any more: the zone is back at what it was told.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn need_no_offset(&mut self, device: i64) -> Result<(), StoreError> {
        query("UPDATE device SET asked_offset_min = NULL WHERE device_id = ?")
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Notes how far the clock of a device was from the time of its zone.
    ///
    /// # Errors
    /// Those of the database.
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
