//! The other family of devices, for access control (Security PUSH): answered safely, not yet synchronised.
//!
//! A device of that family registers before anything else. It is refused there, so that what it holds stays on it.
//! Uploads that come all the same are kept aside and acknowledged in that family's way, `<table>=<count>`: a bare `OK`
//! would make the device send them again without end.

use super::answer::{Answer, DeviceError, ok};
use super::{Request, admit, claimed_serial, options, printable, upload};
use crate::app::App;
use crate::fleet::files::without_tokens;
use store::DeviceRow;
use wire::{Dialect, Handshake, Target};

/// `POST /iclock/registry`, `/iclock/push` and the like.
pub fn register(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    tracing::warn!(
        device.serial_number = %claimed_serial(target), peer = %request.peer, path = printable(&without_tokens(&request.path)),
        now = app.clock.now().0,
        "this device is set to access control (acc): set it to attendance (att) where its menu allows"
    );
    Err(DeviceError::AccessControl)
}

/// `POST /iclock/cdata?table=tabledata` and `/iclock/querydata`: kept aside, acknowledged with the count announced.
pub async fn upload(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let device = admit::known(app, request, target).await?;
    belongs_to(app, &device, Dialect::AccessControl).await?;
    let table = target.query.get("tablename").or_else(|| target.query.table());
    let table = table.unwrap_or_default().into_owned();
    upload::keep_aside(app, &device, &table, &request.body).await?;
    let announced = target.query.get("count").and_then(|count| count.parse::<usize>().ok());
    match (target.query.get("tablename"), announced) {
        (Some(name), count) => {
            let count = count.unwrap_or_else(|| wire::count_lines(&request.body));
            Ok(ok(format!("{name}={count}")))
        }
        (None, _) => Ok(ok("OK")),
    }
}

/// Notes which family a device belongs to, as it shows by what it sends (field note 1.1): one of this family is sent
/// nothing, since it would not understand it.
pub async fn belongs_to(app: &App, device: &DeviceRow, dialect: Dialect) -> Result<(), DeviceError> {
    if device.capability.speaks_access_control() == (dialect == Dialect::AccessControl) {
        return Ok(());
    }
    tracing::warn!(device.serial_number = %device.serial_number, ?dialect, "device shows another family than before");
    let shown = Handshake { push_version: None, language: None, device_type: None, comm_key: None, dialect };
    options::learn(app, device, |capability| capability.merge_handshake(&shown)).await
}
