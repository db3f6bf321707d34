//! `DATA QUERY`: what a device shall upload.

use super::{Form, fields_of, is};
use crate::{BioType, FieldError, Fields, Pin};

/// What a device shall upload (§12.1.3). It does so as if the records were new, and answers besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// `USERINFO PIN`: one user; newer devices add the unified templates and comparison photos.
    User(Pin),
    /// `USERINFO` without condition: every user.
    AllUsers,
    /// `FINGERTMP PIN`: all fingerprints of one user.
    Fingerprints(Pin),
    /// `BIODATA Type [PIN]`: the unified templates of one type, of one user or of all.
    BioData {
        /// The type.
        bio_type: BioType,
        /// The user; `None` for all.
        pin: Option<Pin>,
    },
}

impl Select {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::User(pin) => {
                fields_of(Form::UserInfo, out).value("PIN", pin);
            }
            Self::AllUsers => out.extend_from_slice(b" USERINFO"),
            Self::Fingerprints(pin) => {
                fields_of(Form::FingerTmp, out).value("PIN", pin);
            }
            Self::BioData { bio_type, pin } => {
                let mut fields = fields_of(Form::BioData(bio_type.0), out);
                fields.value("Type", bio_type.0);
                if let Some(pin) = pin {
                    fields.value("PIN", pin);
                }
            }
        }
    }

    /// Reads the conditions of a table.
    pub(super) fn read(table: &[u8], fields: &Fields<'_>) -> Result<Self, FieldError> {
        let pin = if fields.find("PIN").is_some() { Some(fields.pin()?) } else { None };
        if is(table, "USERINFO") {
            Ok(pin.map_or(Self::AllUsers, Self::User))
        } else if is(table, "FINGERTMP") {
            pin.map(Self::Fingerprints).ok_or(FieldError::Missing { field: "PIN" })
        } else if is(table, "BIODATA") {
            Ok(Self::BioData { bio_type: BioType(fields.number("Type")?), pin })
        } else {
            Err(FieldError::Invalid { field: "table", want: "USERINFO, FINGERTMP or BIODATA" })
        }
    }
}
