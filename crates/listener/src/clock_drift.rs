//! Clock drift: measures the clock of a device by the times in its uploads.
//!
//! Records carry the local time of the device (§11.1, §11.4). A record that is uploaded as it happens shows the device's clock
//! at that moment; a record that waited shows nothing. So Muster ignores uploads whose records may have waited: of a device that
//! was not connected just before, that uploads at its own times or repeats a whole table, or that sends many records at once.

use jiff::civil::DateTime;
use roster::Millis;
use store::{DeviceRow, Drift, Reread, StoreError};
use wire::{Record, Table};

use crate::context::Context;
use fleet::reread::REREAD_PAUSE_MS;
use fleet::time_zone;

/// A device seen within this time was connected when it made its records, ms: two polls at the usual interval.
const CONNECTED_MS: i64 = 30_000;

/// At most this many records can happen between two polls.
const MAX_FRESH_RECORDS: usize = 5;

/// Muster warns about a clock that is off by more than this, s.
const FAR_OFF_S: i64 = 120;

/// Muster writes the drift again after it changed by this much, s, or after this time, ms.
const CHANGED_S: i64 = 5;
const CHANGED_MS: i64 = 3_600_000;

/// Measures the clock of a device by the newest time in an upload.
///
/// # Errors
/// Those of the database.
pub async fn measure(
    context: &Context,
    device: &DeviceRow,
    table: &Table,
    body: &[u8],
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let connected = device.last_seen_at.is_some_and(|at| at.plus(CONNECTED_MS) > now);
    let at_once = device.options.realtime.unwrap_or(context.config.upload.realtime);
    if !connected || !at_once || wire::count_lines(body) > MAX_FRESH_RECORDS {
        return Ok(());
    }
    let Some((name, newest)) = newest(table, body) else { return Ok(()) };
    let mut tx = context.store.read().await?;
    let stamp = tx.stamps(device.id).await?.remove(name).unwrap_or_default();
    let before = tx.clock(device.id).await?;
    tx.rollback().await?;
    let again = stamp.last_at.or(stamp.asked_at).is_some_and(|at| at.plus(REREAD_PAUSE_MS) > now);
    if stamp.reread != Reread::No || again {
        return Ok(());
    }
    let offset =
        time_zone::offset_minutes(&context.config.fleet.time_zone, device.options.time_zone.as_deref(), now);
    let Some(ahead_s) = ahead_s(newest, offset, now) else { return Ok(()) };
    let same =
        |drift: Drift| (drift.ahead_s - ahead_s).abs() < CHANGED_S && drift.seen_at.plus(CHANGED_MS) > now;
    if before.drift.is_some_and(same) {
        return Ok(());
    }
    if ahead_s.abs() > FAR_OFF_S {
        tracing::warn!(
            device.serial_number = %device.serial_number, ahead_s,
            "the clock of the device is off: muster device show {}", device.serial_number
        );
    }
    store::retry(|| async {
        let mut tx = context.store.write().await?;
        tx.note_drift(device.id, Drift { ahead_s, seen_at: now }).await?;
        tx.commit().await
    })
    .await
}

/// Seconds by which a local time is ahead of `now` at that offset.
fn ahead_s(local: DateTime, offset_minutes: i32, now: Millis) -> Option<i64> {
    let as_utc = local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(as_utc - i64::from(offset_minutes) * 60 - now.0.div_euclid(1000))
}

/// The latest device time in an upload, and the table whose stamp belongs to it.
fn newest(table: &Table, body: &[u8]) -> Option<(&'static str, DateTime)> {
    let read = |text: &str| text.trim().parse::<DateTime>().ok();
    match table {
        Table::People => {
            let times = wire::records(None, body).filter_map(|line| match line.record {
                Ok(Record::Operation(operation)) => read(&operation.time),
                _ => None,
            });
            Some(("OPERLOG", times.max()?))
        }
        Table::Attendance => {
            let text = str::from_utf8(body).ok()?;
            let times = text.lines().filter_map(|line| read(line.split('\t').nth(1)?));
            Some(("ATTLOG", times.max()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-03-12 06:00:00 UTC.
    const NOW: Millis = Millis(1_710_223_200_000);

    #[test]
    fn a_local_time_is_compared_with_the_time_of_its_place() {
        let at = |text: &str, offset| ahead_s(text.parse().unwrap(), offset, NOW);
        assert_eq!(at("2024-03-12 06:00:00", 0), Some(0));
        assert_eq!(at("2024-03-12 11:30:07", 330), Some(7));
        assert_eq!(at("2024-03-11 18:29:00", -690), Some(-60));
        assert_eq!(at("2024-03-12 07:00:00", 0), Some(3600), "it has another zone");
        assert_eq!(at("2000-01-01 00:00:00", 0), Some(946_684_800 - 1_710_223_200), "its battery is empty");
    }

    #[test]
    fn the_latest_time_of_an_upload_counts_and_what_is_none_does_not() {
        let operations = b"OPLOG 4\t0\t2024-03-12 05:59:58\t0\t0\t0\t0\nUSER PIN=7\nOPLOG 6\t0\t2024-03-12 05:59:59\t7\t0\t0\t0\n";
        let expected = Some(("OPERLOG", "2024-03-12 05:59:59".parse().unwrap()));
        assert_eq!(newest(&Table::People, operations), expected);
        let punches = b"7\t2024-03-12 05:59:59\t0\t1\n8\t1971--10--29 -23:-27:-54\t0\t1\n";
        assert_eq!(newest(&Table::Attendance, punches), expected.map(|(_, at)| ("ATTLOG", at)));
        assert_eq!(newest(&Table::People, b"USER PIN=7\tName=Ada\n"), None);
        assert_eq!(newest(&Table::Attendance, b"\xff\t2024-03-12 05:59:59\n"), None);
    }
}
