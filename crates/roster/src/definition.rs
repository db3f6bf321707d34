//! Definitions of the fleet: time zones, holidays, groups, combinations, messages and work codes. They belong to
//! no user.

use std::fmt;

use wire::{Charset, Command, Entry, Pin, PinError, RecordTable, TableRecordError, TableRecordKey, Version};

use crate::{Algorithm, Capability, Kind, Slot};

/// The kind of a definition. A first fill sends the kinds in this order, so that a definition follows those that
/// it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefinitionKind {
    /// The opening times of each day of a week (§12.1.1.15).
    TimeZone,
    /// Days on which another time zone applies (§12.1.1.16).
    Holiday,
    /// An access group with its time zones (§12.1.1.14).
    Group,
    /// Groups that open a door together (§12.1.1.17).
    Combination,
    /// A short message (§12.1.1.9).
    Message,
    /// A work code, which a person chooses at a punch (§12.1.1.12).
    WorkCode,
}

/// The highest number of a definition.
pub const MAX_DEFINITIONS: u16 = 9_999;

/// Longest code of a work code, as devices upload them.
const CODE_CHARACTERS: usize = 20;

impl DefinitionKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 6] =
        [Self::TimeZone, Self::Holiday, Self::Group, Self::Combination, Self::Message, Self::WorkCode];

    /// The device table of this kind.
    pub const fn table(self) -> RecordTable {
        match self {
            Self::TimeZone => RecordTable::AccTimeZone,
            Self::Holiday => RecordTable::AccHoliday,
            Self::Group => RecordTable::AccGroup,
            Self::Combination => RecordTable::AccUnlockComb,
            Self::Message => RecordTable::Sms,
            Self::WorkCode => RecordTable::WorkCode,
        }
    }

    /// The word for this kind in commands and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TimeZone => "time zone",
            Self::Holiday => "holiday",
            Self::Group => "group",
            Self::Combination => "unlock combination",
            Self::Message => "message",
            Self::WorkCode => "work code",
        }
    }

    /// The number by which the kind is stored, also in keys: 1 to 6, in their order.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::TimeZone => 1,
            Self::Holiday => 2,
            Self::Group => 3,
            Self::Combination => 4,
            Self::Message => 5,
            Self::WorkCode => 6,
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The key field of the table.
    pub const fn key_field(self) -> &'static str {
        match self {
            Self::Group => "ID",
            Self::WorkCode => "CODE",
            Self::TimeZone | Self::Holiday | Self::Combination | Self::Message => "UID",
        }
    }

    /// The slot of the definition under its owner.
    pub const fn slot(self) -> Slot {
        Slot { kind: Kind::Definition(self), number: 0, algorithm: Algorithm::NONE }
    }
}

/// The name of a definition: its kind, and its number or code within the kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionName {
    /// The kind.
    pub kind: DefinitionKind,
    /// The code of a work code; for other kinds a number from 1 to [`MAX_DEFINITIONS`] without leading zeros.
    pub name: String,
}

/// The error of a text that is not a name of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionNameError {
    /// A definition of this kind needs a number.
    #[error("want a number from 1 to {MAX_DEFINITIONS}")]
    Number,
    /// A work code needs letters and digits.
    #[error("want a code of 1 to {CODE_CHARACTERS} letters and digits")]
    Code,
}

impl DefinitionName {
    /// Reads a number or a code.
    ///
    /// # Errors
    /// The text is not a name of the kind.
    pub fn read(kind: DefinitionKind, text: &str) -> Result<Self, DefinitionNameError> {
        let name = if kind == DefinitionKind::WorkCode {
            let fits = Pin::try_from(text).is_ok() && text.len() <= CODE_CHARACTERS;
            fits.then(|| text.to_owned()).ok_or(DefinitionNameError::Code)?
        } else {
            let number = text.parse::<u16>().ok().filter(|number| (1..=MAX_DEFINITIONS).contains(number));
            number.ok_or(DefinitionNameError::Number)?.to_string()
        };
        Ok(Self { kind, name })
    }

    /// The key that takes the place of a user's PIN: `!`, the number of the kind, and the name. Numbers are padded
    /// with zeros, so that keys sort by number.
    ///
    /// # Errors
    /// The name was not made by [`DefinitionName::read`].
    pub fn owner(&self) -> Result<Pin, PinError> {
        let code = self.kind.code();
        match self.kind {
            DefinitionKind::WorkCode => Pin::reserved(&format!("{code}{}", self.name)),
            _ => Pin::reserved(&format!("{code}{:0>4}", self.name)),
        }
    }

    /// The definition with this key; `None` for a user's PIN.
    pub fn of(owner: &Pin) -> Option<Self> {
        let (code, name) = owner.reserved_name()?.split_at_checked(1)?;
        let kind = DefinitionKind::from_code(code.parse().ok()?)?;
        Self::read(kind, name).ok()
    }
}

impl fmt::Display for DefinitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.name)
    }
}

/// The content of a definition: the complete record that devices get, each value in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    kind: DefinitionKind,
    /// In the order of the table. A group has the number before its periods that devices up to 2.4.1 require.
    fields: Vec<(String, String)>,
}

impl Definition {
    /// Builds a definition from fields of its table in any order; an absent field gets its default.
    ///
    /// # Errors
    /// The table lacks a key, a value is not valid for its key, or a required value is missing.
    pub fn new(name: &DefinitionName, fields: &[(&str, String)]) -> Result<Self, TableRecordError> {
        let mut pairs: Vec<(String, String)> =
            fields.iter().map(|(key, value)| ((*key).to_owned(), line(value))).collect();
        pairs.push((name.kind.key_field().to_owned(), name.name.clone()));
        Self::checked(name.kind, &pairs)
    }

