//! The built program, run as people run it.

mod beside;
mod fleet;
mod importing;
mod settings;
mod support;
mod watching;
