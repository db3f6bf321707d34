//! What operators order beside people: the door, dialogs of enrolment, files, firmware, tables of other things.
//!
//! Read to the letter from the line, as [`super::command`] does.

use std::collections::BTreeMap;

use wire::{Base64, BioType, Pin};

use super::{
    Device,
    command::Keys,
    execute::{Acknowledgement, NO_USER, PARAMETER},
};
use crate::model::Queries;

/// What a device has and does beside its people.
#[derive(Clone, Debug, Default)]
pub struct Controls {
    /// What somebody in front of it does when it asks for a finger, a card or a face.
    pub somebody: Somebody,
    /// Its files, by their paths.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its parameters, as they were set.
    pub options: BTreeMap<String, String>,
    /// Records of its other tables, as they came, by table.
    pub entries: BTreeMap<String, Vec<String>>,
    /// When somebody punched, by its own clock: `2027-03-12 07:54:11`.
    pub punches: Vec<String>,
    /// How often the door was opened.
    pub door_opened: u32,
    /// What was run in its shell.
    pub shell: Vec<String>,
    /// Firmware that it started with.
    pub firmware: Option<Vec<u8>>,
    /// Files that it was told to fetch.
    fetches: Vec<Fetch>,
}

/// What somebody in front of a device does when it asks for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Somebody {
    /// Enrols.
    #[default]
    Enrols,
    /// Ends the dialog with this return code (appendix 1): 6 leaves, 4 fails.
    Ends(i32),
}

/// A file to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    id: String,
    what: What,
    /// Path and query, as they are asked for.
    pub target: String,
}

#[derive(Clone, Debug)]
enum What {
    /// A file, and where it goes.
    File(String),
    /// Firmware of this size, as base64 text or as it is.
    Firmware { size: usize, as_base64: bool },
}

/// Tables that this device has beside those of its people and what is defined for all devices.
const TABLES: [&str; 7] =
    ["ADPIC", "ShortcutKey", "Blacklist", "BLACKLIST", "WHITELIST", "WALLPAPER", "IDCARD"];

/// What became of a command.
enum Done {
    /// It is answered with a return code.
    Code(i32),
    /// It is answered in words of its own, with `{id}` and `{sn}` for the two names.
    Written(i32, String),
    /// It is answered when its file was fetched.
    Later,
}

impl Device {
    /// What it has and does beside its people.
    pub const fn controls(&self) -> &Controls {
        &self.controls
    }

    /// The same, to be changed.
    pub const fn controls_mut(&mut self) -> &mut Controls {
        &mut self.controls
    }

    /// Obeys a command that is not about people; `None` for any other.
    pub(super) fn control(&mut self, line: &[u8]) -> Option<Vec<Acknowledgement>> {
        // Firmware that answers no queries knows none of these either.
        if self.model.queries == Queries::NotUnderstood {
            return None;
        }
        let text = std::str::from_utf8(line).ok()?;
        let (id, text) = text.strip_prefix("C:")?.split_once(':')?;
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (command, done) = match verb {
            "AC_UNLOCK" => {
                self.controls.door_opened += 1;
                (verb, Done::Code(0))
            }
            "AC_UNALARM" => (verb, Done::Code(0)),
            "ENROLL_FP" | "ENROLL_MF" | "ENROLL_BIO" => (verb, Done::Code(self.enrol_on_command(verb, rest))),
            "VERIFY" => ("VERIFY SUM", self.count_punches(rest)),
            "SET" => ("SET OPTION", self.set_option(rest)),
            "GetFile" => (verb, self.get_file(rest)),
            "SHELL" => ("Shell", self.run(rest)),
            "PutFile" => (verb, self.put_file(id, rest)),
            "UPGRADE" => (verb, self.upgrade(id, rest)),
            "DATA" => ("DATA", Done::Code(self.other_table(rest)?)),
            _ => return None,
        };
        let answer = |return_code, written| Acknowledgement {
            id: id.to_owned(),
            return_code,
            command: command.to_owned(),
            parameters: Vec::new(),
            summary: command.to_owned(),
            written,
        };
        Some(match done {
            Done::Code(code) => vec![answer(code, None)],
            Done::Written(code, text) => {
                let text = text.replace("{id}", id).replace("{sn}", &self.serial);
                vec![answer(code, Some(text))]
            }
            Done::Later => Vec::new(),
        })
    }

    /// Records of the other tables are kept as they came; a device tells nothing of them.
    fn other_table(&mut self, rest: &str) -> Option<i32> {
        let mut words = rest.splitn(3, ' ');
        let (verb, table, fields) = (words.next()?, words.next()?, words.next().unwrap_or(""));
        if !TABLES.contains(&table) {
            return None;
        }
        let entries = self.controls.entries.entry(table.to_owned()).or_default();
        match verb {
            "UPDATE" => entries.push(fields.to_owned()),
            "DELETE" if fields.is_empty() => return Some(PARAMETER),
            "DELETE" => entries.retain(|entry| !entry.split('\t').any(|field| field == fields)),
            _ => return None,
        }
        Some(0)
    }

    fn enrol_on_command(&mut self, verb: &str, rest: &str) -> i32 {
        let keys = Keys::of(rest.as_bytes());
        let Some(pin) = keys.pin("PIN") else { return PARAMETER };
        let Some(person) = self.people.people.get(&pin) else { return NO_USER };
        let bio_type = if verb == "ENROLL_FP" { Some(1) } else { keys.number::<u8>("TYPE") };
        let finger = keys.number::<u8>("FID").unwrap_or(0);
        let is_there = person
            .templates
            .keys()
            .any(|key| Some(key.bio_type.0) == bio_type && (key.number == finger || verb != "ENROLL_FP"));
        if is_there && keys.text("OVERWRITE") != Some("1") {
            return 2;
        }
        if let Somebody::Ends(code) = self.controls.somebody {
            return code;
        }
        self.somebody_enrols(verb, &pin, finger, bio_type)
    }

