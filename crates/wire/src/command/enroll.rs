//! Remote enrolment: a dialog on the device in which a person enrols.

use crate::{BioType, FieldError, Fields, Pin, fields::FieldWriter};

/// An enrolment at the device (§12.6).
///
/// The device answers when the dialog ends, tens of seconds later. It uploads the new template before or after the
/// answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enroll {
    /// `ENROLL_FP PIN FID RETRY OVERWRITE`: a fingerprint.
    Fingerprint {
        /// The user who enrols.
        pin: Pin,
        /// 0 to 9, the left little finger first.
        finger: u8,
        /// How often the device lets the person try again.
        retries: u8,
        /// Whether to replace an existing template of this finger. Without it an existing template is an error.
        overwrite: bool,
    },
    /// `ENROLL_MF PIN RETRY`: a card.
    Card {
        /// The user who enrols.
        pin: Pin,
        /// How often the device lets the person try again.
        retries: u8,
    },
    /// `ENROLL_BIO TYPE PIN CardNo RETRY OVERWRITE`: a template of a unified type.
    BioData {
        /// The biometric type: a face or a palm.
        bio_type: BioType,
        /// The user who enrols.
        pin: Pin,
        /// How often the device lets the person try again.
        retries: u8,
        /// Whether to replace an existing template. Without it an existing template is an error.
        overwrite: bool,
    },
}

impl Enroll {
    /// The user who enrols.
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

    /// Reads the text after one of the three words; `None` for any other word.
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
