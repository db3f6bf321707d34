//! Devices of the access-control family (Security PUSH): answered safely, not synchronised yet.
//!
//! A device of that family registers before anything else. Muster refuses the registration, so the device keeps its data.
//! Uploads that arrive anyway are stored unread and acknowledged in the form of that family, `<table>=<count>`: after a bare
//! `OK` the device would repeat them without end.

use crate::auth;
use crate::capability;
use crate::context::Context;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok};
use crate::log_text::claimed_serial;
use crate::log_text::printable;
use crate::upload::quarantine;
use fleet::offered_file::without_tokens;
use wire::{Dialect, Target};

/// `POST /iclock/registry`, `/iclock/push` and the like: refused.
pub fn register(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    tracing::warn!(
        device.serial_number = %claimed_serial(target), peer = %request.peer, path = printable(&without_tokens(&request.path)),
        now = context.clock.now().0,
        "this device is set to access control (acc): set it to attendance (att) where its menu allows"
    );
    Err(DeviceError::AccessControl)
}

/// `POST /iclock/cdata?table=tabledata` and `/iclock/querydata`: stored unread, acknowledged with the announced count.
pub async fn upload(
    context: &Context,
    request: &Request,
    target: &Target<'_>,
) -> Result<Answer, DeviceError> {
    let device = auth::authenticate(context, request, target).await?;
    capability::belongs_to(context, &device, Dialect::AccessControl).await?;
    let table = target.query.get("tablename").or_else(|| target.query.table());
    let table = table.unwrap_or_default().into_owned();
    quarantine::keep_aside(context, &device, &table, &request.body).await?;
    let announced = target.query.get("count").and_then(|count| count.parse::<usize>().ok());
    match (target.query.get("tablename"), announced) {
        (Some(name), count) => {
            let count = count.unwrap_or_else(|| wire::count_lines(&request.body));
            Ok(ok(format!("{name}={count}")))
        }
        (None, _) => Ok(ok("OK")),
    }
}
