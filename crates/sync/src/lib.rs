//! Synchronisation decisions: pure functions over a view of one device.
//!
//! - [`intake`]: an upload becomes an edit, nothing, a held record or a correction;
//! - [`plan`]: a poll becomes a batch of commands (overdue commands, exceptions, feed, scan);
//! - [`settle`]: an acknowledgement closes a command, or makes items due again;
//! - [`operator`]: commands of operators, with fences.
//!
//! **Invariant**: nothing here reads a clock, a random source or a database. The caller loads a [`DeviceView`], calls
//! one function, and writes the [`Changes`] of the view, all in one transaction.

mod claim;
pub mod intake;
mod life;
mod limits;
pub mod operator;
mod owing;
mod photo_template;
pub mod plan;
pub mod read_back;
mod room;
mod scope;
pub mod settle;
mod view;
mod wire_id;

pub use claim::{Asked, Claim, ClaimNews, ClaimState, Question, Reason, Stage, Subject};
pub use life::Knows;
pub use limits::Limits;
pub use photo_template::PhotoSent;
pub use room::Occupancy;
pub use scope::Want;
pub use view::{
    Changes, DeviceView, Exception, ItemState, Joining, OpenCommand, Parked, Person, Refusal, ScanFrom, Verb,
    Wait,
};
pub use wire_id::{line_id, split_line_id, wire_id};
