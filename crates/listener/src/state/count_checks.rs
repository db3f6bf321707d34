//! The schedule of user count checks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use roster::Millis;

/// After a count, a device has this long to upload its log before Muster checks the count, ms.
pub const UPLOAD_GRACE_MS: i64 = 60_000;

/// How often Muster checks whether a surplus is over, ms: once the fleet has taken in the people it did not know, the device
/// has no reason to report a count again.
const SURPLUS_CHECK_MS: i64 = 600_000;

/// The next check of each device that reported counts to this process.
#[derive(Debug, Default)]
pub struct CountChecks(Mutex<HashMap<i64, CountCheck>>);

/// The next check of the counts of one device.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountCheck {
    /// When the device reported its count, as far as this process knows.
    pub counted: Option<Millis>,
    /// When to check; `None` until the device reports a count again.
    due: Option<Millis>,
}

impl CountChecks {
    /// Notes that a device reported its counts.
    pub fn counted(&self, device: i64, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(device, CountCheck { counted: Some(now), due: Some(now.plus(UPLOAD_GRACE_MS)) });
    }

    /// The check that is due now. The first poll after the start of the process schedules one, for the count that the
    /// device reported before.
    pub fn due(&self, device: i64, now: Millis) -> Option<CountCheck> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = || CountCheck { due: Some(now.plus(UPLOAD_GRACE_MS)), ..CountCheck::default() };
        let check = *all.entry(device).or_insert_with(first);
        check.due.is_some_and(|due| due <= now).then_some(check)
    }

    /// When the device is checked next; `None` if it has to report a count first.
    pub fn next(&self, device: i64) -> Option<Millis> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&device)?.due
    }

    /// Records the outcome of a check, and schedules the next.
    pub fn record(&self, device: i64, outcome: Outcome, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(check) = all.get_mut(&device) else { return };
        check.due = match outcome {
            Outcome::Later => Some(now.plus(UPLOAD_GRACE_MS)),
            Outcome::Surplus => Some(now.plus(SURPLUS_CHECK_MS)),
            Outcome::Enough => None,
        };
    }
}

/// The outcome of a count check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Check again later: commands are in progress, or the device was filled again recently.
    Later,
    /// The device holds more people than it should.
    Surplus,
    /// No further check: the device holds what it should, its count is outdated, or Muster fills it again.
    Enough,
}
