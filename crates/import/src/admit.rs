//! Import of the old server's devices.

use store::{DeviceState, Store, StoreError, Tx};
use sync::Joining;
use wire::SerialNumber;

use crate::database::OldDatabase;
use crate::error::ImportError;
use crate::report::{DeviceOutcome, OldDevice};
use crate::run::Options;

/// Reports the devices of the old server. With the option, admits those that Muster does not know or that wait for
/// approval.
///
/// An admitted device joins as if it had connected and been approved: it is asked for everything at its first
/// handshake.
///
/// # Errors
/// Muster's database failed.
pub async fn devices(
    old: &OldDatabase,
    store: &Store,
    admit: Option<Joining>,
    options: Options,
) -> Result<Vec<OldDevice>, ImportError> {
    let mut devices = Vec::with_capacity(old.devices().len());
    for (text, last_seen) in old.devices() {
        let outcome = match text.parse::<SerialNumber>() {
            Err(_) => DeviceOutcome::Refused,
            Ok(serial_number) => admit_one(store, &serial_number, admit, options).await?,
        };
        devices.push(OldDevice { serial_number: text.clone(), last_seen: last_seen.clone(), outcome });
    }
    Ok(devices)
}

async fn admit_one(
    store: &Store,
    serial_number: &SerialNumber,
    admit: Option<Joining>,
    options: Options,
) -> Result<DeviceOutcome, StoreError> {
    let found = store.read().await?.device_by_serial(serial_number).await?;
    match (found.map(|device| device.state), admit) {
        (Some(DeviceState::Active), _) => Ok(DeviceOutcome::Known),
        (Some(DeviceState::Retired), _) => Ok(DeviceOutcome::Retired),
        (Some(DeviceState::New), None) => Ok(DeviceOutcome::Waits),
        (None, None) => Ok(DeviceOutcome::Unknown),
        (Some(DeviceState::New) | None, Some(_)) if options.dry_run => Ok(DeviceOutcome::Admitted),
        (Some(DeviceState::New) | None, Some(joining)) => {
            let serial_number = serial_number.clone();
            store
                .retrying(move |tx| {
                    let serial_number = serial_number.clone();
                    Box::pin(async move { let_in(tx, &serial_number, joining, options).await })
                })
                .await
        }
    }
}

async fn let_in(
    tx: &mut Tx,
    serial_number: &SerialNumber,
    joining: Joining,
    options: Options,
) -> Result<DeviceOutcome, StoreError> {
    let device = match tx.device_by_serial(serial_number).await? {
        None => tx.create_device(serial_number, options.now).await?,
        Some(device) if device.state == DeviceState::New => device,
        // An operator decided in the meantime.
        Some(_) => return Ok(DeviceOutcome::Known),
    };
    fleet::device::approve(tx, &device, joining, options.now).await?;
    Ok(DeviceOutcome::Admitted)
}
