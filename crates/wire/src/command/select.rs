//! `DATA QUERY`: requests for uploads.

use super::{Form, LocalTime, begin_table, is};
use crate::{BioType, FieldError, Fields, Pin, Version};

/// Data that a device shall upload (§12.1.3). The device uploads it like new data, and also acknowledges the
/// command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataQuery {
    /// `USERINFO PIN`: one user; newer devices add the unified templates and comparison photos.
    User(Pin),
    /// `USERINFO` without condition: every user.
    AllUsers,
    /// `FINGERTMP PIN`: all fingerprints of one user.
    Fingerprints(Pin),
    /// `FINGERTMP PIN FingerID` or `FINGERTMP PIN FID`: one finger.
    Fingerprint {
        /// The user.
        pin: Pin,
        /// 0 to 9, the left little finger first.
        finger: u8,
        /// The key that names the finger.
        key: FingerKey,
    },
    /// `BIODATA Type [PIN]`: the unified templates of one type, of one user or of all.
    BioData {
        /// The type.
        bio_type: BioType,
        /// The user; `None` for all.
        pin: Option<Pin>,
    },
    /// `BIODATA Type PIN No`: the unified templates of one finger, hand or eye.
    BioDataNumber {
        /// The type.
        bio_type: BioType,
        /// The user.
        pin: Pin,
        /// The finger, hand or eye.
        number: u8,
    },
    /// `ATTLOG StartTime EndTime`: the attendance records of a period.
    AttLog {
        /// The first second, by the clock of the device.
        from: LocalTime,
        /// The last second.
        to: LocalTime,
    },
    /// `ATTPHOTO StartTime EndTime`: the attendance photos of a period.
    AttPhoto {
        /// The first second, by the clock of the device.
        from: LocalTime,
        /// The last second.
        to: LocalTime,
    },
}

/// The key of the finger number in a query (§12.1.3; reference 13.24). The document changed the key with version
/// 2.4.2, and not all devices follow their version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FingerKey {
    /// `FingerID`, up to 2.4.1.
    FingerId,
    /// `FID`, from 2.4.2.
    Fid,
}

impl FingerKey {
    /// The key in a protocol version; the older key when the version is unknown.
    pub fn of(version: Option<&Version>) -> Self {
        if version.is_some_and(|version| *version >= Version::V2_4_2) { Self::Fid } else { Self::FingerId }
    }

    /// The other key, for a device that rejects this one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::FingerId => Self::Fid,
            Self::Fid => Self::FingerId,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::FingerId => "FingerID",
            Self::Fid => "FID",
        }
    }
}

impl DataQuery {
    /// The form by which Muster remembers that a firmware refuses the query.
    pub(super) const fn form(&self) -> Form {
        match self {
            Self::User(_) | Self::AllUsers => Form::Query,
            Self::Fingerprints(_) => Form::QueryFingerprints,
            Self::Fingerprint { key: FingerKey::Fid, .. } => Form::QueryFid,
            Self::Fingerprint { key: FingerKey::FingerId, .. } => Form::QueryFingerId,
            Self::BioData { .. } | Self::BioDataNumber { .. } => Form::QueryBioData,
            Self::AttLog { .. } => Form::QueryAttLog,
            Self::AttPhoto { .. } => Form::QueryAttPhoto,
        }
    }

    /// The same query with the other key; `None` when there is only one way to write it.
    pub fn alternative(&self) -> Option<Self> {
        match self {
            Self::Fingerprint { pin, finger, key } => {
                Some(Self::Fingerprint { pin: pin.clone(), finger: *finger, key: key.other() })
            }
            _ => None,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::User(pin) => {
                begin_table("USERINFO", out).value("PIN", pin);
            }
            Self::AllUsers => out.extend_from_slice(b" USERINFO"),
            Self::Fingerprints(pin) => {
                begin_table("FINGERTMP", out).value("PIN", pin);
            }
            Self::Fingerprint { pin, finger, key } => {
                begin_table("FINGERTMP", out).value("PIN", pin).value(key.as_str(), finger);
            }
            Self::BioData { bio_type, pin } => {
                let mut fields = begin_table("BIODATA", out);
                fields.value("Type", bio_type.0);
                if let Some(pin) = pin {
                    fields.value("PIN", pin);
                }
            }
            Self::BioDataNumber { bio_type, pin, number } => {
                begin_table("BIODATA", out).value("Type", bio_type.0).value("PIN", pin).value("No", number);
            }
            Self::AttLog { from, to } => period("ATTLOG", from, to, out),
            Self::AttPhoto { from, to } => period("ATTPHOTO", from, to, out),
        }
    }

    /// Reads the table and the conditions of a query.
    pub(super) fn read(table: &[u8], fields: &Fields<'_>) -> Result<Self, FieldError> {
        if is(table, "ATTLOG") {
            let (from, to) = read_period(fields)?;
            return Ok(Self::AttLog { from, to });
        }
        if is(table, "ATTPHOTO") {
            let (from, to) = read_period(fields)?;
            return Ok(Self::AttPhoto { from, to });
        }
        let pin = if fields.find("PIN").is_some() { Some(fields.pin()?) } else { None };
        if is(table, "USERINFO") {
            Ok(pin.map_or(Self::AllUsers, Self::User))
        } else if is(table, "FINGERTMP") {
            let pin = pin.ok_or(FieldError::Missing { field: "PIN" })?;
            let find = |key: FingerKey| fields.find(key.as_str()).map(|_| key);
            match find(FingerKey::FingerId).or_else(|| find(FingerKey::Fid)) {
                Some(key) => Ok(Self::Fingerprint { pin, finger: fields.within(key.as_str(), 0..=9)?, key }),
                None => Ok(Self::Fingerprints(pin)),
            }
        } else if is(table, "BIODATA") {
            let bio_type = BioType(fields.number("Type")?);
            match (pin, fields.optional_number("No")?) {
                (Some(pin), Some(number)) => Ok(Self::BioDataNumber { bio_type, pin, number }),
                (None, Some(_)) => Err(FieldError::Missing { field: "PIN" }),
                (pin, None) => Ok(Self::BioData { bio_type, pin }),
            }
        } else {
            Err(FieldError::Invalid {
                field: "table",
                want: "USERINFO, FINGERTMP, BIODATA, ATTLOG or ATTPHOTO",
            })
        }
    }
}

fn period(table: &str, from: &LocalTime, to: &LocalTime, out: &mut Vec<u8>) {
    begin_table(table, out).value("StartTime", from).value("EndTime", to);
}

/// Reads `StartTime` and `EndTime`, which are times on the device's clock.
pub(super) fn read_period(fields: &Fields<'_>) -> Result<(LocalTime, LocalTime), FieldError> {
    let time = |field: &'static str| LocalTime::read(field, fields.get(field)?);
    let (from, to) = (time("StartTime")?, time("EndTime")?);
    if to < from {
        return Err(FieldError::Invalid { field: "EndTime", want: "after StartTime" });
    }
    Ok((from, to))
}
