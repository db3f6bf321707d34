//! Records of the tables that are not about the people of a fleet: messages, work codes, access rules, pictures.

mod layout;

use std::{borrow::Cow, fmt};

use self::layout::{Layout, layout};
use super::{Form, fields_of, is};
use crate::{Base64, Charset, FieldError, Fields, Version, fields::FieldWriter};

/// A table of a device beside those of its people (§12.1.1.9 to §12.1.1.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryTable {
    /// `SMS`: short messages.
    Sms,
    /// `USER_SMS`: whose the personal ones are.
    UserSms,
    /// `ADPIC`: advertising pictures.
    AdPic,
    /// `WORKCODE`
    WorkCode,
    /// `ShortcutKey`: what F1 to F8 do.
    ShortcutKey,
    /// `AccGroup`: groups of users at a door.
    AccGroup,
    /// `AccTimeZone`: periods of a week.
    AccTimeZone,
    /// `AccHoliday`
    AccHoliday,
    /// `AccUnLockComb`: groups that open a door together.
    AccUnlockComb,
    /// `Blacklist`, from 2.4.2 `BLACKLIST` with more keys: identity cards that are refused.
    Blacklist,
    /// `WHITELIST`, from 2.4.2: identity cards that are let in.
    Whitelist,
    /// `WALLPAPER`, from 2.4.2.
    Wallpaper,
    /// `IDCARD`: what is on the identity card of a user.
    IdCard,
}

impl EntryTable {
    /// All of them.
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

    /// The table of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.form().words().eq_ignore_ascii_case(name))
    }

    /// The form by which a firmware may refuse it; its text is the name of the table.
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

    /// The keys that a record has, in the order in which they go out; those that are worked out of others are left out.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        let given = |field: &&layout::Field| !matches!(field.kind, layout::Kind::SizeOf { .. });
        layout(self).fields.iter().filter(given).map(|field| field.key)
    }

    /// The key by which a record is deleted; `None` where the protocol has no deletion (§12.1.2).
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

/// A record of one of these tables, for a device to hold in place of the one that it has under the same key.
///
/// Wire form (§12.1.1): all keys of the table, in its order. What was not given goes out as the default of the
/// document, or empty. `Debug` shows the table alone: a record may be about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    table: EntryTable,
    /// A value for each field of the layout.
    values: Vec<Cow<'a, [u8]>>,
}

