//! Records of device tables that hold neither users nor biometrics: messages, work codes, access rules, pictures.

mod layout;

use std::{borrow::Cow, fmt};

use self::layout::{Layout, layout};
use super::{Form, begin_table, is};
use crate::{Base64, Charset, FieldError, Fields, Version, fields::FieldWriter};

/// A table that holds neither users nor biometrics (§12.1.1.9 to §12.1.1.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordTable {
    /// `SMS`: short messages.
    Sms,
    /// `USER_SMS`: the recipients of personal messages.
    UserSms,
    /// `ADPIC`: advertising pictures.
    AdPic,
    /// `WORKCODE`
    WorkCode,
    /// `ShortcutKey`: functions of the keys F1 to F8.
    ShortcutKey,
    /// `AccGroup`: access groups.
    AccGroup,
    /// `AccTimeZone`: weekly time periods.
    AccTimeZone,
    /// `AccHoliday`: holidays.
    AccHoliday,
    /// `AccUnLockComb`: combinations of groups that unlock a door together.
    AccUnlockComb,
    /// `Blacklist`, from 2.4.2 `BLACKLIST` with more keys: refused identity cards.
    Blacklist,
    /// `WHITELIST`, from 2.4.2: admitted identity cards.
    Whitelist,
    /// `WALLPAPER`, from 2.4.2.
    Wallpaper,
    /// `IDCARD`: the data on a user's identity card.
    IdCard,
}

impl RecordTable {
    /// All tables.
    pub const ALL: [Self; 13] = [
        Self::Sms,
        Self::UserSms,
        Self::AdPic,
        Self::WorkCode,
        Self::ShortcutKey,
        Self::AccGroup,
        Self::AccTimeZone,
        Self::AccHoliday,
        Self::AccUnlockComb,
        Self::Blacklist,
        Self::Whitelist,
        Self::Wallpaper,
        Self::IdCard,
    ];

    /// The table with this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.form().words().eq_ignore_ascii_case(name))
    }

    /// The form by which Muster remembers that a firmware refuses the table. Its text is the table's name.
    pub const fn form(self) -> Form {
        match self {
            Self::Sms => Form::Sms,
            Self::UserSms => Form::UserSms,
            Self::AdPic => Form::AdPic,
            Self::WorkCode => Form::WorkCode,
            Self::ShortcutKey => Form::ShortcutKey,
            Self::AccGroup => Form::AccGroup,
            Self::AccTimeZone => Form::AccTimeZone,
            Self::AccHoliday => Form::AccHoliday,
            Self::AccUnlockComb => Form::AccUnlockComb,
            Self::Blacklist => Form::Blacklist,
            Self::Whitelist => Form::Whitelist,
            Self::Wallpaper => Form::Wallpaper,
            Self::IdCard => Form::IdCard,
        }
    }

    /// The keys of a record in the order of the wire form, without those that are computed from others.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        let given = |field: &&layout::Field| !matches!(field.kind, layout::Kind::SizeOf { .. });
        layout(self).fields.iter().filter(given).map(|field| field.key)
    }

    /// The key that selects a record for deletion; `None` when the protocol cannot delete from the table
    /// (§12.1.2).
    pub const fn deleted_by(self) -> Option<&'static str> {
        match self {
            Self::Sms => Some("UID"),
            Self::WorkCode => Some("CODE"),
            Self::AdPic | Self::Wallpaper => Some("Index"),
            Self::Blacklist | Self::Whitelist => Some("IDNum"),
            Self::UserSms
            | Self::ShortcutKey
            | Self::AccGroup
            | Self::AccTimeZone
            | Self::AccHoliday
            | Self::AccUnlockComb
            | Self::IdCard => None,
        }
    }
}

/// A record of one of these tables. The device stores it in place of the record with the same key.
///
/// Wire form (§12.1.1): all keys of the table, in the order of the document. An absent value is written as the
/// document's default, or empty. `Debug` shows the table only: a record may hold personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    table: RecordTable,
    /// A value for each field of the layout.
    values: Vec<Cow<'a, [u8]>>,
}

