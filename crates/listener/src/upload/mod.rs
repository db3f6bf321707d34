//! Contents of uploads, and how Muster stores them.

pub mod decision;
pub mod error_report;
pub mod held_records;
pub mod package;
pub mod people;
pub mod quarantine;
pub mod side_records;
pub mod stamps;
