//! The crate against requests of real devices (`tests/fixtures`), against whatever bytes there are, and against the
//! faults that servers of this kind are known to have.

mod any_bytes;
mod capture;
mod faults;
mod people;
mod records;
mod requests;
mod round_trip;
