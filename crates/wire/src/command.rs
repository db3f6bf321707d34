//! Commands of a server to a device, one line each.

mod delete;
mod enroll;
mod entry;
mod file;
mod form;
mod id;
mod local_time;
mod select;
mod update;

use std::fmt;

use crate::{
    FieldError, Fields,
    fields::{FieldWriter, push_clean},
};

pub use self::{
    delete::Delete,
    enroll::Enroll,
    entry::{Entry, RecordTable, TableRecordError, TableRecordKey},
    file::{Import, ImportTable, PutFile, Upgrade, UpgradeMethod},
    form::Form,
    id::{CommandId, CommandIdError},
    local_time::LocalTime,
    select::{DataQuery, FingerKey},
    update::Update,
};

/// Most bytes in the answer to a poll that holds more than one command (§12).
pub const MAX_REPLY_BYTES: usize = 40_000;
/// Most commands in the answer to a poll.
pub const MAX_REPLY_LINES: usize = 200;
/// Most bytes of one command. A command of more than [`MAX_REPLY_BYTES`] is the only one in its answer.
pub const MAX_COMMAND_BYTES: usize = 900_000;

/// A command to a device (§12).
///
/// Wire form: `C:<id>:<words> <key>=<value>{<tab><key>=<value>}` in one line. The protocol has no escaping, and a
/// line feed in a name would start another command. So a tab, a line end or a NUL within a value is written as a
/// blank.
#[derive(Clone, PartialEq, Eq)]
pub enum Command<'a> {
    /// `DATA UPDATE`: store this record in place of the one with the same key (§12.1.1).
    Update(Update<'a>),
    /// `DATA DELETE`: delete this (§12.1.2).
    Delete(Delete),
    /// `DATA UPDATE` of a table that does not hold users or their biometrics.
    Put(Entry<'a>),
    /// `DATA DELETE` of such a table.
    Remove(TableRecordKey),
    /// `DATA QUERY`: upload this (§12.1.3).
    Query(DataQuery),
    /// `CHECK`: initialize again, then upload the tables whose stamp is 0 (§12.3).
    Check,
    /// `LOG`: look for new data and upload it (§12.3).
    Log,
    /// `INFO`: answer with all parameters (§12.4).
    Info,
    /// `REBOOT`: the device loses commands that follow in the same answer, and may never acknowledge this one
    /// (§12.7).
    Reboot,
    /// `RELOAD OPTIONS` (§12.4).
    ReloadOptions,
    /// `CLEAR DATA`: delete everything (§12.2).
    ClearData,
    /// `CLEAR LOG`: delete all attendance records (§12.2).
    ClearLog,
    /// `SET OPTION`: set one parameter (§12.4).
    SetOption {
        /// Name of the parameter.
        key: String,
        /// Its new value, which may be a secret.
        value: String,
    },
    /// `AC_UNLOCK`: open the door (§12.7).
    Unlock,
    /// `AC_UNALARM`: end the alarm (§12.7).
    Unalarm,
    /// `CLEAR PHOTO`: delete all attendance photos (§12.2).
    ClearPhoto,
    /// `CLEAR BIODATA`: delete all unified templates (§12.2).
    ClearBioData,
    /// `CLEAR ALL USERINFO`: delete all users with their biometrics, but no attendance records (§12.2, from
    /// 2.4.2).
    ClearUsers,
    /// `VERIFY SUM ATTLOG StartTime EndTime`: count the attendance records of a period (§12.3).
    VerifySum {
        /// The first second, by the clock of the device.
        from: LocalTime,
        /// The last second.
        to: LocalTime,
    },
    /// `ENROLL_*`: let a person enrol at the device (§12.6).
    Enroll(Enroll),
    /// `GetFile`: send a file of the device in the answer (§12.5).
    GetFile {
        /// Its path on the device.
        path: String,
    },
    /// `PutFile`: download a file (§12.5).
    PutFile(PutFile),
    /// `SHELL`: run a command of the operating system and answer with its output (§12.8.1).
    Shell {
        /// The command.
        command: String,
    },
    /// `UPGRADE`: download firmware, install it and restart (§12.8.2).
    Upgrade(Upgrade),
}

/// The commands without arguments.
const PLAIN: [(&str, Command<'static>); 12] = [
    ("CHECK", Command::Check),
    ("LOG", Command::Log),
    ("INFO", Command::Info),
    ("REBOOT", Command::Reboot),
    ("RELOAD OPTIONS", Command::ReloadOptions),
    ("CLEAR DATA", Command::ClearData),
    ("CLEAR LOG", Command::ClearLog),
    ("AC_UNLOCK", Command::Unlock),
    ("AC_UNALARM", Command::Unalarm),
    ("CLEAR PHOTO", Command::ClearPhoto),
    ("CLEAR BIODATA", Command::ClearBioData),
    ("CLEAR ALL USERINFO", Command::ClearUsers),
];

impl<'a> Command<'a> {
    /// The form of the command, by which Muster remembers what a firmware refuses. A data command has the form of
    /// its table.
    pub fn table(&self) -> Form {
        match self {
            Self::Update(update) => update.form(),
            Self::Delete(delete) => delete.form(),
            Self::Query(select) => select.form(),
            Self::Put(entry) => entry.table().form(),
            Self::Remove(key) => key.table().form(),
            Self::Check => Form::Check,
            Self::Log => Form::Log,
            Self::Info => Form::Info,
            Self::Reboot => Form::Reboot,
            Self::ReloadOptions => Form::ReloadOptions,
            Self::ClearData => Form::ClearData,
            Self::ClearLog => Form::ClearLog,
            Self::SetOption { .. } => Form::SetOption,
            Self::Unlock => Form::Unlock,
            Self::Unalarm => Form::Unalarm,
            Self::ClearPhoto => Form::ClearPhoto,
            Self::ClearBioData => Form::ClearBioData,
            Self::ClearUsers => Form::ClearUsers,
            Self::VerifySum { .. } => Form::VerifySum,
            Self::Enroll(Enroll::Fingerprint { .. }) => Form::EnrollFingerprint,
            Self::Enroll(Enroll::Card { .. }) => Form::EnrollCard,
            Self::Enroll(Enroll::BioData { bio_type, .. }) => Form::EnrollBioData(bio_type.0),
            Self::GetFile { .. } => Form::GetFile,
            Self::PutFile(_) => Form::PutFile,
            Self::Shell { .. } => Form::Shell,
            Self::Upgrade(_) => Form::Upgrade,
        }
    }

    /// Whether the command may be sent again when the outcome of the first attempt is unknown: executing it twice
    /// has the effect of executing it once.
    pub const fn repeatable(&self) -> bool {
        match self {
            Self::Update(_)
            | Self::Delete(_)
            | Self::Put(_)
            | Self::Remove(_)
            | Self::Query(_)
            | Self::VerifySum { .. }
            | Self::GetFile { .. }
            | Self::Unalarm
            | Self::Check
            | Self::Log
            | Self::Info
            | Self::ReloadOptions
            | Self::SetOption { .. } => true,
            Self::Reboot
            | Self::ClearData
            | Self::ClearLog
            | Self::ClearPhoto
            | Self::ClearBioData
            | Self::ClearUsers
            | Self::Unlock
            | Self::Enroll(_)
            | Self::PutFile(_)
            | Self::Shell { .. }
            | Self::Upgrade(_) => false,
        }
    }

    /// Appends the command as one line without a line end.
    pub fn write(&self, id: &CommandId, out: &mut Vec<u8>) {
        id.write_start(out);
        self.write_text(out);
    }

    /// Appends the text after `C:<id>:`; [`Command::read_text`] reads it.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.words().as_bytes());
        match self {
            Self::Update(update) => update.write(out),
            Self::Delete(delete) => delete.write(out),
            Self::Put(entry) => entry.write(out),
            Self::Remove(key) => key.write(out),
            Self::VerifySum { from, to } => {
                begin_table("ATTLOG", out).value("StartTime", from).value("EndTime", to);
            }
            Self::Enroll(enroll) => enroll.write(out),
            Self::PutFile(file) => file.write(out),
            Self::Upgrade(upgrade) => upgrade.write(out),
            Self::GetFile { path: rest } | Self::Shell { command: rest } => {
                out.push(b' ');
                push_clean(out, rest.as_bytes());
            }
            Self::Query(select) => select.write(out),
            Self::SetOption { key, value } => {
                out.push(b' ');
                push_clean(out, key.as_bytes());
                out.push(b'=');
                push_clean(out, value.as_bytes());
            }
            Self::Check
            | Self::Log
            | Self::Info
            | Self::Reboot
            | Self::ReloadOptions
            | Self::ClearData
            | Self::ClearLog
            | Self::ClearPhoto
            | Self::ClearBioData
            | Self::ClearUsers
            | Self::Unalarm
            | Self::Unlock => {}
        }
    }

    /// Reads a line without its line end. Words and keys match in any case.
    ///
    /// # Errors
    /// The line is no command, the command is unknown, or its first field that is missing or malformed.
    pub fn read(line: &'a [u8]) -> Result<(CommandId, Self), FieldError> {
        let want_line = FieldError::Invalid { field: "command", want: "C:<id>: and a command" };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let rest = line.strip_prefix(b"C:").ok_or_else(|| want_line.clone())?;
        let colon = rest.iter().position(|byte| *byte == b':').ok_or(want_line)?;
        let (id, text) = rest.split_at(colon);
        let id = CommandId::try_from(id)
            .map_err(|_| FieldError::Invalid { field: "ID", want: "1 to 16 letters and digits" })?;
        Ok((id, Self::read_text(text.strip_prefix(b":").unwrap_or(text))?))
    }

    /// Reads the text after `C:<id>:`.
    ///
    /// # Errors
    /// As [`Command::read`].
    pub fn read_text(text: &'a [u8]) -> Result<Self, FieldError> {
        if let Some((_, plain)) = PLAIN.iter().find(|(words, _)| text.eq_ignore_ascii_case(words.as_bytes()))
        {
            return Ok(plain.clone());
        }
        let (verb, argument) = split_word(text);
        if let Some(enroll) = Enroll::read(verb, argument) {
            return enroll.map(Self::Enroll);
        } else if is(verb, "GetFile") {
            return Ok(Self::GetFile { path: file::text("GetFile", argument)?.to_owned() });
        } else if is(verb, "PutFile") {
            return PutFile::read(argument).map(Self::PutFile);
        } else if is(verb, "SHELL") {
            return Ok(Self::Shell { command: file::text("SHELL", argument)?.to_owned() });
        } else if is(verb, "UPGRADE") {
            return Upgrade::read(argument).map(Self::Upgrade);
        }
        let (second, rest) = split_word(argument);
        if is(verb, "SET") && is(second, "OPTION") {
            return read_option(rest);
        }
        let (table, conditions) = split_word(rest);
        let fields = Fields::parse(conditions);
        if is(verb, "DATA") && is(second, "UPDATE") {
            match Entry::read(table, &fields) {
                Some(entry) => entry.map(Self::Put),
                None => Update::read(table, &fields).map(Self::Update),
            }
        } else if is(verb, "DATA") && is(second, "DELETE") {
            match TableRecordKey::read(table, &fields) {
                Some(key) => key.map(Self::Remove),
                None => Delete::read(table, &fields).map(Self::Delete),
            }
        } else if is(verb, "VERIFY") && is(second, "SUM") && is(table, "ATTLOG") {
            let (from, to) = select::read_period(&fields)?;
            Ok(Self::VerifySum { from, to })
        } else if is(verb, "DATA") && is(second, "QUERY") {
            Ok(Self::Query(DataQuery::read(table, &fields)?))
        } else {
            Err(FieldError::Invalid { field: "command", want: "a known command" })
        }
    }

    /// The same command with copies of everything that it borrows.
    pub fn into_owned(self) -> Command<'static> {
        match self {
            Self::Update(update) => Command::Update(update.into_owned()),
            Self::Put(entry) => Command::Put(entry.into_owned()),
            Self::Delete(delete) => Command::Delete(delete),
            Self::Remove(key) => Command::Remove(key),
            Self::Query(select) => Command::Query(select),
            Self::SetOption { key, value } => Command::SetOption { key, value },
            Self::VerifySum { from, to } => Command::VerifySum { from, to },
            Self::Enroll(enroll) => Command::Enroll(enroll),
            Self::GetFile { path } => Command::GetFile { path },
            Self::PutFile(file) => Command::PutFile(file),
            Self::Shell { command } => Command::Shell { command },
            Self::Upgrade(upgrade) => Command::Upgrade(upgrade),
            Self::Check => Command::Check,
            Self::Log => Command::Log,
            Self::Info => Command::Info,
            Self::Reboot => Command::Reboot,
            Self::ReloadOptions => Command::ReloadOptions,
            Self::ClearData => Command::ClearData,
            Self::ClearLog => Command::ClearLog,
            Self::ClearPhoto => Command::ClearPhoto,
            Self::ClearBioData => Command::ClearBioData,
            Self::ClearUsers => Command::ClearUsers,
            Self::Unlock => Command::Unlock,
            Self::Unalarm => Command::Unalarm,
        }
    }

    /// The words of a command. The table of a data command follows them.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Update(_) | Self::Put(_) => "DATA UPDATE",
            Self::Delete(_) | Self::Remove(_) => "DATA DELETE",
            Self::Query(_) => "DATA QUERY",
            Self::SetOption { .. } => "SET OPTION",
            Self::VerifySum { .. } => "VERIFY SUM",
            Self::Enroll(enroll) => enroll.words(),
            Self::GetFile { .. } => "GetFile",
            Self::PutFile(_) => "PutFile",
            Self::Shell { .. } => "SHELL",
            Self::Upgrade(_) => "UPGRADE",
            plain => PLAIN.iter().find(|(_, command)| command == plain).map_or("", |(words, _)| words),
        }
    }
}

