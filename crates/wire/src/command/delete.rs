//! `DATA DELETE`: deletions of users and their biometrics.

use super::{Form, begin_table, is};
use crate::{BioType, FieldError, Fields, Pin};

/// A deletion on a device (§12.1.2).
///
/// Each deletion names a user: some devices take a deletion without a condition for everyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delete {
    /// `USERINFO PIN`: the user with fingerprints, faces and user photo. Finger veins, unified templates and
    /// comparison photos may stay behind.
    User(Pin),
    /// `FINGERTMP PIN`: all fingerprints.
    Fingerprints(Pin),
    /// `FINGERTMP PIN FID`: one finger.
    Fingerprint(Pin, u8),
    /// `FACE PIN`: all parts of the face.
    Face(Pin),
    /// `FVEIN Pin`: all finger veins.
    FingerVeins(Pin),
    /// `FVEIN Pin FID`: the veins of one finger.
    FingerVein(Pin, u8),
    /// `BIODATA Pin`: all unified templates.
    BioData(Pin),
    /// `BIODATA Pin Type`: the unified templates of one type.
    BioDataType(Pin, BioType),
    /// `BIODATA Pin Type No`: the unified templates of one finger, hand or eye.
    BioDataNumber(Pin, BioType, u8),
    /// `USERPIC PIN`: the user photo.
    UserPhoto(Pin),
    /// `BIOPHOTO PIN`: the comparison photos.
    ComparisonPhoto(Pin),
    /// `BIOPHOTO PIN Type`: the comparison photo of one type.
    ComparisonPhotoType(Pin, BioType),
}

impl Delete {
    /// The user whose data is deleted.
    pub const fn pin(&self) -> &Pin {
        match self {
            Self::User(pin)
            | Self::Fingerprints(pin)
            | Self::Fingerprint(pin, _)
            | Self::Face(pin)
            | Self::FingerVeins(pin)
            | Self::FingerVein(pin, _)
            | Self::BioData(pin)
            | Self::BioDataType(pin, _)
            | Self::BioDataNumber(pin, ..)
            | Self::UserPhoto(pin)
            | Self::ComparisonPhoto(pin)
            | Self::ComparisonPhotoType(pin, _) => pin,
        }
    }

    pub(super) const fn form(&self) -> Form {
        match self {
            Self::User(_) => Form::UserInfo,
            Self::Fingerprints(_) | Self::Fingerprint(..) => Form::FingerTmp,
            Self::Face(_) => Form::Face,
            Self::FingerVeins(_) | Self::FingerVein(..) => Form::FVein,
            Self::BioData(_) => Form::BioData(0),
            Self::BioDataType(_, bio_type) | Self::BioDataNumber(_, bio_type, _) => Form::BioData(bio_type.0),
            Self::UserPhoto(_) => Form::UserPic,
            Self::ComparisonPhoto(_) | Self::ComparisonPhotoType(..) => Form::BioPhoto,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let form = self.form();
        let mut fields = begin_table(form.words(), out);
        let key = if matches!(form, Form::FVein | Form::BioData(_)) { "Pin" } else { "PIN" };
        fields.value(key, self.pin());
        match self {
            Self::Fingerprint(_, finger) | Self::FingerVein(_, finger) => {
                fields.value("FID", finger);
            }
            Self::BioDataType(_, bio_type) | Self::ComparisonPhotoType(_, bio_type) => {
                fields.value("Type", bio_type.0);
            }
            Self::BioDataNumber(_, bio_type, number) => {
                fields.value("Type", bio_type.0).value("No", number);
            }
            Self::User(_)
            | Self::Fingerprints(_)
            | Self::Face(_)
            | Self::FingerVeins(_)
            | Self::BioData(_)
            | Self::UserPhoto(_)
            | Self::ComparisonPhoto(_) => {}
        }
    }

    /// Reads the table and the conditions of a deletion.
    pub(super) fn read(table: &[u8], fields: &Fields<'_>) -> Result<Self, FieldError> {
        let pin = fields.pin()?;
        let finger = fields.optional_number("FID")?;
        let bio_type = fields.optional_number("Type")?.map(BioType);
        let number = fields.optional_number("No")?;
        if is(table, "USERINFO") {
            Ok(Self::User(pin))
        } else if is(table, "FINGERTMP") {
            Ok(match finger {
                Some(finger) => Self::Fingerprint(pin, finger),
                None => Self::Fingerprints(pin),
            })
        } else if is(table, "FACE") {
            Ok(Self::Face(pin))
        } else if is(table, "FVEIN") {
            Ok(match finger {
                Some(finger) => Self::FingerVein(pin, finger),
                None => Self::FingerVeins(pin),
            })
        } else if is(table, "BIODATA") {
            match (bio_type, number) {
                (Some(bio_type), Some(number)) => Ok(Self::BioDataNumber(pin, bio_type, number)),
                (Some(bio_type), None) => Ok(Self::BioDataType(pin, bio_type)),
                (None, Some(_)) => Err(FieldError::Missing { field: "Type" }),
                (None, None) => Ok(Self::BioData(pin)),
            }
        } else if is(table, "USERPIC") {
            Ok(Self::UserPhoto(pin))
        } else if is(table, "BIOPHOTO") {
            Ok(match bio_type {
                Some(bio_type) => Self::ComparisonPhotoType(pin, bio_type),
                None => Self::ComparisonPhoto(pin),
            })
        } else {
            Err(FieldError::Invalid { field: "table", want: "a table of people" })
        }
    }
}
