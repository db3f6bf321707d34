//! What the fleet looks like: typed views that serialise. Words for people are made by whoever shows them.

pub mod command;
pub mod device;
pub mod held;
pub mod sync_status;
pub mod user;
