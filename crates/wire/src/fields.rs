//! The fields of one record: `key=value` pairs separated by tabs (§11).

use std::{fmt, io::Write as _, ops::RangeInclusive, str::FromStr};

use crate::{Base64, Pin};

/// Most fields of a record; a record with more cannot be read.
const MAX_FIELDS: usize = 256;

/// The fields of one record, borrowed from the request body.
///
/// Tabs separate fields. The first `=` separates key and value, because values hold blanks and base64 ends in `=`.
/// Keys match in any case (devices send `PIN`, `Pin` and `pin`) and in any order. Of a repeated key the last one
/// counts.
#[derive(Clone)]
pub struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

/// Why a field could not be read. It never holds the value, which may be a password or a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The field is absent, or empty although it must not be.
    #[error("{field} is missing")]
    Missing {
        /// Key of the field.
        field: &'static str,
    },
    /// The field has an invalid value.
    #[error("{field} is not {want}")]
    Invalid {
        /// Key of the field.
        field: &'static str,
        /// The expected value, with its article: `a number`.
        want: &'static str,
    },
    /// The announced length differs from the actual one: the record was damaged on the way.
    #[error("{field} has {held} characters where {announced} are announced")]
    Length {
        /// Key of the field that was measured.
        field: &'static str,
        /// The announced length.
        announced: usize,
        /// Actual length, characters.
        held: usize,
    },
    /// The number is outside of the valid range.
    #[error("{field} is not within {low} to {high}")]
    Range {
        /// Key of the field.
        field: &'static str,
        /// Lowest value.
        low: i64,
        /// Highest value.
        high: i64,
    },
}

/// A record of an upload that could not be read. The other records of the upload still count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {record}: {source}")]
pub struct RecordError {
    /// 1 for the first line of the request's body.
    pub line: usize,
    /// The record's tag as the vendor spells it; `unknown` for none of [`crate::Record`].
    pub record: &'static str,
    /// The fault.
    pub source: FieldError,
}

/// A value without the NULs around it. Some devices send the NUL that ends a C string.
fn without_nul(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| *byte != 0;
    let first = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(first, |last| last + 1);
    value.get(first..end).unwrap_or_default()
}

/// A text without the blanks and NULs around it.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\0')
}

impl<'a> Fields<'a> {
    /// Splits a record without its tag. Parts without `=` are ignored, and so are fields beyond the limit: see
    /// [`Fields::check_number`].
    pub fn parse(record: &'a [u8]) -> Self {
        let pair = |piece: &'a [u8]| {
            let equals = piece.iter().position(|&byte| byte == b'=')?;
            let (key, value) = piece.split_at_checked(equals)?;
            Some((key.trim_ascii(), without_nul(value.get(1..)?)))
        };
        Self(record.split(|&byte| byte == b'\t').filter_map(pair).take(MAX_FIELDS + 1).collect())
    }

    /// Checks that the record has at most 256 fields: an empty field takes two bytes on the wire but far more
    /// memory.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] if it has more.
    pub fn check_number(&self) -> Result<(), FieldError> {
        if self.0.len() <= MAX_FIELDS {
            return Ok(());
        }
        Err(FieldError::Invalid { field: "record", want: "at most 256 fields" })
    }

    /// The value of a field, which may be empty; `None` if the field is absent.
    pub fn find(&self, field: &str) -> Option<&'a [u8]> {
        let held = self.0.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(field.as_bytes()));
        held.map(|&(_, value)| value)
    }

    /// The value of a field that must be present and not empty.
    ///
    /// # Errors
    /// [`FieldError::Missing`] if it is absent or empty.
    pub fn get(&self, field: &'static str) -> Result<&'a [u8], FieldError> {
        self.find(field).filter(|value| !value.is_empty()).ok_or(FieldError::Missing { field })
    }

    /// The text of a field, which may be empty; `None` if the field is absent.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] if it is not UTF-8.
    pub fn text(&self, field: &'static str) -> Result<Option<&'a str>, FieldError> {
        let text = |value| str::from_utf8(value).map_err(|_| FieldError::Invalid { field, want: "UTF-8" });
        self.find(field).map(text).transpose()
    }

    /// A required number.
    ///
    /// # Errors
    /// [`FieldError::Missing`] if it is absent or empty, [`FieldError::Invalid`] if it is no number of type `T`.
    pub fn number<T: FromStr>(&self, field: &'static str) -> Result<T, FieldError> {
        self.optional_number(field)?.ok_or(FieldError::Missing { field })
    }

    /// A number; `None` if it is absent or empty. A `0` is a number like any other.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] if it is no number of type `T`.
    pub fn optional_number<T: FromStr>(&self, field: &'static str) -> Result<Option<T>, FieldError> {
        let Some(value) = self.find(field).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let number = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or(FieldError::Invalid { field, want: "a number" })
    }

    /// A required number within `range`.
    ///
    /// # Errors
    /// As [`Fields::number`]; [`FieldError::Range`] if it is outside.
    pub fn within<T: FromStr + PartialOrd + Copy + Into<i64>>(
        &self,
        field: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<T, FieldError> {
        let number = self.number(field)?;
        if range.contains(&number) {
            return Ok(number);
        }
        Err(FieldError::Range { field, low: (*range.start()).into(), high: (*range.end()).into() })
    }

    /// The PIN of the record, under `PIN` or `Pin`.
    ///
    /// # Errors
    /// [`FieldError::Missing`] if it is absent or empty, [`FieldError::Invalid`] if it is no PIN.
    pub fn pin(&self) -> Result<Pin, FieldError> {
        let text = self.get("PIN")?.trim_ascii();
        Pin::try_from(text).map_err(|error| error.in_field("PIN"))
    }

    /// A required base64 payload.
    ///
    /// # Errors
    /// [`FieldError::Missing`] if it is absent or empty, [`FieldError::Invalid`] if it is damaged base64.
    pub fn base64(&self, field: &'static str) -> Result<Base64<'a>, FieldError> {
        Base64::read(self.get(field)?).map_err(|error| match error {
            FieldError::Invalid { want, .. } => FieldError::Invalid { field, want },
            _ => FieldError::Missing { field },
        })
    }

    /// Compares the announced length of a payload with the actual one.
    ///
    /// Attendance devices count base64 characters. The number of decoded bytes is accepted too (field note 6.7),
    /// and so is an absent length or 0.
    pub(crate) fn check_size(&self, field: &'static str, payload: &Base64<'_>) -> Result<(), FieldError> {
        let held = payload.as_str().len();
        match self.optional_number::<usize>("Size")? {
            None | Some(0) => Ok(()),
            Some(announced) if announced == held || announced == payload.decoded_len() => Ok(()),
            Some(announced) => Err(FieldError::Length { field, announced, held }),
        }
    }

    /// All fields as they came, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Debug for Fields<'_> {
    /// Shows the keys and the lengths of values, no values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.0.iter().map(|(key, value)| (String::from_utf8_lossy(key), value.len()));
        f.debug_map().entries(fields).finish()
    }
}

/// Writes `key=value` pairs with tabs between them.
///
/// The protocol has no escaping: a tab, a line end or a NUL within a value would end the field or the command.
/// Each is written as a blank.
pub(crate) struct FieldWriter<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> FieldWriter<'o> {
    /// Starts at the end of `out`.
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    /// A field of bytes in the device's charset.
    pub(crate) fn bytes(&mut self, key: &str, value: &[u8]) -> &mut Self {
        self.key(key);
        push_clean(self.out, value);
        self
    }

    /// A field of text.
    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.bytes(key, value.as_bytes())
    }

    /// A field whose value needs no cleaning: a number, a PIN, base64.
    pub(crate) fn value(&mut self, key: &str, value: impl fmt::Display) -> &mut Self {
        self.key(key);
        write!(self.out, "{value}").expect("a Vec takes any number of bytes");
        self
    }

    /// A payload, unchanged.
    pub(crate) fn base64(&mut self, key: &str, payload: &Base64<'_>) -> &mut Self {
        self.key(key);
        self.out.extend_from_slice(payload.as_str().as_bytes());
        self
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(b'\t');
        }
        self.first = false;
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
    }
}

