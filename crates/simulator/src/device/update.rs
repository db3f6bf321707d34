//! `DATA UPDATE`: storing what the server writes, or refusing it.

use std::{collections::BTreeMap, ops::Range};

use wire::{BioType, Pin};

use super::{
    Device,
    command::Keys,
    execute::{FULL, NO_USER, PARAMETER},
    record::read_card,
    upload::Subject,
};
use crate::{
    Random,
    content::{Payload, Template, TemplateKey, User},
    model::{Algorithm, UserRecord},
    quirks::Form,
    random::fnv1a,
    templates::{self, FACE_PREFIX_BYTES, TemplateFault},
};

const PHOTO_SIZE: i32 = -2;
const INCOMPLETE: i32 = -3;
const TEMPLATE_SIZE: i32 = -9;
const TEMPLATE_FORMAT: i32 = -11;
const TEMPLATE_DAMAGED: i32 = -12;
const OTHER_VERSION: i32 = -30;

/// The largest comparison photo that is accepted, bytes (field note 6.5).
const PHOTO_LIMIT_BYTES: usize = 200_000;

type Outcome = Result<(), i32>;

impl Device {
    pub(super) fn update(&mut self, table: &str, keys: Keys<'_>) -> Outcome {
        if let Some(outcome) = self.define(table, keys) {
            if self.quirks.reset_parts {
                self.collecting.clear();
            }
            return outcome;
        }
        let form = self.form(table, keys).ok_or(self.model.unknown_code)?;
        if let Some(refusal) = self.quirks.refuse.iter().find(|refusal| refusal.form == form) {
            return Err(refusal.return_code);
        }
        if self.quirks.reset_parts && !is_part(form) {
            self.collecting.clear();
        }
        if self.quirks.ignore.contains(&form) {
            return Ok(());
        }
        let outcome = match form {
            Form::User => self.update_user(keys),
            Form::Fingerprint => self.update_fingerprint(keys),
            Form::Face => self.update_face(keys),
            Form::FingerVein => self.update_finger_vein(keys),
            Form::BioData(bio_type) => self.update_biodata(bio_type, keys),
            Form::UserPhoto => self.update_user_photo(keys),
            Form::ComparisonPhoto => self.update_comparison_photo(keys),
        };
        match outcome {
            Err(TEMPLATE_DAMAGED) if !self.quirks.refuse_damaged => Ok(()),
            other => other,
        }
    }

    /// The form of a table on this model; `None` when the model does not know the table.
    fn form(&self, table: &str, keys: Keys<'_>) -> Option<Form> {
        let classic = |bio_type| self.model.algorithm(bio_type).is_some_and(|algorithm| algorithm.classic);
        match table {
            "USERINFO" => Some(Form::User),
            "FINGERTMP" if classic(BioType::FINGERPRINT) => Some(Form::Fingerprint),
            "FACE" if classic(BioType::FACE) => Some(Form::Face),
            "FVEIN" if classic(BioType::FINGER_VEIN) => Some(Form::FingerVein),
            "BIODATA" => {
                let bio_type = BioType(keys.number("Type")?);
                let algorithm = self.model.algorithm(bio_type)?;
                algorithm.unified.then_some(Form::BioData(bio_type))
            }
            "USERPIC" if self.model.user_photos => Some(Form::UserPhoto),
            "BIOPHOTO" if self.model.comparison_photos.is_some() => Some(Form::ComparisonPhoto),
            _ => None,
        }
    }

    fn update_user(&mut self, keys: Keys<'_>) -> Outcome {
        let pin = keys.pin("PIN").ok_or(PARAMETER)?;
        let known = self.people.people.get(&pin).map(|person| person.user.clone());
        if known.is_none() && self.people.people.len() >= self.model.user_capacity {
            return Err(FULL);
        }
        let base = known.clone().filter(|_| !self.model.replaces_whole_user);
        let user = self.user_of(keys, base.unwrap_or_else(new_user))?;
        if known.is_none() {
            let left = self.stranded.remove(&pin).unwrap_or_default();
            self.people.people.insert(pin.clone(), left);
            self.numbering.add(pin.clone());
            self.recount();
        }
        if let Some(person) = self.people.people.get_mut(&pin) {
            person.user = user;
        }
        self.written(Subject::User(pin));
        Ok(())
    }

