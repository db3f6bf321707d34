//! `DATA QUERY`: what a device shall upload.

use super::{Form, LocalTime, fields_of, is};
use crate::{BioType, FieldError, Fields, Pin, Version};

/// What a device shall upload (§12.1.3). It does so as if the records were new, and answers besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// `USERINFO PIN`: one user; newer devices add the unified templates and comparison photos.
    User(Pin),
    /// `USERINFO` without condition: every user.
    AllUsers,
    /// `FINGERTMP PIN`: all fingerprints of one user.
    Fingerprints(Pin),
    /// `FINGERTMP PIN FingerID` or `FINGERTMP PIN FID`: one finger.
    Fingerprint {
        /// Whose.
        pin: Pin,
        /// 0 to 9, the left little finger first.
        finger: u8,
        /// What the finger is called.
        key: FingerKey,
    },
    /// `BIODATA Type [PIN]`: the unified templates of one type, of one user or of all.
    BioData {
        /// The type.
        bio_type: BioType,
        /// The user; `None` for all.
        pin: Option<Pin>,
    },
    /// `BIODATA Type PIN No`: those of one individual, a finger or a hand.
    BioDataNumber {
        /// The type.
        bio_type: BioType,
        /// The user.
        pin: Pin,
        /// Which.
        number: u8,
    },
    /// `ATTLOG StartTime EndTime`: the punches of a period.
    AttLog {
        /// The first second, by the clock of the device.
        from: LocalTime,
        /// The last second.
        to: LocalTime,
    },
    /// `ATTPHOTO StartTime EndTime`: the photos of punches of a period.
    AttPhoto {
        /// The first second, by the clock of the device.
        from: LocalTime,
        /// The last second.
        to: LocalTime,
    },
}

/// What the number of a finger is called in a query (§12.1.3; reference 13.24): the document has one word up to
/// version 2.4.1 and another from 2.4.2, and devices do not all keep to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FingerKey {
    /// `FingerID`, up to 2.4.1.
    FingerId,
    /// `FID`, from 2.4.2.
    Fid,
}

impl FingerKey {
    /// The word of a version of the protocol; the older one where it is not known.
    pub fn of(version: Option<&Version>) -> Self {
        if version.is_some_and(|version| *version >= Version::V2_4_2) { Self::Fid } else { Self::FingerId }
    }

    /// The other word, for a device that does not know this one.
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

impl Select {
    /// The form by which a firmware may refuse it.
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

    /// The same in the other spelling, where there is one.
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
                fields_of("USERINFO", out).value("PIN", pin);
            }
            Self::AllUsers => out.extend_from_slice(b" USERINFO"),
            Self::Fingerprints(pin) => {
                fields_of("FINGERTMP", out).value("PIN", pin);
            }
            Self::Fingerprint { pin, finger, key } => {
                fields_of("FINGERTMP", out).value("PIN", pin).value(key.as_str(), finger);
            }
            Self::BioData { bio_type, pin } => {
                let mut fields = fields_of("BIODATA", out);
                fields.value("Type", bio_type.0);
                if let Some(pin) = pin {
                    fields.value("PIN", pin);
                }
            }
            Self::BioDataNumber { bio_type, pin, number } => {
                fields_of("BIODATA", out).value("Type", bio_type.0).value("PIN", pin).value("No", number);
            }
            Self::AttLog { from, to } => period("ATTLOG", from, to, out),
            Self::AttPhoto { from, to } => period("ATTPHOTO", from, to, out),
        }
    }

    /// Reads the conditions of a table.
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
    fields_of(table, out).value("StartTime", from).value("EndTime", to);
}

/// `StartTime` and `EndTime`, by the clock of the device.
pub(super) fn read_period(fields: &Fields<'_>) -> Result<(LocalTime, LocalTime), FieldError> {
    let time = |field: &'static str| LocalTime::read(field, fields.get(field)?);
    let (from, to) = (time("StartTime")?, time("EndTime")?);
    if to < from {
        return Err(FieldError::Invalid { field: "EndTime", want: "after StartTime" });
    }
    Ok((from, to))
}
