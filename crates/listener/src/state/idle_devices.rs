//! Devices that have nothing to do, so that their polls ask no database.
//!
//! Most polls find nothing, at thousands a second in a large fleet. What a poll found is kept: that nothing waits for the device, and
//! when the first thing comes to be due by itself.
//!
//! **Invariant**: a device is in here only if a poll that began at its `change_epoch` found that it is part of the fleet and settled: not
//! being taken in or filled, the whole feed read, no command open, nothing due before `until`. It is taken at its word only while
//! this process learned of no change since, and looked for changes lately. So everything that gives a settled device something to do
//! either is a change of the fleet, or wakes ([`store::Tx::wake`]), or comes with a request of the device itself, which ends what is
//! kept of it here. What other processes do is seen when this one looks next, [`CHANGE_CHECK_INTERVAL`] later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roster::Millis;
use store::ChangeEpoch;
use wire::SerialNumber;

/// How often a process looks for changes that others made.
pub const CHANGE_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Who has not looked for so long cannot say that nothing changed, ms.
const LOOKED_MS: i64 = 1_000;

/// So long at most a device is not asked for, ms: it bounds what a mistake in all this could do.
const LONGEST_MS: i64 = 300_000;

/// The settled devices of those that poll this process.
///
/// As many as there are devices in the fleet at most: what a poll found is kept only of a device that was let in.
#[derive(Debug)]
pub struct IdleDevices {
    /// When changes of others were looked for, ms; [`NEVER`] where nobody knows.
    mark_current: AtomicI64,
    devices: Mutex<HashMap<SerialNumber, Entry>>,
    polls: AtomicU64,
}

const NEVER: i64 = i64::MIN;

#[derive(Clone, Copy, Debug)]
struct Entry {
    device: i64,
    change_epoch: ChangeEpoch,
    until: Millis,
}

impl Default for IdleDevices {
    fn default() -> Self {
        Self { mark_current: AtomicI64::new(NEVER), devices: Mutex::default(), polls: AtomicU64::new(0) }
    }
}

impl IdleDevices {
    /// The device of this serial number, where there is nothing for it at this moment.
    pub fn find_idle(&self, serial_number: &str, change_epoch: ChangeEpoch, now: Millis) -> Option<i64> {
        let mark_current = self.mark_current.load(Ordering::Acquire);
        if mark_current == NEVER || now.0 - mark_current > LOOKED_MS {
            return None;
        }
        let entry = *self.lock().get(serial_number)?;
        if entry.change_epoch != change_epoch || entry.until <= now {
            return None;
        }
        self.polls.fetch_add(1, Ordering::Relaxed);
        Some(entry.device)
    }

    /// The device of this serial number, where there was nothing for it, nothing came to be due since, and then the fleet
    /// changed: its poll need not look first whether there is work. What is kept of it ends with that.
    pub fn take_if_feed_advanced(
        &self,
        serial_number: &str,
        change_epoch: ChangeEpoch,
        now: Millis,
    ) -> Option<i64> {
        let mut devices = self.lock();
        let entry = *devices.get(serial_number)?;
        if entry.until <= now || !entry.change_epoch.feed_differs_from(change_epoch) {
            return None;
        }
        devices.remove(serial_number);
        Some(entry.device)
    }

    /// Keeps what a poll found that began at `change_epoch`: nothing, until something is due.
    pub fn keep(
        &self,
        serial_number: &SerialNumber,
        device: i64,
        change_epoch: ChangeEpoch,
        due: Option<Millis>,
        now: Millis,
    ) {
        let longest = now.plus(LONGEST_MS);
        let until = due.map_or(longest, |due| due.min(longest));
        self.lock().insert(serial_number.clone(), Entry { device, change_epoch, until });
    }

    /// Something else came from this device than a poll.
    pub fn end(&self, serial_number: &str) {
        self.lock().remove(serial_number);
    }

    /// This process looked for changes that others made, and knows them now.
    pub fn mark_current(&self, now: Millis) {
        self.mark_current.store(now.0, Ordering::Release);
    }

    /// The database cannot be asked: nobody knows what changed.
    pub fn mark_unknown(&self) {
        self.mark_current.store(NEVER, Ordering::Release);
    }