    fn user_of(&self, keys: Keys<'_>, mut user: User) -> Result<User, i32> {
        let number = |key: &str, old: i32| match keys.text(key) {
            None => Ok(old),
            Some("") => Ok(0),
            Some(text) => text.parse().map_err(|_| PARAMETER),
        };
        let text = |key: &str, old: String| keys.text(key).map_or(old, str::to_owned);
        if let Some(name) = keys.find("Name") {
            user.name = self.cut_name(name.to_vec());
        }
        user.privilege = number("Pri", user.privilege)?;
        user.password = text("Passwd", user.password);
        if let Some(card) = keys.text("Card") {
            user.card = read_card(card, self.quirks.hex_cards).ok_or(PARAMETER)?;
        }
        user.group = number("Grp", user.group)?;
        user.time_zones = text("TZ", user.time_zones);
        if self.model.user_record >= UserRecord::ViceCard {
            user.verify = Some(number("Verify", user.verify.unwrap_or(-1))?).filter(|mode| *mode >= 0);
            if let Some(card) = keys.text("ViceCard") {
                user.vice_card = read_card(card, false).ok_or(PARAMETER)?;
            }
        }
        if self.model.user_record >= UserRecord::Validity {
            user.start = none_if_zero(text("StartDatetime", user.start));
            user.end = none_if_zero(text("EndDatetime", user.end));
            if self.quirks.rewrite_validity {
                user.end = rewritten(&user.end);
            }
            user.expires = number("Expires", i32::from(user.expires))? != 0;
        }
        Ok(self.as_kept(user))
    }

    /// A user without the fields that the device does not keep.
    pub(super) fn as_kept(&self, user: User) -> User {
        if self.quirks.keeps_access_fields {
            return user;
        }
        let User { group, time_zones, verify, .. } = new_user();
        User { group, time_zones, verify, ..user }
    }

    fn update_fingerprint(&mut self, keys: Keys<'_>) -> Outcome {
        let algorithm = self.algorithm(BioType::FINGERPRINT)?;
        let pin = self.known_pin(keys, "PIN")?;
        let finger: u8 =
            keys.number("FID").filter(|finger| *finger < algorithm.individuals).ok_or(PARAMETER)?;
        let part = sized(keys, "Size", "TMP", TEMPLATE_SIZE)?;
        inspect(&part, &algorithm, TEMPLATE_FORMAT)?;
        let valid: u8 = keys.number("Valid").unwrap_or(1);
        let template = Template { valid: valid != 0, duress: valid == 3, ..blank(&algorithm, 0) };
        self.take_part(&pin, finger, &algorithm, template, 0, part).map(drop)
    }

    fn update_face(&mut self, keys: Keys<'_>) -> Outcome {
        let algorithm = self.algorithm(BioType::FACE)?;
        let pin = self.known_pin(keys, "PIN")?;
        let index: u8 = keys.number("FID").filter(|part| *part < algorithm.parts).ok_or(PARAMETER)?;
        let part = sized(keys, "Size", "TMP", TEMPLATE_SIZE)?;
        let valid: u8 = keys.number("Valid").unwrap_or(1);
        let template = Template { valid: valid != 0, ..blank(&algorithm, FACE_PREFIX_BYTES) };
        let whole = self.take_part(&pin, 0, &algorithm, template, index, part)?;
        // The old client checks for missing parts when the last part arrives (field note 6.8).
        if index + 1 == algorithm.parts && !whole { Err(INCOMPLETE) } else { Ok(()) }
    }

    fn update_finger_vein(&mut self, keys: Keys<'_>) -> Outcome {
        let algorithm = self.algorithm(BioType::FINGER_VEIN)?;
        let pin = self.known_pin(keys, "Pin")?;
        let finger: u8 =
            keys.number("FID").filter(|finger| *finger < algorithm.individuals).ok_or(PARAMETER)?;
        let index: u8 = keys.number("Index").filter(|part| *part < algorithm.parts).ok_or(PARAMETER)?;
        let part = sized(keys, "Size", "Tmp", TEMPLATE_SIZE)?;
        let valid: u8 = keys.number("Valid").unwrap_or(1);
        let template = Template { valid: valid != 0, ..blank(&algorithm, 0) };
        self.take_part(&pin, finger, &algorithm, template, index, part).map(drop)
    }

