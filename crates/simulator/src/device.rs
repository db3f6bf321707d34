//! A terminal without its network: its content, its reports, and the execution of commands.

mod backup;
mod command;
mod controls;
mod definitions;
mod edit;
mod execute;
mod numbering;
mod options;
mod query;
mod record;
mod roster;
#[cfg(test)]
mod tests;
mod update;
mod upload;

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use wire::{BioType, Pin};

pub use self::{
    backup::{Backup, Restoring},
    controls::{Controls, Somebody},
    definitions::Definitions,
    execute::Acknowledgement,
    options::ServerOptions,
    upload::Upload,
};
pub(crate) use self::{command::Command, upload::Entry};
use self::{numbering::Numbering, roster::Roster};
use crate::{
    clock::LocalTime,
    content::{Content, Payload, PayloadPool, Person, Template, TemplateKey},
    difference::{Holding, whole_characters},
    model::Model,
    quirks::{Faults, Quirks},
    random::Random,
};

/// One terminal as a state machine. It has no socket and no clock of its own, and all its randomness comes from
/// its seed.
///
/// Edits at the terminal (`enrol_user`, `enrol_fingerprint`, `delete_user`, …) change its content and queue
/// reports. [`Device::execute`] executes a command line of the server. [`Device::next_upload`] and
/// [`Device::uploaded`] empty the queue. [`Device::connect`] connects it to a server.
#[derive(Clone, Debug)]
pub struct Device {
    serial: String,
    model: Model,
    quirks: Quirks,
    faults: Faults,
    pub(crate) random: Random,
    clock: LocalTime,
    /// Names in the charset of the device.
    people: Content,
    /// Number of templates of each type, to check the capacity without counting.
    held: BTreeMap<BioType, usize>,
    numbering: Numbering,
    /// Data that deleted users left behind.
    stranded: BTreeMap<Pin, Person>,
    definitions: Definitions,
    /// Templates whose parts are still being received.
    collecting: BTreeMap<(Pin, TemplateKey), Template>,
    /// Answers to queries that are sent before their acknowledgements.
    answers: VecDeque<Upload>,
    queue: VecDeque<Entry>,
    roster: Roster,
    server: Option<ServerOptions>,
    handshake_due: bool,
    options_due: bool,
    info_due: bool,
    revision: u64,
    pool: Option<Arc<PayloadPool>>,
    controls: Controls,
}

impl Device {
    /// A new, empty device with the habits of its model and without faults.
    pub fn new(model: Model, serial_number: &str) -> Self {
        Self {
            serial: serial_number.to_owned(),
            quirks: model.quirks.clone(),
            faults: Faults::default(),
            random: Random::named(0, serial_number),
            clock: LocalTime::UNSET,
            people: Content::default(),
            held: BTreeMap::new(),
            numbering: Numbering::default(),
            stranded: BTreeMap::new(),
            definitions: Definitions::default(),
            collecting: BTreeMap::new(),
            answers: VecDeque::new(),
            queue: VecDeque::new(),
            roster: Roster::default(),
            server: None,
            handshake_due: true,
            options_due: false,
            info_due: false,
            revision: 0,
            pool: None,
            controls: Controls::default(),
            model,
        }
    }

