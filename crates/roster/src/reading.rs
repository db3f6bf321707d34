//! Reading of upload lines: users, whole items, operations, and lines that cannot be read.

use wire::{BioData, BioFormat, BioType, Fields, Line, Operation, Pin, Record};

use crate::{
    Algorithm, Capability, Content, DefinitionKind, DefinitionName, Format, ItemKey, Kind, Part, Photo, Slot,
    Template, UserPatch,
    header::{self, HeaderError},
};

/// The meaning of one line of an upload, or of the consecutive lines of one template.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading<'a> {
    /// A user record.
    User {
        /// Number of the line in the body, from 1.
        line: usize,
        /// The user.
        pin: Pin,
        /// The fields that the record has.
        patch: UserPatch,
        /// The line as it came.
        raw: &'a [u8],
    },
    /// A photo, or parts of one generation of a template. The parts may be incomplete: see [`Template::complete`].
    Item {
        /// Number of the first line in the body, from 1.
        line: usize,
        /// The key of the item.
        key: ItemKey,
        /// The template or the photo.
        content: Content,
        /// The lines as they came.
        raw: &'a [u8],
    },
    /// A definition. So far only work codes are uploaded (§12.1.1.12).
    Definition {
        /// Number of the line in the body, from 1.
        line: usize,
        /// The name of the definition.
        name: DefinitionName,
        /// The displayed text of the definition.
        text: String,
        /// The line as it came.
        raw: &'a [u8],
    },
    /// An operation at the device (§11.4).
    Operation {
        /// Number of the line in the body, from 1.
        line: usize,
        /// The operation.
        operation: Operation,
    },
    /// A line that cannot be read. The other lines still count.
    Unreadable {
        /// Number of the line in the body, from 1.
        line: usize,
        /// The first word of the line.
        tag: String,
        /// The reason in words, without values of the line.
        reason: String,
        /// The line as it came.
        raw: &'a [u8],
    },
}

impl Reading<'_> {
    /// Number of the first line in the body, from 1.
    pub fn line(&self) -> usize {
        match self {
            Self::User { line, .. }
            | Self::Item { line, .. }
            | Self::Definition { line, .. }
            | Self::Operation { line, .. }
            | Self::Unreadable { line, .. } => *line,
        }
    }
}

/// Reads the body of an upload about users. `table` is that of the request, for lines without a tag.
///
/// Parts of one template (same PIN, type, number and version, rising index) in consecutive lines are one
/// generation and one [`Reading::Item`]. If one part cannot be read, the whole template is unreadable: the other
/// parts alone would look like a complete template.
pub fn read<'a>(table: Option<&str>, body: &'a [u8], capability: &Capability) -> Vec<Reading<'a>> {
    let mut reader = Reader { body, readings: Vec::new(), run: None };
    for line in wire::records(table, body) {
        reader.line(line, capability);
    }
    reader.close();
    reader.readings.sort_by_key(Reading::line);
    reader.readings
}

struct Reader<'a> {
    body: &'a [u8],
    readings: Vec<Reading<'a>>,
    /// The template whose parts are being collected.
    run: Option<PartRun<'a>>,
}

/// Consecutive lines with the parts of one template.
struct PartRun<'a> {
    whose: PartOwner,
    /// The key, from the first readable part.
    key: Option<ItemKey>,
    parts: Vec<Part>,
    lines: Vec<Origin<'a>>,
    last_index: Option<u8>,
    /// Whether a part could not be read.
    broken: bool,
}

/// The line that a part comes from.
struct Origin<'a> {
    line: usize,
    tag: String,
    raw: &'a [u8],
}

