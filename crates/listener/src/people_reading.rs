//! What comes of a reading of all people of a device: who is missing there, and what is done about it.
//!
//! A reading begins with the routine check ([`fleet::routine_check`]), or when a device reported the deletion of somebody who is
//! still there: it named a number of its own, and somebody else is missing (field note 11.1).
//!
//! People whom the device shows go through the intake like any other upload. Somebody is missing who was acknowledged by the
//! device, was not written since the reading began, and was not shown, although the device showed as many people as it says to
//! hold:
//!
//! - as many people are missing as deletions of somebody else were reported: the device is asked about each of them by the PIN,
//!   and the policy `deletion` decides;
//! - otherwise nobody was deleted there as far as anybody can tell. The device is filled again, as after a count that is too low.

use std::collections::BTreeSet;

use roster::{Millis, Seq};
use store::{DeviceRow, PendingWork, Rereading, StoreError, Tx};
use sync::DeviceView;
use sync::intake::Intake;
use wire::Pin;

use fleet::{reread, routine_check};

use crate::command::read_back;
use crate::context::Context;
use crate::{claim_questions, joining};

/// A device that uploaded nothing about people for so long shows nobody any more, ms.
const SILENT_MS: i64 = 600_000;

/// So many missing people are looked at one by one; that more are missing is beyond doubt.
const MOST_LOOKED_AT: usize = 100;

/// In so many people a template is looked for that the device can be asked for.
const MOST_TRIES: usize = 5;

/// Begins to read the people of a device that reported so many deletions of people who are still there. A device that answers
/// no queries is asked for everything.
///
/// # Errors
/// Those of the database.
pub async fn after_deletions(
    tx: &mut Tx,
    row: &DeviceRow,
    deletions: u32,
    now: Millis,
) -> Result<(), StoreError> {
    if row.joining.is_some() {
        // It is read anyway, and then filled.
        return Ok(());
    }
    tx.note_unexplained_deletions(row.id, deletions).await?;
    let reads_everything = row.rereads == Some(Rereading::Everything);
    if reads_everything || !routine_check::can_be_asked(&row.capability) {
        return ask_for_everything(tx, row.id, now).await;
    }
    // Also where it is being read: it may have shown the person before the deletion.
    routine_check::begin(tx, row.id, &row.capability, now).await
}

async fn ask_for_everything(tx: &mut Tx, device: i64, now: Millis) -> Result<(), StoreError> {
    tx.begin_reread(device).await?;
    reread::ask_for_everything(tx, device, now).await
}

/// Ends the reading of the people of a device, where it has shown all of them or shows nobody any more. Whether it did.
///
/// # Errors
/// Those of the database.
pub async fn end(context: &Context, device: &DeviceRow) -> Result<bool, StoreError> {
    let now = context.clock.now();
    let Some(begun) = device.asked_at else { return Ok(false) };
    let quiet = joining::quiet_ms(&context.config);
    let quiet_for = now.0 - device.heard_at.unwrap_or(begun).max(begun).0;
    if quiet_for < quiet {
        return Ok(false);
    }
    let mut tx = context.store.read().await?;
    let missing = not_shown(&mut tx, device).await?;
    let shown = tx.users_shown(device.id).await?;
    tx.rollback().await?;
    let waited = quiet_for >= joining::WEAK * quiet;
    let counted = device.users_counted().filter(|_| device.counts_at >= Some(begun));
    let is_complete = missing.is_empty() || waited && counted.is_some_and(|counted| shown >= counted);
    let is_over = quiet_for >= SILENT_MS.max(quiet) || waited && shown == 0;
    if !is_complete && !is_over {
        return Ok(false);
    }
    store::retry(|| async {
        let mut tx = context.store.write_fleet().await?;
        let Some((row, mut view, standing)) = tx.standing(&device.serial_number, now).await? else {
            return tx.rollback().await;
        };
        let is_read = row.rereads == Some(Rereading::People);
        if !is_read || row.asked_at != device.asked_at || row.heard_at != device.heard_at {
            // Another process was quicker, or the device goes on.
            return tx.rollback().await;
        }
        if is_complete {
            let is_right = compare(context, &mut tx, (&row, &mut view, &standing), now).await?;
            let spot_checks = if is_right { context.config.reread_templates } else { 0 };
            tx.end_reading(row.id, Some(now), spot_checks).await?;
        } else if row.unexplained_deletions > 0 {
            ask_for_everything(&mut tx, row.id, now).await?;
        } else {
            tracing::info!(
                device.serial_number = %row.serial_number, shown, held = row.users_counted(),
                "the device did not show all its people when it was asked for them"
            );
            tx.end_reading(row.id, None, 0).await?;
        }
        tx.commit().await
    })
    .await?;
    Ok(true)
}

/// Those whom the device should hold and has not shown. Some of them may be on the way.
async fn not_shown(tx: &mut Tx, row: &DeviceRow) -> Result<BTreeSet<Pin>, StoreError> {
    let expected = tx.users_expected(row.id).await?;
    let expected = expected.into_iter().filter(|pin| row.capability.accepts_pin(pin)).collect();
    tx.not_shown(row.id, expected).await
}

