//! The fleet: every operation on it and every view of it, one file for each subject.
//!
//! Operators, devices and jobs change the fleet through this crate. The free functions take a transaction, so that several of
//! them succeed or fail together.

mod actor;
pub mod area;
mod changed_by;
pub mod clock;
pub mod command;
pub mod definition;
pub mod deletion_limit;
pub mod device;
pub mod device_settings;
pub mod emptied_field;
mod error;
pub mod event;
mod fleet;
pub mod held;
pub mod lookup;
pub mod offered_file;
pub mod punch_count;
pub mod reread;
pub mod routine_check;
mod rules;
pub mod suspension;
mod text;
pub mod time;
pub mod time_zone;
pub mod user;
pub mod user_erasure;
pub mod view;

pub use actor::Actor;
pub use changed_by::ChangedBy;
pub use error::{FleetError, NotFound};
pub use fleet::Fleet;
pub use rules::Rules;
/// The errors of the database, and its kinds.
pub use store::{Engine, StoreError};