/// The template that a part belongs to, as far as even a damaged line shows it.
#[derive(Clone, PartialEq, Eq)]
struct PartOwner {
    pin: Pin,
    bio_type: BioType,
    number: u8,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: Line<'a>, capability: &Capability) {
        let Line { number, raw, tag, record } = line;
        let origin = Origin { line: number, tag: tag.to_string(), raw };
        let record = match record {
            Ok(record) => record,
            Err(error) => return self.unreadable(origin, error.source.to_string()),
        };
        match record {
            Record::Operation(operation) => {
                self.close();
                self.readings.push(Reading::Operation { line: number, operation });
            }
            Record::User(user) => {
                self.close();
                let patch = UserPatch::of(&user, capability);
                self.readings.push(Reading::User { line: number, pin: user.pin, patch, raw });
            }
            Record::WorkCode(code) => {
                let text = capability.charset().decode(capability.language(), &code.name);
                let name = DefinitionName::read(DefinitionKind::WorkCode, &code.code);
                match (name, text) {
                    (Ok(name), Some(text)) => {
                        self.close();
                        self.readings.push(Reading::Definition { line: number, name, text, raw });
                    }
                    (Err(error), _) => self.unreadable(origin, format!("CODE: {error}")),
                    (_, None) => {
                        self.unreadable(origin, "NAME is not text in a charset of the device".to_owned());
                    }
                }
            }
            Record::UserPhoto(photo) => {
                self.photo(&origin, photo.pin, Slot::USER_PHOTO, photo.content.as_str(), photo.file_name);
            }
            Record::ComparisonPhoto(photo) => {
                let slot = Slot::comparison_photo(comparison_type(photo.bio_type));
                self.photo(&origin, photo.pin, slot, photo.content.as_str(), photo.file_name);
            }
            Record::Fingerprint(print) => {
                let text = print.template.as_str();
                let slot = unversioned(BioType::FINGERPRINT, Format::Zk, text, capability)
                    .map(|algorithm| Slot::template(BioType::FINGERPRINT, print.finger, algorithm));
                self.part(origin, print.pin, slot, part(0, print.valid, false, text));
            }
            Record::FacePart(face) => {
                let algorithm = of_device(BioType::FACE, Format::FaceParts, capability);
                let slot = Slot::template(BioType::FACE, 0, algorithm);
                self.part(
                    origin,
                    face.pin,
                    Ok(slot),
                    part(face.part, face.valid, false, face.template.as_str()),
                );
            }
            Record::FingerVein(vein) => {
                let text = vein.template.as_str();
                let slot = unversioned(BioType::FINGER_VEIN, Format::Zk, text, capability)
                    .map(|algorithm| Slot::template(BioType::FINGER_VEIN, vein.finger, algorithm));
                self.part(origin, vein.pin, slot, part(vein.index, vein.valid, false, text));
            }
            Record::BioData(data) => {
                let text = data.template.as_str();
                let slot = bio_data_algorithm(&data, capability)
                    .map(|algorithm| Slot::template(data.bio_type, data.number, algorithm));
                self.part(origin, data.pin, slot, part(data.index, data.valid, data.duress != 0, text));
            }
        }
    }

    fn photo(&mut self, origin: &Origin<'a>, pin: Pin, slot: Slot, text: &str, file_name: Option<String>) {
        self.close();
        let content = Content::Photo(Photo { text: text.to_owned(), file_name });
        let key = ItemKey { pin, slot };
        self.readings.push(Reading::Item { line: origin.line, key, content, raw: origin.raw });
    }

    /// Adds a part from a readable line. Its template may still be damaged.
    fn part(&mut self, origin: Origin<'a>, pin: Pin, slot: Result<Slot, HeaderError>, part: Part) {
        let slot = slot.and_then(|slot| header::check(&slot, &part.text).map(|()| slot));
        let slot = match slot {
            Ok(slot) => slot,
            Err(error) => return self.unreadable(origin, format!("template {error}")),
        };
        let Kind::Template(bio_type) = slot.kind else { return };
        let whose =
            PartOwner { pin: pin.clone(), bio_type, number: u8::try_from(slot.number).unwrap_or(u8::MAX) };
        let key = ItemKey { pin, slot };
        if !self.run.as_ref().is_some_and(|run| run.continues_with(&whose, Some(&key), Some(part.index))) {
            self.close();
        }
        let run = self.run.get_or_insert_with(|| PartRun::new(whose));
        run.key = Some(key);
        run.last_index = Some(part.index);
        run.parts.push(part);
        run.lines.push(origin);
    }

    /// Reports a line as unreadable, and with it the template to which it may belong.
    fn unreadable(&mut self, origin: Origin<'a>, reason: String) {
        if may_be_part(&origin.tag) {
            match PartOwner::from_damaged_line(&origin) {
                Some((whose, index)) => {
                    if !self.run.as_ref().is_some_and(|run| run.continues_with(&whose, None, index)) {
                        self.close();
                    }
                    let run = self.run.get_or_insert_with(|| PartRun::new(whose));
                    run.broken = true;
                    run.last_index = index.or(run.last_index);
                }
                // A fingerprint has one part. For any other template, this line may be the missing part.
                None => {
                    if let Some(run) = self.run.as_mut() {
                        run.broken |= run.whose.bio_type != BioType::FINGERPRINT;
                    }
                }
            }
        } else {
            self.close();
        }
        let Origin { line, tag, raw } = origin;
        self.readings.push(Reading::Unreadable { line, tag, reason, raw });
    }

    /// Ends the template that is being collected.
    fn close(&mut self) {
        let Some(PartRun { key, parts, lines, broken, .. }) = self.run.take() else { return };
        if broken {
            let reason = "another part of the same template cannot be read";
            self.readings.extend(lines.into_iter().map(|Origin { line, tag, raw }| Reading::Unreadable {
                line,
                tag,
                reason: reason.to_owned(),
                raw,
            }));
        } else if let (Some(key), Some(first), Some(last)) = (key, lines.first(), lines.last()) {
            let raw = span(self.body, first.raw, last.raw);
            let content = Content::Template(Template { parts });
            self.readings.push(Reading::Item { line: first.line, key, content, raw });
        }
    }
}

