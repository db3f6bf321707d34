//! Tests of the crate with captured requests (`tests/fixtures`), with arbitrary input, and with the known faults
//! of servers of this kind.

mod any_bytes;
mod capture;
mod faults;
mod people;
mod records;
mod requests;
mod round_trip;
