//! `POST /iclock/cdata?table=options`: a device reports its parameters (§8).

use store::DeviceRow;

use crate::capability::learn;
use crate::context::Context;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, ok};

/// Merges the parameters into the device's capability.
pub async fn post(context: &Context, request: &Request, device: &DeviceRow) -> Result<Answer, DeviceError> {
    let parameters = wire::read_parameters(&request.body);
    learn(context, device, |capability| capability.merge_parameters(&parameters)).await?;
    Ok(ok("OK"))
}
