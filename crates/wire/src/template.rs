//! Biometric templates in their four wire forms.

use crate::{Base64, FieldError, Fields, Pin, fields::FieldWriter};

/// A fingerprint in the form of older devices.
///
/// Wire form (§11.9): `FP PIN=4<tab>FID=6<tab>Size=816<tab>Valid=1<tab>TMP=<base64>`; as a command `DATA UPDATE
/// FINGERTMP` with the same fields (§12.1.1.3). It has no algorithm version: the version of the device applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint<'a> {
    /// The user.
    pub pin: Pin,
    /// 0 to 9, the left little finger first (appendix 10).
    pub finger: u8,
    /// 0 invalid, 1 normal, 3 duress; 1 when the device does not say. Kept as sent (field note 6.9).
    pub valid: u8,
    /// The template.
    pub template: Base64<'a>,
}

/// One part of a near-infrared face in the form of older devices.
///
/// Wire form (§11.10): `FACE PIN=4<tab>FID=0<tab>SIZE=1648<tab>VALID=1<tab>TMP=<base64>`; as a command `DATA
/// UPDATE FACE` (§12.1.1.4). A face of version 7.0 has 12 parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacePart<'a> {
    /// The user.
    pub pin: Pin,
    /// `FID`: number of the part, from 0.
    pub part: u8,
    /// 0 invalid, 1 normal; 1 when the device does not say.
    pub valid: u8,
    /// 16 arbitrary bytes, followed by the template.
    pub template: Base64<'a>,
}

/// A finger vein.
///
/// Wire form (§11.11): `FVEIN Pin=4<tab>FID=6<tab>Index=0<tab>Size=1648<tab>Valid=1<tab>Tmp=<base64>`; as a command
/// `DATA UPDATE FVEIN` (§12.1.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerVein<'a> {
    /// The user.
    pub pin: Pin,
    /// 0 to 9, the left little finger first.
    pub finger: u8,
    /// Number of the template of this finger, from 0.
    pub index: u8,
    /// 0 invalid, 1 normal; 1 when the device does not say.
    pub valid: u8,
    /// The template.
    pub template: Base64<'a>,
}

/// A unified template, or one part of it.
///
/// Wire form (§11.12): `BIODATA Pin=5<tab>No=0<tab>Index=0<tab>Valid=1<tab>Duress=0<tab>Type=9<tab>MajorVer=58<tab>`
/// `MinorVer=10<tab>Format=0<tab>Tmp=<base64>`; as a command `DATA UPDATE BIODATA` (§12.1.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BioData<'a> {
    /// The user.
    pub pin: Pin,
    /// `No`: finger 0 to 9; palm or iris 0 left, 1 right; face 0. It is 0 when the device does not say.
    pub number: u8,
    /// Number of the part of the template, from 0; 0 when the device does not say.
    pub index: u8,
    /// 0 invalid, 1 valid; 1 when the device does not say.
    pub valid: u8,
    /// 1 for a finger that raises a silent alarm; 0 when the device does not say.
    pub duress: u8,
    /// The biometric type.
    pub bio_type: BioType,
    /// Major algorithm version: 10 in 10.3. Required, because a template of unknown version cannot be sent to any
    /// device.
    pub major: u16,
    /// Minor algorithm version: 3 in 10.3.
    pub minor: u16,
    /// Layout of the template; [`BioFormat::Zk`] when the device does not say.
    pub format: BioFormat,
    /// The template, or one part of it.
    pub template: Base64<'a>,
}

/// A biometric type (appendix 10). Devices may use types that have no name here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BioType(pub u8);

impl BioType {
    /// Fingerprint.
    pub const FINGERPRINT: Self = Self(1);
    /// Near-infrared face.
    pub const FACE: Self = Self(2);
    /// Finger vein.
    pub const FINGER_VEIN: Self = Self(7);
    /// Palm.
    pub const PALM: Self = Self(8);
    /// Visible-light face.
    pub const VISIBLE_FACE: Self = Self(9);
    /// Visible-light palm.
    pub const VISIBLE_PALM: Self = Self(10);
}

/// Layout of a unified template (`Format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BioFormat {
    /// `0` or `ZK`: the vendor's own.
    Zk,
    /// `1`: ISO, fingerprints only.
    Iso,
    /// `2`: ANSI, fingerprints only.
    Ansi,
    /// Another number, 3 to 255.
    Other(u8),
}

impl BioFormat {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Zk => 0,
            Self::Iso => 1,
            Self::Ansi => 2,
            Self::Other(code) => code,
        }
    }

    /// The format with this number.
    pub const fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Zk,
            1 => Self::Iso,
            2 => Self::Ansi,
            code => Self::Other(code),
        }
    }

    fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let named = fields.find("Format").map(<[u8]>::trim_ascii);
        match named {
            Some(name) if name.eq_ignore_ascii_case(b"ZK") => Ok(Self::Zk),
            Some(name) if name.eq_ignore_ascii_case(b"ISO") => Ok(Self::Iso),
            Some(name) if name.eq_ignore_ascii_case(b"ANSI") => Ok(Self::Ansi),
            _ => Ok(fields.optional_number("Format")?.map_or(Self::Zk, Self::of_code)),
        }
    }
}

