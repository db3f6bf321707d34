//! Commands that operators send besides those about people: door, enrolment dialogs, files, firmware, other
//! tables.
//!
//! They are read strictly from the line, as in [`super::command`].

use std::collections::BTreeMap;

use wire::{Base64, BioType, Pin};

use super::{
    Device,
    command::Keys,
    execute::{Acknowledgement, NO_USER, PARAMETER},
};
use crate::model::Queries;

/// The state of a device besides its people.
#[derive(Clone, Debug, Default)]
pub struct Controls {
    /// The reaction of the person in front of it to an enrolment dialog.
    pub somebody: Somebody,
    /// Files by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Parameters that the server set.
    pub options: BTreeMap<String, String>,
    /// Records of other tables as they came, by table.
    pub entries: BTreeMap<String, Vec<String>>,
    /// Times of punches on the device's clock: `2027-03-12 07:54:11`.
    pub punches: Vec<String>,
    /// How many times the door was opened.
    pub door_opened: u32,
    /// Commands that its shell executed.
    pub shell: Vec<String>,
    /// Firmware that it started with.
    pub firmware: Option<Vec<u8>>,
    /// Files that it must download.
    fetches: Vec<Fetch>,
}

/// The reaction of the person in front of a device to an enrolment dialog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Somebody {
    /// The person enrols.
    #[default]
    Enrols,
    /// The dialog ends with this return code (appendix 1): 6 the person leaves, 4 the enrolment fails.
    Ends(i32),
}

/// A file to download.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    id: String,
    kind: FetchKind,
    /// Path and query of the request.
    pub target: String,
}

#[derive(Clone, Debug)]
enum FetchKind {
    /// A file and its path on the device.
    File(String),
    /// Firmware of this size, as base64 text or as raw bytes.
    Firmware { size: usize, as_base64: bool },
}

/// Tables of this device besides those of people and those of definitions.
const TABLES: [&str; 7] =
    ["ADPIC", "ShortcutKey", "Blacklist", "BLACKLIST", "WHITELIST", "WALLPAPER", "IDCARD"];

/// The result of a command.
enum ControlResult {
    /// The acknowledgement has a return code only.
    Code(i32),
    /// The acknowledgement has its own text, in which `{id}` and `{sn}` stand for the two names.
    Written(i32, String),
    /// The acknowledgement follows when the file has been downloaded.
    Later,
}

impl Device {
    /// The state of the device besides its people.
    pub const fn controls(&self) -> &Controls {
        &self.controls
    }

    /// The state of the device besides its people, mutable.
    pub const fn controls_mut(&mut self) -> &mut Controls {
        &mut self.controls
    }

