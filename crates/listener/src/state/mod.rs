//! In-memory state of one process. Losing it costs time, never data.

pub mod count_checks;
pub mod idle_devices;
pub mod last_seen;
pub mod read_backs;
