//! The built program, run as people run it.

mod attendance;
mod beside;
mod definitions;
mod dotenv;
mod fleet;
mod importing;
mod init;
#[cfg(target_os = "linux")]
mod open_files;
mod ordering;
mod settings;
mod support;
mod suspension;
#[cfg(target_os = "linux")]
mod terminal;
mod watching;
