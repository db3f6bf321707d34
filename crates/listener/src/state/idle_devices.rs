//! Devices that have nothing to do, so that their polls ask no database.
//!
//! Most polls find nothing, at thousands a second in a large fleet. What a poll found is kept: that nothing waits for the device, and
//! when the first thing comes to be due by itself.
//!
//! **Invariant**: a device is in here only if a poll that began at its `moment` found that it is part of the fleet and settled: not
//! being taken in or filled, the whole feed read, no command open, nothing due before `until`. It is taken at its word only while
//! this process learned of no change since, and looked for changes lately. So everything that gives a settled device something to do
//! either is a change of the fleet, or wakes ([`store::Tx::wake`]), or comes with a request of the device itself, which ends what is
//! kept of it here. What other processes do is seen when this one looks next, [`LOOK`] later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roster::Millis;
use store::Moment;
use wire::SerialNumber;

/// How often a process looks for changes that others made.
pub const LOOK: Duration = Duration::from_millis(250);

/// Who has not looked for so long cannot say that nothing changed, ms.
const LOOKED_MS: i64 = 1_000;

/// So long at most a device is not asked for, ms: it bounds what a mistake in all this could do.
const LONGEST_MS: i64 = 300_000;

/// The settled devices of those that poll this process.
///
/// As many as there are devices in the fleet at most: what a poll found is kept only of a device that was let in.
#[derive(Debug)]
pub struct Settled {
    /// When changes of others were looked for, ms; [`NEVER`] where nobody knows.
    looked: AtomicI64,
    devices: Mutex<HashMap<SerialNumber, Entry>>,
    polls: AtomicU64,
}

const NEVER: i64 = i64::MIN;

#[derive(Clone, Copy, Debug)]
struct Entry {
    device: i64,
    moment: Moment,
    until: Millis,
}

impl Default for Settled {
    fn default() -> Self {
        Self { looked: AtomicI64::new(NEVER), devices: Mutex::default(), polls: AtomicU64::new(0) }
    }
}

impl Settled {
    /// The device of this serial number, where there is nothing for it at this moment.
    pub fn nothing_for(&self, serial_number: &str, moment: Moment, now: Millis) -> Option<i64> {
        let looked = self.looked.load(Ordering::Acquire);
        if looked == NEVER || now.0 - looked > LOOKED_MS {
            return None;
        }
        let entry = *self.lock().get(serial_number)?;
        if entry.moment != moment || entry.until <= now {
            return None;
        }
        self.polls.fetch_add(1, Ordering::Relaxed);
        Some(entry.device)
    }

    /// The device of this serial number, where there was nothing for it, nothing came to be due since, and then the fleet
    /// changed: its poll need not look first whether there is work. What is kept of it ends with that.
    pub fn expects_work(&self, serial_number: &str, moment: Moment, now: Millis) -> Option<i64> {
        let mut devices = self.lock();
        let entry = *devices.get(serial_number)?;
        if entry.until <= now || !entry.moment.has_other_people(moment) {
            return None;
        }
        devices.remove(serial_number);
        Some(entry.device)
    }

    /// Keeps what a poll found that began at `moment`: nothing, until something is due.
    pub fn keep(
        &self,
        serial_number: &SerialNumber,
        device: i64,
        moment: Moment,
        due: Option<Millis>,
        now: Millis,
    ) {
        let longest = now.plus(LONGEST_MS);
        let until = due.map_or(longest, |due| due.min(longest));
        self.lock().insert(serial_number.clone(), Entry { device, moment, until });
    }

    /// Something else came from this device than a poll.
    pub fn end(&self, serial_number: &str) {
        self.lock().remove(serial_number);
    }

    /// This process looked for changes that others made, and knows them now.
    pub fn looked(&self, now: Millis) {
        self.looked.store(now.0, Ordering::Release);
    }

    /// The database cannot be asked: nobody knows what changed.
    pub fn cannot_look(&self) {
        self.looked.store(NEVER, Ordering::Release);
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

    async fn moments() -> (Moment, Moment) {
        let store =
            store::Store::open("sqlite::memory:", store::Keys::from_secret(&[7; 32])).await.expect("a store");
        let before = store.moment();
        let mut tx = store.write().await.expect("a transaction");
        tx.wake().await.expect("woken");
        tx.commit().await.expect("committed");
        (before, store.moment())
    }

    #[tokio::test]
    async fn a_settled_device_is_believed_until_something_is_due_or_changes() {
        let (moment, later) = moments().await;
        let settled = Settled::default();
        settled.keep(&serial("SN1"), 7, moment, Some(NOW.plus(500)), NOW);
        assert_eq!(settled.nothing_for("SN1", moment, NOW), None, "nobody looked yet");

        settled.looked(NOW);
        assert_eq!(settled.nothing_for("SN1", moment, NOW.plus(499)), Some(7));
        assert_eq!(settled.nothing_for("SN2", moment, NOW), None, "nothing is known of it");
        assert_eq!(settled.nothing_for("SN1", moment, NOW.plus(500)), None, "something is due");
        assert_eq!(settled.nothing_for("SN1", later, NOW), None, "something changed");
        assert_eq!(settled.polls(), 1);

        settled.end("SN1");
        assert_eq!(settled.nothing_for("SN1", moment, NOW), None, "it sent something");
    }

    #[tokio::test]
    async fn a_change_of_the_fleet_is_work_for_a_settled_device_once() {
        let (moment, woken) = moments().await;
        let store =
            store::Store::open("sqlite::memory:", store::Keys::from_secret(&[7; 32])).await.expect("a store");
        let mut tx = store.write().await.expect("a transaction");
        tx.reserve(1).await.expect("a number");
        tx.commit().await.expect("committed");
        let changed = store.moment();
        let settled = Settled::default();
        let kept = || settled.keep(&serial("SN1"), 7, moment, Some(NOW.plus(500)), NOW);
        kept();
        assert_eq!(settled.expects_work("SN1", moment, NOW), None, "nothing happened");
        assert_eq!(settled.expects_work("SN1", woken, NOW), None, "something did, for one of many");
        assert_eq!(settled.expects_work("SN2", changed, NOW), None, "nothing is known of it");
        assert_eq!(settled.expects_work("SN1", changed, NOW.plus(500)), None, "something else is due");
        assert_eq!(settled.expects_work("SN1", changed, NOW), Some(7));
        assert_eq!(settled.expects_work("SN1", changed, NOW), None, "then it is looked at again");
    }

    #[tokio::test]
    async fn who_cannot_look_believes_nothing() {
        let (moment, _) = moments().await;
        let settled = Settled::default();
        settled.keep(&serial("SN1"), 7, moment, None, NOW);
        settled.looked(NOW);
        assert_eq!(settled.nothing_for("SN1", moment, NOW.plus(LOOKED_MS)), Some(7));
        assert_eq!(settled.nothing_for("SN1", moment, NOW.plus(LOOKED_MS + 1)), None);

        settled.cannot_look();
        assert_eq!(settled.nothing_for("SN1", moment, NOW), None);
    }

    #[tokio::test]
    async fn every_device_is_asked_for_now_and_then() {
        let (moment, _) = moments().await;
        let settled = Settled::default();
        settled.keep(&serial("SN1"), 7, moment, None, NOW);
        let later = NOW.plus(LONGEST_MS);
        settled.looked(later);
        assert_eq!(settled.nothing_for("SN1", moment, later.plus(-1)), Some(7));
        assert_eq!(settled.nothing_for("SN1", moment, later), None);
    }
}
