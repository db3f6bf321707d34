//! Devices: operators approve, retire and arrange them.

use std::collections::BTreeSet;

use roster::{Area, Millis};
use store::{DeviceRow, SessionEnd, StoreError, Tx};
pub use store::{DeviceState, PhotoDelivery};
pub use sync::Joining;
use wire::{SerialNumber, StampKey};

use crate::fleet::retry;
use crate::reread::{self, ask_for_everything};
use crate::{Actor, Fleet, FleetError, lookup};

/// Why a device cannot be approved, rejected or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// The device is part of the fleet already.
    #[error("{0} is in the fleet already")]
    IsMember(SerialNumber),
    /// The device is not part of the fleet.
    #[error("{0} is not in the fleet")]
    IsNoMember(SerialNumber),
}

impl Fleet {
    /// Admits a device to the fleet, and asks it to upload everything that it holds.
    ///
    /// # Errors
    /// No such device has called; it is in the fleet already; those of the database.
    pub async fn approve_device(
        &self,
        actor: &Actor,
        serial_number: &SerialNumber,
        joining: Joining,
    ) -> Result<(), FleetError> {
        retry(|| async {
            let mut tx = self.write().await?;
            let row = lookup::device(&mut tx, serial_number).await?;
            if row.state == DeviceState::Active && row.joining.is_none() {
                return Err(DeviceRefusal::IsMember(serial_number.clone()).into());
            }
            approve(&mut tx, &row, joining, self.now()).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(%actor, device.serial_number = %serial_number, ?joining, "device approved");
        Ok(())
    }

    /// Rejects a device that waits for approval.
    ///
    /// # Errors
    /// No such device has called; it is in the fleet; those of the database.
    pub async fn reject_device(&self, actor: &Actor, serial_number: &SerialNumber) -> Result<(), FleetError> {
        retry(|| async {
            let mut tx = self.write().await?;
            let row = lookup::device(&mut tx, serial_number).await?;
            if row.state.is_member() {
                return Err(DeviceRefusal::IsMember(serial_number.clone()).into());
            }
            retire(&mut tx, &row, self.now()).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(%actor, device.serial_number = %serial_number, "device rejected");
        Ok(())
    }

    /// Removes a device from the fleet. The device keeps its data.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn retire_device(&self, actor: &Actor, serial_number: &SerialNumber) -> Result<(), FleetError> {
        retry(|| async {
            let mut tx = self.write().await?;
            let row = lookup::device(&mut tx, serial_number).await?;
            retire(&mut tx, &row, self.now()).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(%actor, device.serial_number = %serial_number, "device retired");
        Ok(())
    }

    /// Compares a device with the fleet and sends it everything again.
    ///
    /// # Errors
    /// No such device has called; it is not in the fleet; those of the database.
    pub async fn refill_device(&self, actor: &Actor, serial_number: &SerialNumber) -> Result<(), FleetError> {
        retry(|| async {
            let mut tx = self.write().await?;
            let row = member(&mut tx, serial_number).await?;
            refill(&mut tx, &row, self.now()).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(%actor, device.serial_number = %serial_number, "sending the device everything again");
        Ok(())
    }

    /// Asks a device to upload whole tables again; those that hold people if `tables` is empty. Returns the tables.
    ///
    /// # Errors
    /// No such device has called; it is not in the fleet; those of the database.
    pub async fn reread_device(
        &self,
        actor: &Actor,
        serial_number: &SerialNumber,
        tables: &[StampKey],
    ) -> Result<Vec<StampKey>, FleetError> {
        let tables = if tables.is_empty() { reread::PEOPLE.as_slice() } else { tables };
        retry(|| async {
            let mut tx = self.write().await?;
            let row = member(&mut tx, serial_number).await?;
            tx.lock_device(row.id).await?;
            reread::ask_for(&mut tx, row.id, tables, actor.kind(), self.now()).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(%actor, device.serial_number = %serial_number, "asking the device for whole tables again");
        Ok(tables.to_vec())
    }
}

/// A device of the fleet.
async fn member(tx: &mut Tx, serial_number: &SerialNumber) -> Result<DeviceRow, FleetError> {
    let row = lookup::device(tx, serial_number).await?;
    if !row.state.is_member() {
        return Err(DeviceRefusal::IsNoMember(serial_number.clone()).into());
    }
    Ok(row)
}

/// Locks the clock and then the device, in the order of all locks. A change of what Muster owes to a device needs both.
async fn lock(tx: &mut Tx, device: &DeviceRow) -> Result<(), StoreError> {
    tx.lock_clock().await?;
    tx.lock_device(device.id).await?;
    Ok(())
}

/// Admits a device to the fleet.
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

/// Removes a device from the fleet: Muster sends it nothing and refuses its requests. The device keeps its data.
///
/// # Errors
/// Those of the database.
pub async fn retire(tx: &mut Tx, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    lock(tx, device).await?;
    tx.set_device_state(device.id, DeviceState::Retired).await?;
    tx.forget_shown(device.id).await?;
    tx.close_session(device.id, now, SessionEnd::Retired).await
}

/// Sends a device everything again: the device was wiped or replaced, or its content is in doubt.
///
/// # Errors
/// Those of the database.
pub async fn refill(tx: &mut Tx, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    tx.lock_clock().await?;
    let Some(row) = tx.lock_device(device.id).await? else { return Ok(()) };
    tx.wake().await?;
    let mut view = tx.view(&row).await?;
    view.capability.forget_kept_fields();
    view.forget_refusals();
    view.rebaseline();
    let changes = view.take_changes();
    tx.apply(&view, &changes, now).await
}

/// Sends a device again the photos that it refused, after its photo delivery was changed.
///
/// # Errors
/// Those of the database.
pub async fn retry_photos(tx: &mut Tx, device: &DeviceRow, now: Millis) -> Result<(), StoreError> {
    lock(tx, device).await?;
    tx.retry_refused_photos(device.id, now).await
}

/// Sets all areas of a device. The device deletes people of areas that it leaves, and gets the people of new ones.
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