    /// How many polls asked no database since the start.
    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SerialNumber, Entry>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn serial(text: &str) -> SerialNumber {
        text.parse().expect("a serial number")
    }

    async fn moments() -> (ChangeEpoch, ChangeEpoch) {
        let store =
            store::Store::open("sqlite::memory:", store::Keys::from_secret(&[7; 32])).await.expect("a store");
        let before = store.change_epoch();
        let mut tx = store.write().await.expect("a transaction");
        tx.wake().await.expect("woken");
        tx.commit().await.expect("committed");
        (before, store.change_epoch())
    }

    #[tokio::test]
    async fn a_settled_device_is_believed_until_something_is_due_or_changes() {
        let (change_epoch, later) = moments().await;
        let settled = IdleDevices::default();
        settled.keep(&serial("SN1"), 7, change_epoch, Some(NOW.plus(500)), NOW);
        assert_eq!(settled.find_idle("SN1", change_epoch, NOW), None, "nobody mark_current yet");

        settled.mark_current(NOW);
        assert_eq!(settled.find_idle("SN1", change_epoch, NOW.plus(499)), Some(7));
        assert_eq!(settled.find_idle("SN2", change_epoch, NOW), None, "nothing is known of it");
        assert_eq!(settled.find_idle("SN1", change_epoch, NOW.plus(500)), None, "something is due");
        assert_eq!(settled.find_idle("SN1", later, NOW), None, "something changed");
        assert_eq!(settled.polls(), 1);

        settled.end("SN1");
        assert_eq!(settled.find_idle("SN1", change_epoch, NOW), None, "it sent something");
    }

    #[tokio::test]
    async fn a_change_of_the_fleet_is_work_for_a_settled_device_once() {
        let (change_epoch, woken) = moments().await;
        let store =
            store::Store::open("sqlite::memory:", store::Keys::from_secret(&[7; 32])).await.expect("a store");
        let mut tx = store.write().await.expect("a transaction");
        tx.reserve(1).await.expect("a number");
        tx.commit().await.expect("committed");
        let changed = store.change_epoch();
        let settled = IdleDevices::default();
        let kept = || settled.keep(&serial("SN1"), 7, change_epoch, Some(NOW.plus(500)), NOW);
        kept();
        assert_eq!(settled.take_if_feed_advanced("SN1", change_epoch, NOW), None, "nothing happened");
        assert_eq!(settled.take_if_feed_advanced("SN1", woken, NOW), None, "something did, for one of many");
        assert_eq!(settled.take_if_feed_advanced("SN2", changed, NOW), None, "nothing is known of it");
        assert_eq!(
            settled.take_if_feed_advanced("SN1", changed, NOW.plus(500)),
            None,
            "something else is due"
        );
        assert_eq!(settled.take_if_feed_advanced("SN1", changed, NOW), Some(7));
        assert_eq!(
            settled.take_if_feed_advanced("SN1", changed, NOW),
            None,
            "then it is mark_current at again"
        );
    }

    #[tokio::test]
    async fn who_cannot_look_believes_nothing() {
        let (change_epoch, _) = moments().await;
        let settled = IdleDevices::default();
        settled.keep(&serial("SN1"), 7, change_epoch, None, NOW);
        settled.mark_current(NOW);
        assert_eq!(settled.find_idle("SN1", change_epoch, NOW.plus(LOOKED_MS)), Some(7));
        assert_eq!(settled.find_idle("SN1", change_epoch, NOW.plus(LOOKED_MS + 1)), None);

        settled.mark_unknown();
        assert_eq!(settled.find_idle("SN1", change_epoch, NOW), None);
    }

    #[tokio::test]
    async fn every_device_is_asked_for_now_and_then() {
        let (change_epoch, _) = moments().await;
        let settled = IdleDevices::default();
        settled.keep(&serial("SN1"), 7, change_epoch, None, NOW);
        let later = NOW.plus(LONGEST_MS);
        settled.mark_current(later);
        assert_eq!(settled.find_idle("SN1", change_epoch, later.plus(-1)), Some(7));
        assert_eq!(settled.find_idle("SN1", change_epoch, later), None);
    }
}
