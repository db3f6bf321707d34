//! Bytes and typed messages of the Attendance PUSH protocol, version 2.4.1, for servers and for simulated devices.
//!
//! Section numbers (`§11.9`) are those of the vendor's document of March 2020. This crate reads no socket, no clock
//! and no random numbers. Everything that a device sends is bytes: nothing panics on any of them, errors name the
//! field and never hold its value, and `Debug` output holds no template, photo, password, card or key.
//!
//! - a request: [`Target`], [`Query`], [`Handshake`]
//! - what a device uploads: [`records`], [`Record`], [`Table`], [`read_parameters`], [`PollInfo`]
//! - what it is told: [`OptionBlock`], [`Command`]
//! - what it answers: [`acknowledgements`], [`ReturnCode`]

mod acknowledgement;
mod charset;
mod command;
mod fields;
mod operation;
mod options;
mod outcome;
mod parameters;
mod payload;
mod photo;
mod pin;
mod poll_info;
mod request;
mod return_code;
mod serial;
mod template;
mod type_array;
mod upload;
mod user;
mod version;
mod work_code;

pub use acknowledgement::*;
pub use charset::Charset;
pub use command::*;
pub use fields::{FieldError, Fields, RecordError};
pub use operation::{Operation, OperationMeaning};
pub use options::*;
pub use parameters::{names_secret, read_parameters};
pub use payload::Base64;
pub use photo::{ComparisonPhoto, UserPhoto};
pub use pin::{Pin, PinError};
pub use poll_info::*;
pub use request::{Dialect, Endpoint, Handshake, Query, Target};
pub use return_code::*;
pub use serial::{SerialNumber, SerialNumberError};
pub use template::{BioData, BioFormat, BioType, FacePart, FingerVein, Fingerprint};
pub use type_array::*;
pub use upload::{Line, Record, Table, count_lines, records};
pub use user::{Card, CardForm, User};
pub use version::{Version, VersionError};
pub use work_code::WorkCode;
