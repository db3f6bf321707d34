//! Any server of the Attendance PUSH protocol, tried from outside: devices are played at it over HTTP, and each of the
//! [obligations](Obligation) that shows from there is judged by what came back.
//!
//! - [`run`] plays three devices that the server admits, one that joins them and one that it does not know; what they
//!   send is written byte by byte, what comes back is read as it came.
//! - A [`Report`] has a verdict for every obligation of the list, part by part: met, not met with what was sent and what came, or not
//!   observable and why.
//!
//! Nothing here knows the rules of the server in this workspace, only the list of obligations and the protocol.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod admission;
mod archive;
mod checks;
mod command;
mod exchange;
mod ledger;
mod line;
mod obligation;
mod player;
mod record;
mod report;
mod scene;
mod unseen;

pub use admission::{Admission, AdmissionError};
pub use exchange::{Exchange, Verdict};
pub use ledger::{Failure, Finding};
pub use line::{Answer, Fault};
pub use obligation::{Level, Obligation, obligations};
pub use report::{Judgement, Outcome, Part, Report};
pub use scene::{RunError, Settings, run};
