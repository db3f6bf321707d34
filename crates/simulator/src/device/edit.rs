//! Edits by people at the terminal.

use wire::{BioType, Pin};

use crate::{
    content::{Payload, Person, TemplateKey},
    device::{
        Device,
        update::{make_template, new_user},
        upload::Subject,
    },
    model::Queries,
    templates,
};

/// The size of the photos that a terminal takes, bytes.
const USER_PHOTO_BYTES: usize = 5_600;
const COMPARISON_PHOTO_BYTES: usize = 27_000;

/// Each method panics when the text is not a PIN, or when the person does not exist: such a story is wrong.
impl Device {
    /// Enrols a new user at the keypad (operation 30).
    ///
    /// # Panics
    /// When `pin` is not a PIN.
    pub fn enrol_user(&mut self, pin: &str, name: &str) {
        let pin = read_pin(pin);
        let mut user = new_user();
        user.name = self.name_as_kept(name);
        let left = self.stranded.remove(&pin).unwrap_or_default();
        if self.people.people.insert(pin.clone(), Person { user, ..left }).is_none() {
            self.numbering.add(pin.clone());
        }
        self.recount();
        self.edited(&pin, &[Subject::User(pin.clone())], &[30]);
    }

    /// Changes the name (operation 70).
    ///
    /// # Panics
    /// When there is no such user.
    pub fn change_name(&mut self, pin: &str, name: &str) {
        let name = self.name_as_kept(name);
        self.change_user(pin, 70, |person| person.user.name = name);
    }

    /// Changes the card; 0 means none (operation 36).
    ///
    /// # Panics
    /// When there is no such user.
    pub fn change_card(&mut self, pin: &str, card: u64) {
        self.change_user(pin, 36, |person| person.user.card = card);
    }

    /// Changes the password; empty means none (operation 113, on old devices 7).
    ///
    /// # Panics
    /// When there is no such user.
    pub fn change_password(&mut self, pin: &str, password: &str) {
        let code = if self.model.deletion_code == 9 { 7 } else { 113 };
        self.change_user(pin, code, |person| password.clone_into(&mut person.user.password));
    }