    fn update_biodata(&mut self, bio_type: BioType, keys: Keys<'_>) -> Outcome {
        let algorithm = self.algorithm(bio_type)?;
        let pin = self.known_pin(keys, "Pin")?;
        if keys.number("MajorVer") != Some(algorithm.major) {
            return Err(OTHER_VERSION);
        }
        let number: u8 =
            keys.number("No").filter(|number| *number < algorithm.individuals).ok_or(PARAMETER)?;
        let index: u8 = keys.number("Index").filter(|part| *part < algorithm.parts).ok_or(PARAMETER)?;
        let part = keys.text("Tmp").ok_or(PARAMETER).and_then(whole_base64)?;
        inspect(&part, &algorithm, OTHER_VERSION)?;
        let template = Template {
            minor: keys.number("MinorVer").unwrap_or(algorithm.minor),
            valid: keys.number::<u8>("Valid") != Some(0),
            duress: keys.number::<u8>("Duress") == Some(1),
            ..blank(&algorithm, 0)
        };
        self.take_part(&pin, number, &algorithm, template, index, part).map(drop)
    }

    /// Stores one part; returns true when the template is complete and stored.
    fn take_part(
        &mut self,
        pin: &Pin,
        number: u8,
        algorithm: &Algorithm,
        head: Template,
        index: u8,
        part: Payload,
    ) -> Result<bool, i32> {
        let key = TemplateKey { bio_type: algorithm.bio_type, number, major: algorithm.major };
        let is_new = !self.people.people.get(pin).is_some_and(|person| person.templates.contains_key(&key));
        if is_new && self.count(key.bio_type) >= algorithm.capacity {
            return Err(FULL);
        }
        let set = (pin.clone(), key);
        let begun = self.collecting.remove(&set).filter(|_| index > 0);
        if self.quirks.reset_parts {
            self.collecting.clear();
        }
        let mut template = begun.unwrap_or(head);
        template.parts.insert(index, self.shared(part));
        if template.parts.len() == usize::from(algorithm.parts) {
            self.store_template(pin, key, template);
            self.written(Subject::Template(pin.clone(), key));
            return Ok(true);
        }
        // The last part closes the set, complete or not.
        if index + 1 < algorithm.parts {
            self.collecting.insert(set, template);
        }
        Ok(false)
    }

    /// Stores a template; the person must exist.
    pub(super) fn store_template(&mut self, pin: &Pin, key: TemplateKey, template: Template) {
        if let Some(person) = self.people.people.get_mut(pin)
            && person.templates.insert(key, template).is_none()
        {
            *self.held.entry(key.bio_type).or_default() += 1;
        }
    }

    fn update_user_photo(&mut self, keys: Keys<'_>) -> Outcome {
        let pin = self.known_pin(keys, "PIN")?;
        let photo = self.shared(sized(keys, "Size", "Content", PHOTO_SIZE)?);
        if let Some(person) = self.people.people.get_mut(&pin) {
            person.user_photo = Some(photo);
        }
        self.written(Subject::UserPhoto(pin));
        Ok(())
    }

    fn update_comparison_photo(&mut self, keys: Keys<'_>) -> Outcome {
        let photos = self.model.comparison_photos.ok_or(self.model.unknown_code)?;
        let algorithm = self.algorithm(photos.bio_type)?;
        let pin = self.known_pin(keys, "PIN")?;
        if keys.number("Type") != Some(photos.bio_type.0) {
            return Err(self.model.unknown_code);
        }
        if keys.number("Format").unwrap_or(0_u8) != 0 {
            return Err(PARAMETER);
        }
        let photo = self.shared(sized(keys, "Size", "Content", PARAMETER)?);
        if photo.byte_length() > PHOTO_LIMIT_BYTES {
            return Err(FULL);
        }
        // The same photo always gives the same template.
        let mut random = Random::new(fnv1a(photo.as_str().as_bytes()));
        let extracted = Template { extracted: true, ..make_template(&algorithm, &mut random) };
        let key = TemplateKey { bio_type: photos.bio_type, number: 0, major: algorithm.major };
        self.store_template(&pin, key, extracted);
        if let Some(person) = self.people.people.get_mut(&pin) {
            person.comparison_photos.insert(photos.bio_type, photo);
        }
        if keys.number::<u8>("PostBackTmpFlag") == Some(1) {
            self.answer(Subject::Template(pin.clone(), key));
        }
        self.written(Subject::ComparisonPhoto(pin, photos.bio_type));
        Ok(())
    }