    fn somebody_enrols(&mut self, verb: &str, pin: &Pin, finger: u8, bio_type: Option<u8>) -> i32 {
        let has = |device: &Self, bio_type| device.model.algorithm(bio_type).is_some();
        match (verb, bio_type.map(BioType)) {
            ("ENROLL_MF", _) => self.change_card(pin.as_str(), 7_654_321),
            (_, Some(BioType::FINGERPRINT)) if has(self, BioType::FINGERPRINT) => {
                self.enrol_fingerprint(pin.as_str(), finger);
            }
            (_, Some(face @ (BioType::VISIBLE_FACE | BioType::FACE))) if has(self, face) => {
                self.enrol_face(pin.as_str());
            }
            (_, Some(BioType::PALM)) if has(self, BioType::PALM) => self.enrol_palm(pin.as_str(), 0),
            _ => return self.model.unknown_code,
        }
        0
    }

    fn count_punches(&self, rest: &str) -> Done {
        let Some(period) = rest.strip_prefix("SUM ATTLOG ") else {
            return Done::Code(self.model.unknown_code);
        };
        let keys = Keys::of(period.as_bytes());
        let (Some(from), Some(to)) = (keys.text("StartTime"), keys.text("EndTime")) else {
            return Done::Code(PARAMETER);
        };
        let count = self.controls.punches.iter().filter(|at| (from..=to).contains(&at.as_str())).count();
        let text =
            format!("ID={{id}}&Return=0&CMD=VERIFY SUM&StartTime={from}&EndTime={to}&AttlogSum={count}\n");
        Done::Written(0, text)
    }

    fn set_option(&mut self, rest: &str) -> Done {
        let pair = rest.strip_prefix("OPTION ").and_then(|pair| pair.split_once('='));
        let Some((key, value)) = pair else { return Done::Code(PARAMETER) };
        self.controls.options.insert(key.to_owned(), value.to_owned());
        Done::Code(0)
    }

    fn get_file(&self, path: &str) -> Done {
        let Some(content) = self.controls.files.get(path) else { return Done::Code(-2) };
        let (content, bytes) = (String::from_utf8_lossy(content), content.len());
        let name = path.rsplit('/').next().unwrap_or(path);
        let text =
            format!("ID={{id}}\nSN={{sn}}\nFILENAME={name}\nCMD=GetFile\nReturn={bytes}\nContent={content}");
        Done::Written(i32::try_from(bytes).unwrap_or(i32::MAX), text)
    }

    /// A shell that knows one command: `echo`.
    fn run(&mut self, command: &str) -> Done {
        self.controls.shell.push(command.to_owned());
        let (status, output) = match command.strip_prefix("echo ") {
            Some(text) => (0, format!("{text}\n")),
            None => (127, "not found\n".to_owned()),
        };
        let text = format!(
            "ID={{id}}\nSN={{sn}}\nReturn={status}\nCMD=Shell\nFILENAME=shellout.txt\nContent={output}"
        );
        Done::Written(status, text)
    }

    fn put_file(&mut self, id: &str, rest: &str) -> Done {
        let mut parts = rest.split('\t');
        let url = parts.next().unwrap_or_default();
        let path = parts.next().unwrap_or("/mnt/mtdblock").to_owned();
        let target = format!("/iclock/{url}");
        self.controls.fetches.push(Fetch { id: id.to_owned(), what: What::File(path), target });
        Done::Later
    }

    fn upgrade(&mut self, id: &str, rest: &str) -> Done {
        let value = |key: &str| {
            rest.split(',').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key)
        };
        let (Some((_, url)), Some(size)) =
            (value("url"), value("size").and_then(|(_, size)| size.parse().ok()))
        else {
            return Done::Code(PARAMETER);
        };
        let as_base64 = value("type").is_none();
        let target = format!("/iclock/file?SN={}&url={url}", self.serial);
        let what = What::Firmware { size, as_base64 };
        self.controls.fetches.push(Fetch { id: id.to_owned(), what, target });
        Done::Later
    }

    /// The files that are to be fetched now.
    pub(crate) fn take_fetches(&mut self) -> Vec<Fetch> {
        std::mem::take(&mut self.controls.fetches)
    }

    /// A file came, or did not; returns what is to be acknowledged.
    pub(crate) fn fetched(&mut self, fetch: Fetch, content: Option<&[u8]>) -> Acknowledgement {
        const NOT_FETCHED: i32 = -1008;
        let (command, return_code) = match (fetch.what, content) {
            (What::File(path), Some(content)) => {
                self.controls.files.insert(path, content.to_vec());
                ("PutFile", i32::try_from(content.len()).unwrap_or(i32::MAX))
            }
            (What::Firmware { size, as_base64 }, Some(content)) => {
                let content = if as_base64 {
                    Base64::read(content).map(|text| text.decode()).unwrap_or_default()
                } else {
                    content.to_vec()
                };
                let is_whole = content.len() == size;
                if is_whole {
                    self.controls.firmware = Some(content);
                }
                ("UPGRADE", if is_whole { 0 } else { PARAMETER })
            }
            (What::File(_), None) => ("PutFile", NOT_FETCHED),
            (What::Firmware { .. }, None) => ("UPGRADE", NOT_FETCHED),
        };
        Acknowledgement {
            id: fetch.id,
            return_code,
            command: command.to_owned(),
            parameters: Vec::new(),
            summary: command.to_owned(),
            written: None,
        }
    }
}
