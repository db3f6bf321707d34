//! The upload of everything that the device holds: its order, its pauses and its end.

use std::collections::VecDeque;

use super::{
    Device,
    upload::{Entry, Subject},
};
use crate::content::TemplateKey;

/// The rest of an upload of everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    entries: VecDeque<Entry>,
    /// Number of records until the upload breaks off; `None` when it is complete.
    records_left: Option<usize>,
    /// Whether the next body waits for the next poll.
    paused: bool,
}

impl Roster {
    /// Number of entries left.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry at a position; `None` during a pause.
    pub fn get(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place).filter(|_| !self.paused)
    }

    /// Number of records until the upload breaks off; `None` for all.
    pub const fn records_left(&self) -> Option<usize> {
        self.records_left
    }

    /// Removes the uploaded entries and records.
    pub fn settle(&mut self, entries: usize, records: usize) {
        self.entries.drain(..entries.min(self.entries.len()));
        self.records_left = self.records_left.map(|left| left.saturating_sub(records));
    }

    /// Delays the next body until the next poll.
    pub const fn pause(&mut self) {
        self.paused = true;
    }

    /// Drops the rest of the upload.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The parts of an upload of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Everything {
    /// Users, photos, and templates in their own forms.
    pub operations: bool,
    /// Templates as `BIODATA`.
    pub biodata: bool,
    /// Whether the server requested it.
    pub asked: bool,
}

impl Device {
    /// Continues an upload of everything that pauses after each body (quirk `slow_roster`).
    ///
    /// [`crate::Session::poll_once`] calls this once per poll.
    pub const fn resume_roster(&mut self) {
        self.roster.paused = false;
    }

    /// Queues everything that the device holds: all users first, as the old client does, then the data of each.
    ///
    /// With the quirk `templates_first` all templates precede the users. An unfinished upload of the same parts
    /// starts again.
    pub(super) fn queue_everything(&mut self, wanted: Everything) {
        let Everything { operations, biodata, asked } = wanted;
        let is_wanted = |device: &Self, subject: &Subject| match subject {
            Subject::Template(_, key) if device.is_unified(key.bio_type) => biodata,
            _ => operations,
        };
        let mut users = Vec::new();
        let mut templates = Vec::new();
        let mut belongings = Vec::new();
        for (pin, person) in &self.people.people {
            let template = |key: &TemplateKey| Subject::Template(pin.clone(), *key);
            let of_person = person.templates.keys().map(template);
            users.push(Subject::User(pin.clone()));
            if self.quirks.templates_first {
                templates.extend(of_person);
            } else {
                belongings.extend(of_person);
            }
            belongings.extend(person.user_photo.iter().map(|_| Subject::UserPhoto(pin.clone())));
            let kinds = person.comparison_photos.keys();
            belongings.extend(kinds.map(|kind| Subject::ComparisonPhoto(pin.clone(), *kind)));
        }
        let mut entries = std::mem::take(&mut self.roster).entries;
        entries.retain(|entry| !is_wanted(self, &entry.subject));
        let all = templates.into_iter().chain(users).chain(belongings);
        let new = all.filter(|subject| is_wanted(self, subject)).map(|subject| Entry { subject, asked });
        entries.extend(new);
        self.roster = Roster { entries, records_left: self.quirks.broken_roster, paused: false };
    }

    /// Whether the upload of everything starts a new body after other reports.
    pub(super) const fn roster_begins_a_body(&self) -> bool {
        self.quirks.slow_roster || self.quirks.roster_records.is_some()
    }

    /// Most records in a body.
    pub(super) fn body_records(&self, is_roster: bool) -> usize {
        let of_roster = self.quirks.roster_records.filter(|_| is_roster);
        of_roster.unwrap_or(self.model.batch_records)
    }
}
