//! Uploads: lines of records about users.

use std::borrow::Cow;

use crate::{
    BioData, ComparisonPhoto, FacePart, FieldError, Fields, FingerVein, Fingerprint, Operation, Pin,
    RecordError, RecordKind, User, UserPhoto, WorkCode, fields::FieldWriter,
};

/// A record of an upload about users (§11.4, §11.5, §11.9 to §11.15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// `OPLOG`
    Operation(Operation),
    /// `USER`
    User(User),
    /// `FP`
    Fingerprint(Fingerprint<'a>),
    /// `FACE`
    FacePart(FacePart<'a>),
    /// `FVEIN`
    FingerVein(FingerVein<'a>),
    /// `BIODATA`
    BioData(BioData<'a>),
    /// `USERPIC`
    UserPhoto(UserPhoto<'a>),
    /// `BIOPHOTO`
    ComparisonPhoto(ComparisonPhoto<'a>),
    /// `WORKCODE`, which belongs to no user.
    WorkCode(WorkCode),
}

/// A line of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Number of the line in the request body. The first line is 1, and empty lines count.
    pub number: usize,
    /// The line as it came, without its line end, to be kept if it cannot be read. It may hold any secret.
    pub raw: &'a [u8],
    /// The tag: a known tag in the vendor's spelling, else the first word if it looks like a tag, else empty.
    pub tag: Cow<'a, str>,
    /// The record, or why it cannot be read.
    pub record: Result<Record<'a>, RecordError>,
}

/// The lines of an upload with their records.
///
/// Devices mix records of all kinds under any table. So the tag decides, and the table decides only for lines
/// without a tag (field note 4.4). Lines end in LF or CRLF; empty lines and NULs at the end are left out. Only the
/// texts of users and operations are copied.
pub fn records<'a>(table: Option<&str>, body: &'a [u8]) -> impl Iterator<Item = Line<'a>> + use<'a> {
    let default = table.and_then(|name| Tag::named(name.trim().as_bytes()));
    lines(body).map(move |(number, raw)| line(number, raw, default))
}

/// Number of records in a body: for the `OK:<n>` of tables that this crate does not read.
pub fn count_lines(body: &[u8]) -> usize {
    lines(body).count()
}

/// The lines that are not empty, with their numbers.
pub(crate) fn lines(body: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = body.split(|&byte| byte == b'\n').map(trim_end).zip(1..);
    lines.filter(|(line, _)| !line.trim_ascii().is_empty()).map(|(line, number)| (number, line))
}

/// Drops the CR of a CRLF and the NULs that some devices leave at the end of a body.
fn trim_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | 0] = line {
        line = rest;
    }
    line
}

fn line(number: usize, raw: &[u8], default: Option<Tag>) -> Line<'_> {
    let text = raw.trim_ascii_start();
    let word = text.split(|&byte| byte == b' ' || byte == b'\t').next().unwrap_or_default();
    let unknown = || {
        let source = FieldError::Invalid { field: "tag", want: "the tag of a record about users" };
        Err(RecordError { line: number, record: "unknown", source })
    };
    // A line whose first word has a `=` has no tag.
    let (tag, fields) = if word.contains(&b'=') {
        (default, text)
    } else {
        (Tag::named(word), text.get(word.len() + 1..).unwrap_or_default())
    };
    match tag {
        Some(tag) => {
            let failed = |source| RecordError { line: number, record: tag.as_str(), source };
            Line { number, raw, tag: Cow::Borrowed(tag.as_str()), record: tag.read(fields).map_err(failed) }
        }
        None => Line { number, raw, tag: printable_tag(word), record: unknown() },
    }
}

/// Whether a first word is the tag of a record about users.
pub(crate) fn is_people_tag(word: &[u8]) -> bool {
    Tag::named(word).is_some()
}

/// An unknown tag for display; empty if it may be a part of a payload.
fn printable_tag(word: &[u8]) -> Cow<'_, str> {
    const TAG_CHARACTERS: usize = 16;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_tag = word.len() <= TAG_CHARACTERS
        && word.first().is_some_and(u8::is_ascii_alphabetic)
        && word.iter().all(plain);
    if is_tag { String::from_utf8_lossy(word) } else { Cow::Borrowed("") }
}

/// The tags of records, and the tables with the same names.
#[derive(Clone, Copy)]
enum Tag {
    Operation,
    User,
    Fingerprint,
    FacePart,
    FingerVein,
    BioData,
    UserPhoto,
    ComparisonPhoto,
    WorkCode,
}

