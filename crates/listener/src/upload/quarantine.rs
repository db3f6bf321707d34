//! Quarantine: bodies that Muster cannot read, stored unchanged for an operator.

use store::DeviceRow;

use crate::context::Context;
use crate::http::response::DeviceError;
use crate::upload::side_records::SideRecords;

/// The reason that the operator sees.
pub const UNKNOWN: &str = "unknown format: stored unchanged";

/// Stores a body that Muster cannot read. An operator can see it; nothing is lost.
pub async fn keep_aside(
    context: &Context,
    device: &DeviceRow,
    table: &str,
    body: &[u8],
) -> Result<(), DeviceError> {
    let mut side_records = SideRecords::default();
    side_records.keep_aside(device.id, table, UNKNOWN, body);
    side_records.store(context, device).await
}
