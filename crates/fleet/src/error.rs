//! Errors of operations on the fleet.

use std::fmt;

use roster::{Area, DefinitionName};
use store::StoreError;
use wire::{Pin, SerialNumber};

use crate::area::AreaRefusal;
use crate::command::CommandRefusal;
use crate::definition::DefinitionRefusal;
use crate::device::DeviceRefusal;
use crate::held::ResolveError;
use crate::user::UserRefusal;
use crate::view::failed_removal::FailedRemovalView;

/// Why an operation failed. After an error nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A database error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thing that the caller names does not exist.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// A rule about devices forbids the operation.
    #[error(transparent)]
    Device(#[from] DeviceRefusal),
    /// A rule about commands forbids the operation.
    #[error(transparent)]
    Command(#[from] CommandRefusal),
    /// A rule about areas forbids the operation.
    #[error(transparent)]
    Area(#[from] AreaRefusal),
    /// A rule about people forbids the operation.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// A held record cannot be decided in this way.
    #[error(transparent)]
    Held(ResolveError),
    /// A rule about definitions forbids the operation.
    #[error(transparent)]
    Definition(#[from] DefinitionRefusal),
}

/// Something that does not exist, and what the caller may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// No device with this serial number has connected yet.
    Device {
        /// The serial number in the request.
        wanted: SerialNumber,
        /// The most similar serial number.
        nearest: Option<SerialNumber>,
        /// No device at all has connected yet.
        is_first: bool,
    },
    /// Nobody has this PIN.
    User {
        /// The PIN in the request.
        wanted: Pin,
        /// The most similar PIN.
        nearest: Option<Pin>,
        /// The person was deleted, and can be brought back.
        can_be_undone: bool,
        /// Removals of the person that devices failed often.
        failed_removals: Vec<FailedRemovalView>,
    },
    /// There is no such area.
    Area {
        /// The area in the request.
        wanted: Area,
        /// All areas.
        known: Vec<(Area, String)>,
    },
    /// There is no such definition.
    Definition {
        /// The name in the request.
        wanted: DefinitionName,
        /// The most similar name.
        nearest: Option<String>,
    },
    /// Nothing is held under this number.
    Held(i64),
    /// There is no picture of a punch with this number.
    AttendancePhoto(i64),
    /// There is no record of a device with this number.
    Record(i64),
    /// No command has this number at this device.
    Command {
        /// The device.
        device: SerialNumber,
        /// The number in the request.
        wanted: i64,
    },
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearest = match self {
            Self::Device { wanted, is_first: true, .. } => {
                return write!(f, "no device {wanted}: none has called yet");
            }
            Self::Device { wanted, nearest, .. } => {
                write!(f, "no device {wanted} has called")?;
                nearest.as_ref().map(ToString::to_string)
            }
            Self::User { wanted, can_be_undone: true, .. } => return write!(f, "user {wanted} is deleted"),
            Self::User { wanted, failed_removals, .. } if !failed_removals.is_empty() => {
                return write!(f, "user {wanted} is deleted; not all terminals have confirmed it");
            }
            Self::User { wanted, nearest, .. } => {
                write!(f, "there is no user {wanted}")?;
                nearest.as_ref().map(ToString::to_string)
            }
            Self::Area { wanted, known } => {
                let known: Vec<String> =
                    known.iter().map(|(area, name)| format!("{} {name}", area.0)).collect();
                return write!(f, "there is no area {}; there are: {}", wanted.0, known.join(", "));
            }
            Self::Definition { wanted, nearest } => {
                write!(f, "there is no {wanted}")?;
                nearest.clone()
            }
            Self::Held(id) => return write!(f, "nothing is held under {id}"),
            Self::AttendancePhoto(id) => return write!(f, "there is no picture {id}"),
            Self::Record(id) => return write!(f, "there is no record {id}"),
            Self::Command { device, wanted } => return write!(f, "{device} has no command {wanted}"),
        };
        match nearest {
            Some(nearest) => write!(f, "; is {nearest} meant?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NotFound {}
