//! What the fleet looks like: typed views that serialise. Words for people are made by whoever shows them.

pub mod command;
pub mod definition;
pub mod device;
pub mod device_record;
pub mod failed_removal;
pub mod held;
pub mod punch;
pub mod sync_status;
pub mod user;
