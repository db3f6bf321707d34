//! Routine check: when the people of each device were last read, and which device is next. All of this is in the
//! database, so that several servers share one rate.

use std::collections::BTreeSet;

use roster::Millis;
use sqlx::{query, query_as, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::{DeviceRow, StoreError, Tx};

/// What Muster reads from a device of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rereading {
    /// All that it holds, because the device does not answer single questions.
    Everything,
    /// Only its people, by one query.
    People,
}

impl Rereading {
    pub(crate) const fn of(number: i64) -> Option<Self> {
        match number {
            0 => None,
            2 => Some(Self::People),
            _ => Some(Self::Everything),
        }
    }
}

/// How many devices of a fleet are being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Devices of the fleet.
    pub active: i64,
    /// Devices that the check reached since the given time.
    pub begun: i64,
    /// Devices among them that are being read now.
    pub under_way: i64,
}

/// Selects devices to be read: those that were neither read nor asked since these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueBefore {
    /// Read by the routine check, or completely for another reason.
    pub read: Millis,
    /// Asked for all people because of a surplus.
    pub asked: Millis,
    /// A device that was not heard of since this time counts as offline.
    pub seen: Millis,
}

impl Tx {
    /// The number of readings, for devices that the check reached after `since`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn readings(&mut self, since: Millis) -> Result<Readings, StoreError> {
        let active =
            query_scalar("SELECT COUNT(*) FROM device WHERE state = 'active'").fetch_one(self.db()).await?;
        let (begun, under_way) = query_as(
            "SELECT COUNT(*), COUNT(CASE WHEN rereads = 2 THEN 1 END) FROM device \
             WHERE state = 'active' AND people_checked_at > ?",
        )
        .bind(since.0)
        .fetch_one(self.db())
        .await?;
        Ok(Readings { active, begun, under_way })
    }

    /// The devices whose last reading is oldest, among those that are online and have no larger task: joining, being
    /// filled or being read.
    ///
    /// # Errors
    /// Database errors.
    pub async fn due_for_reading(&mut self, due: &DueBefore, most: i64) -> Result<Vec<i64>, StoreError> {
        let rows = query_scalar(
            "SELECT device_id FROM device WHERE state = 'active' AND joining IS NULL AND rereads = 0 AND scan_pin IS NULL \
             AND emptied_at IS NULL AND last_seen_at >= ? AND COALESCE(people_checked_at, 0) <= ? \
             AND COALESCE(people_read_at, 0) <= ? AND COALESCE(surplus_asked_at, 0) <= ? \
             ORDER BY COALESCE(people_checked_at, 0), device_id LIMIT ?",
        )
        .bind(due.seen.0)
        .bind(due.read.0)
        .bind(due.read.0)
        .bind(due.asked.0)
        .bind(most)
        .fetch_all(self.db())
        .await?;
        Ok(rows)
    }

    /// Begins a reading of the people of a device by one query. People whom it showed before do not count.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_reading(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        query(
            "UPDATE device SET rereads = 2, roster_asked_at = ?, heard_at = NULL, people_checked_at = ? \
             WHERE device_id = ?",
        )
        .bind(at.0)
        .bind(at.0)
        .bind(device)
        .execute(self.db())
        .await?;
        self.forget_shown(device).await
    }

    /// Notes that the routine check reached a device that cannot be read by one query.
    ///
    /// # Errors
    /// Database errors.
    pub async fn pass_over_reading(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        self.note(device, "UPDATE device SET people_checked_at = ? WHERE device_id = ?", at).await
    }

    /// Ends the reading of the people of a device. `read_at` is given if it showed all of them. `spot_checks`
    /// templates are then requested.
    ///
    /// # Errors
    /// Database errors.
    pub async fn end_reading(
        &mut self,
        device: i64,
        read_at: Option<Millis>,
        spot_checks: u32,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE device SET rereads = 0, unexplained_deletions = 0, spot_checks = ?, \
             people_read_at = COALESCE(?, people_read_at) WHERE device_id = ?",
        )
        .bind(i64::from(spot_checks))
        .bind(read_at.map(|at| at.0))
        .bind(device)
        .execute(self.db())
        .await?;
        self.forget_shown(device).await
    }

    /// Counts deletions that a device reported of people who are still on it. As many other people are missing there.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_unexplained_deletions(&mut self, device: i64, more: u32) -> Result<(), StoreError> {
        query("UPDATE device SET unexplained_deletions = unexplained_deletions + ? WHERE device_id = ?")
            .bind(i64::from(more))
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Sets how many templates Muster still has to ask a device for as spot checks.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_spot_checks(&mut self, device: i64, left: u32) -> Result<(), StoreError> {
        query("UPDATE device SET spot_checks = ? WHERE device_id = ?")
            .bind(i64::from(left))
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Users with a command to the device that was answered or given up at or after a time.
    ///
    /// # Errors
    /// Database errors.
    pub async fn users_written_since(
        &mut self,
        device: i64,
        at: Millis,
    ) -> Result<BTreeSet<Pin>, StoreError> {
        let pins: Vec<String> = query_scalar(
            "SELECT DISTINCT pin FROM sync_command WHERE device_id = ? AND closed_at >= ? AND kind = 0",
        )
        .bind(device)
        .bind(at.0)
        .fetch_all(self.db())
        .await?;
        pins.iter().map(|pin| pin_of("sync_command", pin)).collect()
    }

    /// Whether claims of a device wait until everything on it is read, because it does not answer single questions.
    ///
    /// # Errors
    /// Database errors.
    pub async fn claims_await_reading(&mut self, device: i64) -> Result<bool, StoreError> {
        let found: Option<i64> =
            query_scalar("SELECT device_id FROM claim WHERE device_id = ? AND asked = 'refused' LIMIT 1")
                .bind(device)
                .fetch_optional(self.db())
                .await?;
        Ok(found.is_some())
    }
}

impl DeviceRow {
    /// When the device was last asked for all its people outside joining: because of a surplus, or by a routine check
    /// to which it showed all of them.
    pub fn people_asked_at(&self) -> Option<Millis> {
        let checked = self.people_checked_at.filter(|_| self.people_read_at >= self.people_checked_at);
        self.surplus_asked_at.max(checked)
    }

    /// Whether the device did not show all its people when the routine check last reached it.
    pub fn hides_people(&self) -> bool {
        !self.is_read() && self.people_checked_at > self.people_read_at
    }
}
