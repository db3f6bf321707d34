//! Takes the people of another server's database into Muster's.
//!
//! The other server is the Node.js one that many companies ran before, in both of its generations: the first kept its
//! people in MySQL or MariaDB, the second in SQLite with a row for each device and person.
//!
//! - [`Source`] is where its database is, [`OldDatabase`] reads it: tables and columns by the names of either
//!   generation, whichever of them are there. Nothing is ever written there.
//! - `payload`, `template` and `person` make of its rows what Muster keeps: payloads that lost their padding are
//!   repaired where that can be proved, every record goes the way of an upload through [`roster::read`], and what several
//!   devices say of a person becomes one. Pure.
//! - `decide` compares a person with what Muster holds, and says what is to be written. Pure.
//! - [`people`] and [`devices`] carry it out, and tell everything in a [`Report`].

mod admit;
mod database;
mod decide;
mod error;
mod payload;
mod person;
mod report;
mod rows;
mod run;
mod same;
mod source;
mod table;
mod template;

pub use admit::devices;
pub use database::OldDatabase;
pub use error::ImportError;
pub use report::{Case, Counts, DeviceOutcome, LeftOut, OldDevice, Outcome, Report, What};
pub use run::{Options, people};
pub use source::Source;
