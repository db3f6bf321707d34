//! The server: starts and stops the listeners for devices and for operators, and the background jobs.

mod admin;
pub mod config;
mod handle;
mod jobs;
mod retention;

pub use handle::{ServerHandle, StartError, start};
