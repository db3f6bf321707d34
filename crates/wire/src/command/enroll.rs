//! Remote enrolment: a dialog on the device, in which somebody enrols.

use crate::{BioType, FieldError, Fields, Pin, fields::FieldWriter};

/// What somebody in front of the device shall enrol (§12.6).
///
/// The answer comes when the dialog ends, tens of seconds later; what was enrolled comes as an upload, before or after.
/// `RETRY` says how often the device lets somebody try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enroll {
    /// `ENROLL_FP PIN FID RETRY OVERWRITE`: a fingerprint.
    Fingerprint {
        /// Whose.
        pin: Pin,
        /// 0 to 9, the left little finger first.
        finger: u8,
        /// How often somebody may try again.
        retries: u8,
        /// Takes the place of a fingerprint that the device has of this finger; else that is an error.
        overwrite: bool,
    },
    /// `ENROLL_MF PIN RETRY`: a card.
    Card {
        /// Whose.
        pin: Pin,
        /// How often somebody may try again.
        retries: u8,
    },
    /// `ENROLL_BIO TYPE PIN CardNo RETRY OVERWRITE`: a template of a unified type.
    BioData {
        /// Of which type: a face, a palm.
        bio_type: BioType,
        /// Whose.
        pin: Pin,
        /// How often somebody may try again.
        retries: u8,
        /// Takes the place of what the device has; else that is an error.
        overwrite: bool,
    },
}

impl Enroll {
    /// Whose enrolment it is.
    pub const fn pin(&self) -> &Pin {
        match self {
            Self::Fingerprint { pin, .. } | Self::Card { pin, .. } | Self::BioData { pin, .. } => pin,
        }
    }

    pub(super) const fn words(&self) -> &'static str {
        match self {
            Self::Fingerprint { .. } => "ENROLL_FP",
            Self::Card { .. } => "ENROLL_MF",
            Self::BioData { .. } => "ENROLL_BIO",
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b' ');
        let mut fields = FieldWriter::new(out);
        match self {
            Self::Fingerprint { pin, finger, retries, overwrite } => {
                fields
                    .value("PIN", pin)
                    .value("FID", finger)
                    .value("RETRY", retries)
                    .value("OVERWRITE", u8::from(*overwrite));
            }
            Self::Card { pin, retries } => {
                fields.value("PIN", pin).value("RETRY", retries);
            }
            Self::BioData { bio_type, pin, retries, overwrite } => {
                fields
                    .value("TYPE", bio_type.0)
                    .value("PIN", pin)
                    .value("CardNo", "")
                    .value("RETRY", retries)
                    .value("OVERWRITE", u8::from(*overwrite));
            }
        }
    }

    /// Reads what follows one of the three words; `None` for any other word.
    pub(super) fn read(word: &[u8], rest: &[u8]) -> Option<Result<Self, FieldError>> {
        let fields = Fields::parse(rest);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        if is("ENROLL_FP") {
            Some(Self::fingerprint(&fields))
        } else if is("ENROLL_MF") {
            Some(Self::card(&fields))
        } else if is("ENROLL_BIO") {
            Some(Self::bio_data(&fields))
        } else {
            None
        }
    }

    fn fingerprint(fields: &Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self::Fingerprint {
            pin: fields.pin()?,
            finger: fields.within("FID", 0..=9)?,
            retries: fields.number("RETRY")?,
            overwrite: fields.within("OVERWRITE", 0..=1)? == 1_u8,
        })
    }

    fn card(fields: &Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self::Card { pin: fields.pin()?, retries: fields.number("RETRY")? })
    }

    fn bio_data(fields: &Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self::BioData {
            bio_type: BioType(fields.number("TYPE")?),
            pin: fields.pin()?,
            retries: fields.number("RETRY")?,
            overwrite: fields.within("OVERWRITE", 0..=1)? == 1_u8,
        })
    }
}
