//! Photos on their way to a device.

pub mod command;
pub mod jpeg;
pub mod scaling;
