//! Device authentication: finds the device that sent a request, and checks that it is part of the fleet.

use std::net::SocketAddr;

use roster::Millis;
use store::{DeviceRow, DeviceState, Stamp, StoreError, WorkHint};
use sync::Joining;
use wire::{SerialNumber, StampKey, Target};

use crate::config::Admission;
use crate::context::Context;
use crate::http::request::Request;
use crate::http::response::DeviceError;
use crate::state::last_seen::Seen;

/// Limit of unapproved devices. Beyond it Muster records no more: somebody is inventing serial numbers.
const MAX_UNAPPROVED: i64 = 10_000;

/// Returns the active device that sent this request, and records when it was last seen.
///
/// # Errors
/// [`DeviceError::NoSerialNumber`], or the device is not part of the fleet. Muster records an unknown device for
/// approval; with open admission Muster admits it at once.
pub async fn authenticate(
    context: &Context,
    request: &Request,
    target: &Target<'_>,
) -> Result<DeviceRow, DeviceError> {
    authenticate_before_body(context, target, request.peer).await
}

/// Like [`authenticate`], before the body of the request is read.
///
/// # Errors
/// As [`authenticate`].
pub async fn authenticate_before_body(
    context: &Context,
    target: &Target<'_>,
    peer: SocketAddr,
) -> Result<DeviceRow, DeviceError> {
    let serial_number = target.query.serial_number().map_err(|_| DeviceError::NoSerialNumber)?;
    let device = match context.store.device_by_serial(&serial_number).await? {
        Some(device) => device,
        None => register_unknown(context, &serial_number, peer).await?,
    };
    require_member(context, device, peer)
}

/// Like [`authenticate`], and returns the device's stamp of a table too.
///
/// # Errors
/// As [`authenticate`].
pub async fn authenticate_upload(
    context: &Context,
    request: &Request,
    target: &Target<'_>,
    key: StampKey,
) -> Result<(DeviceRow, Stamp), DeviceError> {
    let serial_number = target.query.serial_number().map_err(|_| DeviceError::NoSerialNumber)?;
    let (device, stamp) = match context.store.device_and_stamp(&serial_number, key.table()).await? {
        Some(found) => found,
        None => (register_unknown(context, &serial_number, request.peer).await?, Stamp::default()),
    };
    Ok((require_member(context, device, request.peer)?, stamp))
}

/// Like [`authenticate`], and returns a hint whether the device has work too.
///
/// # Errors
/// As [`authenticate`].
pub async fn authenticate_poll(
    context: &Context,
    request: &Request,
    target: &Target<'_>,
) -> Result<(DeviceRow, Option<WorkHint>), DeviceError> {
    let serial_number = target.query.serial_number().map_err(|_| DeviceError::NoSerialNumber)?;
    let (device, work_hint) = match context.store.device_with_work_hint(&serial_number).await? {
        Some((device, work_hint)) => (device, Some(work_hint)),
        None => (register_unknown(context, &serial_number, request.peer).await?, None),
    };
    Ok((require_member(context, device, request.peer)?, work_hint))
}

/// Registers a device that was never seen before.
async fn register_unknown(
    context: &Context,
    serial_number: &SerialNumber,
    peer: SocketAddr,
) -> Result<DeviceRow, DeviceError> {
    match Box::pin(record(context, serial_number, peer, context.clock.now())).await {
        // Another process has just registered the device.
        Err(DeviceError::Store(error)) if error.is_duplicate() => {
            context.store.device_by_serial(serial_number).await?.ok_or(DeviceError::Store(error))
        }
        recorded => recorded,
    }
}

/// Records when the device was last seen, and returns the device if it is part of the fleet.
///
/// # Errors
/// The device is not approved, or is retired.
pub fn require_member(
    context: &Context,
    device: DeviceRow,
    peer: SocketAddr,
) -> Result<DeviceRow, DeviceError> {
    context.last_seen.note(device.id, Seen { at: context.clock.now(), address: peer.ip() });
    match device.state {
        DeviceState::Active => Ok(device),
        DeviceState::New => Err(DeviceError::NotApproved),
        DeviceState::Retired => Err(DeviceError::NotAdmitted),
    }
}

async fn record(
    context: &Context,
    serial_number: &SerialNumber,
    peer: SocketAddr,
    now: Millis,
) -> Result<DeviceRow, DeviceError> {
    let Some(device) = store::retry(|| create(context, serial_number, now)).await? else {
        return Err(DeviceError::TooManyUnknown);
    };
    if device.created_at != now {
        return Ok(device);
    }
    if context.config.admission == Admission::Open {
        tracing::info!(device.serial_number = %serial_number, %peer, "new device admitted (open admission)");
    } else {
        tracing::warn!(
            device.serial_number = %serial_number, %peer,
            "unknown device waits: muster device approve {serial_number}"
        );
    }
    Ok(device)
}

/// Creates a device unless it exists or too many wait for approval; with open admission Muster also approves it.
async fn create(
    context: &Context,
    serial_number: &SerialNumber,
    now: Millis,
) -> Result<Option<DeviceRow>, StoreError> {
    // Approval advances the feed clock, so the clock is locked first. A whole factory may be switched on at once.
    let mut tx = context.store.write_fleet().await?;
    if let Some(device) = tx.device_by_serial(serial_number).await? {
        tx.rollback().await?;
        return Ok(Some(device));
    }
    if tx.count_devices(DeviceState::New).await? >= MAX_UNAPPROVED {
        tx.rollback().await?;
        return Ok(None);
    }
    let mut device = tx.create_device(serial_number, now).await?;
    if context.config.admission == Admission::Open {
        tx.approve_device(device.id, Joining::Adopt, now).await?;
        fleet::reread::ask_for_everything(&mut tx, device.id, now).await?;
        device = tx.device(device.id).await?.unwrap_or(device);
    }
    tx.commit().await?;
    Ok(Some(device))
}
