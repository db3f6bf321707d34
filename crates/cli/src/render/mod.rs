//! The printed output: tables, times, and the words for the views of `fleet`.

pub mod clock;
pub mod command;
pub mod csv;
pub mod definition;
pub mod event;
pub mod not_found;
pub mod output;
pub mod reread;
pub mod suspension;
pub mod sync_status;
pub mod table;
pub mod when;
