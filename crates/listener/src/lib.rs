//! The listener for devices: it answers every request of the Attendance PUSH protocol.
//!
//! Read it in this order:
//!
//! 1. [`http`](crate): `http/connections.rs` accepts connections, reads one request each time, and limits both.
//! 2. `router.rs` chooses the endpoint; `auth.rs` decides whether the device may use it.
//! 3. `endpoint/` has one file a request: handshake, poll, upload, answers to commands, files.
//! 4. `upload/`, `command/` and `photo/` do what an endpoint needs beside HTTP.
//! 5. `state/` is what one process keeps in memory: every part of it can be lost.

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
