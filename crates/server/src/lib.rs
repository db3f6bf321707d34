//! The driver: device endpoints, administration, jobs and configuration.

pub mod admin;
pub mod app;
pub mod clock;
pub mod config;
mod device;
pub mod fleet;
mod housekeeping;
mod jobs;
mod photos;
mod presence;
mod routine_check;
mod running;
pub mod zones;

pub use running::{Running, StartError, start};
