//! `DATA UPDATE`: records that a device shall store.

use super::{Form, begin_table, is};
use crate::{
    Base64, BioData, BioType, Card, ComparisonPhoto, FacePart, FieldError, Fields, FingerVein, Fingerprint,
    Pin, User, UserPhoto, fields::FieldWriter,
};

/// One record. The device stores it in place of the record with the same key (§12.1.1).
///
/// Muster sends all keys of a table: old firmware takes an absent key for an empty one (field note 5.2). `Size` is
/// the length of the base64 text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update<'a> {
    /// `USERINFO PIN Name Pri Passwd Card Grp TZ Verify ViceCard`, followed by `StartDatetime`, `EndDatetime` and
    /// `Expires` if they are set (§12.1.1.1).
    ///
    /// An absent value is sent empty, except: privilege 0, group 1, verification mode −1.
    User(User),
    /// `FINGERTMP PIN FID Size Valid TMP` (§12.1.1.3), of algorithm 10.0 and below.
    Fingerprint(Fingerprint<'a>),
    /// `FACE PIN FID Valid Size TMP` (§12.1.1.4).
    FacePart(FacePart<'a>),
    /// `FVEIN Pin FID Index Valid Size Tmp` (§12.1.1.5).
    FingerVein(FingerVein<'a>),
    /// `BIODATA Pin No Index Valid Duress Type MajorVer MinorVer Format Tmp` (§12.1.1.6).
    BioData(BioData<'a>),
    /// `USERPIC PIN Size Content` (§12.1.1.7).
    UserPhoto(UserPhoto<'a>),
    /// `BIOPHOTO PIN Type [No Index] Size Content Format Url PostBackTmpFlag`, the photo inline (§12.1.1.8).
    ComparisonPhoto {
        /// The photo.
        photo: ComparisonPhoto<'a>,
        /// Whether the device shall upload the template that it makes from the photo.
        post_back_template: bool,
    },
    /// `USERPIC PIN Format=1 Url Size=0 Content=`: a photo that the device downloads (§12.1.1.7, 2.4.2).
    UserPhotoUrl {
        /// The user in the photo.
        pin: Pin,
        /// Address of the JPEG: absolute with `http://`, or relative to the server's `/iclock/` or its root.
        url: String,
    },
    /// `BIOPHOTO PIN Type Size=0 Content= Format=1 Url PostBackTmpFlag`: a photo that the device downloads
    /// (§12.1.1.8).
    ComparisonPhotoUrl {
        /// The user in the photo.
        pin: Pin,
        /// The type of template that the device makes from the photo.
        bio_type: BioType,
        /// Address of the JPEG, as in [`Update::UserPhotoUrl`].
        url: String,
        /// Whether to upload the template, as in [`Update::ComparisonPhoto`].
        post_back_template: bool,
    },
}

impl<'a> Update<'a> {
    /// The user of the record.
    pub fn pin(&self) -> &Pin {
        match self {
            Self::User(user) => &user.pin,
            Self::Fingerprint(fingerprint) => &fingerprint.pin,
            Self::FacePart(part) => &part.pin,
            Self::FingerVein(vein) => &vein.pin,
            Self::BioData(template) => &template.pin,
            Self::UserPhoto(photo) => &photo.pin,
            Self::ComparisonPhoto { photo, .. } => &photo.pin,
            Self::UserPhotoUrl { pin, .. } | Self::ComparisonPhotoUrl { pin, .. } => pin,
        }
    }

    /// The same record with copies of everything that it borrows.
    pub fn into_owned(self) -> Update<'static> {
        match self {
            Self::User(user) => Update::User(user),
            Self::Fingerprint(fingerprint) => Update::Fingerprint(fingerprint.into_owned()),
            Self::FacePart(part) => Update::FacePart(part.into_owned()),
            Self::FingerVein(vein) => Update::FingerVein(vein.into_owned()),
            Self::BioData(template) => Update::BioData(template.into_owned()),
            Self::UserPhoto(photo) => Update::UserPhoto(photo.into_owned()),
            Self::ComparisonPhoto { photo, post_back_template } => {
                Update::ComparisonPhoto { photo: photo.into_owned(), post_back_template }
            }
            Self::UserPhotoUrl { pin, url } => Update::UserPhotoUrl { pin, url },
            Self::ComparisonPhotoUrl { pin, bio_type, url, post_back_template } => {
                Update::ComparisonPhotoUrl { pin, bio_type, url, post_back_template }
            }
        }
    }

    pub(super) fn form(&self) -> Form {
        match self {
            Self::User(_) => Form::UserInfo,
            Self::Fingerprint(_) => Form::FingerTmp,
            Self::FacePart(_) => Form::Face,
            Self::FingerVein(_) => Form::FVein,
            Self::BioData(template) => Form::BioData(template.bio_type.0),
            Self::UserPhoto(_) | Self::UserPhotoUrl { .. } => Form::UserPic,
            Self::ComparisonPhoto { .. } | Self::ComparisonPhotoUrl { .. } => Form::BioPhoto,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut fields = begin_table(self.form().words(), out);
        match self {
            Self::User(user) => write_user(user, &mut fields),
            Self::Fingerprint(fingerprint) => fingerprint.write(&mut fields),
            Self::FacePart(part) => {
                fields
                    .value("PIN", &part.pin)
                    .value("FID", part.part)
                    .value("Valid", part.valid)
                    .value("Size", size(&part.template))
                    .base64("TMP", &part.template);
            }
            Self::FingerVein(vein) => {
                fields
                    .value("Pin", &vein.pin)
                    .value("FID", vein.finger)
                    .value("Index", vein.index)
                    .value("Valid", vein.valid)
                    .value("Size", size(&vein.template))
                    .base64("Tmp", &vein.template);
            }
            Self::BioData(template) => template.write(&mut fields),
            Self::UserPhoto(photo) => {
                fields
                    .value("PIN", &photo.pin)
                    .value("Size", size(&photo.content))
                    .base64("Content", &photo.content);
            }
            Self::ComparisonPhoto { photo, post_back_template } => {
                write_comparison_photo(photo, *post_back_template, &mut fields);
            }
            Self::UserPhotoUrl { pin, url } => {
                fields
                    .value("PIN", pin)
                    .value("Format", BY_URL)
                    .text("Url", url)
                    .value("Size", 0)
                    .text("Content", "");
            }
            Self::ComparisonPhotoUrl { pin, bio_type, url, post_back_template } => {
                fields
                    .value("PIN", pin)
                    .value("Type", bio_type.0)
                    .value("Size", 0)
                    .text("Content", "")
                    .value("Format", BY_URL)
                    .text("Url", url)
                    .value("PostBackTmpFlag", u8::from(*post_back_template));
            }
        }
    }

    /// Reads the record of a table.
    pub(super) fn read(table: &[u8], fields: &Fields<'a>) -> Result<Self, FieldError> {
        if is(table, "USERINFO") {
            Ok(Self::User(User::read(fields)?))
        } else if is(table, "FINGERTMP") {
            Ok(Self::Fingerprint(Fingerprint::read(fields)?))
        } else if is(table, "FACE") {
            Ok(Self::FacePart(FacePart::read(fields)?))
        } else if is(table, "FVEIN") {
            Ok(Self::FingerVein(FingerVein::read(fields)?))
        } else if is(table, "BIODATA") {
            Ok(Self::BioData(BioData::read(fields)?))
        } else if is(table, "USERPIC") {
            Ok(match url(fields)? {
                Some(url) => Self::UserPhotoUrl { pin: fields.pin()?, url },
                None => Self::UserPhoto(UserPhoto::read(fields)?),
            })
        } else if is(table, "BIOPHOTO") {
            let post_back_template = fields.find("PostBackTmpFlag") == Some(b"1");
            if let Some(url) = url(fields)? {
                let bio_type = BioType(fields.number("Type")?);
                return Ok(Self::ComparisonPhotoUrl {
                    pin: fields.pin()?,
                    bio_type,
                    url,
                    post_back_template,
                });
            }
            Ok(Self::ComparisonPhoto { photo: ComparisonPhoto::read(fields)?, post_back_template })
        } else {
            Err(FieldError::Invalid { field: "table", want: "a table of people" })
        }
    }
}

/// `Format` of a photo that the device downloads.
const BY_URL: u8 = 1;

/// The address of a photo that the device downloads; `None` for an inline photo.
fn url(fields: &Fields<'_>) -> Result<Option<String>, FieldError> {
    if fields.optional_number("Format")?.unwrap_or(0) != BY_URL {
        return Ok(None);
    }
    let url = fields.text("Url")?.filter(|url| !url.is_empty());
    url.map(|url| Some(url.to_owned())).ok_or(FieldError::Missing { field: "Url" })
}

fn write_user(user: &User, fields: &mut FieldWriter<'_>) {
    fields
        .value("PIN", &user.pin)
        .bytes("Name", user.name.as_deref().unwrap_or_default())
        .value("Pri", user.privilege.unwrap_or(0))
        .text("Passwd", user.password.as_deref().unwrap_or_default())
        .text("Card", &card(user.card.as_ref()))
        .value("Grp", user.group.unwrap_or(1))
        .text("TZ", user.time_zones.as_deref().unwrap_or_default())
        .value("Verify", user.verify.unwrap_or(-1))
        .text("ViceCard", &card(user.vice_card.as_ref()));
    if let Some(start) = &user.start {
        fields.text("StartDatetime", start);
    }
    if let Some(end) = &user.end {
        fields.text("EndDatetime", end);
    }
    if let Some(expires) = user.expires {
        fields.value("Expires", expires);
    }
}

fn write_comparison_photo(
    photo: &ComparisonPhoto<'_>,
    post_back_template: bool,
    fields: &mut FieldWriter<'_>,
) {
    fields.value("PIN", &photo.pin).value("Type", photo.bio_type.0);
    if let Some(number) = photo.number {
        fields.value("No", number);
    }
    if let Some(index) = photo.index {
        fields.value("Index", index);
    }
    fields
        .value("Size", size(&photo.content))
        .base64("Content", &photo.content)
        .value("Format", 0)
        .value("Url", "")
        .value("PostBackTmpFlag", u8::from(post_back_template));
}

fn card(card: Option<&Card>) -> String {
    card.map(Card::to_string).unwrap_or_default()
}

fn size(payload: &Base64<'_>) -> usize {
    payload.as_str().len()
}
