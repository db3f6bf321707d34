//! Uploads of the devices, and the conclusion of claims.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Content, Kind, Seq, Slot};
use sync::intake::{Edit, Held, Intake, Known, Outcome, Policy};
use sync::{ClaimNews, DeviceView};
use wire::{BioType, Pin};

use super::{Kept, World, definition};
use crate::terminal::{QueuedCommand, Upload, User, template};

impl World {
    pub fn deliver_uploads(&mut self, device: usize) {
        for body in std::mem::take(&mut self.devices[device].terminal.uploads) {
            self.upload(device, body);
        }
    }

    /// Processes one body in one transaction: users before the items that belong to them.
    pub fn upload(&mut self, device: usize, body: Vec<Upload>) {
        let mut view = self.view(device);
        let mut known = self.known_for(device);
        let under_way = self.under_way(device);
        let terminal = &self.devices[device].terminal;
        let told = [
            ("UserCount", terminal.users.len()),
            ("FPCount", terminal.templates.len()),
            ("~MaxUserCount", 1),
        ];
        let told = told.map(|(name, value)| (name.to_owned(), value.to_string()));
        let policy = Policy { enrolment: self.devices[device].enrolment, ..self.policy };
        let mut intake = Intake::new(&mut view, &mut known, &self.hash_key, &policy, self.now);
        let enrolled =
            |upload: &Upload| if let Upload::Enrolled(pin) = upload { Some(pin.clone()) } else { None };
        intake.enrolled = body.iter().filter_map(enrolled).collect();
        let mut kept = Vec::new();
        for upload in users_first(body) {
            self.delivered.extend(upload.values().into_iter().map(|value| (value, self.now)));
            self.devices[device].shown.extend(upload.shows());
            self.devices[device].hear(&upload, self.now);
            if let Upload::User(pin, user) = &upload {
                self.devices[device].records.insert(pin.clone(), user.clone());
            }
            let outcome = match &upload {
                Upload::User(pin, user) => intake.user(pin, &user.patch()),
                Upload::Template(key, text) => intake.item(key, template(text)),
                Upload::WorkCode(key, name) => intake.definition(key, definition(key, name)),
                Upload::Deleted(pin) => intake.deletion(pin),
                Upload::Enrolled(_) => continue,
                Upload::Wiped => {
                    intake.wiped();
                    continue;
                }
                Upload::Restored => {
                    intake.view.restored();
                    continue;
                }
                Upload::Count => {
                    let before = intake.view.capability.clone();
                    intake.view.capability.merge_parameters(&told);
                    let told = [Kind::User, Kind::Template(BioType::FINGERPRINT)].into();
                    intake.view.counted(&before, &told, &under_way, self.now);
                    continue;
                }
            };
            if self.told {
                let whom = if let Upload::User(pin, _) | Upload::Deleted(pin) = &upload {
                    Some(intake.view.knows(pin))
                } else {
                    None
                };
                eprintln!("{:6} {device} <- {upload:?}: {outcome:?} {whom:?}", self.now.0 / 1000);
            }
            if let Outcome::Held(held) = outcome {
                kept.push((held, upload));
            }
        }
        let (edits, asks) = (intake.edits, intake.unexplained_deletions > 0);
        for edit in &edits {
            let Some(Content::User(fields)) = &edit.content else { continue };
            let names = self.deleted.get(&edit.key.pin).into_iter().flatten();
            let back =
                names.filter(|name| *name == &fields.name || name.get(..24) == Some(fields.name.as_str()));
            if !self.is_live(&edit.key) && back.count() > 0 {
                self.resurrected += 1;
            }
        }
        let news = self.write(device, view, edits);
        self.devices[device].records.clear();
        for (held, upload) in kept {
            let claim = if let Held::Claim(pin, ..) = &held { Some(pin.clone()) } else { None };
            match claim.as_ref().and_then(|pin| news.get(pin)) {
                Some(ClaimNews::Open(_)) => {
                    let said = self.devices[device].claimed.entry(claim.expect("a claim")).or_default();
                    said.push((held, upload));
                }
                Some(ClaimNews::Taken | ClaimNews::Dropped) => {}
                Some(ClaimNews::Left | ClaimNews::Raised | ClaimNews::Guarded) | None => {
                    self.kept.push(Kept { device, held, upload });
                }
            }
        }
        if asks {
            self.order(device, QueuedCommand::Check);
        }
    }