/// The table lacks the key, or the value is not valid for the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableRecordError {
    /// The table has no such key.
    #[error("the table has no key {key}")]
    UnknownKey {
        /// The key as given.
        key: String,
    },
    /// A value is missing, or not valid for its key.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl<'a> Entry<'a> {
    /// Builds a record from values in any order; an absent value gets its default.
    ///
    /// A picture is given as base64, and its size is computed. `version` is the protocol version of the device:
    /// `AccGroup` and `Blacklist` have another wire form from 2.4.2 on.
    ///
    /// # Errors
    /// The table lacks a key, a value is not valid for its key, or a required value is missing.
    pub fn new(
        table: RecordTable,
        pairs: &[(String, String)],
        version: Option<&Version>,
    ) -> Result<Entry<'static>, TableRecordError> {
        let known = |key: &str| table.keys().any(|known| known.eq_ignore_ascii_case(key));
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !known(key)) {
            return Err(TableRecordError::UnknownKey { key: key.clone() });
        }
        let given = |key: &str| {
            let pair = pairs.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key));
            pair.map(|(_, value)| Cow::Owned(value.clone().into_bytes()))
        };
        let mut entry = Entry { table, values: complete(layout(table), given)? };
        entry.adapt(version.is_some_and(|version| *version >= Version::V2_4_2));
        Ok(entry)
    }

    /// The table of the record.
    pub const fn table(&self) -> RecordTable {
        self.table
    }

    /// All keys and values, in the order of [`RecordTable::keys`].
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let fields = layout(self.table).fields.iter().zip(&self.values);
        let given = fields.filter(|(field, _)| !matches!(field.kind, layout::Kind::SizeOf { .. }));
        given.map(|(field, value)| (field.key, String::from_utf8_lossy(value).into_owned())).collect()
    }

    /// The same record for a device of this charset. Only texts can hold more than ASCII.
    #[must_use]
    pub fn in_charset(mut self, charset: Charset) -> Self {
        for (field, value) in layout(self.table).fields.iter().zip(&mut self.values) {
            if let (layout::Kind::Text(..), Ok(text)) = (field.kind, std::str::from_utf8(value)) {
                *value = Cow::Owned(charset.encode(text));
            }
        }
        self
    }

    /// The same record with copies of everything that it borrows.
    pub fn into_owned(self) -> Entry<'static> {
        let values = self.values.into_iter().map(|value| Cow::Owned(value.into_owned())).collect();
        Entry { table: self.table, values }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let layout = layout(self.table);
        let few = self.has_card_number_only();
        let word = if few { "Blacklist" } else { self.table.form().words() };
        let mut fields = begin_table(word, out);
        for (field, value) in layout.fields.iter().zip(&self.values).take(if few { 1 } else { usize::MAX }) {
            fields.bytes(field.key, value);
        }
    }

    /// Whether this is a `Blacklist` in its form up to 2.4.1, with the card number only.
    fn has_card_number_only(&self) -> bool {
        self.table == RecordTable::Blacklist && self.values.iter().skip(1).all(|value| value.is_empty())
    }

    /// Converts the record to the form of the device's protocol version.
    fn adapt(&mut self, is_newer: bool) {
        match self.table {
            RecordTable::AccGroup => {
                if let Some(periods) = self.values.last_mut() {
                    *periods = Cow::Owned(layout::group_periods(periods, is_newer));
                }
            }
            RecordTable::Blacklist => {
                for value in self.values.iter_mut().skip(1) {
                    if !is_newer {
                        *value = Cow::Borrowed(b"");
                    } else if value.is_empty() {
                        *value = Cow::Borrowed(b"0");
                    }
                }
            }
            _ => {}
        }
    }

    /// Reads the record of a table; `None` for any other table.
    pub(super) fn read(table: &[u8], fields: &Fields<'a>) -> Option<Result<Self, FieldError>> {
        let table = RecordTable::ALL.into_iter().find(|known| is(table, known.form().words()))?;
        let values = complete(layout(table), |key| fields.find(key).map(Cow::Borrowed));
        Some(values.map(|values| Self { table, values }))
    }
}

/// A value for each field of a layout: the given one, the computed one, or the default.
fn complete<'a>(
    layout: &Layout,
    given: impl Fn(&str) -> Option<Cow<'a, [u8]>>,
) -> Result<Vec<Cow<'a, [u8]>>, FieldError> {
    let mut values = Vec::with_capacity(layout.fields.len());
    for field in layout.fields {
        let value = match field.kind {
            layout::Kind::SizeOf { content, raw } => {
                let content = given(content).unwrap_or_default();
                let payload = Base64::read(&content)
                    .map_err(|_| FieldError::Invalid { field: "Content", want: "valid base64" })?;
                let size = if raw { payload.decoded_len() } else { payload.as_str().len() };
                Cow::Owned(size.to_string().into_bytes())
            }
            kind => {
                let value = given(field.key).filter(|value| !value.is_empty() || field.default == Some(""));
                let missing = FieldError::Missing { field: field.key };
                let value =
                    value.or_else(|| Some(Cow::Borrowed(field.default?.as_bytes()))).ok_or(missing)?;
                if !(value.is_empty() && field.default == Some("")) {
                    kind.check(field.key, &value)?;
                }
                value
            }
        };
        values.push(value);
    }
    Ok(values)
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("table", &self.table).finish_non_exhaustive()
    }
}

/// The key of a record to delete from one of these tables (§12.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRecordKey {
    table: RecordTable,
    value: String,
}

impl TableRecordKey {
    /// Selects the record whose [`RecordTable::deleted_by`] field has this value.
    ///
    /// # Errors
    /// The protocol cannot delete from this table, or the value is empty or invalid.
    pub fn new(table: RecordTable, value: &str) -> Result<Self, FieldError> {
        let key = table.deleted_by().ok_or(FieldError::Invalid {
            field: "table",
            want: "a table from which the protocol can delete",
        })?;
        // Some devices take a deletion without a condition for everything.
        if value.trim().is_empty() {
            return Err(FieldError::Missing { field: key });
        }
        if let Some(field) = layout(table).fields.iter().find(|field| field.key == key) {
            field.kind.check(field.key, value.as_bytes())?;
        }
        Ok(Self { table, value: value.to_owned() })
    }

    /// The table of the record.
    pub const fn table(&self) -> RecordTable {
        self.table
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut fields: FieldWriter<'_> = begin_table(self.table.form().words(), out);
        fields.text(self.table.deleted_by().unwrap_or_default(), &self.value);
    }

    /// Reads the condition of a table; `None` for any other table.
    pub(super) fn read(table: &[u8], fields: &Fields<'_>) -> Option<Result<Self, FieldError>> {
        let table = RecordTable::ALL.into_iter().find(|known| is(table, known.form().words()))?;
        let value = table.deleted_by().map_or(Ok(""), |key| Ok(fields.text(key)?.unwrap_or_default()));
        Some(value.and_then(|value| Self::new(table, value)))
    }
}
