//! Time zones of devices: the current UTC offset, and how devices learn that it changed.
//!
//! A device reads its `TimeZone` only in a handshake (§5). When daylight saving begins or ends, or an operator changes the zone,
//! Muster sends the device a `CHECK` (§12.3), after which the device makes a handshake. Each change causes one `CHECK`, from the
//! first of several servers that sees the change.

use jiff::tz::TimeZone;
use roster::Millis;
use store::{DeviceClock, Store, StoreError};
use wire::Form;

use crate::clock::Clock;
use crate::command::QueuedCommand;

/// The current UTC offset of a zone, in minutes; `default` if there is no zone of this IANA name.
pub fn offset_minutes(default: &TimeZone, name: Option<&str>, now: Millis) -> i32 {
    let own = name.and_then(|name| TimeZone::get(name).ok());
    let zone = own.as_ref().unwrap_or(default);
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_offset(now).seconds() / 60
}

/// At most this many devices are asked at a time; the others follow. When daylight saving begins, the offset of a whole fleet
/// changes at once, and each device answers with a handshake and with the tables that it was told to upload again.
const MAX_AT_ONCE: usize = 100;

/// Asks devices whose offset has changed for a handshake, a limited number each time.
///
/// # Errors
/// Those of the database.
pub async fn follow(store: &Store, clock: &Clock, default: &TimeZone) -> Result<(), StoreError> {
    let now = clock.now();
    let clocks = store.read().await?.clocks().await?;
    let mut room = MAX_AT_ONCE;
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

/// How the offset of a device's zone differs from the offset that the device got last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Not at all, or the device was asked already.
    None,
    /// The offset changed and changed back before the device made a handshake.
    Undone,
    /// The offset changed.
    New,
}

impl Change {
    fn of(clock: &DeviceClock, minutes: i32) -> Self {
        match (clock.told_offset_min, clock.asked_offset_min) {
            (Some(told), Some(_)) if told == minutes => Self::Undone,
            (Some(told), asked) if told != minutes && asked != Some(minutes) => Self::New,
            // A device that never got an offset makes its first handshake by itself.
            _ => Self::None,
        }
    }
}

async fn ask(store: &Store, device: i64, minutes: i32, now: Millis) -> Result<(), StoreError> {
    let mut tx = store.write_fleet().await?;
    let Some(row) = tx.lock_device(device).await? else { return tx.rollback().await };
    if !tx.ask_offset(device, minutes).await? {
        // Another server was faster.
        return tx.rollback().await;
    }
    if !row.capability.refused(Form::Check) {
        QueuedCommand(wire::Command::Check).queue(&mut tx, device, "server", now).await?;
    }
    tx.commit().await?;
    tracing::info!(
        device.serial_number = %row.serial_number, minutes,
        "the offset of the device's time zone changed: asking it to set its clock"
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
            // The device was asked in summer and made no handshake, and its offset has changed again.
            (Some(60), Some(120), 180, Change::New),
        ] {
            assert_eq!(Change::of(&clock(told, asked), now), change, "{told:?} {asked:?} {now}");
        }
    }
}
