//! Bytes and typed messages of the Attendance PUSH protocol, version 2.4.1, for servers and for simulated devices.
//!
//! Section numbers (`§11.9`) refer to the vendor's document of March 2020. This crate reads no socket, no clock
//! and no random numbers. It takes all input of a device as bytes, and no input makes it panic. Errors name the
//! field and never hold its value. `Debug` output holds no template, photo, password, card or key.
//!
//! - requests: [`Target`], [`Query`], [`Handshake`]
//! - uploads of a device: [`Table`], [`sort`], [`records`], [`punches`], [`AttendancePhoto`], [`read_device_records`],
//!   [`read_parameters`], [`PollInfo`]
//! - answers and commands of the server: [`OptionBlock`], [`Command`]
//! - acknowledgements of a device: [`acknowledgements`], [`ReturnCode`]

mod acknowledgement;
mod attendance;
mod attendance_photo;
mod card;
mod charset;
mod command;
mod command_verdict;
mod device_record;
mod error_record;
mod fields;
mod id_card;
mod operation;
mod options;
mod packet;
mod parameters;
mod payload;
mod photo;
mod pin;
mod poll_info;
mod request;
mod return_code;
mod serial;
mod sketch;
mod sorting;
mod template;
mod type_array;
mod upload;
mod user;
mod version;
mod work_code;

pub use acknowledgement::*;
pub use attendance::{CardRead, More, Punch, PunchLine, Screening, punches};
pub use attendance_photo::{AttendancePhoto, PhotoName};
pub use card::{Card, CardForm};
pub use charset::Charset;
pub use command::*;
pub use device_record::{DeviceRecord, DeviceRecordLine, Message, RecordKind, read_device_records};
pub use error_record::{ErrorRecord, Origin};
pub use fields::{FieldError, Fields, RecordError};
pub use id_card::IdCard;
pub use operation::{DeletedPart, Operation, OperationMeaning};
pub use options::*;
pub use packet::QueryPacket;
pub use parameters::*;
pub use payload::Base64;
pub use photo::{ComparisonPhoto, UserPhoto};
pub use pin::{Pin, PinError};
pub use poll_info::*;
pub use request::{Dialect, Endpoint, Handshake, Query, Target};
pub use return_code::*;
pub use serial::{SerialNumber, SerialNumberError};
pub use sketch::sketch;
pub use sorting::{Sorted, sort};
pub use template::{BioData, BioFormat, BioType, FacePart, FingerVein, Fingerprint};
pub use type_array::*;
pub use upload::{Line, Record, Table, count_lines, records};
pub use user::User;
pub use version::{Version, VersionError};
pub use work_code::WorkCode;