impl Tag {
    /// The tag of a first word or of a table, in any case. Tables may also have the names that commands use.
    fn named(name: &[u8]) -> Option<Self> {
        const NAMES: [(&str, Tag); 11] = [
            ("OPLOG", Tag::Operation),
            ("USER", Tag::User),
            ("USERINFO", Tag::User),
            ("FP", Tag::Fingerprint),
            ("FINGERTMP", Tag::Fingerprint),
            ("FACE", Tag::FacePart),
            ("FVEIN", Tag::FingerVein),
            ("BIODATA", Tag::BioData),
            ("USERPIC", Tag::UserPhoto),
            ("BIOPHOTO", Tag::ComparisonPhoto),
            ("WORKCODE", Tag::WorkCode),
        ];
        NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|&(_, tag)| tag)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "OPLOG",
            Self::User => "USER",
            Self::Fingerprint => "FP",
            Self::FacePart => "FACE",
            Self::FingerVein => "FVEIN",
            Self::BioData => "BIODATA",
            Self::UserPhoto => "USERPIC",
            Self::ComparisonPhoto => "BIOPHOTO",
            Self::WorkCode => "WORKCODE",
        }
    }

    fn read(self, text: &[u8]) -> Result<Record<'_>, FieldError> {
        if matches!(self, Self::Operation) {
            return Operation::read(text).map(Record::Operation);
        }
        let fields = Fields::parse(text);
        fields.check_number()?;
        Ok(match self {
            Self::Operation | Self::User => Record::User(User::read(&fields)?),
            Self::Fingerprint => Record::Fingerprint(Fingerprint::read(&fields)?),
            Self::FacePart => Record::FacePart(FacePart::read(&fields)?),
            Self::FingerVein => Record::FingerVein(FingerVein::read(&fields)?),
            Self::BioData => Record::BioData(BioData::read(&fields)?),
            Self::UserPhoto => Record::UserPhoto(UserPhoto::read(&fields)?),
            Self::ComparisonPhoto => Record::ComparisonPhoto(ComparisonPhoto::read(&fields)?),
            Self::WorkCode => Record::WorkCode(WorkCode::read(&fields)?),
        })
    }
}

impl Record<'_> {
    /// The tag as the vendor spells it.
    pub const fn tag(&self) -> &'static str {
        match self {
            Self::Operation(_) => Tag::Operation.as_str(),
            Self::User(_) => Tag::User.as_str(),
            Self::Fingerprint(_) => Tag::Fingerprint.as_str(),
            Self::FacePart(_) => Tag::FacePart.as_str(),
            Self::FingerVein(_) => Tag::FingerVein.as_str(),
            Self::BioData(_) => Tag::BioData.as_str(),
            Self::UserPhoto(_) => Tag::UserPhoto.as_str(),
            Self::ComparisonPhoto(_) => Tag::ComparisonPhoto.as_str(),
            Self::WorkCode(_) => Tag::WorkCode.as_str(),
        }
    }

    /// The user of the record; `None` for an operation (see [`Operation::meaning`]) and for a work code.
    pub const fn pin(&self) -> Option<&Pin> {
        match self {
            Self::Operation(_) | Self::WorkCode(_) => None,
            Self::User(user) => Some(&user.pin),
            Self::Fingerprint(fingerprint) => Some(&fingerprint.pin),
            Self::FacePart(part) => Some(&part.pin),
            Self::FingerVein(vein) => Some(&vein.pin),
            Self::BioData(template) => Some(&template.pin),
            Self::UserPhoto(photo) => Some(&photo.pin),
            Self::ComparisonPhoto(photo) => Some(&photo.pin),
        }
    }

    /// The same record with copies of everything that it borrows.
    pub fn into_owned(self) -> Record<'static> {
        match self {
            Self::Operation(operation) => Record::Operation(operation),
            Self::User(user) => Record::User(user),
            Self::Fingerprint(fingerprint) => Record::Fingerprint(fingerprint.into_owned()),
            Self::FacePart(part) => Record::FacePart(part.into_owned()),
            Self::FingerVein(vein) => Record::FingerVein(vein.into_owned()),
            Self::BioData(template) => Record::BioData(template.into_owned()),
            Self::UserPhoto(photo) => Record::UserPhoto(photo.into_owned()),
            Self::ComparisonPhoto(photo) => Record::ComparisonPhoto(photo.into_owned()),
            Self::WorkCode(code) => Record::WorkCode(code),
        }
    }

    /// Writes the line of an upload as a device does, without its line end.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.tag().as_bytes());
        out.push(b' ');
        match self {
            Self::Operation(operation) => operation.write(out),
            Self::User(user) => user.write(&mut FieldWriter::new(out)),
            Self::Fingerprint(fingerprint) => fingerprint.write(&mut FieldWriter::new(out)),
            Self::FacePart(part) => part.write(&mut FieldWriter::new(out)),
            Self::FingerVein(vein) => vein.write(&mut FieldWriter::new(out)),
            Self::BioData(template) => template.write(&mut FieldWriter::new(out)),
            Self::UserPhoto(photo) => photo.write(&mut FieldWriter::new(out)),
            Self::ComparisonPhoto(photo) => photo.write(&mut FieldWriter::new(out)),
            Self::WorkCode(code) => code.write(&mut FieldWriter::new(out)),
        }
    }
}

