//! Endpoints: one file for each kind of request.

pub mod access_control;
pub mod devicecmd;
pub mod file;
pub mod handshake;
pub mod health;
pub mod options;
pub mod poll;
pub mod remote_attendance;
pub mod upload;
