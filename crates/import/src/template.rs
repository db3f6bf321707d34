//! Rows of templates and photos as items.
//!
//! A row is written as the line in which a device uploaded it and read as an upload is, so that whatever holds for
//! uploads holds here: the header inside a template is compared with its length, type and version, and tells the
//! version where the row does not.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use roster::{Capability, Content, ContentHash, FACE_PARTS, Format, HashKey, Kind, Reading, Slot, Template};
use wire::{
    Base64, BioData, BioType, ComparisonPhoto, FacePart, FingerVein, Fingerprint, MAX_COMMAND_BYTES, Pin,
    Record, UserPhoto,
};

use crate::payload::{self, Of};
use crate::rows::{Form, Origin, PhotoRow, TemplateRow};

/// What one device of the old server has of an item.
pub(crate) struct Candidate {
    pub slot: Slot,
    pub content: Content,
    pub hash: ContentHash,
    pub repaired: bool,
    /// Of its newest part.
    pub origin: Origin,
}

/// Something of one device that cannot be used.
pub(crate) struct Damaged {
    pub place: Place,
    pub origin: Origin,
    pub reason: String,
}

/// The place of an item whose version is not known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub kind: Kind,
    pub number: i64,
    /// The parts of a face 7.0, which are another thing than a unified face.
    face_parts: bool,
}

impl Place {
    pub fn of(slot: &Slot) -> Self {
        let face_parts = slot.algorithm.format == Format::FaceParts;
        Self { kind: slot.kind, number: slot.number, face_parts }
    }

