//! The server: it listens for devices and for people, runs the jobs, starts and stops.

mod admin;
pub mod config;
mod handle;
mod jobs;
mod retention;

pub use handle::{ServerHandle, StartError, start};
