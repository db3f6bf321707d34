//! Rows of the old tables as typed values.

use std::collections::HashSet;
use std::sync::Arc;

use roster::{Kind, UserFields};
use wire::{BioFormat, BioType};

use crate::report::CountedKind;
use crate::table::{Column, Table};

/// A value from the driver. All values are read as text.
pub(crate) enum Value {
    Null,
    Text(Arc<str>),
    /// Bytes that are not UTF-8.
    Unreadable,
}

/// A pool of texts, which stores equal texts once: the devices of one fleet hold the same templates.
#[derive(Default)]
pub(crate) struct Texts(HashSet<Arc<str>>);

impl Texts {
    pub fn value(&mut self, bytes: Option<&[u8]>) -> Value {
        let Some(bytes) = bytes else { return Value::Null };
        let Ok(text) = str::from_utf8(bytes) else { return Value::Unreadable };
        if let Some(held) = self.0.get(text) {
            return Value::Text(Arc::clone(held));
        }
        let text: Arc<str> = text.into();
        self.0.insert(Arc::clone(&text));
        Value::Text(text)
    }
}

/// One row with its column names.
pub(crate) struct Row<'c> {
    pub id: i64,
    pub columns: &'c [Column],
    pub values: Vec<Value>,
}

/// A row that cannot be used.
pub(crate) struct Unusable {
    pub what: CountedKind,
    pub record: String,
    pub reason: String,
}

impl Row<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        let place = self.columns.iter().position(|column| column.name == name)?;
        self.values.get(place)
    }

    /// The text of a column; `None` for NULL and for an absent column.
    pub fn text(&self, name: &str) -> Result<Option<Arc<str>>, String> {
        match self.value(name) {
            Some(Value::Text(text)) => Ok(Some(Arc::clone(text))),
            None | Some(Value::Null) => Ok(None),
            Some(Value::Unreadable) => Err(format!("its {name} is not text")),
        }
    }

    /// The number in a column; `None` for NULL, an empty text, and an absent column.
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        // In a column without a type, SQLite stores JavaScript's whole numbers with a decimal point.
        let text = text.strip_suffix(".0").unwrap_or(text);
        text.parse().map(Some).map_err(|_| format!("its {name} is not a valid number"))
    }

    fn origin(&self) -> Origin {
        let time = |name| self.text(name).ok().flatten().and_then(|text| moment(&text));
        Origin {
            device: self.text("device").ok().flatten().filter(|text| !text.is_empty()),
            updated: time("updated").or_else(|| time("created")).unwrap_or(i64::MIN),
            id: self.id,
        }
    }
}

/// The origin and the age of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The device of the row; `None` in the first generation.
    pub device: Option<Arc<str>>,
    /// Time of the last update by the old server's clock, ms.
    pub updated: i64,
    pub id: i64,
}

impl Origin {
    /// The sort key for age: larger is newer.
    pub const fn age(&self) -> (i64, i64) {
        (self.updated, self.id)
    }

    pub fn device_name(&self) -> &str {
        self.device.as_deref().unwrap_or("the old server")
    }
}

/// Reads a time in the form of MySQL, SQLite or JavaScript, ms. Times without a zone are assumed to share one
/// zone.
fn moment(text: &str) -> Option<i64> {
    /// Times in seconds are below this until the year 5138; times in milliseconds have been above since 1973.
    const SECONDS: i64 = 100_000_000_000;
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Some(if number < SECONDS { number.saturating_mul(1000) } else { number });
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let time = text.parse::<jiff::civil::DateTime>().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// A user.
pub(crate) struct UserRow {
    pub origin: Origin,
    /// In canonical spelling.
    pub fields: UserFields,
    /// Whether characters of the name were lost before.
    pub name_damaged: bool,
}

/// The form in which a device uploaded a template.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Fingerprint,
    FacePart,
    FingerVein,
    BioData(BioFormat, (u16, u16)),
}

/// A template, or one part of it.
pub(crate) struct TemplateRow {
    pub origin: Origin,
    pub form: Form,
    pub bio_type: BioType,
    pub number: u8,
    pub index: u8,
    pub valid: u8,
    pub duress: u8,
    pub size: Option<usize>,
    pub text: Arc<str>,
}

/// A photo.
pub(crate) struct PhotoRow {
    pub origin: Origin,
    /// The biometric type of a comparison photo; `None` for a user photo.
    pub comparison: Option<BioType>,
    pub file_name: Option<Arc<str>>,
    pub size: Option<usize>,
    pub text: Arc<str>,
}