impl PartRun<'_> {
    fn new(whose: PartOwner) -> Self {
        Self { whose, key: None, parts: Vec::new(), lines: Vec::new(), last_index: None, broken: false }
    }

    /// Whether a part of `whose` belongs to the generation that is being collected. A part with an unreadable key
    /// or index may belong to it.
    fn continues_with(&self, whose: &PartOwner, key: Option<&ItemKey>, index: Option<u8>) -> bool {
        let same_key = key.is_none_or(|key| self.key.as_ref().is_none_or(|ours| ours == key));
        let rises = index.is_none_or(|index| self.last_index.is_none_or(|last| last < index));
        self.whose == *whose && same_key && rises
    }
}

impl PartOwner {
    /// Reads from a damaged line to which template its part belongs, and its index if that is readable.
    fn from_damaged_line(origin: &Origin<'_>) -> Option<(Self, Option<u8>)> {
        let raw = origin.raw.trim_ascii_start();
        let word = raw.iter().position(|byte| b" \t=".contains(byte))?;
        // A first word with a `=` is a field: the line has no tag.
        let fields = if raw.get(word) == Some(&b'=') { raw } else { raw.get(word + 1..)? };
        let fields = Fields::parse(fields);
        let number = |field| fields.optional_number::<u8>(field).ok();
        let (bio_type, place, index) = match origin.tag.as_str() {
            "FP" => (BioType::FINGERPRINT, number("FID")??, number("Index")),
            "FACE" => (BioType::FACE, 0, number("FID")),
            "FVEIN" => (BioType::FINGER_VEIN, number("FID")??, number("Index")),
            _ => (BioType(number("Type")??), number("No")?.unwrap_or(0), number("Index")),
        };
        Some((
            Self { pin: fields.pin().ok()?, bio_type, number: place },
            index.map(Option::unwrap_or_default),
        ))
    }
}

/// Whether a line with this tag may be a part of a template: all tags but those of other known records.
fn may_be_part(tag: &str) -> bool {
    !["OPLOG", "USER", "USERPIC", "BIOPHOTO", "WORKCODE"].iter().any(|other| other.eq_ignore_ascii_case(tag))
}

/// The part of the body from the start of one line to the end of another.
fn span<'a>(body: &'a [u8], first: &'a [u8], last: &'a [u8]) -> &'a [u8] {
    let offset = |line: &[u8]| line.as_ptr().addr().checked_sub(body.as_ptr().addr());
    let end = offset(last).map(|start| start + last.len());
    offset(first).zip(end).and_then(|(start, end)| body.get(start..end)).unwrap_or(first)
}

/// `Valid=3` means a duress finger in every form.
fn part(index: u8, valid: u8, duress: bool, text: &str) -> Part {
    let (valid, duress) = if valid == 3 { (1, true) } else { (valid, duress) };
    Part { index, valid, duress, text: text.to_owned() }
}

/// A visible-light device uploads its comparison photos with `Type=0` or 9. No other device has such photos (field
/// note 6.6).
fn comparison_type(bio_type: BioType) -> BioType {
    if bio_type == BioType(0) { BioType::VISIBLE_FACE } else { bio_type }
}

/// The device's algorithm for a type; version 0 if it reported none.
fn of_device(bio_type: BioType, format: Format, capability: &Capability) -> Algorithm {
    let (major, minor) = capability.version_of(bio_type).unwrap_or((0, None));
    Algorithm { format, major, minor: minor.unwrap_or(0) }
}

/// The algorithm of a template whose line has no version: that of its header, or else the device's.
fn unversioned(
    bio_type: BioType,
    format: Format,
    text: &str,
    capability: &Capability,
) -> Result<Algorithm, HeaderError> {
    let device = of_device(bio_type, format, capability);
    // A header of another type is a wrong label. The check that follows reports it.
    let own =
        |header: &header::TemplateHeader| header.bio_type.unwrap_or(BioType::FINGERPRINT.0) == bio_type.0;
    let Some(header) = header::inspect(text)?.filter(own) else { return Ok(device) };
    // Older headers hold the major version only.
    let exact = header.unified || header.major != device.major;
    let minor = if exact { header.minor } else { device.minor };
    Ok(Algorithm { format, major: header.major, minor })
}

/// The algorithm of a unified record, which holds its own version.
fn bio_data_algorithm(data: &BioData<'_>, capability: &Capability) -> Result<Algorithm, HeaderError> {
    let format = match data.format {
        BioFormat::Zk => Format::Zk,
        BioFormat::Iso => Format::Iso,
        BioFormat::Ansi => Format::Ansi,
        BioFormat::Other(number) => Format::Other(number),
    };
    if data.major == 0 {
        return unversioned(data.bio_type, format, data.template.as_str(), capability);
    }
    Ok(Algorithm { format, major: data.major, minor: data.minor })
}
