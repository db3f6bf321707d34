//! Import of the people of another server's database into Muster.
//!
//! The other server is a Node.js server that many companies used before, in both of its generations. The first
//! generation kept its people in MySQL or MariaDB, the second in SQLite with a row for each device and person.
//!
//! - [`Source`] is the location of its database. [`OldDatabase`] reads it, with the tables and columns of either
//!   generation, as far as they exist. The import never writes to it.
//! - `payload`, `template` and `person` turn its rows into Muster's items. They restore lost padding if the length
//!   can be proved, read every record like an upload through [`roster::read`], and merge the rows of several
//!   devices into one person. They are pure.
//! - `decide` compares a person with Muster's data and decides what to write. It is pure.
//! - [`people`] and [`devices`] execute the import and return a [`Report`].

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
pub use report::{Case, CountedKind, Counts, DeviceOutcome, LeftOut, OldDevice, Outcome, Report};
pub use run::{Options, people};
pub use source::Source;
