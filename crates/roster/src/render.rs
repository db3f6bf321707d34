//! Rendering of an item as commands for a device.

use wire::{
    Base64, BioData, BioFormat, BioType, Card, CardForm, Charset, Command, ComparisonPhoto, Delete, FacePart,
    FingerVein, Fingerprint, Form, Update, User, UserPhoto, Version,
};

use crate::{
    Capability, Content, Format, ItemKey, Kind, Part, Slot, Template, UserFields, definition, device_form,
    header,
};

/// The time zones that devices use for a user without any (field note 5.10).
const DEFAULT_TIME_ZONES: &str = "0000000100000000";

/// The form of a deletion of unified templates of all types.
const ALL_TYPES: Form = Form::BioData(0);

/// `Valid` of a duress finger in the classic form.
const DURESS: u8 = 3;

/// The commands that store `content` on a device: one a part, ascending. No other command may come between them.
///
/// Empty if the device does not accept such an item, or if the stored text contradicts its own header: Muster
/// never sends damaged data.
pub fn update<'a>(key: &ItemKey, content: &'a Content, capability: &Capability) -> Vec<Command<'a>> {
    Rendering::of(&key.slot, capability).map(|rendering| rendering.update(key, content)).unwrap_or_default()
}

/// The properties of a device on which the commands of an update depend. Devices with equal renderings get the
/// same commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendering {
    form: Form,
    charset: Charset,
    name_bytes: Option<usize>,
    card_form: CardForm,
    push_version: Option<Version>,
    /// The protocol version that both sides speak.
    protocol: Version,
}

impl Rendering {
    /// The rendering of an item of this slot for a device; `None` if the device does not accept such an item.
    pub fn of(slot: &Slot, capability: &Capability) -> Option<Self> {
        Some(Self {
            form: capability.takes(slot)?,
            charset: capability.charset(),
            name_bytes: capability.name_bytes(),
            card_form: capability.card_form(),
            push_version: capability.push_version().copied(),
            protocol: capability.protocol(),
        })
    }

    /// As [`update`], for every device with this rendering.
    pub fn update<'a>(&self, key: &ItemKey, content: &'a Content) -> Vec<Command<'a>> {
        let updates: Option<Vec<Update<'a>>> = match content {
            Content::Definition(definition) => {
                return definition.update(self.push_version.as_ref(), self.charset).into_iter().collect();
            }
            Content::PersonalMessage => {
                return definition::assignment(&key.pin, key.slot.number).into_iter().collect();
            }
            Content::User(fields) => Some(vec![Update::User(self.user(key, fields))]),
            Content::Template(template) => parts(key, template, self.form),
            Content::Photo(photo) => {
                let sending =
                    PhotoUpdate { carried: PhotoPayload::Inline(&photo.text), post_back_template: false };
                photo_update(key, sending).map(|update| vec![update])
            }
            Content::Membership => None,
        };
        updates.unwrap_or_default().into_iter().map(Command::Update).collect()
    }

    /// A complete record: old firmware sets every absent field to zero (field note 5.2).
    fn user(&self, key: &ItemKey, fields: &UserFields) -> User {
        let card = |text: &Option<String>, form| text.as_deref().map_or(Card::None, Card::read).to_form(form);
        let time_zones =
            if fields.time_zones.is_empty() { DEFAULT_TIME_ZONES } else { fields.time_zones.as_str() };
        // Firmware that does not know validity periods gets none if the user has none.
        let knows_validity = self.protocol >= Version::V2_4_1;
        let validity_time =
            |text: &Option<String>| text.clone().or_else(|| knows_validity.then(|| "0".to_owned()));
        User {
            pin: key.pin.clone(),
            name: Some(device_form::spelled_name(&fields.name, self.charset, self.name_bytes)),
            privilege: Some(fields.privilege),
            password: Some(fields.password.clone()),
            card: Some(card(&fields.card, self.card_form)),
            group: Some(fields.group),
            time_zones: Some(time_zones.to_owned()),
            verify: Some(fields.verify.unwrap_or(-1)),
            vice_card: Some(card(&fields.vice_card, CardForm::Decimal)),
            start: validity_time(&fields.start),
            end: validity_time(&fields.end),
            expires: fields.expires,
        }
    }
}