/// Appends a value, with blanks in place of the bytes that end a field or a line.
pub(crate) fn push_clean(out: &mut Vec<u8>, value: &[u8]) {
    let clean = |&byte: &u8| if matches!(byte, b'\t' | b'\n' | b'\r' | 0) { b' ' } else { byte };
    out.extend(value.iter().map(clean));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligations 23, 24, 25.
    #[test]
    fn the_first_equals_sign_separates_key_and_value() {
        let fields = Fields::parse(b"TMP=QUI=\tName=a=b c");
        assert_eq!(fields.find("tmp"), Some(&b"QUI="[..]));
        assert_eq!(fields.text("Name"), Ok(Some("a=b c")));
    }

    /// Obligation 28.
    #[test]
    fn an_absent_field_is_not_an_empty_one() {
        let fields = Fields::parse(b"Name=");
        assert_eq!(fields.text("Name"), Ok(Some("")));
        assert_eq!(fields.text("Card"), Ok(None));
        assert_eq!(fields.get("Name"), Err(FieldError::Missing { field: "Name" }));
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        assert_eq!(Fields::parse(b"FID=1\tfid=2").number::<u8>("FID"), Ok(2));
    }

    #[test]
    fn a_number_outside_of_its_range_names_the_range() {
        let fields = Fields::parse(b"FID=10");
        assert_eq!(
            fields.within::<u8>("FID", 0..=9),
            Err(FieldError::Range { field: "FID", low: 0, high: 9 })
        );
        assert_eq!(
            Fields::parse(b"FID=300").number::<u8>("FID"),
            Err(FieldError::Invalid { field: "FID", want: "a number" })
        );
    }

    #[test]
    fn debug_output_holds_no_values() {
        let shown = format!("{:?}", Fields::parse(b"PIN=7\tPasswd=4711\tTMP=QUJD"));
        assert_eq!(shown, r#"{"PIN": 1, "Passwd": 4, "TMP": 4}"#);
    }

    /// Obligation 34.
    #[test]
    fn a_value_cannot_end_its_field_or_its_line() {
        let mut out = Vec::new();
        FieldWriter::new(&mut out).text("Name", "a\tPri=14\r\nC:1:CLEAR DATA\0").value("Pri", 0);
        assert_eq!(out, b"Name=a Pri=14  C:1:CLEAR DATA \tPri=0");
    }
}
