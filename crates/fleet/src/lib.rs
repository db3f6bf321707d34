//! The fleet: every operation on it and every view of it, one file a subject.
//!
//! Operators, devices and jobs change the fleet through this crate. An operation runs in the transaction that it is given, so
//! that several of them can succeed or fail together.

pub mod clock;
pub mod command;
pub mod definition;
pub mod deletion_limit;
pub mod device;
pub mod emptied_field;
pub mod held;
pub mod offered_file;
pub mod punch_count;
pub mod reread;
mod rules;
pub mod suspension;
pub mod time_zone;
pub mod user;
pub mod view;

pub use rules::Rules;
