//! Views of the fleet: typed and serialisable. The programs that show them add the words for people.

pub mod command;
pub mod definition;
pub mod device;
pub mod device_record;
pub mod failed_removal;
pub mod held;
pub mod punch;
pub mod sync_status;
pub mod user;
