//! Where devices stand: the offset of their local time, now, and what happens when it changes.
//!
//! A device reads its `TimeZone` in a handshake alone (§5). When the offset of its zone changes, as daylight saving begins or
//! ends or an operator puts it elsewhere, it is asked to come: with `CHECK` (§12.3), once for each change, whichever of
//! several servers is the first to see it.

use jiff::tz::TimeZone;
use roster::Millis;
use store::{DeviceClock, Store, StoreError};
use wire::Form;

use crate::clock::Clock;
use crate::command::QueuedCommand;

/// The offset in force at a place, in minutes: that of the zone of this IANA name, or else of `default`.
pub fn offset_minutes(default: &TimeZone, name: Option<&str>, now: Millis) -> i32 {
    let own = name.and_then(|name| TimeZone::get(name).ok());
    let zone = own.as_ref().unwrap_or(default);
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_offset(now).seconds() / 60
}

/// So many devices are asked at most each time: the others with the next ones. With daylight saving the offset of a whole
/// fleet changes in one moment, and each device answers with a handshake and with what it was told to upload again.
const MOST_AT_ONCE: usize = 100;

/// Asks devices to come whose offset is another than they were told, some of them each time.
///
/// # Errors
/// Those of the database.
pub async fn follow(store: &Store, clock: &Clock, default: &TimeZone) -> Result<(), StoreError> {
    let now = clock.now();
    let clocks = store.read().await?.clocks().await?;
    let mut room = MOST_AT_ONCE;
    for (device, known) in clocks.iter().filter(|(_, known)| known.active) {
        let minutes = offset_minutes(default, known.time_zone.as_deref(), now);
        match Change::of(known, minutes) {
            Change::None => {}
            Change::Undone => {
                store::retry(|| async {
                    let mut tx = store.write().await?;
                    tx.need_no_offset(*device).await?;
                    tx.commit().await
                })
                .await?;
            }
            Change::New if room == 0 => {}
            Change::New => {
                room -= 1;
                store::retry(|| ask(store, *device, minutes, now)).await?;
            }
        }
    }
    Ok(())
}

/// What became of the offset of a device's zone since it was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Nothing, or it was asked to come already.
    None,
    /// It changed and changed back, and the device never came for it.
    Undone,
    /// It changed.
    New,
}

impl Change {
    fn of(clock: &DeviceClock, minutes: i32) -> Self {
        match (clock.told_offset_min, clock.asked_offset_min) {
            (Some(told), Some(_)) if told == minutes => Self::Undone,
            (Some(told), asked) if told != minutes && asked != Some(minutes) => Self::New,
            // One that was never told comes for its first handshake by itself.
            _ => Self::None,
        }
    }
}

async fn ask(store: &Store, device: i64, minutes: i32, now: Millis) -> Result<(), StoreError> {
    let mut tx = store.write_fleet().await?;
    let Some(row) = tx.lock_device(device).await? else { return tx.rollback().await };
    if !tx.ask_offset(device, minutes).await? {
        // Another server was quicker.
        return tx.rollback().await;
    }
    if !row.capability.refused(Form::Check) {
        QueuedCommand(wire::Command::Check).queue(&mut tx, device, "server", now).await?;
    }
    tx.commit().await?;
    tracing::info!(
        device.serial_number = %row.serial_number, minutes,
        "the offset of the device's time zone changed: it is asked to set its clock"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_asked_once_for_each_change() {
        let clock = |told, asked| DeviceClock {
            told_offset_min: told,
            asked_offset_min: asked,
            ..DeviceClock::default()
        };
        for (told, asked, now, change) in [
            (None, None, 60, Change::None),
            (Some(60), None, 60, Change::None),
            (Some(60), None, 120, Change::New),
            (Some(60), Some(120), 120, Change::None),
            (Some(60), Some(120), 60, Change::Undone),
            // It was asked for the summer, did not come, and is elsewhere now.
            (Some(60), Some(120), 180, Change::New),
        ] {
            assert_eq!(Change::of(&clock(told, asked), now), change, "{told:?} {asked:?} {now}");
        }
    }
}
