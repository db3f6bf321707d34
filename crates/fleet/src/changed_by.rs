//! Authors of stored changes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use wire::SerialNumber;

/// The author of a stored change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedBy {
    /// An operator, or the server on behalf of one.
    Operator,
    /// A device, by an upload.
    Device(SerialNumber),
    /// A device that is no longer in the database.
    UnknownDevice,
}

impl ChangedBy {
    /// The change is stored with the number of the device; `None` for an operator.
    pub(crate) fn of(device: Option<i64>, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        device.map_or(Self::Operator, |device| {
            serial_numbers.get(&device).cloned().map_or(Self::UnknownDevice, Self::Device)
        })
    }
}

impl fmt::Display for ChangedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("an operator"),
            Self::Device(serial_number) => write!(f, "device {serial_number}"),
            Self::UnknownDevice => f.write_str("a device that is gone"),
        }
    }
}

impl Serialize for ChangedBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
