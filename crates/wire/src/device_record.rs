//! Device records: uploads about neither users, work codes nor punches. These are identity cards, errors and
//! messages.

use crate::upload::lines;
use crate::{ErrorRecord, FieldError, Fields, IdCard, RecordError};

/// The kind of a device record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// `IDCARD` (§11.6).
    IdCard,
    /// `ERRORLOG` (§11.16).
    Error,
    /// `SMS` (§12.1.1.9).
    Message,
}

impl RecordKind {
    const ALL: [Self; 3] = [Self::IdCard, Self::Error, Self::Message];

    /// The tag in the vendor's spelling; the table has the same name.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::IdCard => "IDCARD",
            Self::Error => "ERRORLOG",
            Self::Message => "SMS",
        }
    }

    /// The kind with this tag or table name, in any case.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.tag().as_bytes()))
    }
}

/// A record about neither users nor punches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceRecord<'a> {
    /// `IDCARD`
    IdCard(Box<IdCard<'a>>),
    /// `ERRORLOG`
    Error(ErrorRecord),
    /// `SMS`
    Message(Message<'a>),
}

/// A short message that a device shows (§12.1.1.9): `SMS MSG=…<tab>TAG=253<tab>UID=1<tab>MIN=60<tab>StartTime=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Number of the message.
    pub number: i64,
    /// The text in the charset of the device.
    pub text: &'a [u8],
    /// 253 for everybody, 254 for the users to whom it is assigned.
    pub tag: Option<u16>,
    /// How long the device shows it, minutes.
    pub minutes: Option<u32>,
    /// When the device begins to show it, as the device's local time.
    pub start: &'a [u8],
}

/// A line of an upload of such records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecordLine<'a> {
    /// Number of the line in the request body. The first line is 1, and empty lines count.
    pub number: usize,
    /// The line as it came, without its line end. It may hold any secret.
    pub raw: &'a [u8],
    /// The kind of record; `None` for an unknown one.
    pub kind: Option<RecordKind>,
    /// The record, or why it cannot be read.
    pub record: Result<DeviceRecord<'a>, RecordError>,
}

/// The lines of an upload with their records. The tag decides the kind; the table decides for lines without a tag.
pub fn read_device_records(
    table: Option<RecordKind>,
    body: &[u8],
) -> impl Iterator<Item = DeviceRecordLine<'_>> {
    lines(body).map(move |(number, raw)| {
        let (kind, fields) = split(table, raw);
        let name = kind.map_or("unknown", RecordKind::tag);
        let failed = |source| RecordError { line: number, record: name, source };
        let unknown = FieldError::Invalid { field: "tag", want: "the tag of a device record" };
        let record = kind.ok_or(unknown).and_then(|kind| DeviceRecord::read(kind, fields)).map_err(failed);
        DeviceRecordLine { number, raw, kind, record }
    })
}

/// The kind of a line, and its fields. A line whose first word has a `=` has no tag.
fn split(table: Option<RecordKind>, raw: &[u8]) -> (Option<RecordKind>, &[u8]) {
    let text = raw.trim_ascii_start();
    let word = text.split(|&byte| byte == b' ' || byte == b'\t').next().unwrap_or_default();
    if word.contains(&b'=') {
        return (table, text);
    }
    (RecordKind::named(word), text.get(word.len() + 1..).unwrap_or_default())
}

impl<'a> DeviceRecord<'a> {
    /// Reads a stored line, with its tag or without.
    ///
    /// # Errors
    /// The first field that is missing or malformed.
    pub fn from_stored_line(kind: RecordKind, raw: &'a [u8]) -> Result<Self, FieldError> {
        Self::read(kind, split(Some(kind), raw).1)
    }

    fn read(kind: RecordKind, text: &'a [u8]) -> Result<Self, FieldError> {
        let fields = Fields::parse(text);
        Ok(match kind {
            RecordKind::IdCard => Self::IdCard(Box::new(IdCard::read(&fields)?)),
            RecordKind::Error => Self::Error(ErrorRecord::read(&fields)?),
            RecordKind::Message => Self::Message(Message {
                number: fields.number("UID")?,
                text: fields.find("MSG").unwrap_or_default(),
                tag: fields.optional_number("TAG")?,
                minutes: fields.optional_number("MIN")?,
                start: fields.find("StartTime").unwrap_or_default(),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(table: Option<RecordKind>, body: &[u8]) -> Vec<(Option<RecordKind>, bool)> {
        read_device_records(table, body).map(|line| (line.kind, line.record.is_ok())).collect()
    }

    #[test]
    fn the_tag_decides_the_kind_and_the_table_decides_without_a_tag() {
        let body = b"IDCARD PIN=0\nerrorlog ErrCode=D01E0001\nMSG=a\tUID=7\nsomething else\n";
        let (card, error) = (Some(RecordKind::IdCard), Some(RecordKind::Error));
        assert_eq!(
            kinds(Some(RecordKind::Message), body),
            [(card, true), (error, true), (Some(RecordKind::Message), true), (None, false)]
        );
        assert_eq!(kinds(None, b"PIN=1\tCODE=7"), [(None, false)]);
    }

    #[test]
    fn a_message_has_a_number_and_a_text() {
        let raw = b"SMS MSG=Canteen closed\tTAG=253\tUID=4\tMIN=60\tStartTime=2027-03-12 08:00:00";
        let read = DeviceRecord::from_stored_line(RecordKind::Message, raw);
        let expected = Message {
            number: 4,
            text: b"Canteen closed",
            tag: Some(253),
            minutes: Some(60),
            start: b"2027-03-12 08:00:00",
        };
        assert_eq!(read, Ok(DeviceRecord::Message(expected)));
    }
}
