//! Conversion of template and photo rows into items.
//!
//! A row is written as the upload line of a device and read like an upload. So all rules of uploads apply: the
//! header inside a template is compared with its length, type and version, and supplies the version if the row has
//! none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use roster::{Capability, Content, ContentHash, FACE_PARTS, Format, HashKey, Kind, Reading, Slot, Template};
use wire::{
    Base64, BioData, BioType, ComparisonPhoto, FacePart, FingerVein, Fingerprint, MAX_COMMAND_BYTES, Pin,
    Record, UserPhoto,
};

use crate::payload::{self, PayloadKind};
use crate::rows::{Form, Origin, PhotoRow, TemplateRow};

/// One device's copy of an item.
pub(crate) struct Candidate {
    pub slot: Slot,
    pub content: Content,
    pub hash: ContentHash,
    pub repaired: bool,
    /// The origin of its newest part.
    pub origin: Origin,
}

/// A copy of a device that cannot be used.
pub(crate) struct Damaged {
    pub place: Place,
    pub origin: Origin,
    pub reason: String,
}

/// The place of an item whose version is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub kind: Kind,
    pub number: i64,
    /// Whether these are the parts of a face 7.0, which is another item than a unified face.
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
            // The same rule as for uploads: no other device has such photos (field note 6.6).
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

/// The reported algorithm versions of the old server's devices.
#[derive(Default)]
pub(crate) struct Versions(BTreeMap<Arc<str>, Capability>);

impl Versions {
    /// Stores the fingerprint version of a device, for templates that do not hold their version.
    pub fn learn(&mut self, serial_number: &str, fingerprints: &str) {
        let mut capability = Capability::default();
        capability.merge_parameters(&[("FPVersion".to_owned(), fingerprints.to_owned())]);
        self.0.insert(serial_number.into(), capability);
    }

    fn of(&self, row: &TemplateRow) -> Capability {
        if row.form == Form::FacePart {
            // Only devices with faces 7.0 upload faces in this form.
            let mut capability = Capability::default();
            capability.learn_version(BioType::FACE, 7, 0);
            return capability;
        }
        row.origin.device.as_ref().and_then(|device| self.0.get(device)).cloned().unwrap_or_default()
    }
}

/// Number of parts of a template, for kinds whose number is known but does not follow from the parts.
fn least_parts(slot: &Slot) -> usize {
    match (slot.kind, slot.algorithm.format, slot.algorithm.major) {
        (Kind::Template(BioType::FACE), Format::FaceParts, _) => usize::from(FACE_PARTS),
        (Kind::Template(BioType::FACE), _, 12) => 15,
        (Kind::Template(BioType::PALM), _, 5) => 6,
        (Kind::Template(BioType::PALM), _, 12) => 5,
        _ => 1,
    }
}

/// Converts the template rows of a person. The rows of one template on one device are its parts.
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
        // If two rows hold the same part, the newer one counts.
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
        let of = if row.form == Form::FacePart { PayloadKind::FacePart } else { PayloadKind::Template };
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

/// Refuses a template with missing parts: a device could not use it, or would misuse it.
fn all_parts(slot: &Slot, template: &Template) -> Result<(), String> {
    let (held, wanted) = (template.parts.len(), least_parts(slot));
    if template.complete(slot) && held >= wanted {
        return Ok(());
    }
    let indexes: Vec<String> = template.parts.iter().map(|part| part.index.to_string()).collect();
    let list = indexes.join(", ");
    Err(match wanted {
        1 => format!("is not complete: only parts {list} are there"),
        _ => format!("is not complete: {held} of {wanted} parts are there ({list})"),
    })
}

/// Writes the line in which a device would upload this row.
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

/// Reads a body that must hold one item.
fn read(body: &[u8], capability: &Capability) -> Result<(Slot, Content), String> {
    let mut readings = roster::read(None, body, capability);
    let reasons = || {
        readings.iter().filter_map(|reading| match reading {
            Reading::Unreadable { reason, .. } => Some(reason.trim_start_matches("template ")),
            _ => None,
        })
    };
    // The other parts of a template are unreadable only because of the one with the actual reason.
    if let Some(reason) = reasons().find(|reason| !reason.starts_with("another part")).or(reasons().next()) {
        return Err(reason.to_owned());
    }
    match (readings.pop(), readings.pop()) {
        (Some(Reading::Item { content, .. }), None) if content.wire_bytes() > MAX_COMMAND_BYTES => {
            Err("is larger than a command can be".to_owned())
        }
        (Some(Reading::Item { key, content, .. }), None) => Ok((key.slot, content)),
        _ => Err("its parts have different versions".to_owned()),
    }
}

/// Converts the photo rows of a person.
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
    let payload = payload::whole(&row.text, row.size, PayloadKind::Photo)?;
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