/// The last finger number (appendix 10).
const LAST_FINGER: u8 = 9;

impl<'a> Fingerprint<'a> {
    /// Reads the fields of one `FP` record.
    ///
    /// # Errors
    /// The first field that is missing or malformed, or whose length differs from `Size`.
    pub fn read(fields: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            pin: fields.pin()?,
            finger: fields.within("FID", 0..=LAST_FINGER)?,
            valid: valid(fields)?,
            template: template(fields)?,
        })
    }

    /// Writes the fields in the order of §11.9, which is also that of the command.
    pub(crate) fn write(&self, out: &mut FieldWriter<'_>) {
        out.value("PIN", &self.pin)
            .value("FID", self.finger)
            .value("Size", self.template.as_str().len())
            .value("Valid", self.valid)
            .base64("TMP", &self.template);
    }

    /// The same fingerprint with a copy of a borrowed payload.
    pub fn into_owned(self) -> Fingerprint<'static> {
        let Self { pin, finger, valid, template } = self;
        Fingerprint { pin, finger, valid, template: template.into_owned() }
    }
}

impl<'a> FacePart<'a> {
    /// Reads the fields of one `FACE` record.
    ///
    /// # Errors
    /// The first field that is missing or malformed, or whose length differs from `SIZE`.
    pub fn read(fields: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            pin: fields.pin()?,
            part: fields.number("FID")?,
            valid: valid(fields)?,
            template: template(fields)?,
        })
    }

    /// Writes the fields of the upload in the order and spelling of §11.10.
    pub(crate) fn write(&self, out: &mut FieldWriter<'_>) {
        out.value("PIN", &self.pin)
            .value("FID", self.part)
            .value("SIZE", self.template.as_str().len())
            .value("VALID", self.valid)
            .base64("TMP", &self.template);
    }

    /// The same part with a copy of a borrowed payload.
    pub fn into_owned(self) -> FacePart<'static> {
        let Self { pin, part, valid, template } = self;
        FacePart { pin, part, valid, template: template.into_owned() }
    }
}

impl<'a> FingerVein<'a> {
    /// Reads the fields of one `FVEIN` record.
    ///
    /// # Errors
    /// The first field that is missing or malformed, or whose length differs from `Size`.
    pub fn read(fields: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            pin: fields.pin()?,
            finger: fields.within("FID", 0..=LAST_FINGER)?,
            index: fields.optional_number("Index")?.unwrap_or(0),
            valid: valid(fields)?,
            template: template(fields)?,
        })
    }

    /// Writes the fields of the upload in the order of §11.11.
    pub(crate) fn write(&self, out: &mut FieldWriter<'_>) {
        out.value("Pin", &self.pin)
            .value("FID", self.finger)
            .value("Index", self.index)
            .value("Size", self.template.as_str().len())
            .value("Valid", self.valid)
            .base64("Tmp", &self.template);
    }

    /// The same finger vein with a copy of a borrowed payload.
    pub fn into_owned(self) -> FingerVein<'static> {
        let Self { pin, finger, index, valid, template } = self;
        FingerVein { pin, finger, index, valid, template: template.into_owned() }
    }
}

impl<'a> BioData<'a> {
    /// Reads the fields of one `BIODATA` record.
    ///
    /// # Errors
    /// The first field that is missing or malformed. The record has no `Size`, but if a device sends one it is
    /// checked.
    pub fn read(fields: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            pin: fields.pin()?,
            number: fields.optional_number("No")?.unwrap_or(0),
            index: fields.optional_number("Index")?.unwrap_or(0),
            valid: valid(fields)?,
            duress: fields.optional_number("Duress")?.unwrap_or(0),
            bio_type: BioType(fields.number("Type")?),
            major: fields.number("MajorVer")?,
            minor: fields.number("MinorVer")?,
            format: BioFormat::read(fields)?,
            template: template(fields)?,
        })
    }

    /// Writes the fields in the order of §11.12, which is also that of the command.
    pub(crate) fn write(&self, out: &mut FieldWriter<'_>) {
        out.value("Pin", &self.pin)
            .value("No", self.number)
            .value("Index", self.index)
            .value("Valid", self.valid)
            .value("Duress", self.duress)
            .value("Type", self.bio_type.0)
            .value("MajorVer", self.major)
            .value("MinorVer", self.minor)
            .value("Format", self.format.code())
            .base64("Tmp", &self.template);
    }

    /// The same template with a copy of a borrowed payload.
    pub fn into_owned(self) -> BioData<'static> {
        let Self { pin, number, index, valid, duress, bio_type, major, minor, format, template } = self;
        let template = template.into_owned();
        BioData { pin, number, index, valid, duress, bio_type, major, minor, format, template }
    }
}

/// `Valid`, for which the vendor's default is 1 (§11.12). An explicit 0 stays 0.
fn valid(fields: &Fields<'_>) -> Result<u8, FieldError> {
    Ok(fields.optional_number("Valid")?.unwrap_or(1))
}

/// `TMP` or `Tmp`, after the check of its length.
fn template<'a>(fields: &Fields<'a>) -> Result<Base64<'a>, FieldError> {
    let template = fields.base64("TMP")?;
    fields.check_size("TMP", &template)?;
    Ok(template)
}
