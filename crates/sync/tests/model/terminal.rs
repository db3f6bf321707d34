//! The terminal of the random model. The server cannot see into it.

use std::collections::{BTreeMap, VecDeque};

use roster::{
    Content, Definition, DefinitionKind, ItemKey, Kind, Part, Seq, Slot, StoredName, Template, UserFields,
    UserPatch,
};
use sync::{Subject, Verb};
use wire::Pin;

use crate::random::Random;

/// A user as a terminal keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub card: Option<String>,
    pub privilege: i32,
    /// Does not identify a person.
    pub group: i32,
}

impl User {
    /// The record as it is uploaded.
    pub fn patch(&self) -> UserPatch {
        let name = StoredName { raw: self.name.clone().into_bytes(), text: Some(self.name.clone()) };
        UserPatch {
            name: Some(name),
            card: Some(self.card.clone().unwrap_or_default()),
            privilege: Some(self.privilege),
            group: Some(self.group),
            ..UserPatch::default()
        }
    }

    pub fn new(name: String, card: Option<String>) -> Self {
        Self { name, card, privilege: 0, group: 1 }
    }
}

/// A command that reached the terminal.
#[derive(Clone, Debug)]
pub enum Command {
    Item { number: i64, lines: u16, verb: Verb, key: ItemKey, seq: Seq, content: Option<Box<Content>> },
    QueuedCommand { number: i64, what: QueuedCommand },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueuedCommand {
    Check,
    Reboot,
    ClearData,
    Query(Pin, Subject),
}

#[derive(Clone, Debug)]
pub enum Acknowledgement {
    Item { number: i64, line: u16, verb: Verb, key: ItemKey, seq: Seq, code: i32 },
    QueuedCommand { number: i64, understood: bool },
}

/// The questions that a terminal answers. Each variant answers less than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answers {
    /// Queries for users and for templates.
    #[default]
    Everything,
    /// Queries for users alone.
    Users,
    /// No queries. `CHECK` has it upload everything.
    Check,
    /// Not even `CHECK`: it uploads everything after a new connection.
    Nothing,
}

