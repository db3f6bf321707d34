//! The user count check: compares the count that a device reports with the count that Muster expects. The check finds devices
//! that were wiped or replaced without a report, and people of whom the fleet does not know.
//!
//! Devices report counts in the INFO of a poll (§9) after something changed there. Muster accepts a shortage if the device has
//! no open or due command, answered no command since it counted, and had time to upload its log: a user who was deleted at the
//! device is missing too until the upload arrives. If a device held people and then counted zero, Muster fills it again whatever
//! it counts afterwards: new changes that go out would hide that everything else is gone.
//!
//! Muster accepts a surplus under the same conditions. It then asks the device for all its people, at most once a day and not
//! within a day of the routine check, and shows the surplus until the numbers agree.

use roster::Millis;
use store::{DeviceRow, Rereading, StoreError};
use wire::Pin;

use crate::context::Context;
use crate::state::count_checks::{Outcome, UPLOAD_GRACE_MS};

/// Minimum time between two refills of a device, whatever it counts, ms.
const REFILL_PAUSE_MS: i64 = 3_600_000;

/// Minimum time between two requests for all people of a device with a surplus, ms.
const ASK_PAUSE_MS: i64 = 24 * 3_600_000;

/// Checks the user count of a device if a check is due: fills the device again if users are missing, and asks for all its people
/// if there are too many. Returns whether it checked.
///
/// # Errors
/// Those of the database.
pub async fn check(context: &Context, device: &DeviceRow) -> Result<bool, StoreError> {
    let now = context.clock.now();
    let refilled_lately = device.refilled_at.is_some_and(|at| at.plus(REFILL_PAUSE_MS) > now);
    if device.emptied_at.is_some_and(|at| at.plus(UPLOAD_GRACE_MS) <= now)
        && device.joining.is_none()
        && !refilled_lately
    {
        tracing::warn!(
            device.serial_number = %device.serial_number,
            "the device held people and then none: filling it again"
        );
        refill(context, device, now).await?;
        return Ok(true);
    }
    let Some(check) = context.count_checks.due(device.id, now) else { return Ok(false) };
    let outcome = if refilled_lately {
        Outcome::Later
    } else {
        // Another process may have received a later count.
        check_counts(context, device, check.counted.max(device.counts_at), now).await?
    };
    context.count_checks.record(device.id, outcome, now);
    Ok(true)
}

async fn check_counts(
    context: &Context,
    device: &DeviceRow,
    counted: Option<Millis>,
    now: Millis,
) -> Result<Outcome, StoreError> {
    let (Some(counted), Some(users)) = (counted, device.capability.counts().users) else {
        return Ok(Outcome::Enough);
    };
    let mut tx = context.store.read().await?;
    let view = tx.view(device).await?;
    // A reading that finds missing people tells more than a count.
    let finds_missing = device.rereads == Some(Rereading::People) || device.unexplained_deletions > 0;
    if device.joining.is_some() || finds_missing || device.scan.is_some() || tx.head().await? > device.cursor
    {
        return Ok(Outcome::Later);
    }
    if view.open_count + view.due_count > 0 {
        return Ok(Outcome::Later);
    }
    // A device that does not upload at once may have deleted users without a report. Only a count of zero is certain.
    let at_once = device.options.realtime.unwrap_or(context.config.upload.realtime);
    let believed = (at_once || users == 0) && !tx.closed_since(device.id, counted).await?;
    // A known surplus ends as soon as the numbers agree, even if the device's count is old.
    if !believed && device.surplus_expected.is_none() {
        return Ok(Outcome::Enough);
    }
    let takes = |pins: &[Pin]| {
        let taken = pins.iter().filter(|pin| device.capability.accepts_pin(pin)).count();
        u64::try_from(taken).unwrap_or(u64::MAX)
    };
    let expected = takes(&tx.users_expected(device.id).await?);
    let possible = takes(&tx.users_possible(device.id).await?);
    tx.rollback().await?;
    if users > possible {
        if believed {
            report_surplus(context, device, users, possible, now).await?;
        }
        return Ok(Outcome::Surplus);
    }
    if device.surplus_expected.is_some() {
        end_surplus(context, device).await?;
    }
    if believed && users < expected {
        tracing::warn!(
            device.serial_number = %device.serial_number, users, expected,
            "the device holds fewer users than it should: filling it again"
        );
        refill(context, device, now).await?;
    }
    Ok(Outcome::Enough)
}

/// Records that a device holds more people than it should, and asks for all of them unless Muster asked lately.
async fn report_surplus(
    context: &Context,
    device: &DeviceRow,
    users: u64,
    expected: u64,
    now: Millis,
) -> Result<(), StoreError> {
    let asks = device.people_asked_at().is_none_or(|at| at.plus(ASK_PAUSE_MS) <= now);
    if !asks && device.surplus_expected == Some(expected) {
        return Ok(());
    }
    if asks {
        tracing::warn!(
            device.serial_number = %device.serial_number, users, expected,
            "the device holds more users than it should: asking it for all of them"
        );
    }
    store::retry(|| async {
        let mut tx = context.store.write_fleet().await?;
        let row = tx.lock_device(device.id).await?;
        if row.is_none_or(|row| row.surplus_asked_at != device.surplus_asked_at || row.joining.is_some()) {
            // Another process was faster.
            return tx.rollback().await;
        }
        tx.note_surplus(device.id, Some(expected), asks.then_some(now)).await?;
        if asks {
            fleet::reread::ask_for_everything(&mut tx, device.id, now).await?;
        }
        tx.commit().await
    })
    .await
}

async fn end_surplus(context: &Context, device: &DeviceRow) -> Result<(), StoreError> {
    tracing::info!(device.serial_number = %device.serial_number, "the device holds no more users than it should");
    store::retry(|| async {
        let mut tx = context.store.write().await?;
        tx.note_surplus(device.id, None, None).await?;
        tx.commit().await
    })
    .await
}

async fn refill(context: &Context, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    store::retry(|| async {
        let mut tx = context.store.write_fleet().await?;
        let row = tx.lock_device(device.id).await?;
        if row.is_none_or(|row| row.refilled_at != device.refilled_at) {
            // Another process was faster.
            return tx.rollback().await;
        }
        fleet::device::refill(&mut tx, device, now).await?;
        tx.note_refilled(device.id, now).await?;
        tx.commit().await
    })
    .await
}
