//! The idle devices: their polls are answered from memory, without the database.
//!
//! Most polls find no work, thousands a second in a large fleet. Once a poll has found a device idle, this list keeps that, and
//! until when it holds: the first time at which work becomes due by itself.
//!
//! **Invariant**: a device is in the list only if a poll that began at its `change_epoch` found it an idle member of the fleet:
//! not joining, no scan, the whole feed read, no open command, nothing due before `until`. The entry counts only while this
//! process has seen no change since and has checked for changes recently. Therefore everything that gives an idle device work must be a
//! change of the feed, or call [`store::Tx::wake`], or come with a request of the device itself, which removes the entry here.
//! Changes of other processes are seen at the next check, at most [`CHANGE_CHECK_INTERVAL`] later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roster::Millis;
use store::ChangeEpoch;
use wire::SerialNumber;

/// How often a process checks for changes of other processes.
pub const CHANGE_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The idle list is stale once this process has not checked for changes for this long, ms.
const STALE_AFTER_MS: i64 = 1_000;

/// Maximum time for which an entry is valid, ms: it limits the effect of a mistake in this logic.
const MAX_VALID_MS: i64 = 300_000;

/// The idle devices among those that poll this process.
///
/// At most as many entries as the fleet has devices: only members of the fleet are kept.
#[derive(Debug)]
pub struct IdleDevices {
    /// When this process last checked for changes, ms; [`NEVER`] if the last check failed.
    checked_at: AtomicI64,
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
        Self { checked_at: AtomicI64::new(NEVER), devices: Mutex::default(), polls: AtomicU64::new(0) }
    }
}

impl IdleDevices {
    /// The ID of the device with this serial number, if it is idle now.
    pub fn find_idle(&self, serial_number: &str, change_epoch: ChangeEpoch, now: Millis) -> Option<i64> {
        let checked_at = self.checked_at.load(Ordering::Acquire);
        if checked_at == NEVER || now.0 - checked_at > STALE_AFTER_MS {
            return None;
        }
        let entry = *self.lock().get(serial_number)?;
        if entry.change_epoch != change_epoch || entry.until <= now {
            return None;
        }
        self.polls.fetch_add(1, Ordering::Relaxed);
        Some(entry.device)
    }

    /// The ID of the device with this serial number, if it was idle, nothing became due since, and then the feed advanced: its
    /// poll can skip the look-up for work. Removes the entry.
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

    /// Adds a device that a poll, which began at `change_epoch`, found idle until `due`.
    pub fn insert(
        &self,
        serial_number: &SerialNumber,
        device: i64,
        change_epoch: ChangeEpoch,
        due: Option<Millis>,
        now: Millis,
    ) {
        let longest = now.plus(MAX_VALID_MS);
        let until = due.map_or(longest, |due| due.min(longest));
        self.lock().insert(serial_number.clone(), Entry { device, change_epoch, until });
    }

    /// Removes a device: it sent a request other than a poll.
    pub fn remove(&self, serial_number: &str) {
        self.lock().remove(serial_number);
    }

    /// This process has checked for changes.
    pub fn mark_current(&self, now: Millis) {
        self.checked_at.store(now.0, Ordering::Release);
    }

    /// The check for changes failed: the list does not count until the next one succeeds.
    pub fn mark_unknown(&self) {
        self.checked_at.store(NEVER, Ordering::Release);
    }

    /// The number of polls since the start that were answered from this list.
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

    async fn epochs() -> (ChangeEpoch, ChangeEpoch) {
        let store =
            store::Store::open("sqlite::memory:", store::Keys::from_secret(&[7; 32])).await.expect("a store");
        let before = store.change_epoch();
        let mut tx = store.write().await.expect("a transaction");
        tx.wake().await.expect("woken");
        tx.commit().await.expect("committed");
        (before, store.change_epoch())
    }

    #[tokio::test]
    async fn an_idle_device_stays_idle_until_something_is_due_or_changes() {
        let (change_epoch, later) = epochs().await;
        let idle = IdleDevices::default();
        idle.insert(&serial("SN1"), 7, change_epoch, Some(NOW.plus(500)), NOW);
        assert_eq!(idle.find_idle("SN1", change_epoch, NOW), None, "not checked yet");

        idle.mark_current(NOW);
        assert_eq!(idle.find_idle("SN1", change_epoch, NOW.plus(499)), Some(7));
        assert_eq!(idle.find_idle("SN2", change_epoch, NOW), None, "unknown device");
        assert_eq!(idle.find_idle("SN1", change_epoch, NOW.plus(500)), None, "something is due");
        assert_eq!(idle.find_idle("SN1", later, NOW), None, "something changed");
        assert_eq!(idle.polls(), 1);

        idle.remove("SN1");
        assert_eq!(idle.find_idle("SN1", change_epoch, NOW), None, "it sent something");
    }

    #[tokio::test]
    async fn a_change_of_the_feed_is_work_for_an_idle_device_once() {
        let (change_epoch, woken) = epochs().await;
        let store =
            store::Store::open("sqlite::memory:", store::Keys::from_secret(&[7; 32])).await.expect("a store");
        let mut tx = store.write().await.expect("a transaction");
        tx.reserve(1).await.expect("a number");
        tx.commit().await.expect("committed");
        let changed = store.change_epoch();
        let idle = IdleDevices::default();
        let kept = || idle.insert(&serial("SN1"), 7, change_epoch, Some(NOW.plus(500)), NOW);
        kept();
        assert_eq!(idle.take_if_feed_advanced("SN1", change_epoch, NOW), None, "no change");
        assert_eq!(idle.take_if_feed_advanced("SN1", woken, NOW), None, "a wake is not a change of the feed");
        assert_eq!(idle.take_if_feed_advanced("SN2", changed, NOW), None, "unknown device");
        assert_eq!(idle.take_if_feed_advanced("SN1", changed, NOW.plus(500)), None, "something else is due");
        assert_eq!(idle.take_if_feed_advanced("SN1", changed, NOW), Some(7));
        assert_eq!(idle.take_if_feed_advanced("SN1", changed, NOW), None, "the entry is gone");
    }

    #[tokio::test]
    async fn a_stale_list_finds_no_device_idle() {
        let (change_epoch, _) = epochs().await;
        let idle = IdleDevices::default();
        idle.insert(&serial("SN1"), 7, change_epoch, None, NOW);
        idle.mark_current(NOW);
        assert_eq!(idle.find_idle("SN1", change_epoch, NOW.plus(STALE_AFTER_MS)), Some(7));
        assert_eq!(idle.find_idle("SN1", change_epoch, NOW.plus(STALE_AFTER_MS + 1)), None);

        idle.mark_unknown();
        assert_eq!(idle.find_idle("SN1", change_epoch, NOW), None);
    }

    #[tokio::test]
    async fn an_entry_expires_after_the_longest_time() {
        let (change_epoch, _) = epochs().await;
        let idle = IdleDevices::default();
        idle.insert(&serial("SN1"), 7, change_epoch, None, NOW);
        let later = NOW.plus(MAX_VALID_MS);
        idle.mark_current(later);
        assert_eq!(idle.find_idle("SN1", change_epoch, later.plus(-1)), Some(7));
        assert_eq!(idle.find_idle("SN1", change_epoch, later), None);
    }
}
