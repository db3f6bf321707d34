//! Comparison of the contents of two devices, as far as both can keep them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use wire::{BioType, Charset, Pin};

use crate::content::{Content, Person, Template, TemplateKey, User, type_name};

/// The content of a device, and what the device is able to keep.
#[derive(Clone, Debug)]
pub struct Holding<'a> {
    /// The name in messages: a serial number.
    pub label: Cow<'a, str>,
    /// The content with names in UTF-8.
    pub content: Cow<'a, Content>,
    /// The data that the device can keep.
    pub keeps: Cow<'a, Keeps>,
}

/// The data that a device is able to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeps {
    /// The charset in which the device keeps names.
    pub charset: Charset,
    /// The longest name, bytes in that charset; `None` means no limit.
    pub name_bytes: Option<usize>,
    /// Whether the device keeps a second card and a verification mode of a user.
    pub vice_card_and_verify: bool,
    /// Whether the device keeps group, time zones and verification mode of a user.
    pub access_fields: bool,
    /// Types and major versions of the templates that it accepts; `None` means all.
    pub algorithms: Option<BTreeSet<(BioType, u16)>>,
    /// Whether it shows user photos.
    pub user_photos: bool,
    /// The types of comparison photos that it accepts; `None` means all.
    pub comparison_photos: Option<BTreeSet<BioType>>,
}

impl Keeps {
    /// No limits: for data that every device should hold.
    pub const EVERYTHING: Self = Self {
        charset: Charset::Utf8,
        name_bytes: None,
        vice_card_and_verify: true,
        access_fields: true,
        algorithms: None,
        user_photos: true,
        comparison_photos: None,
    };

    fn name(&self, name: &str) -> String {
        match self.name_bytes {
            Some(limit) => self.charset.cut(name, limit),
            None => name.to_owned(),
        }
    }

    /// Whether the device accepts templates of this type and version.
    pub fn takes(&self, key: TemplateKey) -> bool {
        self.algorithms.as_ref().is_none_or(|all| all.contains(&(key.bio_type, key.major)))
    }

    fn comparison_photo(&self, bio_type: BioType) -> bool {
        self.comparison_photos.as_ref().is_none_or(|all| all.contains(&bio_type))
    }
}

/// One difference between two devices. It names the data and never contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The user.
    pub pin: Pin,
    /// The data that differs.
    pub thing: DifferenceSubject,
    /// The device that lacks the data; `None` when both have it with different content.
    pub missing_on: Option<String>,
}

/// The data in which two devices can differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceSubject {
    /// The whole person.
    User,
    /// One field of the user, by its name.
    Field(&'static str),
    /// A template.
    Template(TemplateKey),
    /// The user photo.
    UserPhoto,
    /// The comparison photo for templates of this type.
    ComparisonPhoto(BioType),
}

impl fmt::Display for Difference {
    /// `user 1007: name differs`, `fingerprint 1007/6 missing on SIM0002`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pin = &self.pin;
        match &self.thing {
            DifferenceSubject::User => write!(f, "user {pin}"),
            DifferenceSubject::Field(name) => write!(f, "user {pin}: {name}"),
            DifferenceSubject::Template(key) => write!(f, "{} {pin}/{}", type_name(key.bio_type), key.number),
            DifferenceSubject::UserPhoto => write!(f, "user photo {pin}"),
            DifferenceSubject::ComparisonPhoto(bio_type) => write!(f, "{} photo {pin}", type_name(*bio_type)),
        }?;
        match &self.missing_on {
            Some(device) => write!(f, " missing on {device}"),
            None => f.write_str(" differs"),
        }
    }
}

/// All differences between two devices, except in data that one of them cannot keep.
pub fn difference(a: &Holding<'_>, b: &Holding<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    let pins: BTreeSet<&Pin> = a.content.people.keys().chain(b.content.people.keys()).collect();
    for pin in pins {
        let mut note = |thing: DifferenceSubject, missing_on: Option<&str>| {
            found.push(Difference { pin: pin.clone(), thing, missing_on: missing_on.map(str::to_owned) });
        };
        match (a.content.people.get(pin), b.content.people.get(pin)) {
            (Some(at_a), Some(at_b)) => people(a, at_a, b, at_b, &mut note),
            (Some(_), None) => note(DifferenceSubject::User, Some(&b.label)),
            _ => note(DifferenceSubject::User, Some(&a.label)),
        }
    }
    found
}

