//! When the people of a device were last read, and whose turn it is next. All of it is in the database: several servers
//! share one rate.

use std::collections::BTreeSet;

use roster::Millis;
use sqlx::{query, query_as, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::{DeviceRow, StoreError, Tx};

/// What is read of a device that is part of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rereading {
    /// All that it holds, for questions that it does not answer one by one.
    Everything,
    /// Its people alone, by one query.
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

/// How much is read in a fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Devices of the fleet.
    pub active: i64,
    /// Of how many the turn came since the time that was asked about.
    pub begun: i64,
    /// How many of these are being read.
    pub under_way: i64,
}

/// Whose turn it is to be read: devices that were not read or asked since these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueBefore {
    /// By the routine check, or completely for another reason.
    pub read: Millis,
    /// For a surplus.
    pub asked: Millis,
    /// A device that was not heard of since is off.
    pub seen: Millis,
}

impl Tx {
    /// How much is read, of the devices whose turn came after `since`.
    ///
    /// # Errors
    /// Those of the database.
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

    /// The devices that were read longest ago, of those that are online and have no larger task: being taken in, filled or read.
    ///
    /// # Errors
    /// Those of the database.
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

    /// The people of a device are read from now on, by one query. Who it showed before does not count.
    ///
    /// # Errors
    /// Those of the database.
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

    /// The routine check had its turn with a device that cannot be read by one query.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn pass_over_reading(&mut self, device: i64, at: Millis) -> Result<(), StoreError> {
        self.note(device, "UPDATE device SET people_checked_at = ? WHERE device_id = ?", at).await
    }

    /// Ends the reading of the people of a device. `read_at`: it showed all of them. Then so many templates are asked for.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Notes deletions that a device reported of people who are still on it: as many others are missing there.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_unexplained_deletions(&mut self, device: i64, more: u32) -> Result<(), StoreError> {
        query("UPDATE device SET unexplained_deletions = unexplained_deletions + ? WHERE device_id = ?")
            .bind(i64::from(more))
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Sets how many templates a device is still to be asked for as a spot check.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_spot_checks(&mut self, device: i64, left: u32) -> Result<(), StoreError> {
        query("UPDATE device SET spot_checks = ? WHERE device_id = ?")
            .bind(i64::from(left))
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// The users of whom a command of a device was answered or given up at or after a time.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Whether claims of a device wait for the reading of everything that it holds: it answers no questions.
    ///
    /// # Errors
    /// Those of the database.
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
    /// When the device was last asked for all its people without being taken in: for a surplus, or by a routine check to which it
    /// showed all of them.
    pub fn people_asked_at(&self) -> Option<Millis> {
        let checked = self.people_checked_at.filter(|_| self.people_read_at >= self.people_checked_at);
        self.surplus_asked_at.max(checked)
    }

    /// Whether the device did not show all its people when the routine check last had its turn with it.
    pub fn hides_people(&self) -> bool {
        !self.is_read() && self.people_checked_at > self.people_read_at
    }
}