impl Answers {
    pub fn understands(self, what: &QueuedCommand) -> bool {
        self <= match what {
            QueuedCommand::Query(_, Subject::Template(_)) => Self::Everything,
            QueuedCommand::Query(_, Subject::User) => Self::Users,
            QueuedCommand::Check => Self::Check,
            QueuedCommand::Reboot | QueuedCommand::ClearData => Self::Nothing,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Upload {
    User(Pin, User),
    Template(ItemKey, String),
    WorkCode(ItemKey, String),
    Deleted(Pin),
    /// The log of the terminal reports the enrolment of a new user.
    Enrolled(Pin),
    Wiped,
    Restored,
    /// The number of users in the INFO of a poll.
    Count,
}

impl Upload {
    /// Names by their first eight letters, cards and templates, with the PIN.
    pub fn values(&self) -> Vec<(Pin, String)> {
        match self {
            Self::User(pin, user) => user.values().into_iter().map(|value| (pin.clone(), value)).collect(),
            Self::Template(key, text) => vec![(key.pin.clone(), text.clone())],
            _ => Vec::new(),
        }
    }

    /// The user or template that this upload shows to be on the device.
    pub fn shows(&self) -> Option<(Pin, Option<Slot>)> {
        match self {
            Self::User(pin, _) => Some((pin.clone(), None)),
            Self::Template(key, _) => Some((key.pin.clone(), Some(key.slot))),
            _ => None,
        }
    }
}

/// The part of a name that identifies it.
pub fn short(name: &str) -> String {
    name.get(..8).unwrap_or_default().to_owned()
}

impl User {
    /// Its name and card, if there are any.
    pub fn values(&self) -> Vec<String> {
        let name = Some(short(&self.name)).filter(|name| !name.is_empty());
        name.into_iter().chain(self.card.clone().filter(|card| !card.is_empty())).collect()
    }
}

/// A terminal: its content, and the commands and uploads on their way.
#[derive(Debug, Default)]
pub struct Terminal {
    pub users: BTreeMap<Pin, User>,
    pub templates: BTreeMap<(Pin, Slot), String>,
    /// Content by owner of a definition: the name of a work code, the start of Monday of a time zone.
    pub definitions: BTreeMap<Pin, String>,
    /// Its firmware knows time zones.
    pub knows_zones: bool,
    pub inbox: VecDeque<Command>,
    pub acknowledgements: Vec<Acknowledgement>,
    /// Bodies of uploads.
    pub uploads: Vec<Vec<Upload>>,
    /// The terminal cuts names that are longer than this, bytes.
    pub name_bytes: usize,
    pub most_users: usize,
    pub most_templates: usize,
    /// The terminal refuses every seventeenth template.
    pub refuses: bool,
    /// The terminal reports deletions by the server as if a person had made them.
    pub reports_own_deletions: bool,
    pub answers: Answers,
    /// The terminal answers deletions with this return code, and deletes nothing.
    pub refuses_deletions: Option<i32>,
}

impl Terminal {
    /// Carries out up to `most` commands.
    pub fn run(&mut self, random: &mut Random, most: usize, busy: f64) {
        for _ in 0..most {
            let Some(command) = self.inbox.pop_front() else { return };
            match command {
                Command::Item { number, lines, verb, key, seq, content } => {
                    let code = if random.chance(busy) {
                        -1005
                    } else {
                        self.carry_out(verb, &key, content.map(|content| *content))
                    };
                    for line in 0..lines {
                        let removes_user = verb == Verb::Replace && line + 2 == lines;
                        let code = match code {
                            -1005 => code,
                            _ if line + 1 == lines => code,
                            _ if removes_user && self.refuses_deletions.is_some() => {
                                self.refuses_deletions.unwrap_or(code)
                            }
                            _ if removes_user => 0,
                            _ => -1004,
                        };
                        let key = key.clone();
                        self.acknowledgements.push(Acknowledgement::Item {
                            number,
                            line,
                            verb,
                            key,
                            seq,
                            code,
                        });
                    }
                }
                Command::QueuedCommand { number, what } => {
                    let understood = self.answers.understands(&what);
                    match what {
                        _ if !understood => {}
                        QueuedCommand::Check => self.upload_everything(),
                        QueuedCommand::Reboot => {
                            self.inbox.clear();
                            continue;
                        }
                        QueuedCommand::ClearData => self.clear(),
                        QueuedCommand::Query(pin, subject) => self.answer(&pin, subject),
                    }
                    self.acknowledgements.push(Acknowledgement::QueuedCommand { number, understood });
                }
            }
        }
    }

    fn carry_out(&mut self, verb: Verb, key: &ItemKey, content: Option<Content>) -> i32 {
        let place = (key.pin.clone(), key.slot);
        if key.slot == DefinitionKind::TimeZone.slot() && !self.knows_zones {
            return -1004;
        }
        match (verb, self.refuses_deletions) {
            (Verb::Delete, Some(code)) => return code,
            (Verb::Replace, None) => self.remove(&key.pin),
            _ => {}
        }
        match (if verb.brings() { Verb::Update } else { verb }, content) {
            (Verb::Update, Some(Content::Definition(definition))) => {
                self.definitions.insert(key.pin.clone(), defined(&definition).to_owned());
            }
            (Verb::Delete, _) if matches!(key.slot.kind, Kind::Definition(_)) => {
                self.definitions.remove(&key.pin);
            }
            (Verb::Update, Some(Content::User(fields))) => {
                if !self.users.contains_key(&key.pin) && self.users.len() >= self.most_users {
                    return -1001;
                }
                self.users.insert(key.pin.clone(), self.keep(&fields));
            }
            (Verb::Update, Some(Content::Template(template))) => {
                let text = &template.parts[0].text;
                if !self.users.contains_key(&key.pin) {
                    return -10;
                }
                if self.refuses && checksum(text).is_multiple_of(17) {
                    return -12;
                }
                if !self.templates.contains_key(&place) && self.templates.len() >= self.most_templates {
                    return -1001;
                }
                self.templates.insert(place, text.clone());
            }
            (_, _) if verb.brings() => unreachable!("an update has content"),
            (Verb::Delete, _) if key.slot.kind == Kind::User => {
                if self.users.contains_key(&key.pin) && self.reports_own_deletions {
                    self.report(Upload::Deleted(key.pin.clone()));
                }
                self.remove(&key.pin);
            }
            (_, _) => {
                self.templates.remove(&place);
            }
        }
        0
    }

    /// The user that the terminal keeps of a user record.
    pub fn keep(&self, fields: &UserFields) -> User {
        let mut name = fields.name.clone();
        name.truncate(self.name_bytes);
        let (privilege, group) = (fields.privilege, fields.group.max(1));
        User { name, card: fields.card.clone(), privilege, group }
    }

    /// Uploads an event in a body of its own.
    pub fn report(&mut self, upload: Upload) {
        self.uploads.push(vec![upload]);
    }

    /// Uploads the answer to a query, after the uploads that wait already.
    fn answer(&mut self, pin: &Pin, subject: Subject) {
        let body: Vec<Upload> = match subject {
            Subject::User => {
                self.users.get(pin).map(|user| Upload::User(pin.clone(), user.clone())).into_iter().collect()
            }
            Subject::Template(_) => self.templates_of(pin),
        };
        if !body.is_empty() {
            self.uploads.push(body);
        }
    }

    pub fn templates_of(&self, pin: &Pin) -> Vec<Upload> {
        let of = self.templates.iter().filter(|((owner, _), _)| owner == pin);
        of.map(|((pin, slot), text)| {
            Upload::Template(ItemKey { pin: pin.clone(), slot: *slot }, text.clone())
        })
        .collect()
    }

    pub fn remove(&mut self, pin: &Pin) {
        self.users.remove(pin);
        self.templates.retain(|(owner, _), _| owner != pin);
    }

    pub fn clear(&mut self) {
        self.users.clear();
        self.templates.clear();
        self.definitions.clear();
        self.inbox.clear();
        self.acknowledgements.clear();
        self.uploads.clear();
        self.report(Upload::Wiped);
    }

    pub fn upload_everything(&mut self) {
        let bodies: Vec<Vec<Upload>> = self.everything().into_iter().map(|upload| vec![upload]).collect();
        self.uploads.extend(bodies);
    }

    /// Everything that the terminal holds: users, templates, work codes.
    pub fn everything(&self) -> Vec<Upload> {
        let users = self.users.iter().map(|(pin, user)| Upload::User(pin.clone(), user.clone()));
        let templates = self.templates.iter().map(|((pin, slot), text)| {
            Upload::Template(ItemKey { pin: pin.clone(), slot: *slot }, text.clone())
        });
        let codes = self.definitions.iter().filter(|(owner, _)| Slot::root_of(owner) == work_code_slot());
        let codes = codes.map(|(owner, name)| {
            Upload::WorkCode(ItemKey { pin: owner.clone(), slot: work_code_slot() }, name.clone())
        });
        users.chain(templates).chain(codes).collect()
    }
}

pub const fn work_code_slot() -> Slot {
    DefinitionKind::WorkCode.slot()
}

/// The text that distinguishes the contents of definitions here.
pub fn defined(definition: &Definition) -> &str {
    match definition.kind() {
        DefinitionKind::WorkCode => definition.value("NAME"),
        _ => definition.value("MonStart"),
    }
}

/// A template of one part.
pub fn template(text: &str) -> Content {
    let part = Part { index: 0, valid: 1, duress: false, text: text.to_owned() };
    Content::Template(Template { parts: vec![part] })
}

pub fn checksum(text: &str) -> u32 {
    text.bytes().fold(0, |sum, byte| sum * 31 % 1_000_003 + u32::from(byte))
}