/// Those who are missing on a device that has shown all its people.
async fn missing(
    tx: &mut Tx,
    (row, view, standing): (&DeviceRow, &mut DeviceView, &PendingWork),
) -> Result<Vec<Pin>, StoreError> {
    let begun = row.asked_at.unwrap_or(Millis(0));
    let written = tx.users_written_since(row.id, begun).await?;
    let pins = not_shown(tx, row).await?.into_iter().filter(|pin| !written.contains(pin));
    let pins: Vec<Pin> = pins.take(MOST_LOOKED_AT).collect();
    tx.load_persons_at(view, &pins, Some(standing)).await?;
    Ok(pins.into_iter().filter(|pin| view.should_show(pin)).collect())
}

/// Whether the device has shown somebody who cannot be on it as far as the fleet knows: it may have been restored.
async fn shows_others(tx: &mut Tx, device: i64) -> Result<bool, StoreError> {
    let possible: BTreeSet<Pin> = tx.users_possible(device).await?.into_iter().collect();
    let (all, shown) = (possible.len(), tx.users_shown(device).await?);
    let known = all - tx.not_shown(device, possible).await?.len();
    Ok(usize::try_from(shown).is_ok_and(|shown| shown > known))
}

/// Compares whom a device has shown with whom it should hold, and does what follows. Whether nobody is missing.
///
/// # Errors
/// Those of the database.
pub async fn compare(
    context: &Context,
    tx: &mut Tx,
    (row, view, standing): (&DeviceRow, &mut DeviceView, &PendingWork),
    now: Millis,
) -> Result<bool, StoreError> {
    let missing = missing(tx, (row, &mut *view, standing)).await?;
    if missing.is_empty() {
        return Ok(true);
    }
    let reported = usize::try_from(row.unexplained_deletions).unwrap_or(usize::MAX);
    if missing.len() <= reported && !shows_others(tx, row.id).await? {
        tracing::warn!(
            device.serial_number = %row.serial_number, people = %listed(&missing),
            "people are missing on the device that reported a deletion by a number of its own: it is asked about them"
        );
        let mut known = tx.known(row.id, &missing, now, Some(standing)).await?;
        let policy = context.config.policy(row, 0);
        let key = tx.hash_key().clone();
        let mut intake = Intake::new(view, &mut known, &key, &policy, now);
        for pin in &missing {
            intake.missing_after_deletion(pin);
        }
        let changes = view.take_changes();
        tx.apply(view, &changes, now).await?;
        claim_questions::put(tx, view, now).await?;
        return Ok(false);
    }
    if !row.options.realtime.unwrap_or(context.config.upload.realtime) {
        // They may have been deleted there: it tells at its own times.
        tracing::info!(
            device.serial_number = %row.serial_number, people = %listed(&missing),
            "people are missing on the device, which has not told why yet"
        );
        return Ok(false);
    }
    tracing::warn!(
        device.serial_number = %row.serial_number, people = %listed(&missing),
        "people are missing on the device, and nobody deleted them: it is filled again"
    );
    fleet::device::refill(tx, row, now).await?;
    tx.note_refilled(row.id, now).await?;
    Ok(false)
}

/// The first few PINs.
fn listed(pins: &[Pin]) -> String {
    const MOST: usize = 10;
    let mut text = pins.iter().take(MOST).map(Pin::as_str).collect::<Vec<_>>().join(", ");
    if pins.len() > MOST {
        text.push_str(", …");
    }
    text
}

/// Asks a device that was read for one of its templates, where that is still to be done. Whether it was.
///
/// # Errors
/// Those of the database.
pub async fn spot_check(context: &Context, device: &DeviceRow) -> Result<bool, StoreError> {
    let may = |row: &DeviceRow| {
        row.spot_checks > 0 && row.read_back.is_none() && !row.is_read() && row.scan.is_none()
    };
    if !may(device) {
        return Ok(false);
    }
    store::retry(|| async {
        let mut tx = context.store.write_fleet().await?;
        let Some(row) = tx.lock_device(device.id).await?.filter(may) else { return tx.rollback().await };
        let mut view = tx.view(&row).await?;
        let drawn = draw(context, &mut tx, &mut view).await?;
        let left = if drawn.is_some() { row.spot_checks - 1 } else { 0 };
        tx.set_spot_checks(row.id, left).await?;
        if let Some((key, seq)) = drawn
            && let Some((_, query)) = read_back::query(&view, &key)
        {
            read_back::ask(context, &mut tx, &mut view, (&key, seq), &query).await?;
        }
        tx.commit().await
    })
    .await?;
    Ok(true)
}

/// A template that the device should hold and can be asked for, by chance.
async fn draw(
    context: &Context,
    tx: &mut Tx,
    view: &mut DeviceView,
) -> Result<Option<(roster::ItemKey, Seq)>, StoreError> {
    let people = tx.users_expected(view.device).await?;
    for _ in 0..MOST_TRIES {
        let Some(pin) = any_of(context, &people) else { return Ok(None) };
        tx.load_persons(view, std::slice::from_ref(pin)).await?;
        let mut templates = view.templates_held(pin);
        templates.retain(|(key, _)| read_back::query(view, key).is_some());
        if let Some(template) = any_of(context, &templates) {
            return Ok(Some(template.clone()));
        }
    }
    Ok(None)
}

fn any_of<'a, T>(context: &Context, all: &'a [T]) -> Option<&'a T> {
    let most = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let at = context.entropy.next().checked_rem(most)?;
    all.get(usize::try_from(at).unwrap_or(usize::MAX))
}
