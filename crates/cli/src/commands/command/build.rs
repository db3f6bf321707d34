//! Builds the command of the protocol from the command line.

use anyhow::bail;
use fleet::command::{CommandTarget, QueuedCommand};
use roster::Capability;
use wire::{Base64, BioType, Command, DataQuery, Enroll, Entry, FingerKey, Pin, RecordTable, TableRecordKey};

use super::{Wanted, files};
use crate::args::{self, Action, Cleared, Enrolled, Query};
use crate::failure::usage;

/// The command for an action on one device.
///
/// # Errors
/// A value that is none of its key, a file that cannot be read.
pub fn wanted(target: &CommandTarget, action: &Action) -> anyhow::Result<Wanted> {
    let command = match action {
        Action::Check => Command::Check,
        Action::Log => Command::Log,
        Action::Info => Command::Info,
        Action::Reboot => Command::Reboot,
        Action::ReloadOptions => Command::ReloadOptions,
        Action::Unlock => Command::Unlock,
        Action::ClearAlarm => Command::Unalarm,
        Action::Clear { what } => match what {
            Cleared::Data => Command::ClearData,
            Cleared::Log => Command::ClearLog,
            Cleared::Photos => Command::ClearPhoto,
            Cleared::Templates => Command::ClearBioData,
            Cleared::Users => Command::ClearUsers,
        },
        Action::SetOption { key, value } => option(key, value)?,
        Action::Query(query) => Command::Query(select(target, query)?),
        Action::Enroll(enroll) => Command::Enroll(enrolment(&target.capability, enroll)),
        Action::VerifySum { period } => {
            let (from, to) = period.at(&target.time_zone)?;
            Command::VerifySum { from, to }
        }
        Action::Put { table, pairs } => Command::Put(entry(target, *table, pairs)?),
        Action::Remove { table, key } => {
            let removed = TableRecordKey::new(*table, key);
            Command::Remove(removed.map_err(|error| usage(format!("{}: {error}", table.form())))?)
        }
        Action::GetFile { path } => Command::GetFile { path: path.clone() },
        Action::Shell { command } => Command::Shell { command: command.clone() },
        Action::PutFile(put) => return files::put(put),
        Action::Upgrade(upgrade) => return files::upgrade(upgrade),
        Action::List { .. } | Action::Show { .. } | Action::Cancel { .. } => {
            bail!("this is not a command for a device")
        }
    };
    Ok(Wanted { command: QueuedCommand(command), file: None })
}

/// One parameter with its value; that of `-` is the first line of standard input.
fn option(key: &str, value: &str) -> anyhow::Result<Command<'static>> {
    if key.is_empty() || key.contains(['=', '\t', '\n', '\r', '\0', ' ']) {
        return Err(usage(format!("{key:?} is not the name of a parameter: want one word without =")));
    }
    let value = if value == "-" { first_line()? } else { value.to_owned() };
    if value.chars().any(char::is_control) {
        return Err(usage(format!("the value of {key} is not one line of text")));
    }
    Ok(Command::SetOption { key: key.to_owned(), value })
}

