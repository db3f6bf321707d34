//! The routine check: Muster reads the people of each device once in `reread_days`. It finds devices that changed without a
//! report: a device that was restored from its own backup, or loaded from a stick.
//!
//! The check has a rate limit for the whole fleet. The database holds when each device was checked, so that several servers
//! on one database share one limit. The listener decides on the result of a reading (`people_reading.rs`).

use std::time::Duration;

use roster::{Capability, Millis};
use store::{DueBefore, Readings, Store, StoreError, Tx};
use wire::{Command, DataQuery, Form};

use crate::clock::Clock;
use crate::command::{QueuedCommand, is_refused};
use crate::view::sync_status::ONLINE_MS;

/// The author of these commands.
pub const BY: &str = "routine";

/// How often the job looks for devices that are due.
pub const LOOK: Duration = Duration::from_mins(1);

/// The rate limit applies to this time, ms.
const WINDOW_MS: i64 = 3_600_000;

/// A device that was asked for everything because of a surplus is not due for this long, ms. That is an hour less than a day: a
/// lasting surplus is asked about again after a day, and would otherwise take the place of every check.
const SURPLUS_MS: i64 = 23 * 3_600_000;

const DAY_MS: i64 = 24 * 3_600_000;

/// Maximum number of readings at the same time. If a device disconnects in the middle, its reading counts for an hour.
const MAX_UNDER_WAY: i64 = 20;

/// Begins to read the devices that are due: each once within `reread_days`, none if that is 0. Returns how many were due.
///
/// # Errors
/// Those of the database.
pub async fn begin_due(store: &Store, clock: &Clock, reread_days: u16) -> Result<i64, StoreError> {
    let days = i64::from(reread_days);
    if days == 0 {
        return Ok(0);
    }
    let now = clock.now();
    let due = DueBefore {
        read: now.plus(-days * DAY_MS),
        asked: now.plus(-SURPLUS_MS),
        seen: now.plus(-ONLINE_MS),
    };
    let since = now.plus(-WINDOW_MS);
    // Most of the time no device is due, and nothing is locked.
    let mut tx = store.read().await?;
    let most = room(&tx.readings(since).await?, days);
    let any = most > 0 && !tx.due_for_reading(&due, 1).await?.is_empty();
    tx.rollback().await?;
    if !any {
        return Ok(0);
    }
    store::retry(|| async {
        let mut tx = store.write_fleet().await?;
        // Another server may have been faster.
        let most = room(&tx.readings(since).await?, days);
        let devices = tx.due_for_reading(&due, most).await?;
        let mut due_devices = 0;
        for device in devices {
            let Some(row) = tx.lock_device(device).await? else { continue };
            due_devices += 1;
            if !can_be_asked(&row.capability) {
                tx.pass_over_reading(device, now).await?;
                continue;
            }
            tracing::info!(device.serial_number = %row.serial_number, "routine check: asking the device for its people");
            begin(&mut tx, device, &row.capability, now).await?;
        }
        tx.commit().await?;
        Ok(due_devices)
    })
    .await
}

/// How many readings may begin now.
fn room(readings: &Readings, days: i64) -> i64 {
    let in_window = div_ceil(readings.active * WINDOW_MS, days * DAY_MS);
    let at_once = div_ceil(in_window * i64::try_from(LOOK.as_millis()).unwrap_or(WINDOW_MS), WINDOW_MS);
    at_once.min(in_window - readings.begun).min(MAX_UNDER_WAY - readings.under_way).max(0)
}

const fn div_ceil(number: i64, by: i64) -> i64 {
    (number + by - 1) / by
}

/// Whether a device can be asked for its people alone. A device without queries would upload all its templates too.
pub fn can_be_asked(capability: &Capability) -> bool {
    !capability.speaks_access_control() && !is_refused(Form::Query, capability)
}

/// Begins to read the people of a device: asks for their number, then for the people. The caller holds the device row.
///
/// # Errors
/// Those of the database.
pub async fn begin(tx: &mut Tx, device: i64, capability: &Capability, now: Millis) -> Result<(), StoreError> {
    tx.begin_reading(device, now).await?;
    if !is_refused(Form::Info, capability) {
        QueuedCommand(Command::Info).queue(tx, device, BY, now).await?;
    }
    QueuedCommand(Command::Query(DataQuery::AllUsers)).queue(tx, device, BY, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_turns_of_a_fleet_are_spread_over_the_days() {
        let readings = |active, begun, under_way| Readings { active, begun, under_way };
        assert_eq!(room(&readings(0, 0, 0), 7), 0, "nobody is there");
        assert_eq!(room(&readings(1, 0, 0), 7), 1);
        assert_eq!(room(&readings(100, 1, 0), 7), 0, "one an hour is enough for a hundred devices");
        assert_eq!(room(&readings(5_000, 0, 0), 7), 1, "not all of an hour at once");
        assert_eq!(room(&readings(5_000, 29, 0), 7), 1);
        assert_eq!(room(&readings(5_000, 30, 0), 7), 0, "30 x 24 x 7 are 5,040");
        assert_eq!(room(&readings(50_000, 100, 19), 1), 1);
        assert_eq!(room(&readings(50_000, 100, 20), 1), 0, "as many as are read at the same time");
        assert_eq!(room(&readings(10, 5, 30), 7), 0);
    }
}