    fn checked(kind: DefinitionKind, pairs: &[(String, String)]) -> Result<Self, TableRecordError> {
        let entry = Entry::new(kind.table(), pairs, None)?;
        let fields = entry.pairs().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Ok(Self { kind, fields })
    }

    pub(crate) const fn of_stored(kind: DefinitionKind, fields: Vec<(String, String)>) -> Self {
        Self { kind, fields }
    }

    /// The kind.
    pub const fn kind(&self) -> DefinitionKind {
        self.kind
    }

    /// The fields by the keys of the table, in the order of the table.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The value of a field; empty if the table lacks the key.
    pub fn value(&self, key: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
    }

    /// The number in a field; 0 if the field holds none.
    pub fn number(&self, key: &str) -> u32 {
        self.value(key).parse().unwrap_or(0)
    }

    /// The numbers that this definition refers to: the time zones of a group, or the groups of a combination;
    /// without zeros.
    pub fn referenced_numbers(&self) -> Vec<u32> {
        let numbers: Vec<u32> = match self.kind {
            DefinitionKind::Group => {
                let zones: Vec<u32> =
                    self.value("TZ").split(';').filter_map(|number| number.parse().ok()).collect();
                zones.get(zones.len().saturating_sub(3)..).unwrap_or_default().to_vec()
            }
            DefinitionKind::Holiday => vec![self.number("TimeZone")],
            DefinitionKind::Combination => {
                ["Group1", "Group2", "Group3", "Group4", "Group5"].map(|key| self.number(key)).to_vec()
            }
            DefinitionKind::TimeZone | DefinitionKind::Message | DefinitionKind::WorkCode => Vec::new(),
        };
        numbers.into_iter().filter(|number| *number > 0).collect()
    }

    /// The fields that count in comparisons: all but the position of a work code in the list, which differs
    /// between devices.
    pub(crate) fn content(&self) -> impl Iterator<Item = &(String, String)> {
        let place = |key: &str| self.kind == DefinitionKind::WorkCode && key == "PIN";
        self.fields.iter().filter(move |(key, _)| !place(key))
    }

    /// Approximate length of all values, bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        self.fields.iter().map(|(key, value)| key.len() + value.len() + 2).sum()
    }

    /// The command that stores the definition on a device, in the device's protocol version and charset.
    pub(crate) fn update(&self, version: Option<&Version>, charset: Charset) -> Option<Command<'static>> {
        put(self.kind, &self.fields, version, charset)
    }
}

/// The command that removes a definition from a device (§12.1.2).
///
/// The access tables have no deletion. A removed definition is overwritten with a value that opens nothing. The
/// exceptions are the factory defaults, time zone 1 (always) and group 1 (in time zone 1), which apply to users
/// without their own.
pub(crate) fn delete(owner: &Pin, capability: &Capability) -> Option<Command<'static>> {
    let DefinitionName { kind, name } = DefinitionName::of(owner)?;
    let first = name == "1";
    let fields: Vec<(&str, &str)> = match kind {
        DefinitionKind::Message | DefinitionKind::WorkCode => {
            return TableRecordKey::new(kind.table(), &name).ok().map(Command::Remove);
        }
        DefinitionKind::TimeZone if first => Vec::new(),
        // The end is before the start: closed.
        DefinitionKind::TimeZone => {
            DAYS.iter().flat_map(|(start, end)| [(*start, CLOSED.0), (*end, CLOSED.1)]).collect()
        }
        // A day that exists in one year of four, with the time zone of ordinary days.
        DefinitionKind::Holiday => {
            vec![("HolidayName", "-"), ("StartDate", "0229"), ("EndDate", "0229"), ("TimeZone", "1")]
        }
        DefinitionKind::Group => vec![("TZ", if first { "1;1;0;0" } else { "1;0;0;0" })],
        DefinitionKind::Combination => vec![("Group1", if first { "1" } else { "0" })],
    };
    let mut pairs: Vec<(String, String)> =
        fields.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    pairs.push((kind.key_field().to_owned(), name));
    put(kind, &pairs, capability.push_version(), capability.charset())
}

/// The keys of the days of a time zone, from Sunday: start and end.
pub const DAYS: [(&str, &str); 7] = [
    ("SunStart", "SunEnd"),
    ("MonStart", "MonEnd"),
    ("TuesStart", "TuesEnd"),
    ("WedStart", "WedEnd"),
    ("ThursStart", "ThursEnd"),
    ("FriStart", "FriEnd"),
    ("SatStart", "SatEnd"),
];

/// Start and end of a day on which the time zone opens nothing.
pub const CLOSED: (&str, &str) = ("2357", "2356");

/// The command that assigns a personal message to a user (§12.1.1.10). The protocol has no command to undo it.
pub(crate) fn assignment(pin: &Pin, message: i64) -> Option<Command<'static>> {
    let pairs = [("PIN".to_owned(), pin.to_string()), ("UID".to_owned(), message.to_string())];
    Entry::new(RecordTable::UserSms, &pairs, None).ok().map(Command::Put)
}

fn put(
    kind: DefinitionKind,
    pairs: &[(String, String)],
    version: Option<&Version>,
    charset: Charset,
) -> Option<Command<'static>> {
    Some(Command::Put(Entry::new(kind.table(), pairs, version).ok()?.in_charset(charset)))
}

/// The text without characters that would end a field or a line of a command.
fn line(text: &str) -> String {
    text.replace(['\t', '\n', '\r', '\0'], " ").trim().to_owned()
}
