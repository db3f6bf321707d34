//! Uploads that Muster does not read: kept as they came, for an operator to look at.

use store::DeviceRow;

use crate::context::Context;
use crate::http::response::DeviceError;
use crate::upload::side_records::SideRecords;

/// Why something is kept as it came.
pub const UNKNOWN: &str = "nobody described this: kept as it came";

/// Keeps a body that is not read here. An operator sees it; nothing is lost.
pub async fn keep_aside(
    context: &Context,
    device: &DeviceRow,
    table: &str,
    body: &[u8],
) -> Result<(), DeviceError> {
    let mut beside = SideRecords::default();
    beside.keep_aside(device.id, table, UNKNOWN, body);
    beside.store(context, device).await
}