type Note<'n> = dyn FnMut(DifferenceSubject, Option<&str>) + 'n;

fn people(a: &Holding<'_>, at_a: &Person, b: &Holding<'_>, at_b: &Person, note: &mut Note<'_>) {
    users(&a.keeps, &at_a.user, &b.keeps, &at_b.user, note);

    let keys: BTreeSet<&TemplateKey> = at_a.templates.keys().chain(at_b.templates.keys()).collect();
    for key in keys.into_iter().filter(|key| a.keeps.takes(**key) && b.keeps.takes(**key)) {
        match (at_a.templates.get(key), at_b.templates.get(key)) {
            // Devices make different templates from the same photo.
            (Some(template), other) | (other, Some(template))
                if template.extracted || is_extracted(other) => {}
            (Some(one), Some(other)) if one != other => note(DifferenceSubject::Template(*key), None),
            // A device with the photo makes a template when it needs one.
            (Some(_), None) if !at_b.comparison_photos.contains_key(&key.bio_type) => {
                note(DifferenceSubject::Template(*key), Some(&b.label));
            }
            (None, Some(_)) if !at_a.comparison_photos.contains_key(&key.bio_type) => {
                note(DifferenceSubject::Template(*key), Some(&a.label));
            }
            _ => {}
        }
    }

    if a.keeps.user_photos && b.keeps.user_photos {
        match (&at_a.user_photo, &at_b.user_photo) {
            (Some(one), Some(other)) if one != other => note(DifferenceSubject::UserPhoto, None),
            (Some(_), None) => note(DifferenceSubject::UserPhoto, Some(&b.label)),
            (None, Some(_)) => note(DifferenceSubject::UserPhoto, Some(&a.label)),
            _ => {}
        }
    }

    let types: BTreeSet<BioType> =
        at_a.comparison_photos.keys().chain(at_b.comparison_photos.keys()).copied().collect();
    for bio_type in
        types.into_iter().filter(|kind| a.keeps.comparison_photo(*kind) && b.keeps.comparison_photo(*kind))
    {
        let thing = DifferenceSubject::ComparisonPhoto(bio_type);
        match (at_a.comparison_photos.get(&bio_type), at_b.comparison_photos.get(&bio_type)) {
            (Some(one), Some(other)) if one != other => note(thing, None),
            // A template of the right version makes the photo unnecessary (PUSH 2.4.1 §3.1).
            (Some(_), None) if !has_template(&at_b.templates, bio_type) => note(thing, Some(&b.label)),
            (None, Some(_)) if !has_template(&at_a.templates, bio_type) => note(thing, Some(&a.label)),
            _ => {}
        }
    }
}

fn is_extracted(template: Option<&Template>) -> bool {
    template.is_some_and(|template| template.extracted)
}

fn has_template(templates: &BTreeMap<TemplateKey, Template>, bio_type: BioType) -> bool {
    templates.keys().any(|key| key.bio_type == bio_type)
}

fn users(a_keeps: &Keeps, a: &User, b_keeps: &Keeps, b: &User, note: &mut Note<'_>) {
    let kept = |user: &User| a_keeps.name(&b_keeps.name(&whole_characters(&user.name)));
    let both_modern = a_keeps.vice_card_and_verify && b_keeps.vice_card_and_verify;
    let access_fields = a_keeps.access_fields && b_keeps.access_fields;
    let fields = [
        ("name", kept(a) == kept(b)),
        ("privilege", a.privilege == b.privilege),
        ("password", a.password == b.password),
        ("card", a.card == b.card),
        ("group", !access_fields || a.group == b.group),
        ("time zones", !access_fields || a.time_zones == b.time_zones),
        ("verification mode", !both_modern || !access_fields || a.verify == b.verify),
        ("second card", !both_modern || a.vice_card == b.vice_card),
    ];
    for (name, _) in fields.into_iter().filter(|(_, same)| !same) {
        note(DifferenceSubject::Field(name), None);
    }
}

/// The text of a name without a last character that was cut.
pub(crate) fn whole_characters(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()
}