/// A key of [`Entry::new`] that the table does not have, or a value that is none of its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// There is no such key.
    #[error("the table has no key {key}")]
    UnknownKey {
        /// As it was given.
        key: String,
    },
    /// A value is missing or is none of its key.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl<'a> Entry<'a> {
    /// A record of these values, in any order; what is left out has its default.
    ///
    /// A picture is given as base64; how long it is, is worked out. `version` is that of the device: `AccGroup` and
    /// `Blacklist` look otherwise from 2.4.2 on.
    ///
    /// # Errors
    /// A key that the table does not have, a value that is none of its key, one that must be given.
    pub fn new(
        table: EntryTable,
        pairs: &[(String, String)],
        version: Option<&Version>,
    ) -> Result<Entry<'static>, EntryError> {
        let known = |key: &str| table.keys().any(|known| known.eq_ignore_ascii_case(key));
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !known(key)) {
            return Err(EntryError::UnknownKey { key: key.clone() });
        }
        let given = |key: &str| {
            let pair = pairs.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key));
            pair.map(|(_, value)| Cow::Owned(value.clone().into_bytes()))
        };
        let mut entry = Entry { table, values: complete(layout(table), given)? };
        entry.adapt(version.is_some_and(|version| *version >= Version::V2_4_2));
        Ok(entry)
    }

    /// Which table it is of.
    pub const fn table(&self) -> EntryTable {
        self.table
    }

    /// What it holds, complete, in the order of [`EntryTable::keys`].
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let fields = layout(self.table).fields.iter().zip(&self.values);
        let given = fields.filter(|(field, _)| !matches!(field.kind, layout::Kind::SizeOf { .. }));
        given.map(|(field, value)| (field.key, String::from_utf8_lossy(value).into_owned())).collect()
    }

    /// The same record for a device of this charset; only its texts can hold more than ASCII.
    #[must_use]
    pub fn in_charset(mut self, charset: Charset) -> Self {
        for (field, value) in layout(self.table).fields.iter().zip(&mut self.values) {
            if let (layout::Kind::Text(..), Ok(text)) = (field.kind, std::str::from_utf8(value)) {
                *value = Cow::Owned(charset.encode(text));
            }
        }
        self
    }

    /// The same record without the borrow.
    pub fn into_owned(self) -> Entry<'static> {
        let values = self.values.into_iter().map(|value| Cow::Owned(value.into_owned())).collect();
        Entry { table: self.table, values }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let layout = layout(self.table);
        let few = self.is_of_few_keys();
        let word = if few { "Blacklist" } else { self.table.form().words() };
        let mut fields = fields_of(word, out);
        for (field, value) in layout.fields.iter().zip(&self.values).take(if few { 1 } else { usize::MAX }) {
            fields.bytes(field.key, value);
        }
    }

    /// `Blacklist` as it was up to 2.4.1: the number of the card alone.
    fn is_of_few_keys(&self) -> bool {
        self.table == EntryTable::Blacklist && self.values.iter().skip(1).all(|value| value.is_empty())
    }

    /// Makes of the record what a device of this age understands.
    fn adapt(&mut self, is_newer: bool) {
        match self.table {
            EntryTable::AccGroup => {
                if let Some(periods) = self.values.last_mut() {
                    *periods = Cow::Owned(layout::group_periods(periods, is_newer));
                }
            }
            EntryTable::Blacklist => {
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

    /// Reads the record of a table; `None` for a table that is none of these.
    pub(super) fn read(table: &[u8], fields: &Fields<'a>) -> Option<Result<Self, FieldError>> {
        let table = EntryTable::ALL.into_iter().find(|known| is(table, known.form().words()))?;
        let values = complete(layout(table), |key| fields.find(key).map(Cow::Borrowed));
        Some(values.map(|values| Self { table, values }))
    }
}

/// A value for each field of a layout: what was given, what follows from it, or the default.
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
                    .map_err(|_| FieldError::Invalid { field: "Content", want: "whole base64" })?;
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

/// What a device shall hold no longer, of one of these tables (§12.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryKey {
    table: EntryTable,
    value: String,
}

impl EntryKey {
    /// The record that has this under [`EntryTable::deleted_by`].
    ///
    /// # Errors
    /// The protocol knows no deletion of this table; the value is empty, or none of its key.
    pub fn new(table: EntryTable, value: &str) -> Result<Self, FieldError> {
        let key = table
            .deleted_by()
            .ok_or(FieldError::Invalid { field: "table", want: "one that the protocol can delete from" })?;
        // A deletion without a condition would mean everything to some devices.
        if value.trim().is_empty() {
            return Err(FieldError::Missing { field: key });
        }
        if let Some(field) = layout(table).fields.iter().find(|field| field.key == key) {
            field.kind.check(field.key, value.as_bytes())?;
        }
        Ok(Self { table, value: value.to_owned() })
    }

    /// Of which table.
    pub const fn table(&self) -> EntryTable {
        self.table
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut fields: FieldWriter<'_> = fields_of(self.table.form().words(), out);
        fields.text(self.table.deleted_by().unwrap_or_default(), &self.value);
    }

    /// Reads the condition of a table; `None` for a table that is none of these.
    pub(super) fn read(table: &[u8], fields: &Fields<'_>) -> Option<Result<Self, FieldError>> {
        let table = EntryTable::ALL.into_iter().find(|known| is(table, known.form().words()))?;
        let value = table.deleted_by().map_or(Ok(""), |key| Ok(fields.text(key)?.unwrap_or_default()));
        Some(value.and_then(|value| Self::new(table, value)))
    }
}
