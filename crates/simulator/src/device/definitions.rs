//! Definitions on the device: time zones, groups, holidays, unlock combinations, messages and work codes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Device,
    command::Keys,
    execute::{NO_USER, PARAMETER},
    upload::Subject,
};

/// The tables, each with its key and with whether the protocol can delete from it (§12.1.2).
const TABLES: [(&str, &str, bool); 6] = [
    ("AccTimeZone", "UID", false),
    ("AccHoliday", "UID", false),
    ("AccGroup", "ID", false),
    ("AccUnLockComb", "UID", false),
    ("SMS", "UID", true),
    ("WORKCODE", "CODE", true),
];

/// The assignments of personal messages.
const USER_SMS: &str = "USER_SMS";

/// Records of these tables, by table and key. Each holds the fields as they came, without the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    records: BTreeMap<(&'static str, String), String>,
    assigned: BTreeSet<(String, String)>,
}

impl Definitions {
    /// The fields of a record, separated by blanks: `MonStart=0800 MonEnd=1800`.
    pub fn get(&self, table: &str, key: &str) -> Option<&str> {
        let found = self.records.iter().find(|((known, own), _)| *known == table && own == key);
        found.map(|(_, fields)| fields.as_str())
    }

    /// The keys of a table.
    pub fn keys(&self, table: &str) -> Vec<&str> {
        self.records.keys().filter(|(known, _)| *known == table).map(|(_, key)| key.as_str()).collect()
    }

    /// The users who have a personal message.
    pub fn assigned(&self, message: &str) -> Vec<&str> {
        self.assigned.iter().filter(|(own, _)| own == message).map(|(_, pin)| pin.as_str()).collect()
    }
}

impl Device {
    /// The definitions on the device.
    pub const fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// A person enters a work code at the device.
    pub fn define_work_code(&mut self, code: &str, name: &str) {
        let place = self.definitions.keys("WORKCODE").len() + 1;
        self.definitions.records.insert(("WORKCODE", code.to_owned()), format!("PIN={place} NAME={name}"));
        self.report(Subject::WorkCode(code.to_owned()));
    }

    /// Executes `DATA UPDATE` of one of these tables; `None` for another table.
    pub(super) fn define(&mut self, table: &str, keys: Keys<'_>) -> Option<Result<(), i32>> {
        if table == USER_SMS {
            return Some(self.refusal(USER_SMS).and_then(|()| self.assign(keys)));
        }
        let (table, key, _) = *TABLES.iter().find(|(known, ..)| *known == table)?;
        Some(self.refusal(table).and_then(|()| {
            let own = keys.text(key).filter(|text| !text.is_empty()).ok_or(PARAMETER)?;
            let fields: Vec<String> = keys
                .all()
                .filter(|(name, _)| *name != key.as_bytes())
                .map(|(name, value)| {
                    format!("{}={}", String::from_utf8_lossy(name), self.name_as_text(value))
                })
                .collect();
            self.definitions.records.insert((table, own.to_owned()), fields.join(" "));
            Ok(())
        }))
    }

    /// Executes `DATA DELETE` of one of these tables; `None` for another table, and for one from which the
    /// protocol cannot delete.
    pub(super) fn undefine(&mut self, table: &str, keys: Keys<'_>) -> Option<Result<(), i32>> {
        let (table, key, _) = *TABLES.iter().find(|(known, _, deletes)| *known == table && *deletes)?;
        Some(self.refusal(table).and_then(|()| {
            let own = keys.text(key).filter(|text| !text.is_empty()).ok_or(PARAMETER)?;
            self.definitions.records.remove(&(table, own.to_owned()));
            if table == "SMS" {
                self.definitions.assigned.retain(|(message, _)| message != own);
            }
            Ok(())
        }))
    }

    /// The upload line of a work code (§12.1.1.12).
    pub(super) fn work_code_line(&self, code: &str) -> Option<Vec<u8>> {
        let fields = self.definitions.get("WORKCODE", code)?;
        let (place, name) = fields.split_once(" NAME=")?;
        Some(format!("WORKCODE {place}\tCODE={code}\tNAME={name}").into_bytes())
    }

    fn assign(&mut self, keys: Keys<'_>) -> Result<(), i32> {
        let pin = keys.pin("PIN").ok_or(PARAMETER)?;
        let message = keys.text("UID").ok_or(PARAMETER)?;
        if !self.people.people.contains_key(&pin) {
            return Err(NO_USER);
        }
        if self.definitions.get("SMS", message).is_none() {
            return Err(PARAMETER);
        }
        self.definitions.assigned.insert((message.to_owned(), pin.to_string()));
        Ok(())
    }

    fn refusal(&self, table: &str) -> Result<(), i32> {
        let refused = self.quirks.refuse_tables.iter().find(|(known, _)| *known == table);
        refused.map_or(Ok(()), |(_, code)| Err(*code))
    }
}
