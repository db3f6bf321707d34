//! Execution of commands, and their return codes (appendix 1).

use wire::{BioType, Pin};

use super::{
    Command, Definitions, Device,
    command::{Action, Keys},
};
use crate::content::{Person, TemplateKey};

pub(super) const PARAMETER: i32 = -1;
pub(super) const NO_USER: i32 = -10;
pub(super) const FULL: i32 = -1001;
const BUSY: i32 = -1005;

/// The result of one command, as it is posted to `/iclock/devicecmd` (§13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The id of the command, unchanged.
    pub id: String,
    /// 0, a number of records, or an error code.
    pub return_code: i32,
    /// The first word or words of the command.
    pub command: String,
    /// The parameters in the answer to `INFO`.
    pub parameters: Vec<(&'static str, String)>,
    /// The executed command in words, without its content.
    pub summary: String,
    /// The text of the answer if it has more than these keys: a file, an output, a count.
    pub written: Option<String>,
}

impl Acknowledgement {
    /// The line or lines for the request body, including the last line end.
    pub fn line(&self) -> String {
        if let Some(written) = &self.written {
            return written.clone();
        }
        let mut line = format!("ID={}&Return={}&CMD={}\n", self.id, self.return_code, self.command);
        line.extend(self.parameters.iter().flat_map(|(key, value)| [*key, "=", value, "\n"]));
        line
    }
}

type Outcome = Result<(), i32>;

impl Device {
    /// Executes one command line.
    ///
    /// Returns the acknowledgements. There is none for a line without `C:<id>:`, which devices ignore, and usually
    /// none for `REBOOT`, after which the device restarts.
    pub fn execute(&mut self, line: &[u8]) -> Vec<Acknowledgement> {
        let Some(command) = Command::read(line) else { return Vec::new() };
        let mut done = Acknowledgement {
            id: command.id.to_owned(),
            return_code: 0,
            command: command.action.echo(self.quirks.odd_acknowledgements).to_owned(),
            parameters: Vec::new(),
            summary: command.action.summary(),
            written: None,
        };
        if self.random.chance(self.faults.busy) {
            done.return_code = BUSY;
            return vec![done];
        }
        if let Some(done) = self.control(line) {
            return done;
        }
        // Parts of one template must follow one another; any other command in between makes the device forget
        // them.
        if self.quirks.reset_parts && !matches!(command.action, Action::Update(..)) {
            self.collecting.clear();
        }
        let outcome = match command.action {
            Action::Update(table, keys) => self.update(table, keys).map(|()| 0),
            Action::Delete(table, keys) => self.delete(table, keys).map(|()| 0),
            Action::Query(table, keys) => self.query(command.id, table, keys),
            Action::Reboot => {
                self.restart();
                if self.quirks.silent_reboot {
                    return Vec::new();
                }
                Ok(0)
            }
            Action::Check => {
                self.handshake_due |= self.model.check_code == 0;
                Err(self.model.check_code)
            }
            Action::Info if self.quirks.bare_info => {
                self.info_due = true;
                Ok(0)
            }
            Action::Info => {
                done.parameters = self.parameters();
                Ok(0)
            }
            Action::ReloadOptions => {
                self.options_due = true;
                Ok(0)
            }
            Action::Log | Action::SetOption | Action::ClearRecords(_) => Ok(0),
            Action::ClearData => {
                self.forget_all();
                Ok(0)
            }
            Action::ClearUsers => {
                self.empty();
                Ok(0)
            }
            Action::ClearBioData => {
                self.forget_templates(None, |_| true);
                Ok(0)
            }
            Action::Unknown(_) => Err(self.model.unknown_code),
        };
        done.return_code = outcome.unwrap_or_else(|code| code);
        vec![done]
    }

    fn delete(&mut self, table: &str, keys: Keys<'_>) -> Outcome {
        if let Some(code) = self.quirks.refuse_deletions {
            return Err(code);
        }
        if let Some(outcome) = self.undefine(table, keys) {
            return outcome;
        }
        let pin = keys.text("PIN").or_else(|| keys.text("Pin")).unwrap_or("");
        let Ok(pin) = pin.parse::<Pin>() else {
            // Devices take a missing or misspelt condition for everyone (field note 5.4).
            if table == "USERINFO" && pin.is_empty() {
                self.empty();
                return Ok(());
            }
            return Err(PARAMETER);
        };
        let number = |key: &str| keys.number::<u8>(key);
        match table {
            "USERINFO" => self.delete_user_on_command(&pin),
            "FINGERTMP" => self.forget_of(&pin, BioType::FINGERPRINT, number("FID")),
            "FACE" => self.forget_of(&pin, BioType::FACE, None),
            "FVEIN" => self.forget_of(&pin, BioType::FINGER_VEIN, number("FID")),
            "BIODATA" if self.model.algorithms.iter().any(|algorithm| algorithm.unified) => {
                match number("Type") {
                    Some(bio_type) => self.forget_of(&pin, BioType(bio_type), number("No")),
                    None => self.forget_templates(Some(&pin), |_| true),
                }
            }
            "USERPIC" if self.model.user_photos => {
                self.forget_photos(&pin, |person| person.user_photo = None);
            }
            "BIOPHOTO" if self.model.comparison_photos.is_some() => {
                self.forget_photos(&pin, |person| person.comparison_photos.clear());
            }
            _ => return Err(self.model.unknown_code),
        }
        Ok(())
    }

    fn delete_user_on_command(&mut self, pin: &Pin) {
        if self.quirks.log_commands && self.people.people.contains_key(pin) {
            self.log_deletion(pin);
        }
        self.remove_person(pin);
    }

    /// Removes a user. With some firmware, part of the user's data stays (§12.1.2).
    pub(super) fn remove_person(&mut self, pin: &Pin) {
        let Some(person) = self.people.people.remove(pin) else { return };
        self.numbering.remove(pin);
        if self.quirks.strand_templates {
            let unified =
                |key: &TemplateKey| self.model.algorithm(key.bio_type).is_some_and(|one| !one.classic);
            let left = Person {
                templates: person.templates.into_iter().filter(|(key, _)| unified(key)).collect(),
                comparison_photos: person.comparison_photos,
                ..Person::default()
            };
            self.stranded.insert(pin.clone(), left);
        }
        self.recount();
        self.mark_changed();
    }

    fn forget_of(&mut self, pin: &Pin, bio_type: BioType, number: Option<u8>) {
        self.forget_templates(Some(pin), |key| {
            key.bio_type == bio_type && number.is_none_or(|number| number == key.number)
        });
    }

    /// Removes templates of one person or of all, including those that deletions left behind.
    pub(super) fn forget_templates(&mut self, pin: Option<&Pin>, which: impl Fn(&TemplateKey) -> bool) {
        for (whose, person) in self.people.people.iter_mut().chain(&mut self.stranded) {
            if pin.is_none_or(|pin| pin == whose) {
                person.templates.retain(|key, _| !which(key));
            }
        }
        self.recount();
        self.mark_changed();
    }

    fn forget_photos(&mut self, pin: &Pin, forget: impl Fn(&mut Person)) {
        let people = self.people.people.get_mut(pin).into_iter();
        people.chain(self.stranded.get_mut(pin)).for_each(forget);
        self.mark_changed();
    }

    /// Removes everyone and all data.
    pub(super) fn forget_all(&mut self) {
        self.definitions = Definitions::default();
        self.empty();
    }

    /// Removes everyone.
    pub(super) fn empty(&mut self) {
        self.people.people.clear();
        self.numbering.clear();
        self.stranded.clear();
        self.recount();
        self.mark_changed();
    }
}
