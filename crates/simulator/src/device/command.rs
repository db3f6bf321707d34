//! Strict reading of command lines, as a device does it.
//!
//! It does not use the reader of `wire` on purpose: a line that a terminal would not understand must fail here
//! even if `wire` has the same mistake in its writer and reader. Keys are compared with their case, and only tabs
//! separate fields.

use std::str::{self, FromStr};

use wire::Pin;

/// One line of the answer to a poll (§12).
pub(crate) struct Command<'a> {
    /// The id, which the device returns unchanged.
    pub id: &'a str,
    pub action: Action<'a>,
}

/// The action of a command.
pub(crate) enum Action<'a> {
    Update(&'a str, Keys<'a>),
    Delete(&'a str, Keys<'a>),
    Query(&'a str, Keys<'a>),
    Check,
    Log,
    Info,
    Reboot,
    SetOption,
    ReloadOptions,
    ClearData,
    ClearUsers,
    ClearBioData,
    /// `CLEAR LOG` or `CLEAR PHOTO`, which have no effect here; holds the word for the acknowledgement.
    ClearRecords(&'a str),
    /// An unknown command; holds its first word.
    Unknown(&'a str),
}

impl<'a> Command<'a> {
    /// Reads a line; `None` when it lacks `C:<id>:`: devices ignore such a line (field note 7.1).
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"C:")?;
        let colon = rest.iter().position(|byte| *byte == b':')?;
        let (id, rest) = rest.split_at_checked(colon)?;
        let id = str::from_utf8(id).ok()?;
        if id.is_empty() || id.len() > 16 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        Some(Self { id, action: Action::read(rest.get(1..)?) })
    }
}

impl<'a> Action<'a> {
    fn read(text: &'a [u8]) -> Self {
        let mut words = text.splitn(4, |byte| *byte == b' ').map(|word| str::from_utf8(word).unwrap_or("?"));
        let (verb, second) = (words.next().unwrap_or(""), words.next());
        let table = words.next().unwrap_or("");
        // The fields may be in another charset than UTF-8, so they are taken from the bytes.
        let fields = Keys(text.splitn(4, |byte| *byte == b' ').nth(3).unwrap_or(b""));
        match (verb, second) {
            ("DATA", Some("UPDATE")) => Self::Update(table, fields),
            ("DATA", Some("DELETE")) => Self::Delete(table, fields),
            ("DATA", Some("QUERY")) => Self::Query(table, fields),
            ("CHECK", None) => Self::Check,
            ("LOG", None) => Self::Log,
            ("INFO", None) => Self::Info,
            ("REBOOT", None) => Self::Reboot,
            ("SET", Some("OPTION")) => Self::SetOption,
            ("RELOAD", Some("OPTIONS")) => Self::ReloadOptions,
            ("CLEAR", Some("DATA")) => Self::ClearData,
            ("CLEAR", Some("BIODATA")) => Self::ClearBioData,
            ("CLEAR", Some("ALL")) => Self::ClearUsers,
            ("CLEAR", Some("LOG")) => Self::ClearRecords("CLEAR_LOG"),
            ("CLEAR", Some("PHOTO")) => Self::ClearRecords("CLEAR_PHOTO"),
            _ => Self::Unknown(verb),
        }
    }

    /// The `CMD=` of the acknowledgement (§13); some devices repeat `two_words` (field note 7.6).
    pub fn echo(&self, two_words: bool) -> &str {
        match self {
            Self::Update(..) if two_words => "DATA UPDATE",
            Self::Delete(..) if two_words => "DATA DELETE",
            Self::Query(..) if two_words => "DATA QUERY",
            Self::Update(..) | Self::Delete(..) | Self::Query(..) => "DATA",
            Self::Check => "CHECK",
            Self::Log => "LOG",
            Self::Info => "INFO",
            Self::Reboot => "REBOOT",
            Self::SetOption => "SET OPTION",
            Self::ReloadOptions => "RELOAD OPTIONS",
            Self::ClearData => "CLEAR_DATA",
            Self::ClearUsers => "CLEAR ALL USERINFO",
            Self::ClearBioData => "CLEAR_BIODATA",
            Self::ClearRecords(word) | Self::Unknown(word) => word,
        }
    }

    /// The command in a few words, without its content.
    pub fn summary(&self) -> String {
        let of = |table: &str, keys: &Keys<'_>| {
            let whose = keys.text("PIN").or_else(|| keys.text("Pin")).unwrap_or("");
            let which = ["Type", "No", "FID", "Index"]
                .iter()
                .filter_map(|key| keys.number::<u16>(key).map(|value| format!(" {key}={value}")));
            format!("{table} {whose}{}", which.collect::<String>())
        };
        match self {
            Self::Update(table, keys) => format!("UPDATE {}", of(table, keys)),
            Self::Delete(table, keys) => format!("DELETE {}", of(table, keys)),
            Self::Query(table, keys) => format!("QUERY {}", of(table, keys)),
            other => other.echo(false).to_owned(),
        }
    }
}

/// The fields of a command.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a>(&'a [u8]);

impl<'a> Keys<'a> {
    /// The fields in a text.
    pub const fn of(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The value of a key in this exact spelling; the first one counts.
    pub fn find(&self, key: &str) -> Option<&'a [u8]> {
        self.0
            .split(|byte| *byte == b'\t')
            .find_map(|field| field.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
    }

    /// All fields, in their order.
    pub fn all(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.0.split(|byte| *byte == b'\t').filter_map(|field| {
            let equals = field.iter().position(|byte| *byte == b'=')?;
            Some((field.get(..equals)?, field.get(equals + 1..)?))
        })
    }

    /// The value as text; `None` when it is absent or not UTF-8.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        str::from_utf8(self.find(key)?).ok()
    }

    /// The value as a number; `None` when it is absent or no number.
    pub fn number<T: FromStr>(&self, key: &str) -> Option<T> {
        self.text(key)?.parse().ok()
    }

    /// The PIN under this spelling of its key.
    pub fn pin(&self, key: &str) -> Option<Pin> {
        self.text(key)?.parse().ok()
    }
}

impl<'a> Command<'a> {
    /// The fields of a command that contains a photo.
    pub fn photo(&self) -> Option<Keys<'a>> {
        match &self.action {
            Action::Update("USERPIC" | "BIOPHOTO", keys) => Some(*keys),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_id_is_no_command() {
        for line in [&b"DATA UPDATE USERINFO PIN=7"[..], b"C::CHECK", b"C:12-4:CHECK", b"OK\n", b"c:1:CHECK"]
        {
            assert!(Command::read(line).is_none());
        }
    }

    #[test]
    fn keys_are_case_sensitive_and_separated_by_tabs() {
        let command = Command::read(b"C:9a:DATA UPDATE USERINFO PIN=7\tName=Ada B. C=D\tpri=14").unwrap();
        assert_eq!((command.id, command.action.summary().as_str()), ("9a", "UPDATE USERINFO 7"));
        let Action::Update("USERINFO", keys) = command.action else { panic!("an update of a user") };
        assert_eq!(keys.text("Name"), Some("Ada B. C=D"));
        assert_eq!(keys.number::<i32>("Pri"), None);
    }

    #[test]
    fn fields_separated_by_blanks_spoil_the_pin() {
        let command = Command::read(b"C:1:DATA UPDATE USERINFO PIN=7 Name=Ada").unwrap();
        let Action::Update(_, keys) = command.action else { panic!("an update") };
        assert_eq!(keys.pin("PIN"), None);
    }
}
