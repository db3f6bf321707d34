//! The other family of devices, for access control (Security PUSH): answered safely, not yet synchronised.
//!
//! A device of that family registers before anything else. It is refused there, so that what it holds stays on it.
//! Uploads that come all the same are kept aside and acknowledged in that family's way, `<table>=<count>`: a bare `OK`
//! would make the device send them again without end.

use super::answer::{Answer, DeviceError, ok};
use super::{Request, admit, upload};
use crate::app::App;
use wire::Target;

/// `POST /iclock/registry`, `/iclock/push` and the like.
pub fn register(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let serial_number = target.query.get("SN").unwrap_or_default();
    tracing::warn!(
        device.serial_number = %serial_number, peer = %request.peer, path = %request.path,
        now = app.clock.now().0,
        "this device is set to access control (acc): set it to attendance (att) where its menu allows"
    );
    Err(DeviceError::AccessControl)
}

/// `POST /iclock/cdata?table=tabledata` and `/iclock/querydata`: kept aside, acknowledged with the count announced.
pub async fn upload(app: &App, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let device = admit::known(app, request, target).await?;
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
