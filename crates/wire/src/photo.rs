//! Photos of users.

use crate::{Base64, BioType, FieldError, Fields, Pin, fields::FieldWriter};

/// The photo of a user that a device displays.
///
/// Wire form (§11.13): `USERPIC PIN=2<tab>FileName=2.jpg<tab>Size=7480<tab>Content=<base64>`; as a command `DATA
/// UPDATE USERPIC` without a file name (§12.1.1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPhoto<'a> {
    /// The user in the photo.
    pub pin: Pin,
    /// `FileName`; `None` when it is absent or empty.
    pub file_name: Option<String>,
    /// The JPEG.
    pub content: Base64<'a>,
}

/// The photo from which a visible-light device makes its template.
///
/// Wire form (§11.15): `BIOPHOTO PIN=5<tab>FileName=5.jpg<tab>Type=9<tab>Size=36908<tab>Content=<base64>`. Newer
/// devices add `No` and `Index` after `Type`. As a command it is `DATA UPDATE BIOPHOTO` (§12.1.1.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparisonPhoto<'a> {
    /// The user in the photo.
    pub pin: Pin,
    /// `FileName`; `None` when it is absent or empty.
    pub file_name: Option<String>,
    /// The type of template that the device makes from it; 0 when the device does not say. Some devices send 0 for
    /// a visible-light face (field note 6.6).
    pub bio_type: BioType,
    /// `No`, as in [`crate::BioData`].
    pub number: Option<u8>,
    /// `Index`, as in [`crate::BioData`].
    pub index: Option<u8>,
    /// The JPEG.
    pub content: Base64<'a>,
}

impl<'a> UserPhoto<'a> {
    /// Reads the fields of one `USERPIC` record.
    ///
    /// # Errors
    /// The first field that is missing or malformed, or whose length differs from `Size`.
    pub fn read(fields: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self { pin: fields.pin()?, file_name: file_name(fields), content: content(fields)? })
    }

    /// Writes the fields of the upload in the order of §11.13.
    pub(crate) fn write(&self, out: &mut FieldWriter<'_>) {
        out.value("PIN", &self.pin)
            .text("FileName", self.file_name.as_deref().unwrap_or_default())
            .value("Size", self.content.as_str().len())
            .base64("Content", &self.content);
    }

    /// The same photo with a copy of a borrowed payload.
    pub fn into_owned(self) -> UserPhoto<'static> {
        let Self { pin, file_name, content } = self;
        UserPhoto { pin, file_name, content: content.into_owned() }
    }
}

impl<'a> ComparisonPhoto<'a> {
    /// Reads the fields of one `BIOPHOTO` record.
    ///
    /// # Errors
    /// The first field that is missing or malformed, or whose length differs from `Size`.
    pub fn read(fields: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            pin: fields.pin()?,
            file_name: file_name(fields),
            bio_type: BioType(fields.optional_number("Type")?.unwrap_or(0)),
            number: fields.optional_number("No")?,
            index: fields.optional_number("Index")?,
            content: content(fields)?,
        })
    }

    /// Writes the fields of the upload in the order of §11.15.
    pub(crate) fn write(&self, out: &mut FieldWriter<'_>) {
        out.value("PIN", &self.pin)
            .text("FileName", self.file_name.as_deref().unwrap_or_default())
            .value("Type", self.bio_type.0);
        if let Some(number) = self.number {
            out.value("No", number);
        }
        if let Some(index) = self.index {
            out.value("Index", index);
        }
        out.value("Size", self.content.as_str().len()).base64("Content", &self.content);
    }

    /// The same photo with a copy of a borrowed payload.
    pub fn into_owned(self) -> ComparisonPhoto<'static> {
        let Self { pin, file_name, bio_type, number, index, content } = self;
        ComparisonPhoto { pin, file_name, bio_type, number, index, content: content.into_owned() }
    }
}

/// The file name, which is for display only: bytes that are not UTF-8 are replaced.
fn file_name(fields: &Fields<'_>) -> Option<String> {
    let name = fields.find("FileName").filter(|name| !name.is_empty())?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// `Content`, after the check of its length.
fn content<'a>(fields: &Fields<'a>) -> Result<Base64<'a>, FieldError> {
    let content = fields.base64("Content")?;
    fields.check_size("Content", &content)?;
    Ok(content)
}
