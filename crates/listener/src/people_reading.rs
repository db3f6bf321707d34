//! Full readings of a device's people: finds people who are missing there, and handles them.
//!
//! A reading begins with the routine check ([`fleet::routine_check`]), or after a device reported the deletion of a person who is
//! still there: it named an internal number instead of the PIN, and another person is missing (field note 11.1).
//!
//! People whom the device shows go through the intake like any other upload. A person is missing if the device acknowledged the
//! person, Muster did not write the person since the reading began, and the device did not show the person although it showed
//! as many people as it counts. Then:
//!
//! - If at most as many people are missing as deletions were reported, Muster asks the device about each of them by PIN, and
//!   the policy `deletion` decides.
//! - Otherwise Muster knows of no deletion, and fills the device again, as after a count that is too low.

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

/// A device that uploaded nothing about people for this long has finished or failed, ms.
const SILENT_MS: i64 = 600_000;

/// At most this many missing people are checked one by one.
const MAX_LOOKED_AT: usize = 100;

/// Number of people in whom Muster looks for a template that it can query.
const MAX_TRIES: usize = 5;

/// Begins to read the people of a device that reported `deletions` deletions of people who are still there. If the device
/// supports no queries, Muster asks it for everything.
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
        // Muster reads a joining device anyway, and then fills it.
        return Ok(());
    }
    tx.note_unexplained_deletions(row.id, deletions).await?;
    let reads_everything = row.rereads == Some(Rereading::Everything);
    if reads_everything || !routine_check::can_be_asked(&row.capability) {
        return ask_for_everything(tx, row.id, now).await;
    }
    // Also during another reading: the device may have shown the person before the deletion.
    routine_check::begin(tx, row.id, &row.capability, now).await
}

async fn ask_for_everything(tx: &mut Tx, device: i64, now: Millis) -> Result<(), StoreError> {
    tx.begin_reread(device).await?;
    reread::ask_for_everything(tx, device, now).await
}

/// Ends the reading of a device's people once it has shown all of them or has stopped. Returns whether the reading ended.
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
    let waited = quiet_for >= joining::WEAK_EVIDENCE_FACTOR * quiet;
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
            // Another process was faster, or the device continues.
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
                "the device stopped before it had shown all its people"
            );
            tx.end_reading(row.id, None, 0).await?;
        }
        tx.commit().await
    })
    .await?;
    Ok(true)
}

/// People whom the device should hold and has not shown. Some of them may still be on the way.
async fn not_shown(tx: &mut Tx, row: &DeviceRow) -> Result<BTreeSet<Pin>, StoreError> {
    let expected = tx.users_expected(row.id).await?;
    let expected = expected.into_iter().filter(|pin| row.capability.accepts_pin(pin)).collect();
    tx.not_shown(row.id, expected).await
}

/// People who are missing on a device that has shown all its people.
async fn missing(
    tx: &mut Tx,
    (row, view, standing): (&DeviceRow, &mut DeviceView, &PendingWork),
) -> Result<Vec<Pin>, StoreError> {
    let begun = row.asked_at.unwrap_or(Millis(0));
    let written = tx.users_written_since(row.id, begun).await?;
    let pins = not_shown(tx, row).await?.into_iter().filter(|pin| !written.contains(pin));
    let pins: Vec<Pin> = pins.take(MAX_LOOKED_AT).collect();
    tx.load_persons_at(view, &pins, Some(standing)).await?;
    Ok(pins.into_iter().filter(|pin| view.should_show(pin)).collect())
}

/// Whether the device showed a person who should not be on it: it may have been restored from a backup.
async fn shows_others(tx: &mut Tx, device: i64) -> Result<bool, StoreError> {
    let possible: BTreeSet<Pin> = tx.users_possible(device).await?.into_iter().collect();
    let (all, shown) = (possible.len(), tx.users_shown(device).await?);
    let known = all - tx.not_shown(device, possible).await?.len();
    Ok(usize::try_from(shown).is_ok_and(|shown| shown > known))
}

/// Compares the people that a device has shown with those it should hold, and acts on the difference. Returns whether nobody
/// is missing.
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
            "people are missing on a device that reported a deletion by an internal number: asking it about them"
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
        claim_questions::queue_due(tx, view, now).await?;
        return Ok(false);
    }
    if !row.options.realtime.unwrap_or(context.config.upload.realtime) {
        // The people may have been deleted at the device, which uploads its log at its own times.
        tracing::info!(
            device.serial_number = %row.serial_number, people = %listed(&missing),
            "people are missing on the device, which has not reported why yet"
        );
        return Ok(false);
    }
    tracing::warn!(
        device.serial_number = %row.serial_number, people = %listed(&missing),
        "people are missing on the device, and nobody deleted them: filling it again"
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

/// Queries one template of a device whose people were read, if a spot check is left. Returns whether one was left.
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

/// Draws a random template that the device should hold and Muster can query.
async fn draw(
    context: &Context,
    tx: &mut Tx,
    view: &mut DeviceView,
) -> Result<Option<(roster::ItemKey, Seq)>, StoreError> {
    let people = tx.users_expected(view.device).await?;
    for _ in 0..MAX_TRIES {
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