    /// Executes a command that is not about people; `None` for any other.
    pub(super) fn control(&mut self, line: &[u8]) -> Option<Vec<Acknowledgement>> {
        // Firmware that answers no queries does not know these either.
        if self.model.queries == Queries::NotUnderstood {
            return None;
        }
        let text = std::str::from_utf8(line).ok()?;
        let (id, text) = text.strip_prefix("C:")?.split_once(':')?;
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (command, done) = match verb {
            "AC_UNLOCK" => {
                self.controls.door_opened += 1;
                (verb, ControlResult::Code(0))
            }
            "AC_UNALARM" => (verb, ControlResult::Code(0)),
            "ENROLL_FP" | "ENROLL_MF" | "ENROLL_BIO" => {
                (verb, ControlResult::Code(self.enrol_on_command(verb, rest)))
            }
            "VERIFY" => ("VERIFY SUM", self.count_punches(rest)),
            "SET" => ("SET OPTION", self.set_option(rest)),
            "GetFile" => (verb, self.get_file(rest)),
            "SHELL" => ("Shell", self.run(rest)),
            "PutFile" => (verb, self.put_file(id, rest)),
            "UPGRADE" => (verb, self.upgrade(id, rest)),
            "DATA" => ("DATA", ControlResult::Code(self.other_table(rest)?)),
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
            ControlResult::Code(code) => vec![answer(code, None)],
            ControlResult::Written(code, text) => {
                let text = text.replace("{id}", id).replace("{sn}", &self.serial);
                vec![answer(code, Some(text))]
            }
            ControlResult::Later => Vec::new(),
        })
    }

    /// Stores a record of another table as it came. The device does not report it.
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

    fn count_punches(&self, rest: &str) -> ControlResult {
        let Some(period) = rest.strip_prefix("SUM ATTLOG ") else {
            return ControlResult::Code(self.model.unknown_code);
        };
        let keys = Keys::of(period.as_bytes());
        let (Some(from), Some(to)) = (keys.text("StartTime"), keys.text("EndTime")) else {
            return ControlResult::Code(PARAMETER);
        };
        let count = self.controls.punches.iter().filter(|at| (from..=to).contains(&at.as_str())).count();
        let text =
            format!("ID={{id}}&Return=0&CMD=VERIFY SUM&StartTime={from}&EndTime={to}&AttlogSum={count}\n");
        ControlResult::Written(0, text)
    }

    fn set_option(&mut self, rest: &str) -> ControlResult {
        let pair = rest.strip_prefix("OPTION ").and_then(|pair| pair.split_once('='));
        let Some((key, value)) = pair else { return ControlResult::Code(PARAMETER) };
        self.controls.options.insert(key.to_owned(), value.to_owned());
        ControlResult::Code(0)
    }

    fn get_file(&self, path: &str) -> ControlResult {
        let Some(content) = self.controls.files.get(path) else { return ControlResult::Code(-2) };
        let (content, bytes) = (String::from_utf8_lossy(content), content.len());
        let name = path.rsplit('/').next().unwrap_or(path);
        let text =
            format!("ID={{id}}\nSN={{sn}}\nFILENAME={name}\nCMD=GetFile\nReturn={bytes}\nContent={content}");
        ControlResult::Written(i32::try_from(bytes).unwrap_or(i32::MAX), text)
    }

    /// A shell that knows one command: `echo`.
    fn run(&mut self, command: &str) -> ControlResult {
        self.controls.shell.push(command.to_owned());
        let (status, output) = match command.strip_prefix("echo ") {
            Some(text) => (0, format!("{text}\n")),
            None => (127, "not found\n".to_owned()),
        };
        let text = format!(
            "ID={{id}}\nSN={{sn}}\nReturn={status}\nCMD=Shell\nFILENAME=shellout.txt\nContent={output}"
        );
        ControlResult::Written(status, text)
    }

    fn put_file(&mut self, id: &str, rest: &str) -> ControlResult {
        let mut parts = rest.split('\t');
        let url = parts.next().unwrap_or_default();
        let path = parts.next().unwrap_or("/mnt/mtdblock").to_owned();
        let target = format!("/iclock/{url}");
        self.controls.fetches.push(Fetch { id: id.to_owned(), kind: FetchKind::File(path), target });
        ControlResult::Later
    }

    fn upgrade(&mut self, id: &str, rest: &str) -> ControlResult {
        let value = |key: &str| {
            rest.split(',').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key)
        };
        let (Some((_, url)), Some(size)) =
            (value("url"), value("size").and_then(|(_, size)| size.parse().ok()))
        else {
            return ControlResult::Code(PARAMETER);
        };
        let as_base64 = value("type").is_none();
        let target = format!("/iclock/file?SN={}&url={url}", self.serial);
        let kind = FetchKind::Firmware { size, as_base64 };
        self.controls.fetches.push(Fetch { id: id.to_owned(), kind, target });
        ControlResult::Later
    }

    /// The files to download now.
    pub(crate) fn take_fetches(&mut self) -> Vec<Fetch> {
        std::mem::take(&mut self.controls.fetches)
    }

    /// Handles a downloaded file, or a failed download; returns the acknowledgement.
    pub(crate) fn fetched(&mut self, fetch: Fetch, content: Option<&[u8]>) -> Acknowledgement {
        const NOT_FETCHED: i32 = -1008;
        let (command, return_code) = match (fetch.kind, content) {
            (FetchKind::File(path), Some(content)) => {
                self.controls.files.insert(path, content.to_vec());
                ("PutFile", i32::try_from(content.len()).unwrap_or(i32::MAX))
            }
            (FetchKind::Firmware { size, as_base64 }, Some(content)) => {
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
            (FetchKind::File(_), None) => ("PutFile", NOT_FETCHED),
            (FetchKind::Firmware { .. }, None) => ("UPGRADE", NOT_FETCHED),
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