/// How a photo is sent.
#[derive(Clone, Copy)]
pub struct PhotoUpdate<'a> {
    /// The payload of the command.
    pub carried: PhotoPayload<'a>,
    /// For a comparison photo: whether the device shall upload the template that it makes from it
    /// (`PostBackTmpFlag`).
    pub post_back_template: bool,
}

/// The payload of a photo command.
#[derive(Clone, Copy)]
pub enum PhotoPayload<'a> {
    /// The JPEG itself, as base64.
    Inline(&'a str),
    /// The address from which the device downloads it.
    Url(&'a str),
}

/// The command that stores a photo on a device; `None` if the device does not accept such an item, or if the text
/// is not base64.
pub fn update_photo<'a>(
    key: &ItemKey,
    sending: PhotoUpdate<'a>,
    capability: &Capability,
) -> Option<Command<'a>> {
    capability.takes(&key.slot)?;
    photo_update(key, sending).map(Command::Update)
}

/// Number of commands in the [`update`] of an item with this many parts.
pub fn update_command_count(slot: &Slot, parts: usize) -> usize {
    match slot.kind {
        Kind::Membership => 0,
        Kind::User
        | Kind::UserPhoto
        | Kind::ComparisonPhoto
        | Kind::PersonalMessage
        | Kind::Definition(_) => 1,
        Kind::Template(_) => parts,
    }
}

/// The commands that delete an item from a device; empty if the device never accepted such an item.
///
/// For a user Muster deletes everything, and the user record last: biometrics that stay behind after a deletion of
/// the user record alone would still open doors.
pub fn delete(key: &ItemKey, capability: &Capability) -> Vec<Command<'static>> {
    let deletes = match key.slot.kind {
        Kind::Definition(_) => return definition::delete(&key.pin, capability).into_iter().collect(),
        Kind::User => whole_user(key, capability),
        _ => capability.takes(&key.slot).and_then(|form| narrowest_deletion(key, form)).into_iter().collect(),
    };
    deletes.into_iter().map(Command::Delete).collect()
}

/// Number of commands in the [`delete`] of an item.
pub fn delete_command_count(key: &ItemKey, capability: &Capability) -> usize {
    delete(key, capability).len()
}

/// Every table in which the device may hold data of the user (§12.1.2), then the user.
fn whole_user(key: &ItemKey, capability: &Capability) -> Vec<Delete> {
    let forms = capability.tables();
    let any = |wanted: fn(&Form) -> bool| forms.iter().any(wanted);
    let pin = || key.pin.clone();
    let mut deletes = Vec::new();
    if any(|form| matches!(form, Form::FingerTmp)) {
        deletes.push(Delete::Fingerprints(pin()));
    }
    if any(|form| matches!(form, Form::Face)) {
        deletes.push(Delete::Face(pin()));
    }
    if any(|form| matches!(form, Form::FVein)) {
        deletes.push(Delete::FingerVeins(pin()));
    }
    let unified = forms.iter().filter_map(|form| match form {
        Form::BioData(bio_type) => Some(BioType(*bio_type)),
        _ => None,
    });
    if capability.refused(ALL_TYPES) {
        deletes.extend(unified.map(|bio_type| Delete::BioDataType(pin(), bio_type)));
    } else if unified.count() > 0 {
        deletes.push(Delete::BioData(pin()));
    }
    if any(|form| matches!(form, Form::BioPhoto)) {
        deletes.push(Delete::ComparisonPhoto(pin()));
    }
    if any(|form| matches!(form, Form::UserPic)) {
        deletes.push(Delete::UserPhoto(pin()));
    }
    if any(|form| matches!(form, Form::UserInfo)) {
        deletes.push(Delete::User(pin()));
    }
    deletes
}