    fn algorithm(&self, bio_type: BioType) -> Result<Algorithm, i32> {
        self.model.algorithm(bio_type).cloned().ok_or(self.model.unknown_code)
    }

    fn known_pin(&self, keys: Keys<'_>, key: &str) -> Result<Pin, i32> {
        let pin = keys.pin(key).ok_or(PARAMETER)?;
        if self.people.people.contains_key(&pin) { Ok(pin) } else { Err(NO_USER) }
    }

    /// Queues a report of content that the server wrote: some devices report it like an edit.
    fn written(&mut self, subject: Subject) {
        self.mark_changed();
        if self.quirks.echo_writes {
            self.report(subject);
        }
    }
}

/// An empty user, as the keypad of a device creates it.
pub(super) fn new_user() -> User {
    User { group: 1, time_zones: "0000000100000000".into(), ..User::default() }
}

/// A template without parts.
fn blank(algorithm: &Algorithm, prefix_bytes: usize) -> Template {
    Template {
        minor: algorithm.minor,
        valid: true,
        duress: false,
        prefix_bytes,
        extracted: false,
        parts: BTreeMap::new(),
    }
}

/// A complete template of an algorithm, made of noise.
pub(super) fn make_template(algorithm: &Algorithm, random: &mut Random) -> Template {
    let is_old_face = algorithm.bio_type == BioType::FACE && algorithm.classic;
    let mut template = blank(algorithm, if is_old_face { FACE_PREFIX_BYTES } else { 0 });
    for index in 0..algorithm.parts {
        let length =
            if index + 1 == algorithm.parts { algorithm.last_part_bytes } else { algorithm.part_bytes };
        let bytes = if is_old_face {
            templates::face_7_part(random)
        } else if length == 0 {
            templates::fingerprint_10(random)
        } else {
            templates::unified(random, algorithm.bio_type, algorithm.major, algorithm.minor, length)
        };
        template.parts.insert(index, Payload::of_bytes(&bytes));
    }
    template
}

/// An end of validity as some firmware keeps it: its first eight digits as a date, with January for an invalid
/// month and 00 for an invalid day (field note 5.11).
fn rewritten(end: &str) -> String {
    let digits: String = end.chars().filter(char::is_ascii_digit).collect();
    let within = |range: Range<usize>, most: u8, other: &'static str| match digits.get(range) {
        Some(text) if text.parse().is_ok_and(|number: u8| (1..=most).contains(&number)) => text.to_owned(),
        _ => other.to_owned(),
    };
    match digits.get(..4) {
        Some(year) if digits.len() >= 8 => {
            format!("{year}{}{}", within(4..6, 12, "01"), within(6..8, 31, "00"))
        }
        _ => end.to_owned(),
    }
}

/// A missing date is written as 0.
fn none_if_zero(date: String) -> String {
    if date == "0" { String::new() } else { date }
}

/// Whether a form of data comes in parts that the device collects.
const fn is_part(form: Form) -> bool {
    matches!(form, Form::Face | Form::FingerVein | Form::BioData(_))
}

fn whole_base64(text: &str) -> Result<Payload, i32> {
    Payload::of_text(text).filter(|payload| payload.byte_length() > 0).ok_or(TEMPLATE_DAMAGED)
}

/// The payload under a key. Its `Size` is the length of the base64 text; 0 means not counted (field note 6.7).
fn sized(keys: Keys<'_>, size_key: &str, key: &str, mismatch: i32) -> Result<Payload, i32> {
    let text = keys.text(key).ok_or(PARAMETER)?;
    let size: usize = keys.number(size_key).ok_or(PARAMETER)?;
    if size != 0 && size != text.len() {
        return Err(mismatch);
    }
    whole_base64(text)
}

fn inspect(part: &Payload, algorithm: &Algorithm, other_algorithm: i32) -> Outcome {
    templates::inspect(&part.to_bytes(), algorithm.bio_type, algorithm.major).map_err(|fault| match fault {
        TemplateFault::Damaged => TEMPLATE_DAMAGED,
        TemplateFault::OtherAlgorithm => other_algorithm,
    })
}
