//! The built program, run as people run it.

mod beside;
mod dotenv;
mod fleet;
mod settings;
mod support;
mod watching;