    /// Concludes the claims whose time has come.
    pub fn conclude_claims(&mut self, device: usize) {
        let due = |(pin, claim): (&Pin, &sync::Claim)| {
            claim.state.due().is_some_and(|due| due <= self.now).then(|| pin.clone())
        };
        let due: Vec<Pin> = self.devices[device].claims.iter().filter_map(due).collect();
        for pin in due {
            let counts = self.counts(device);
            let mut view = self.view(device);
            let mut known = self.known_for(device);
            let policy = Policy { enrolment: self.devices[device].enrolment, ..self.policy };
            let mut intake = Intake::new(&mut view, &mut known, &self.hash_key, &policy, self.now);
            intake.counts = counts;
            let outcome = intake.conclude(&pin);
            if self.told {
                eprintln!("{:6} {device} concludes {pin}: {outcome:?}", self.now.0 / 1000);
            }
            let edits = intake.edits;
            self.write(device, view, edits);
        }
    }

    /// Writes the result of an intake, and sends the questions that follow.
    fn write(&mut self, device: usize, view: DeviceView, edits: Vec<Edit>) -> BTreeMap<Pin, ClaimNews> {
        let by = Some(view.device);
        let mut numbers = Vec::new();
        for edit in edits {
            self.put_or_bury(&edit.key, edit.content, by.filter(|_| edit.by_device));
            numbers.push((edit.key, Seq(self.seq)));
        }
        self.apply_numbered(device, view, &numbers)
    }

    /// Number of items of each kind that are new to a device and have an open command.
    fn under_way(&self, device: usize) -> BTreeMap<Kind, u64> {
        let mut under_way = BTreeMap::new();
        for (key, command) in &self.devices[device].open {
            if command.verb.brings() && self.items[key].state.created == command.seq {
                *under_way.entry(key.slot.kind).or_default() += 1;
            }
        }
        under_way
    }

    /// The contents of the fleet, with the content that is held of this device.
    fn known_for(&self, device: usize) -> BTreeMap<Pin, Known> {
        let mut known = self.known();
        for kept in self.kept.iter().filter(|kept| kept.device == device) {
            if let Upload::Template(key, text) = &kept.upload {
                let hash = roster::hash(&self.hash_key, &key.slot, &template(text));
                let person = known.entry(key.pin.clone()).or_default();
                person.older.entry(key.slot).or_default().insert(hash);
            }
        }
        known
    }

    fn known(&self) -> BTreeMap<Pin, Known> {
        let mut known: BTreeMap<Pin, Known> = BTreeMap::new();
        for (key, item) in &self.items {
            let person = known.entry(key.pin.clone()).or_default();
            person.older.insert(key.slot, item.older.clone());
            match &item.content {
                Some(Content::User(fields)) => person.user = Some(fields.clone()),
                Some(Content::Template(content)) => {
                    person.templates.insert(key.slot, content.clone());
                }
                _ => {}
            }
            if key.slot == Slot::USER {
                person.older_users.clone_from(&item.older_users);
                person.former.clone_from(&item.former);
                person.removed.clone_from(&item.removed);
            }
        }
        known
    }
}

/// The order in which the records of a body are processed: users first, except those whose deletion the body reports.
fn users_first(body: Vec<Upload>) -> Vec<Upload> {
    let deleted: BTreeSet<Pin> = body
        .iter()
        .filter_map(|upload| if let Upload::Deleted(pin) = upload { Some(pin.clone()) } else { None })
        .collect();
    let first = |upload: &Upload| matches!(upload, Upload::User(pin, _) if !deleted.contains(pin));
    let (users, others): (Vec<_>, Vec<_>) = body.into_iter().partition(first);
    users.into_iter().chain(others).collect()
}

/// The content of a claim that was replaced since: by another template, or by a record with another name or card.
pub(super) fn replaced_rows(said: Vec<(Held, Upload)>, taken: Option<&User>) -> Vec<(Held, Upload)> {
    let mut last = BTreeMap::new();
    for (_, upload) in &said {
        if let Upload::Template(key, text) = upload {
            last.insert(key.clone(), text.clone());
        }
    }
    let newest = said.iter().rev().find_map(|(_, upload)| match upload {
        Upload::User(_, user) => Some(user.clone()),
        _ => None,
    });
    let record = taken.cloned().or(newest);
    let replaced = |upload: &Upload| match upload {
        Upload::Template(key, text) => last[key] != *text,
        Upload::User(_, user) => record
            .as_ref()
            .is_some_and(|last| last.name != user.name || user.card.is_some() && last.card != user.card),
        _ => false,
    };
    said.into_iter().filter(|(_, upload)| replaced(upload)).collect()
}