/// All rows of one PIN.
#[derive(Default)]
pub(crate) struct Rows {
    pub users: Vec<UserRow>,
    pub templates: Vec<TemplateRow>,
    pub photos: Vec<PhotoRow>,
    pub unusable: Vec<Unusable>,
}

impl Rows {
    /// Adds a row of a table.
    pub fn take(&mut self, table: Table, row: &Row<'_>) {
        let read = match table {
            Table::Users => user(row).map(|user| self.users.push(user)),
            Table::UserPhotos | Table::ComparisonPhotos => {
                photo(table, row).map(|photo| self.photos.push(photo))
            }
            _ => template(table, row).map(|template| self.templates.push(template)),
        };
        if let Err(reason) = read {
            let (what, record) = match table {
                Table::Users => (CountedKind::User, "user"),
                Table::Fingerprints => (CountedKind::Fingerprint, "fingerprint"),
                Table::Faces => (CountedKind::Face, "face part"),
                Table::FingerVeins => (CountedKind::FingerVein, "finger vein"),
                Table::BioData => (bio_data_kind(row), "template"),
                Table::UserPhotos => (CountedKind::UserPhoto, "user photo"),
                Table::ComparisonPhotos => (CountedKind::ComparisonPhoto, "comparison photo"),
            };
            self.unusable.push(Unusable { what, record: record.to_owned(), reason });
        }
    }
}

/// The kind under which a unified template is counted, as far as its row shows it.
fn bio_data_kind(row: &Row<'_>) -> CountedKind {
    let bio_type = row.number("type").ok().flatten().map(|number| Kind::Template(BioType(number)));
    bio_type.map_or(CountedKind::OtherTemplate, CountedKind::of)
}

fn user(row: &Row<'_>) -> Result<UserRow, String> {
    let text = |name| Ok::<_, String>(row.text(name)?.map(|text| text.to_string()));
    let default = UserFields::default();
    let (name, name_damaged) = readable_name(&text("name")?.unwrap_or_default());
    let fields = UserFields {
        name,
        privilege: row.number("privilege")?.unwrap_or(default.privilege),
        password: text("password")?.unwrap_or_default(),
        card: text("card")?,
        vice_card: text("vice card")?,
        group: row.number("group")?.unwrap_or(default.group),
        time_zones: text("time zones")?.unwrap_or_default(),
        verify: row.number("verification mode")?,
        ..default
    };
    Ok(UserRow { origin: row.origin(), fields: fields.canonical(), name_damaged })
}

/// A name in the form that an upload would give it, and whether characters were lost. A last character that was
/// cut is left out. If characters within the name were lost, because they were read in a wrong character set, the
/// name is empty.
fn readable_name(name: &str) -> (String, bool) {
    let name = name.trim_end_matches(char::REPLACEMENT_CHARACTER);
    if name.contains(char::REPLACEMENT_CHARACTER) { (String::new(), true) } else { (name.to_owned(), false) }
}

fn template(table: Table, row: &Row<'_>) -> Result<TemplateRow, String> {
    let finger = || match row.number::<u8>("finger")? {
        Some(finger) if finger <= 9 => Ok(finger),
        _ => Err("its finger is not within 0 to 9".to_owned()),
    };
    let part = || Ok::<u8, String>(row.number("part")?.unwrap_or(0));
    let (form, bio_type, number, index) = match table {
        Table::Fingerprints => (Form::Fingerprint, BioType::FINGERPRINT, finger()?, 0),
        Table::Faces => (Form::FacePart, BioType::FACE, 0, part()?),
        Table::FingerVeins => (Form::FingerVein, BioType::FINGER_VEIN, finger()?, part()?),
        _ => {
            let bio_type = row.number("type")?.ok_or("its type is missing")?;
            let version = (
                row.number("major version")?.unwrap_or_default(),
                row.number("minor version")?.unwrap_or_default(),
            );
            let number = row.number("number")?.unwrap_or_default();
            (Form::BioData(format(row)?, version), BioType(bio_type), number, part()?)
        }
    };
    Ok(TemplateRow {
        origin: row.origin(),
        form,
        bio_type,
        number,
        index,
        valid: row.number("valid")?.unwrap_or(1),
        duress: row.number("duress")?.unwrap_or(0),
        size: row.number("size")?,
        text: row.text("template")?.unwrap_or_default(),
    })
}

/// A number, or the word that some devices write instead.
fn format(row: &Row<'_>) -> Result<BioFormat, String> {
    let word = row.text("format")?.unwrap_or_default();
    let words = [("ZK", BioFormat::Zk), ("ISO", BioFormat::Iso), ("ANSI", BioFormat::Ansi)];
    match words.iter().find(|(name, _)| word.trim().eq_ignore_ascii_case(name)) {
        Some((_, format)) => Ok(*format),
        None => Ok(row.number("format")?.map_or(BioFormat::Zk, BioFormat::of_code)),
    }
}