fn first_line() -> anyhow::Result<String> {
    use std::io::{BufRead as _, Read as _};
    let mut line = String::new();
    std::io::stdin().lock().take(4096).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn select(target: &CommandTarget, query: &Query) -> anyhow::Result<DataQuery> {
    let version = target.capability.push_version();
    Ok(match query {
        Query::User { pin } => DataQuery::User(pin.clone()),
        Query::Users => DataQuery::AllUsers,
        Query::Fingerprints { pin, finger: None } => DataQuery::Fingerprints(pin.clone()),
        Query::Fingerprints { pin, finger: Some(finger) } => {
            finger_of(&target.capability, pin, *finger, version)
        }
        Query::Templates { bio_type, pin: Some(pin), number: Some(number) } => {
            DataQuery::BioDataNumber { bio_type: BioType(*bio_type), pin: pin.clone(), number: *number }
        }
        Query::Templates { bio_type, pin, .. } => {
            DataQuery::BioData { bio_type: BioType(*bio_type), pin: pin.clone() }
        }
        Query::Attendance { period } => {
            let (from, to) = period.at(&target.time_zone)?;
            DataQuery::AttLog { from, to }
        }
        Query::Photos { period } => {
            let (from, to) = period.at(&target.time_zone)?;
            DataQuery::AttPhoto { from, to }
        }
    })
}

/// One finger by the word of the version, or by the other one where the device refused that before.
fn finger_of(capability: &Capability, pin: &Pin, finger: u8, version: Option<&wire::Version>) -> DataQuery {
    let select = |key| DataQuery::Fingerprint { pin: pin.clone(), finger, key };
    let key = FingerKey::of(version);
    let is_refused = |key| capability.refused(Command::Query(select(key)).table());
    if is_refused(key) && !is_refused(key.other()) { select(key.other()) } else { select(key) }
}

fn enrolment(capability: &Capability, enroll: &args::Enroll) -> Enroll {
    let (pin, retries, overwrite) = (enroll.pin.clone(), enroll.retries, enroll.overwrite);
    let bio_data = |bio_type| Enroll::BioData { bio_type, pin: pin.clone(), retries, overwrite };
    // Two types exist: take the one that the device reports, or else the newer one.
    let one_of = |newer: BioType, older: BioType| {
        let has = |bio_type| capability.version_of(bio_type).is_some();
        if has(older) && !has(newer) { older } else { newer }
    };
    match enroll.what {
        Enrolled::Finger => {
            Enroll::Fingerprint { pin, finger: enroll.finger.unwrap_or_default(), retries, overwrite }
        }
        Enrolled::Card => Enroll::Card { pin, retries },
        Enrolled::Face => bio_data(one_of(BioType::VISIBLE_FACE, BioType::FACE)),
        Enrolled::Palm => bio_data(one_of(BioType::VISIBLE_PALM, BioType::PALM)),
    }
}

/// A record of a table; what begins with `@` is a file whose content is meant.
fn entry(
    target: &CommandTarget,
    table: RecordTable,
    pairs: &[(String, String)],
) -> anyhow::Result<Entry<'static>> {
    let mut read = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let value = match value.strip_prefix('@') {
            Some(path) => Base64::encode(&files::read(path.as_ref())?).into_string(),
            None => value.clone(),
        };
        read.push((key.clone(), value));
    }
    let made = Entry::new(table, &read, target.capability.push_version());
    made.map(|entry| entry.in_charset(target.capability.charset())).map_err(|error| {
        let keys: Vec<&str> = table.keys().collect();
        usage(format!("{}: {error}. Its keys: {}", table.form(), keys.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> Pin {
        "1007".parse().expect("a PIN")
    }

    /// Obligation 159.
    #[test]
    fn a_finger_is_asked_for_by_the_other_word_where_one_was_refused() {
        let mut capability = Capability::default();
        let key = |capability: &Capability| match finger_of(capability, &pin(), 6, None) {
            DataQuery::Fingerprint { key, .. } => key,
            other => panic!("{other:?}"),
        };
        assert_eq!(key(&capability), FingerKey::FingerId);
        let evidence = roster::Evidence {
            return_code: wire::ReturnCode(-1002),
            kind: None,
            at: roster::Millis(0),
            before: 1,
        };
        capability.refuse(wire::Form::QueryFingerId, evidence);
        assert_eq!(key(&capability), FingerKey::Fid);
        capability.refuse(wire::Form::QueryFid, evidence);
        assert_eq!(key(&capability), FingerKey::FingerId);
    }

    #[test]
    fn a_face_is_enrolled_in_the_type_that_the_device_has() {
        let enroll =
            args::Enroll { what: Enrolled::Face, pin: pin(), finger: None, retries: 3, overwrite: false };
        let bio_type = |capability: &Capability| match enrolment(capability, &enroll) {
            Enroll::BioData { bio_type, .. } => bio_type,
            other => panic!("{other:?}"),
        };
        let mut capability = Capability::default();
        assert_eq!(bio_type(&capability), BioType::VISIBLE_FACE);
        capability.learn_version(BioType::FACE, 7, 0);
        assert_eq!(bio_type(&capability), BioType::FACE);
        capability.learn_version(BioType::VISIBLE_FACE, 58, 12);
        assert_eq!(bio_type(&capability), BioType::VISIBLE_FACE);
    }

    /// Obligation 162.
    #[test]
    fn an_option_is_one_pair() {
        assert!(option("VOLUME", "60").is_ok());
        for (key, value) in
            [("VOLUME=60\tX", "1"), ("A B", "1"), ("", "1"), ("VOLUME", "60\tX=1"), ("A", "1\n2")]
        {
            assert!(option(key, value).is_err(), "{key}");
        }
    }
}
