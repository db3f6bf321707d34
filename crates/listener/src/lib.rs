//! The listener for devices: it answers every request of the Attendance PUSH protocol.
//!
//! Read it in this order:
//!
//! 1. [`http`](crate): `http/connections.rs` accepts connections, reads one request at a time, and limits the number of both.
//! 2. `router.rs` chooses the endpoint; `auth.rs` decides whether the device may use it.
//! 3. `endpoint/` has one file for each kind of request: handshake, poll, upload, acknowledgements, files.
//! 4. `upload/`, `command/` and `photo/` hold the work of the endpoints that has nothing to do with HTTP.
//! 5. `state/` is the in-memory state of one process. Muster can lose any part of it without losing data.

mod auth;
mod capability;
mod claim_questions;
mod clock_drift;
mod command;
mod config;
mod context;
mod cpu_bound;
mod endpoint;
mod http;
mod joining;
mod listener;
mod log_text;
mod people_reading;
mod photo;
mod router;
mod state;
mod upload;
mod user_count_check;

pub use crate::config::{Admission, Attendance, Config, REQUEST_WAIT, UploadSchedule, trans_times};
pub use crate::endpoint::health::Health;
pub use crate::listener::{CHANGE_CHECK_INTERVAL, Listener};
