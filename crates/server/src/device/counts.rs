//! What a device says to hold against what it should hold: how a device that was emptied or exchanged without a word
//! is found.
//!
//! Counts come with the INFO of a poll (§9) after something changed on the device. A shortage is believed when nothing is
//! under way or owed to the device, no command was answered since it counted, and it had time to upload what happened
//! there: a user who was deleted at the device is missing too until the upload tells so. A device that held people and
//! then nobody is filled again whatever it says meanwhile: the news that go out would hide that the rest is gone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use roster::Millis;
use store::{DeviceRow, StoreError};

use crate::app::App;
use crate::fleet;

/// How long a device has to upload what happened at it before its counts are looked at, ms.
const UPLOADED_MS: i64 = 60_000;

/// A device is not filled again more often than this, whatever it says, ms.
const REFILL_PAUSE_MS: i64 = 3_600_000;

/// When which device's counts are looked at next, of those that told them to this process.
#[derive(Debug, Default)]
pub struct Comparisons(Mutex<HashMap<i64, Comparison>>);

#[derive(Clone, Copy, Debug, Default)]
struct Comparison {
    /// When it counted, as far as this process knows.
    counted: Option<Millis>,
    /// When to look, `None` until it counts again.
    due: Option<Millis>,
}

impl Comparisons {
    /// A device said how much it holds.
    pub fn counted(&self, device: i64, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(device, Comparison { counted: Some(now), due: Some(now.plus(UPLOADED_MS)) });
    }

    /// The comparison that is due now. The first poll after the start of the process sets one up, by what the device
    /// told before.
    fn due(&self, device: i64, now: Millis) -> Option<Comparison> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = || Comparison { due: Some(now.plus(UPLOADED_MS)), ..Comparison::default() };
        let comparison = *all.entry(device).or_insert_with(first);
        comparison.due.is_some_and(|due| due <= now).then_some(comparison)
    }

    /// When the counts of a device are looked at next; `None` where it has to count before.
    pub fn next(&self, device: i64) -> Option<Millis> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&device)?.due
    }

    fn looked(&self, device: i64, outcome: Outcome, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(comparison) = all.get_mut(&device) else { return };
        comparison.due = match outcome {
            Outcome::Later => Some(now.plus(UPLOADED_MS)),
            Outcome::Enough => None,
        };
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Something is under way, or it was filled again not long ago.
    Later,
    /// The device holds what it should, or its counts say nothing any more, or it is filled again.
    Enough,
}

/// Looks at the counts of a device where that is due, and fills it again where users are missing. Whether it looked.
///
/// # Errors
/// Those of the database.
pub async fn compare(app: &App, device: &DeviceRow) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let pauses = device.refilled_at.is_some_and(|at| at.plus(REFILL_PAUSE_MS) > now);
    if device.emptied_at.is_some_and(|at| at.plus(UPLOADED_MS) <= now) && device.joining.is_none() && !pauses
    {
        tracing::warn!(
            device.serial_number = %device.serial_number,
            "the device held people, and then nobody: it is filled again"
        );
        refill(app, device, now).await?;
        return Ok(true);
    }
    let Some(comparison) = app.comparisons.due(device.id, now) else { return Ok(false) };
    let outcome = if pauses {
        Outcome::Later
    } else {
        // Another process may have been told later.
        look(app, device, comparison.counted.max(device.counts_at), now).await?
    };
    app.comparisons.looked(device.id, outcome, now);
    Ok(true)
}

async fn look(
    app: &App,
    device: &DeviceRow,
    counted: Option<Millis>,
    now: Millis,
) -> Result<Outcome, StoreError> {
    let (Some(counted), Some(users)) = (counted, device.capability.counts().users) else {
        return Ok(Outcome::Enough);
    };
    let mut tx = app.store.read().await?;
    let view = tx.view(device).await?;
    if device.joining.is_some() || device.scan.is_some() || tx.head().await? > device.cursor {
        return Ok(Outcome::Later);
    }
    if view.open_count + view.due_count > 0 {
        return Ok(Outcome::Later);
    }
    // A device that uploads at its own times may have lost users who were deleted there: only an empty one was emptied.
    let at_once = device.options.realtime.unwrap_or(app.config.upload.realtime);
    if tx.closed_since(device.id, counted).await? || !(at_once || users == 0) {
        return Ok(Outcome::Enough);
    }
    let expected = tx.users_expected(device.id).await?;
    let expected = expected.iter().filter(|pin| device.capability.takes_pin(pin)).count();
    tx.rollback().await?;
    if users >= u64::try_from(expected).unwrap_or(u64::MAX) {
        return Ok(Outcome::Enough);
    }
    tracing::warn!(
        device.serial_number = %device.serial_number, users, expected,
        "the device holds fewer users than it should: it is filled again"
    );
    refill(app, device, now).await?;
    Ok(Outcome::Enough)
}

async fn refill(app: &App, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    store::retry(|| async {
        let mut tx = app.store.write_fleet().await?;
        let row = tx.lock_device(device.id).await?;
        if row.is_none_or(|row| row.refilled_at != device.refilled_at) {
            // Another process was quicker.
            return tx.rollback().await;
        }
        fleet::devices::refill(&mut tx, device, now).await?;
        tx.note_refilled(device.id, now).await?;
        tx.commit().await
    })
    .await
}
