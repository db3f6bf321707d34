//! Conformance tests for any server of the Attendance PUSH protocol. They play devices against the server over
//! HTTP, and judge each [obligation](Obligation) that is visible from outside by the server's answers.
//!
//! - [`run`] plays three devices that the server admits, one that joins them, and one that is unknown. It writes
//!   requests byte by byte and reads answers as they come.
//! - A [`Report`] has a verdict for every obligation: met; not met, with request and answer; or not observable,
//!   with the reason.
//!
//! This crate does not know the rules of this workspace's server, only the list of obligations and the protocol.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod admission;
mod archive;
mod checks;
mod command;
mod connection;
mod exchange;
mod ledger;
mod obligation;
mod player;
mod record;
mod report;
mod trial;
mod unobservable;

pub use admission::{Admission, AdmissionError};
pub use connection::{Answer, Fault};
pub use exchange::{Exchange, Verdict};
pub use ledger::{Failure, Finding};
pub use obligation::{Level, Obligation, obligations};
pub use report::{Judgement, Outcome, Part, Report};
pub use trial::{RunError, Settings, run};