/// The meaning of the `table` of a POST to `cdata` or `fdata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    /// `options`: parameters of the device (§8).
    Options,
    /// Records about users, see [`records`]: `OPERLOG`, `BIODATA`, and the tables of one kind of record.
    People,
    /// `ATTLOG`: attendance records (§11.2).
    Attendance,
    /// `ATTPHOTO`: one attendance photo (§11.3).
    AttendancePhoto,
    /// `IDCARD`, `ERRORLOG` and others: see [`crate::read_device_records`] (§11.6, §11.16).
    Records(RecordKind),
    /// A table of the access-control dialect: the device is configured for another protocol.
    AccessControl(String),
    /// Any other table; its name is cut at 32 characters.
    Unknown(String),
}

impl Table {
    /// The table with this name, in any case.
    pub fn read(name: &str) -> Self {
        const NAME_CHARACTERS: usize = 32;
        let name = name.trim();
        let upper = name.to_ascii_uppercase();
        let kept = || name.chars().take(NAME_CHARACTERS).collect();
        match upper.as_str() {
            "OPTIONS" => Self::Options,
            "OPERLOG" => Self::People,
            "ATTLOG" => Self::Attendance,
            "ATTPHOTO" => Self::AttendancePhoto,
            "TABLEDATA" | "RTLOG" | "RTSTATE" | "COUNT" => Self::AccessControl(kept()),
            _ if Tag::named(upper.as_bytes()).is_some() => Self::People,
            _ => RecordKind::named(upper.as_bytes()).map_or_else(|| Self::Unknown(kept()), Self::Records),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(table: Option<&str>, body: &[u8]) -> Vec<(usize, String, bool)> {
        let line = |line: Line<'_>| (line.number, line.tag.into_owned(), line.record.is_ok());
        records(table, body).map(line).collect()
    }

    /// Obligations 22, 25.
    #[test]
    fn empty_lines_line_ends_and_nuls_are_no_records() {
        let body = b"USER PIN=1\r\n\r\n \nuser\tPIN=2\n\0\0";
        let both = [(1, "USER".to_owned(), true), (4, "USER".to_owned(), true)];
        assert_eq!(tags(Some("OPERLOG"), body), both);
        assert_eq!(count_lines(body), 2);
        assert_eq!(count_lines(b""), 0);
    }

    #[test]
    fn the_table_decides_only_where_a_line_has_no_tag() {
        let body = b"PIN=1\tName=Ada Byron\nFP PIN=1\tFID=0\tTMP=QUJD";
        assert_eq!(tags(Some("userinfo"), body), [(1, "USER".to_owned(), true), (2, "FP".to_owned(), true)]);
        assert_eq!(tags(None, body), [(1, String::new(), false), (2, "FP".to_owned(), true)]);
    }

    #[test]
    fn an_unknown_tag_is_shown_but_a_part_of_a_payload_is_not() {
        let body = b"SHORTCUT PIN=1\nAAAAAAAAAAAAAAAAAAAAAAAA\n/9j/4AAQ";
        assert_eq!(
            tags(Some("OPERLOG"), body),
            [(1, "SHORTCUT".to_owned(), false), (2, String::new(), false), (3, String::new(), false)]
        );
    }

    #[test]
    fn a_damaged_record_names_its_line_and_its_field() {
        let damaged =
            records(None, b"USER PIN=1\nFP PIN=1\tFID=0\tTMP=QUI").filter_map(|line| line.record.err());
        let shown: Vec<String> = damaged.map(|error| error.to_string()).collect();
        assert_eq!(shown, ["line 2, FP: TMP is not valid base64"]);
    }

    #[test]
    fn every_table_has_a_meaning() {
        for name in [
            "OPERLOG",
            "BIODATA",
            "USERINFO",
            "USER",
            "FINGERTMP",
            "FP",
            "FACE",
            "FVEIN",
            "USERPIC",
            "BIOPHOTO",
            "WORKCODE",
            "operlog",
        ] {
            assert_eq!(Table::read(name), Table::People, "{name}");
        }
        assert_eq!(Table::read("options"), Table::Options);
        assert_eq!(Table::read("IdCard"), Table::Records(RecordKind::IdCard));
        assert_eq!(Table::read("ERRORLOG"), Table::Records(RecordKind::Error));
        assert_eq!(Table::read("rtlog"), Table::AccessControl("rtlog".to_owned()));
        assert_eq!(Table::read(&"x".repeat(99)), Table::Unknown("x".repeat(32)));
    }
}