/// The deletion that removes the item and as little else as its table allows.
fn narrowest_deletion(key: &ItemKey, form: Form) -> Option<Delete> {
    let pin = key.pin.clone();
    let number = u8::try_from(key.slot.number).ok()?;
    Some(match form {
        Form::FingerTmp => Delete::Fingerprint(pin, number),
        Form::Face => Delete::Face(pin),
        Form::FVein => Delete::FingerVein(pin, number),
        Form::BioData(bio_type) => Delete::BioDataNumber(pin, BioType(bio_type), number),
        Form::UserPic => Delete::UserPhoto(pin),
        Form::BioPhoto => Delete::ComparisonPhoto(pin),
        _ => return None,
    })
}

/// The parts of a template; `None` if one of them is damaged, because the others are useless without it.
fn parts<'a>(key: &ItemKey, template: &'a Template, form: Form) -> Option<Vec<Update<'a>>> {
    template.parts.iter().map(|part| part_update(key, part, form)).collect()
}

fn part_update<'a>(key: &ItemKey, part: &'a Part, form: Form) -> Option<Update<'a>> {
    let Slot { kind: Kind::Template(bio_type), number, algorithm } = key.slot else { return None };
    header::check(&key.slot, &part.text).ok()?;
    let template = Base64::read(part.text.as_bytes()).ok()?;
    let pin = key.pin.clone();
    let number = u8::try_from(number).ok()?;
    let Part { index, valid, duress, .. } = *part;
    Some(match form {
        Form::FingerTmp => {
            let valid = if duress { DURESS } else { valid };
            Update::Fingerprint(Fingerprint { pin, finger: number, valid, template })
        }
        Form::Face => Update::FacePart(FacePart { pin, part: index, valid, template }),
        Form::FVein => Update::FingerVein(FingerVein { pin, finger: number, index, valid, template }),
        Form::BioData(_) => Update::BioData(BioData {
            pin,
            number,
            index,
            valid,
            duress: duress.into(),
            bio_type,
            major: algorithm.major,
            minor: algorithm.minor,
            format: wire_format(algorithm.format)?,
            template,
        }),
        _ => return None,
    })
}

fn photo_update<'a>(key: &ItemKey, sending: PhotoUpdate<'a>) -> Option<Update<'a>> {
    let pin = key.pin.clone();
    let PhotoUpdate { carried, post_back_template } = sending;
    let base64 = |text: &'a str| Base64::read(text.as_bytes()).ok();
    Some(match (key.slot.kind, carried) {
        (Kind::UserPhoto, PhotoPayload::Inline(text)) => {
            Update::UserPhoto(UserPhoto { pin, file_name: None, content: base64(text)? })
        }
        (Kind::UserPhoto, PhotoPayload::Url(url)) => Update::UserPhotoUrl { pin, url: url.to_owned() },
        (Kind::ComparisonPhoto, carried) => {
            let bio_type = BioType(u8::try_from(key.slot.number).ok()?);
            match carried {
                PhotoPayload::Inline(text) => {
                    let content = base64(text)?;
                    let photo = ComparisonPhoto {
                        pin,
                        file_name: None,
                        bio_type,
                        number: None,
                        index: None,
                        content,
                    };
                    Update::ComparisonPhoto { photo, post_back_template }
                }
                PhotoPayload::Url(url) => {
                    Update::ComparisonPhotoUrl { pin, bio_type, url: url.to_owned(), post_back_template }
                }
            }
        }
        _ => return None,
    })
}

fn wire_format(format: Format) -> Option<BioFormat> {
    Some(match format {
        Format::Zk => BioFormat::Zk,
        Format::Iso => BioFormat::Iso,
        Format::Ansi => BioFormat::Ansi,
        Format::Other(number) => BioFormat::Other(number),
        Format::FaceParts => return None,
    })
}
