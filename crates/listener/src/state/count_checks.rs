//! When the counts of which device are checked next.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use roster::Millis;

/// How long a device has to upload what happened at it before its counts are looked at, ms.
pub const UPLOADED_MS: i64 = 60_000;

/// How often it is looked whether a surplus is over, ms: the fleet may have taken in the people of whom it did not know,
/// and then the device has no reason to count again.
const SURPLUS_LOOK_MS: i64 = 600_000;

/// When which device's counts are looked at next, of those that told them to this process.
#[derive(Debug, Default)]
pub struct CountChecks(Mutex<HashMap<i64, CountCheck>>);

/// The next check of the counts of one device.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountCheck {
    /// When it counted, as far as this process knows.
    pub counted: Option<Millis>,
    /// When to look, `None` until it counts again.
    due: Option<Millis>,
}

impl CountChecks {
    /// A device said how much it holds.
    pub fn counted(&self, device: i64, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(device, CountCheck { counted: Some(now), due: Some(now.plus(UPLOADED_MS)) });
    }

    /// The check that is due now. The first poll after the start of the process sets one up, by what the device
    /// told before.
    pub fn due(&self, device: i64, now: Millis) -> Option<CountCheck> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = || CountCheck { due: Some(now.plus(UPLOADED_MS)), ..CountCheck::default() };
        let check = *all.entry(device).or_insert_with(first);
        check.due.is_some_and(|due| due <= now).then_some(check)
    }

    /// When the counts of a device are looked at next; `None` where it has to count before.
    pub fn next(&self, device: i64) -> Option<Millis> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&device)?.due
    }

    /// The counts of a device were checked.
    pub fn looked(&self, device: i64, outcome: Outcome, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(check) = all.get_mut(&device) else { return };
        check.due = match outcome {
            Outcome::Later => Some(now.plus(UPLOADED_MS)),
            Outcome::Surplus => Some(now.plus(SURPLUS_LOOK_MS)),
            Outcome::Enough => None,
        };
    }
}

/// What a check of the counts of a device came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something is under way, or it was filled again not long ago.
    Later,
    /// The device holds more people than it should.
    Surplus,
    /// The device holds what it should, or its counts say nothing any more, or it is filled again.
    Enough,
}
