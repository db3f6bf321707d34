//! Simulated ZKTeco terminals, and fleets of them, as a server sees them.
//!
//! The crate has three layers, each usable without the next:
//!
//! - [`Device`]: a terminal as a state machine. It holds people ([`Content`]) and has a [`Model`], habits
//!   ([`Quirks`]) and faults ([`Faults`]). Edits at its keypad queue reports. [`Device::execute`] executes a
//!   command line and answers with the return codes of real devices. It has no socket and no clock, and all its
//!   randomness comes from its seed.
//! - [`Session`]: a device that is connected to a server. A story drives it step by step, or it runs by itself
//!   with timers. Its HTTP client writes the exact bytes of captured requests and reads answers as strictly as the
//!   oldest terminals.
//! - [`Fleet`]: many devices that run until all hold the same content or the time is up, with progress and a
//!   [`FleetReport`].
//!
//! This crate reads commands and writes records without `wire`, so that it finds mistakes in `wire`.
//!
//! # A story
//!
//! ```no_run
//! # async fn story() -> Result<(), simulator::SessionError> {
//! use simulator::{Device, Model, difference, settle_all};
//!
//! let mut a = Device::new(Model::speedface(), "SIM0001").connect("127.0.0.1:8081").await?;
//! let mut b = Device::new(Model::old(), "SIM0002").connect("127.0.0.1:8081").await?;
//!
//! a.enrol_user("7", "Ángel Hernández Muñoz");
//! a.enrol_fingerprint("7", 6);
//! b.faults_mut().lose_acknowledgements = 500;
//! settle_all([&mut a, &mut b], 100).await?;
//!
//! // Compares what both can keep: the old one cuts names, spells cards otherwise, knows no palms.
//! assert_eq!(difference(&a.holding(), &b.holding()), []);
//! assert_eq!(b.poll_once().await?.summary(), [""; 0]);
//! # Ok(()) }
//! ```
//!
//! # A fleet
//!
//! ```no_run
//! # async fn fleet() -> Result<(), simulator::http::AddressError> {
//! use std::ops::ControlFlow;
//!
//! use simulator::{Fleet, Model, Progress};
//!
//! let fleet = Fleet {
//!     devices: 10,
//!     models: vec![Model::speedface(), Model::k40()],
//!     enrolment: true,
//!     ..Fleet::new("127.0.0.1:8081".parse()?)
//! };
//! let progress = |now: &Progress| {
//!     println!("{} of {} devices equal", now.equal, now.devices);
//!     ControlFlow::Continue(())
//! };
//! let report = fleet.run(progress).await;
//! for device in report.devices.iter().filter(|device| !device.equal) {
//!     println!("{}: {:?}", device.serial_number, device.first_differences);
//! }
//! # Ok(()) }
//! ```

mod clock;
pub mod content;
pub mod device;
pub mod difference;
pub mod fleet;
pub mod http;
pub mod model;
pub mod quirks;
mod random;
pub mod session;
pub mod tally;
pub mod templates;
#[cfg(test)]
mod testing;

pub use self::{
    clock::LocalTime,
    content::Content,
    device::{Acknowledgement, Backup, Controls, Definitions, Device, Restoring, Somebody},
    difference::{Difference, Holding, difference},
    fleet::{Fleet, FleetReport, Population, Progress},
    model::{Model, Queries},
    quirks::{Faults, Quirks},
    random::Random,
    session::{Session, SessionError, Standing, settle_all},
    tally::Tally,
};