fn photo(table: Table, row: &Row<'_>) -> Result<PhotoRow, String> {
    let comparison = match table {
        Table::ComparisonPhotos => Some(BioType(row.number("type")?.unwrap_or(0))),
        _ => None,
    };
    Ok(PhotoRow {
        origin: row.origin(),
        comparison,
        file_name: row.text("file name")?,
        size: row.number("size")?,
        text: row.text("content")?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_form_sort_chronologically() {
        let times = [
            "2024-03-12 06:00:00",
            "2024-03-12T06:00:01.500Z",
            "1710223202",
            "1710223203000",
            "2024-03-12 06:00:04.25",
        ];
        let read: Vec<i64> = times.iter().filter_map(|text| moment(text)).collect();
        assert_eq!(read.len(), times.len());
        assert!(read.is_sorted(), "{read:?}");
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn a_name_keeps_its_readable_part() {
        assert_eq!(readable_name("Zoë"), ("Zoë".to_owned(), false));
        assert_eq!(readable_name("Maximilian M\u{fffd}"), ("Maximilian M".to_owned(), false));
        assert_eq!(readable_name("J\u{fffd}rgen"), (String::new(), true));
    }

    #[test]
    fn equal_texts_are_stored_once() {
        let mut texts = Texts::default();
        let (Value::Text(a), Value::Text(b)) = (texts.value(Some(b"QUJD")), texts.value(Some(b"QUJD")))
        else {
            panic!("texts");
        };
        assert!(Arc::ptr_eq(&a, &b));
        assert!(matches!(texts.value(Some(b"\xff")), Value::Unreadable));
    }

    /// A row from bytes: the number of its table, then values separated by line feeds; a single NUL means NULL.
    fn row_of<'c>(bytes: &[u8], texts: &mut Texts) -> (Table, Row<'c>) {
        let (table, values) = bytes.split_first().map_or((0, bytes), |(table, values)| (*table, values));
        let table = Table::ALL[usize::from(table) % Table::ALL.len()];
        let value = |bytes: &[u8]| texts.value(Some(bytes).filter(|bytes| *bytes != b"\0"));
        let values = values.split(|byte| *byte == b'\n').map(value).collect();
        (table, Row { id: 1, columns: table.columns(), values })
    }

    #[test]
    fn arbitrary_bytes_do_not_break_the_reading_of_rows() {
        let payload = "SoFTUzIxAAADlJcECAUHCc7QAAALlZEBAABFgzAAlQ==";
        let kept = [
            "\x007\nSN1\n2024-03-12 06:00:00\n\0\nAda\n0\n1234\n4402017\n\n1\n0000000100000000\n-1"
                .to_owned(),
            format!("\x017\nSN1\n2024-03-12T06:00:01Z\n\0\n6\n{}\n1\n0\n{payload}", payload.len()),
            format!("\x027\nSN1\n1710223202\n\0\n0\n{}\n1\n{payload}", payload.len()),
            format!("\x037\nSN1\n1710223202\n\0\n1\n0\n{}\n1\n{payload}", payload.len()),
            format!("\x047\nSN1\n1710223202\n\0\n0\n0\n1\n0\n9\n58\n12\n0\n{payload}"),
            format!("\x057\nSN1\n1710223202\n\0\n7.jpg\n{}\n{payload}", payload.len()),
            format!("\x067\nSN1\n1710223202\n\0\n9\n7.jpg\n{}\n{payload}", payload.len()),
        ];
        let kept = kept.map(String::into_bytes);
        let key = roster::HashKey::new([7; 32]);
        let mut versions = crate::template::Versions::default();
        versions.learn("SN1", "10");
        let pin = "7".parse().expect("a PIN");
        let mut texts = Texts::default();
        fuzz::cases::each(&kept, |bytes| {
            let mut rows = Rows::default();
            // The row is repeated and combined with others, like the rows of one person.
            for bytes in [bytes, bytes, kept[0].as_slice(), kept[1].as_slice()] {
                let (table, row) = row_of(bytes, &mut texts);
                rows.take(table, &row);
            }
            let told = rows.unusable.len() + rows.users.len() + rows.templates.len() + rows.photos.len();
            assert_eq!(told, 4, "no row is lost");
            let (person, _) = crate::person::assemble(&pin, rows, &versions, &key);
            assert!(person.is_some(), "one row of the user is right");
        });
    }
}
