//! Answers to commands that were queued for a device, and templates that are read back.

pub mod read_back;
pub mod result;