impl fmt::Debug for Command<'_> {
    /// Leaves out the value of an option and the text of a shell command: both may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update(update) => f.debug_tuple("Update").field(update).finish(),
            Self::Delete(delete) => f.debug_tuple("Delete").field(delete).finish(),
            Self::Query(select) => f.debug_tuple("Query").field(select).finish(),
            Self::Put(entry) => f.debug_tuple("Put").field(entry).finish(),
            Self::Remove(key) => f.debug_tuple("Remove").field(key).finish(),
            Self::Enroll(enroll) => f.debug_tuple("Enroll").field(enroll).finish(),
            Self::GetFile { path } => f.debug_struct("GetFile").field("path", path).finish(),
            Self::SetOption { key, .. } => {
                f.debug_struct("SetOption").field("key", key).finish_non_exhaustive()
            }
            plain => f.write_str(plain.words()),
        }
    }
}

/// The body that answers a poll: the command lines, each with an LF, or `OK` without an LF when there are none.
///
/// Old clients take `OK` with a line end for an unknown command (field note 2.9).
pub fn poll_reply<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Vec<u8> {
    let mut reply = Vec::new();
    for line in lines {
        reply.extend_from_slice(line.as_ref());
        reply.push(b'\n');
    }
    if reply.is_empty() { b"OK".to_vec() } else { reply }
}

fn read_option<'a>(pair: &[u8]) -> Result<Command<'a>, FieldError> {
    let pair = std::str::from_utf8(pair).ok().and_then(|pair| pair.split_once('='));
    let (key, value) = pair.ok_or(FieldError::Invalid { field: "OPTION", want: "<key>=<value>" })?;
    Ok(Command::SetOption { key: key.to_owned(), value: value.to_owned() })
}

/// Appends the table of a data command; the caller appends its fields.
fn begin_table<'o>(table: &str, out: &'o mut Vec<u8>) -> FieldWriter<'o> {
    for part in [" ", table, " "] {
        out.extend_from_slice(part.as_bytes());
    }
    FieldWriter::new(out)
}

/// Splits a text at its first blank.
fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = text.splitn(2, |byte| *byte == b' ');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn is(word: &[u8], expected: &str) -> bool {
    word.eq_ignore_ascii_case(expected.as_bytes())
}

#[cfg(test)]
mod tests;