    /// Uses another seed, for templates and for the times when faults occur.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.random = Random::named(seed, &self.serial);
        self
    }

    /// Replaces the habits of the model.
    #[must_use]
    pub fn with_quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Adds faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Adds people, like a device that was used without the server before. The device does not report them by
    /// itself.
    #[must_use]
    pub fn with_content(mut self, content: &Content) -> Self {
        self.load(content);
        self
    }

    /// Shares the memory for templates and photos with other devices.
    #[must_use]
    pub fn with_pool(mut self, pool: Arc<PayloadPool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Replaces the content of the device by these people (names in UTF-8), without a report to the server.
    pub fn load(&mut self, content: &Content) {
        let mut content = content.clone();
        for person in content.people.values_mut() {
            person.user.name = self.name_as_kept(&String::from_utf8_lossy(&person.user.name));
            person.user = self.as_kept(std::mem::take(&mut person.user));
        }
        self.numbering = content.people.keys().collect();
        self.people = content;
        self.recount();
        self.mark_changed();
    }

    /// The serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The model.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// The habits of the device.
    pub const fn quirks(&self) -> &Quirks {
        &self.quirks
    }

    /// The habits of the device, mutable.
    pub const fn quirks_mut(&mut self) -> &mut Quirks {
        &mut self.quirks
    }

    /// The faults of the device.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The faults of the device, mutable.
    pub const fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// The time that the device shows.
    pub const fn local_time(&self) -> LocalTime {
        self.clock
    }

    /// The options from the server's answer to the initialization; `None` before it.
    pub const fn server_options(&self) -> Option<&ServerOptions> {
        self.server.as_ref()
    }

    /// The content, with names in UTF-8 and without a last character that was cut.
    pub fn content(&self) -> Content {
        let mut content = self.people.clone();
        for person in content.people.values_mut() {
            person.user.name = self.name_as_text(&person.user.name).into_bytes();
        }
        content
    }

    /// The content, ready for comparison.
    pub fn holding(&self) -> Holding<'_> {
        Holding {
            label: Cow::Borrowed(&self.serial),
            content: Cow::Owned(self.content()),
            keeps: Cow::Owned(self.model.keeps(&self.quirks)),
        }
    }

    /// A person on this device; the name is in the charset of the device.
    pub fn person(&self, pin: &str) -> Option<&Person> {
        self.people.people.get(&pin.parse().ok()?)
    }

    /// Number of people on the device.
    pub fn users(&self) -> usize {
        self.people.people.len()
    }

    /// Number of templates of a type on the device.
    pub fn count(&self, bio_type: BioType) -> usize {
        self.held.get(&bio_type).copied().unwrap_or(0)
    }

    /// A number that rises with every change of the content.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the device must send an initialization request next.
    pub const fn handshake_due(&self) -> bool {
        self.handshake_due
    }

    /// Whether to send the parameters now; false when the server does not want them or has them. Resets the flag.
    pub(crate) fn take_options_due(&mut self) -> bool {
        let wanted =
            self.model.pushes_options && self.server.as_ref().is_some_and(|server| server.wants_options);
        std::mem::take(&mut self.options_due) && wanted
    }

    /// Schedules the parameters again after a failure.
    pub(crate) const fn options_failed(&mut self) {
        self.options_due = true;
    }

    /// Whether the next poll carries `INFO`: the first one and after changes; with some firmware every one.
    pub(crate) const fn take_info_due(&mut self) -> bool {
        std::mem::replace(&mut self.info_due, false) || self.quirks.info_in_every_poll
    }

    /// Schedules an initialization.
    pub const fn require_handshake(&mut self) {
        self.handshake_due = true;
    }

    /// Restarts the device: commands that were received and not executed are lost, stored data stays.
    pub fn restart(&mut self) {
        self.collecting.clear();
        self.answers.clear();
        if !self.quirks.skip_handshake || self.server.is_none() {
            self.server = None;
            self.handshake_due = true;
        }
        self.log_operation(0, ["0", "0", "0", "0"]);
    }

    /// Notes that the content changed, which the next poll reports.
    const fn mark_changed(&mut self) {
        self.revision += 1;
        self.info_due = true;
    }

    fn shared(&self, payload: Payload) -> Payload {
        match &self.pool {
            Some(pool) => pool.share(payload),
            None => payload,
        }
    }

    fn recount(&mut self) {
        self.held.clear();
        for key in self.people.people.values().flat_map(|person| person.templates.keys()) {
            *self.held.entry(key.bio_type).or_default() += 1;
        }
    }

    /// A name in the form that the device stores: in its charset, cut at the length of its field.
    fn name_as_kept(&self, name: &str) -> Vec<u8> {
        self.cut_name(self.model.charset().encode(name))
    }

    fn name_as_text(&self, name: &[u8]) -> String {
        let charset = self.model.charset();
        let decode = |bytes: &[u8]| charset.decode(Some(self.model.language), bytes);
        // A name that was cut inside a character ends in some of that character's bytes.
        let shorter = (0..name.len().min(4)).filter_map(|less| name.get(..name.len() - less));
        shorter.map(decode).find_map(|text| text).unwrap_or_else(|| whole_characters(name))
    }

    fn cut_name(&self, mut name: Vec<u8>) -> Vec<u8> {
        if let Some(limit) = self.quirks.cut_names_at {
            name.truncate(limit);
        }
        name
    }

    fn stamp_means_everything(&self, stamp: &str) -> bool {
        match (self.model.stamps, stamp.parse::<i64>()) {
            (_, Ok(0)) => true,
            // A stamp in the future makes every record look new (field note 3.7). Newer devices send 9999 as their
            // constant stamp.
            (crate::model::Stamps::Clock, Ok(time)) => time > self.clock.0 && time != 9999,
            _ => false,
        }
    }
}