    /// Changes the privilege (operation 71); 14 makes an administrator.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn change_privilege(&mut self, pin: &str, privilege: i32) {
        self.change_user(pin, 71, |person| person.user.privilege = privilege);
    }

    /// Enrols a finger, 0 to 9, for the first time or again (operation 6).
    ///
    /// # Panics
    /// When there is no such user, or the model has no fingerprint reader.
    pub fn enrol_fingerprint(&mut self, pin: &str, finger: u8) {
        let (pin, key) = self.enrol(pin, BioType::FINGERPRINT, finger);
        let length = self
            .people
            .people
            .get(&pin)
            .and_then(|person| person.templates.get(&key))
            .map_or(0, |template| template.parts.values().map(Payload::byte_length).sum::<usize>());
        self.edited(&pin, &[Subject::User(pin.clone()), Subject::Template(pin.clone(), key)], &[]);
        self.log_operation(6, [pin.as_str(), &finger.to_string(), &length.to_string(), "0"]);
    }

    /// Enrols a face (operations 114 and 101), with a photo from which other devices can make their own template.
    ///
    /// # Panics
    /// When there is no such user, or the model cannot read faces.
    pub fn enrol_face(&mut self, pin: &str) {
        let visible = self.model.algorithm(BioType::VISIBLE_FACE).is_some();
        let bio_type = if visible { BioType::VISIBLE_FACE } else { BioType::FACE };
        let (pin, key) = self.enrol(pin, bio_type, 0);
        self.edited(&pin, &[Subject::User(pin.clone()), Subject::Template(pin.clone(), key)], &[114, 101]);
        if let Some(photos) = self.model.comparison_photos {
            let photo = Payload::of_bytes(&templates::photo(&mut self.random, COMPARISON_PHOTO_BYTES));
            if let Some(person) = self.people.people.get_mut(&pin) {
                person.comparison_photos.insert(photos.bio_type, photo);
            }
            if !self.tells_operations_only() {
                self.report(Subject::ComparisonPhoto(pin, photos.bio_type));
            }
        }
    }

    /// Enrols a palm: 0 the left hand, 1 the right hand (operation 124).
    ///
    /// # Panics
    /// When there is no such user, or the model cannot read palms.
    pub fn enrol_palm(&mut self, pin: &str, hand: u8) {
        let (pin, key) = self.enrol(pin, BioType::PALM, hand);
        self.edited(&pin, &[Subject::User(pin.clone()), Subject::Template(pin.clone(), key)], &[124]);
    }

    /// Takes a user photo (operation 68).
    ///
    /// # Panics
    /// When there is no such user.
    pub fn take_user_photo(&mut self, pin: &str) {
        let pin = self.existing(pin);
        let photo = Payload::of_bytes(&templates::photo(&mut self.random, USER_PHOTO_BYTES));
        if let Some(person) = self.people.people.get_mut(&pin) {
            person.user_photo = Some(photo);
        }
        self.edited(&pin, &[Subject::User(pin.clone()), Subject::UserPhoto(pin.clone())], &[68]);
    }

    /// Identifies a user by a finger and records the attendance (table `ATTLOG`); one second passes.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn punch(&mut self, pin: &str) {
        let pin = self.existing(pin);
        let time = self.next_time();
        self.report(Subject::Punch(format!("{pin}\t{time}\t0\t1\t\t0\t0")));
        self.controls.punches.push(time);
    }

    /// Deletes a finger (operation 10). The device reports the operation only.
    ///
    /// The second operand is the finger, or with the quirk `counts_deleted_fingers` the number of deleted fingers.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_fingerprint(&mut self, pin: &str, finger: u8) {
        let pin = self.existing(pin);
        self.forget_templates(Some(&pin), |key| key.bio_type == BioType::FINGERPRINT && key.number == finger);
        let operand = if self.quirks.counts_deleted_fingers { 1 } else { finger };
        self.log_operation(10, [pin.as_str(), &operand.to_string(), "0", "0"]);
    }

    /// Deletes all fingers of a user. The device reports one operation 10 for each finger, or with the quirk
    /// `counts_deleted_fingers` a single one with their number. It reports nothing else.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_fingerprints(&mut self, pin: &str) {
        let fingers = self.delete_templates(pin, &[BioType::FINGERPRINT]);
        let operands = if self.quirks.counts_deleted_fingers {
            vec![fingers.len().to_string()]
        } else {
            fingers.iter().map(u8::to_string).collect()
        };
        for operand in operands {
            self.log_operation(10, [pin, &operand, "0", "0"]);
        }
    }

    /// Deletes the face of a user and its comparison photo (operation 106). The device reports the operation only.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_face(&mut self, pin: &str) {
        self.delete_templates(pin, &[BioType::VISIBLE_FACE, BioType::FACE]);
        if let Some(person) = self.people.people.get_mut(&self.existing(pin)) {
            person.comparison_photos.clear();
        }
        self.log_operation(106, [pin, "0", "0", "0"]);
    }

    /// Deletes both palms of a user (operation 126). The device reports the operation only.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_palms(&mut self, pin: &str) {
        self.delete_templates(pin, &[BioType::PALM]);
        self.log_operation(126, [pin, "0", "0", "0"]);
    }

    /// Deletes the user photo (operation 107). The device reports the operation only.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_user_photo(&mut self, pin: &str) {
        if let Some(person) = self.people.people.get_mut(&self.existing(pin)) {
            person.user_photo = None;
        }
        self.mark_changed();
        self.log_operation(107, [pin, "0", "0", "0"]);
    }

    /// Deletes the card of a user (operation 12). The device also reports the user (field note 11.7).
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_card(&mut self, pin: &str) {
        self.change_user(pin, 12, |person| person.user.card = 0);
    }

    /// Deletes the password of a user (operation 11). The device also reports the user (field note 11.7).
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_password(&mut self, pin: &str) {
        self.change_user(pin, 11, |person| person.user.password.clear());
    }

    /// Deletes a user (operation 103, on old devices 9). The device reports the operation only.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn delete_user(&mut self, pin: &str) {
        let pin = self.existing(pin);
        self.log_deletion(&pin);
        self.remove_person(&pin);
    }

    /// Executes "Clear data" in the menu: deletes everyone and reports it (operation 13).
    pub fn clear_data(&mut self) {
        self.forget_all();
        self.log_operation(13, ["0", "0", "0", "0"]);
    }

    /// Deletes everyone and all pending reports, without a report: like a new board after a repair.
    pub fn wipe_silently(&mut self) {
        self.forget_all();
        self.answers.clear();
        self.queue.clear();
        self.roster.clear();
        self.collecting.clear();
        self.info_due = false;
    }

    /// Makes edits that the device never reports by itself. They change its content, and `INFO` counts them.
    ///
    /// An upload of everything and a query contain them.
    pub fn silently(&mut self, edits: impl FnOnce(&mut Self)) {
        let queue = std::mem::take(&mut self.queue);
        edits(self);
        self.queue = queue;
    }

    /// Enrols a new user with these fingers that the device never reports by itself: see [`Device::silently`].
    ///
    /// `INFO` then counts more people than the device has uploaded.
    ///
    /// # Panics
    /// When `pin` is not a PIN, or the model has no fingerprint reader.
    pub fn enrol_silently(&mut self, pin: &str, name: &str, fingers: &[u8]) {
        self.silently(|device| {
            device.enrol_user(pin, name);
            for finger in fingers {
                device.enrol_fingerprint(pin, *finger);
            }
        });
    }

    /// Deletes the templates of these types; returns their numbers.
    fn delete_templates(&mut self, pin: &str, types: &[BioType]) -> Vec<u8> {
        let pin = self.existing(pin);
        let keys = self.people.people.get(&pin).into_iter().flat_map(|person| person.templates.keys());
        let numbers = keys.filter(|key| types.contains(&key.bio_type)).map(|key| key.number).collect();
        self.forget_templates(Some(&pin), |key| types.contains(&key.bio_type));
        numbers
    }

    fn change_user(&mut self, pin: &str, code: u16, change: impl FnOnce(&mut Person)) {
        let pin = self.existing(pin);
        if let Some(person) = self.people.people.get_mut(&pin) {
            change(person);
        }
        self.edited(&pin, &[Subject::User(pin.clone())], &[code]);
    }

    fn enrol(&mut self, pin: &str, bio_type: BioType, number: u8) -> (Pin, TemplateKey) {
        let pin = self.existing(pin);
        let algorithm = self.model.algorithm(bio_type).cloned();
        let algorithm = algorithm
            .unwrap_or_else(|| panic!("{} takes no templates of type {}", self.model.name, bio_type.0));
        assert!(number < algorithm.individuals, "nobody has number {number} of type {}", bio_type.0);
        let key = TemplateKey { bio_type, number, major: algorithm.major };
        let template = make_template(&algorithm, &mut self.random);
        self.store_template(&pin, key, template);
        (pin, key)
    }

    /// Queues the reports of an edit, in this order.
    fn edited(&mut self, pin: &Pin, subjects: &[Subject], operations: &[u16]) {
        self.mark_changed();
        // No query returns a user photo.
        let told =
            |subject: &&Subject| !self.tells_operations_only() || matches!(subject, Subject::UserPhoto(_));
        for subject in subjects.iter().filter(told).cloned().collect::<Vec<_>>() {
            self.report(subject);
        }
        for code in operations {
            self.log_operation(*code, [pin.as_str(), "0", "0", "0"]);
        }
    }

    /// Whether the device reports edits by their operations only and its queries return the edited data.
    fn tells_operations_only(&self) -> bool {
        self.quirks.operations_only && matches!(self.queries(), Queries::InTurn | Queries::Marked)
    }

    fn existing(&self, pin: &str) -> Pin {
        let pin = read_pin(pin);
        assert!(self.people.people.contains_key(&pin), "{} has no user {pin}", self.serial);
        pin
    }
}

fn read_pin(text: &str) -> Pin {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no PIN"))
}
