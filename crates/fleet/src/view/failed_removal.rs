//! Failed removals: a device repeatedly failed to remove an item, which may still be on it.

use std::fmt;

use roster::{ItemKey, Kind};
use store::{FailedRemoval, StoreError, Tx};
use wire::{Pin, ReturnCode, SerialNumber};

/// Maximum number of failed removals in a list.
const MAX_NAMED: i64 = 200;

/// A removal that a device failed often. Muster retries it daily. Displayed, it is a sentence about the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRemovalView {
    /// The device.
    pub serial_number: SerialNumber,
    /// The item that may still be on the device.
    pub key: ItemKey,
    /// How often the removal failed in a row.
    pub attempts: u32,
    /// The last return code of the device.
    pub return_code: i32,
}

impl From<FailedRemoval> for FailedRemovalView {
    fn from(removal: FailedRemoval) -> Self {
        let FailedRemoval { serial_number, key, attempts, return_code, .. } = removal;
        Self { serial_number, key, attempts, return_code }
    }
}

impl fmt::Display for FailedRemovalView {
    /// `removal of user 13 failed 10 times: return code -3 (...); Muster retries daily`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, attempts, return_code, .. } = self;
        match key.slot.kind {
            Kind::User => write!(f, "removal of user {}", key.pin)?,
            _ => write!(f, "removal of {key}")?,
        }
        let meaning = ReturnCode(*return_code).describe();
        write!(f, " failed {attempts} times: return code {return_code} ({meaning}); Muster retries daily")
    }
}

/// The failed removals of one device or of all, of one person or of all; at most a few hundred.
pub(crate) async fn of(
    tx: &mut Tx,
    device: Option<i64>,
    pin: Option<&Pin>,
) -> Result<Vec<FailedRemovalView>, StoreError> {
    let removals = tx.failed_removals(device, pin, MAX_NAMED).await?;
    Ok(removals.into_iter().map(FailedRemovalView::from).collect())
}
