//! Devices, as operators admit and arrange them.

use std::collections::BTreeSet;

use roster::{Area, Millis};
use store::{DeviceRow, DeviceState, SessionEnd, StoreError, Tx};
use sync::Joining;

use crate::reread::ask_for_everything;

/// Whoever changes what is owed to a device has the device for itself, and the clock before it: the order of all locks.
async fn lock(tx: &mut Tx, device: &DeviceRow) -> Result<(), StoreError> {
    tx.lock_clock().await?;
    tx.lock_device(device.id).await?;
    Ok(())
}

/// Takes a device into the fleet.
///
/// # Errors
/// Those of the database.
pub async fn approve(
    tx: &mut Tx,
    device: &DeviceRow,
    joining: Joining,
    now: Millis,
) -> Result<(), StoreError> {
    lock(tx, device).await?;
    tx.approve_device(device.id, joining, now).await?;
    ask_for_everything(tx, device.id, now).await
}

/// Puts a device out of the fleet: it gets nothing, and what it sends is refused. What it holds stays on it.
///
/// # Errors
/// Those of the database.
pub async fn retire(tx: &mut Tx, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    lock(tx, device).await?;
    tx.set_device_state(device.id, DeviceState::Retired).await?;
    tx.forget_shown(device.id).await?;
    tx.close_session(device.id, now, SessionEnd::Retired).await
}

/// Sends a device everything again: it was emptied or exchanged, or is doubted.
///
/// # Errors
/// Those of the database.
pub async fn refill(tx: &mut Tx, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    tx.lock_clock().await?;
    let Some(row) = tx.lock_device(device.id).await? else { return Ok(()) };
    tx.wake().await?;
    let mut view = tx.view(&row).await?;
    view.capability.forget_keeping();
    view.forget_refusals();
    view.rebaseline();
    let changes = view.take_changes();
    tx.apply(&view, &changes, now).await
}

/// Sends a device again the photos that it refused, after it was set how photos reach it.
///
/// # Errors
/// Those of the database.
pub async fn retry_photos(tx: &mut Tx, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    lock(tx, device).await?;
    tx.retry_refused_photos(device.id, now).await
}

/// Puts a device into areas, all of them. People of areas it leaves are taken off it, people of new ones are sent.
///
/// # Errors
/// Those of the database.
pub async fn set_areas(
    tx: &mut Tx,
    device: &DeviceRow,
    areas: &BTreeSet<Area>,
    now: Millis,
) -> Result<(), StoreError> {
    lock(tx, device).await?;
    let before = tx.areas_of(device.id).await?;
    tx.set_areas(device.id, areas).await?;
    let left: Vec<Area> = before.difference(areas).copied().collect();
    tx.owe_members(device.id, &left, now).await?;
    if areas.difference(&before).next().is_some() {
        let Some(row) = tx.lock_device(device.id).await? else { return Ok(()) };
        let mut view = tx.view(&row).await?;
        view.rescan();
        let changes = view.take_changes();
        tx.apply(&view, &changes, now).await?;
    }
    Ok(())
}