    fn photo(comparison: Option<BioType>) -> Self {
        match comparison {
            None => Self::of(&Slot::USER_PHOTO),
            // As intake has it: no other device has any (field note 6.6).
            Some(BioType(0)) => Self::of(&Slot::comparison_photo(BioType::VISIBLE_FACE)),
            Some(bio_type) => Self::of(&Slot::comparison_photo(bio_type)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match self.kind {
            Kind::Template(BioType::FINGERPRINT) => write!(f, "fingerprint {number}"),
            Kind::Template(BioType::FACE) => write!(f, "face {number}"),
            Kind::Template(BioType::FINGER_VEIN) => write!(f, "finger vein {number}"),
            Kind::Template(BioType::PALM) => write!(f, "palm {number}"),
            Kind::Template(BioType::VISIBLE_FACE) => write!(f, "visible-light face {number}"),
            Kind::Template(BioType::VISIBLE_PALM) => write!(f, "visible-light palm {number}"),
            Kind::Template(BioType(other)) => write!(f, "template of type {other} {number}"),
            Kind::ComparisonPhoto => write!(f, "comparison photo {number}"),
            Kind::UserPhoto => f.write_str("user photo"),
            Kind::User | Kind::Membership | Kind::PersonalMessage | Kind::Definition(_) => {
                f.write_str("user")
            }
        }
    }
}

/// What the devices of the old server told of themselves.
#[derive(Default)]
pub(crate) struct Versions(BTreeMap<Arc<str>, Capability>);

impl Versions {
    /// Notes the version of a device's fingerprints, for templates that do not tell it.
    pub fn learn(&mut self, serial_number: &str, fingerprints: &str) {
        let mut capability = Capability::default();
        capability.merge_parameters(&[("FPVersion".to_owned(), fingerprints.to_owned())]);
        self.0.insert(serial_number.into(), capability);
    }

    fn of(&self, row: &TemplateRow) -> Capability {
        if row.form == Form::FacePart {
            // Only devices with faces 7.0 upload them in this form.
            let mut capability = Capability::default();
            capability.learn_version(BioType::FACE, 7, 0);
            return capability;
        }
        row.origin.device.as_ref().and_then(|device| self.0.get(device)).cloned().unwrap_or_default()
    }
}

/// How many parts a template has of which that is known and which cannot be told from its parts.
fn least_parts(slot: &Slot) -> usize {
    match (slot.kind, slot.algorithm.format, slot.algorithm.major) {
        (Kind::Template(BioType::FACE), Format::FaceParts, _) => usize::from(FACE_PARTS),
        (Kind::Template(BioType::FACE), _, 12) => 15,
        (Kind::Template(BioType::PALM), _, 5) => 6,
        (Kind::Template(BioType::PALM), _, 12) => 5,
        _ => 1,
    }
}

/// What the rows of a person's templates are: the rows of one template of one device are its parts.
pub(crate) fn templates(
    pin: &Pin,
    rows: Vec<TemplateRow>,
    versions: &Versions,
    key: &HashKey,
) -> (Vec<Candidate>, Vec<Damaged>) {
    let mut groups: BTreeMap<_, Vec<TemplateRow>> = BTreeMap::new();
    for row in rows {
        let group = (row.origin.device.clone(), form_number(row.form), row.bio_type, row.number);
        groups.entry(group).or_default().push(row);
    }
    let (mut candidates, mut damaged) = (Vec::new(), Vec::new());
    for mut rows in groups.into_values() {
        // Of two rows for one part the newer counts.
        rows.sort_by_key(|row| (row.index, std::cmp::Reverse(row.origin.age())));
        rows.dedup_by_key(|row| row.index);
        let Some(newest) = rows.iter().max_by_key(|row| row.origin.age()) else { continue };
        let (origin, versions) = (newest.origin.clone(), versions.of(newest));
        let place = Place {
            kind: Kind::Template(newest.bio_type),
            number: newest.number.into(),
            face_parts: newest.form == Form::FacePart,
        };
        match template(pin, &rows, &versions) {
            Ok((slot, content, repaired)) => {
                let hash = roster::hash(key, &slot, &content);
                candidates.push(Candidate { slot, content, hash, repaired, origin });
            }
            Err(reason) => damaged.push(Damaged { place, origin, reason }),
        }
    }
    (candidates, damaged)
}

const fn form_number(form: Form) -> u8 {
    match form {
        Form::Fingerprint => 0,
        Form::FacePart => 1,
        Form::FingerVein => 2,
        Form::BioData(..) => 3,
    }
}

fn template(
    pin: &Pin,
    rows: &[TemplateRow],
    capability: &Capability,
) -> Result<(Slot, Content, bool), String> {
    let (mut body, mut repaired) = (Vec::new(), false);
    for row in rows {
        let of = if row.form == Form::FacePart { Of::FacePart } else { Of::Template };
        let payload = payload::whole(&row.text, row.size, of).map_err(|reason| match rows.len() {
            1 => reason,
            _ => format!("part {} {reason}", row.index),
        })?;
        repaired |= payload.repaired;
        write(pin, row, &payload.text, &mut body)?;
    }
    let (slot, content) = read(&body, capability)?;
    if let Content::Template(template) = &content {
        all_parts(&slot, template)?;
    }
    Ok((slot, content, repaired))
}

/// Refuses a template that lacks parts: it would be of no use to a device, or worse.
fn all_parts(slot: &Slot, template: &Template) -> Result<(), String> {
    let (held, wanted) = (template.parts.len(), least_parts(slot));
    if template.complete(slot) && held >= wanted {
        return Ok(());
    }
    let indexes: Vec<String> = template.parts.iter().map(|part| part.index.to_string()).collect();
    let list = indexes.join(", ");
    Err(match wanted {
        1 => format!("is not complete: there are only its parts {list}"),
        _ => format!("is not complete: {held} of {wanted} parts are there ({list})"),
    })
}

/// Writes the line in which a device uploads this.
fn write(pin: &Pin, row: &TemplateRow, text: &str, body: &mut Vec<u8>) -> Result<(), String> {
    let template = Base64::read(text.as_bytes()).map_err(|_| "is not valid base64".to_owned())?;
    let (pin, number, index, valid) = (pin.clone(), row.number, row.index, row.valid);
    let record = match row.form {
        Form::Fingerprint => {
            let valid = if row.duress == 0 { valid } else { 3 };
            Record::Fingerprint(Fingerprint { pin, finger: number, valid, template })
        }
        Form::FacePart => Record::FacePart(FacePart { pin, part: index, valid, template }),
        Form::FingerVein => Record::FingerVein(FingerVein { pin, finger: number, index, valid, template }),
        Form::BioData(format, (major, minor)) => Record::BioData(BioData {
            pin,
            number,
            index,
            valid,
            duress: row.duress,
            bio_type: row.bio_type,
            major,
            minor,
            format,
            template,
        }),
    };
    record.write(body);
    body.push(b'\n');
    Ok(())
}

/// Reads what must be one item.
fn read(body: &[u8], capability: &Capability) -> Result<(Slot, Content), String> {
    let mut readings = roster::read(None, body, capability);
    let reasons = || {
        readings.iter().filter_map(|reading| match reading {
            Reading::Unreadable { reason, .. } => Some(reason.trim_start_matches("template ")),
            _ => None,
        })
    };
    // The others of a template are unreadable only because of the one that is.
    if let Some(reason) = reasons().find(|reason| !reason.starts_with("another part")).or(reasons().next()) {
        return Err(reason.to_owned());
    }
    match (readings.pop(), readings.pop()) {
        (Some(Reading::Item { content, .. }), None) if content.wire_bytes() > MAX_COMMAND_BYTES => {
            Err("is larger than any device can be sent".to_owned())
        }
        (Some(Reading::Item { key, content, .. }), None) => Ok((key.slot, content)),
        _ => Err("its parts are not of one version".to_owned()),
    }
}

/// What the rows of a person's photos are.
pub(crate) fn photos(pin: &Pin, rows: Vec<PhotoRow>, key: &HashKey) -> (Vec<Candidate>, Vec<Damaged>) {
    let (mut candidates, mut damaged) = (Vec::new(), Vec::new());
    for row in rows {
        match photo(pin, &row) {
            Ok((slot, content, repaired)) => {
                let hash = roster::hash(key, &slot, &content);
                candidates.push(Candidate { slot, content, hash, repaired, origin: row.origin });
            }
            Err(reason) => {
                let place = Place::photo(row.comparison);
                damaged.push(Damaged { place, origin: row.origin, reason });
            }
        }
    }
    (candidates, damaged)
}

fn photo(pin: &Pin, row: &PhotoRow) -> Result<(Slot, Content, bool), String> {
    let payload = payload::whole(&row.text, row.size, Of::Photo)?;
    let content = Base64::read(payload.text.as_bytes()).map_err(|_| "is not valid base64".to_owned())?;
    let (pin, file_name) = (pin.clone(), row.file_name.as_deref().map(str::to_owned));
    let record = match row.comparison {
        None => Record::UserPhoto(UserPhoto { pin, file_name, content }),
        Some(bio_type) => Record::ComparisonPhoto(ComparisonPhoto {
            pin,
            file_name,
            bio_type,
            number: None,
            index: None,
            content,
        }),
    };
    let mut body = Vec::new();
    record.write(&mut body);
    let (slot, content) = read(&body, &Capability::default())?;
    Ok((slot, content, payload.repaired))
}
