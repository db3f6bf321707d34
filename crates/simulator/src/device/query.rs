//! `DATA QUERY`: the uploads that answer it, and whether they differ from other uploads (§12.1.3).

use wire::{BioType, Pin};

use super::{
    Device, Upload,
    command::Keys,
    execute::PARAMETER,
    upload::{Entry, Settles, Subject},
};
use crate::model::Queries;

/// The data that a query requests.
struct Requested {
    table: &'static str,
    subjects: Vec<Subject>,
}

impl Device {
    /// How the device answers queries.
    pub fn queries(&self) -> Queries {
        self.quirks.queries.unwrap_or(self.model.queries)
    }

    /// Executes a query; returns the return code.
    pub(super) fn query(&mut self, id: &str, table: &str, keys: Keys<'_>) -> Result<i32, i32> {
        match self.queries() {
            Queries::InTurn => {
                let subjects = self.asked_for(table, keys)?.subjects;
                let records = subjects.len();
                for subject in subjects {
                    self.answer(subject);
                }
                Ok(self.rows(records))
            }
            Queries::Marked => {
                let asked = self.asked_for(table, keys)?;
                let records = self.answer_marked(id, &asked);
                Ok(self.rows(records))
            }
            Queries::FirstGeneration => self.answer_as_first_generation(table, keys),
            Queries::NotUnderstood => Err(self.model.unknown_code),
        }
    }

    fn rows(&self, records: usize) -> i32 {
        if self.model.counts_rows { i32::try_from(records).unwrap_or(i32::MAX) } else { 0 }
    }

    fn asked_for(&self, table: &str, keys: Keys<'_>) -> Result<Requested, i32> {
        let (table, subjects) = match (table, queried_pin(keys)?) {
            ("USERINFO", Some(pin)) => ("USERINFO", self.everything_of(&pin)),
            ("USERINFO", None) => {
                ("USERINFO", self.people.people.keys().cloned().map(Subject::User).collect())
            }
            ("FINGERTMP", Some(pin)) => {
                ("FINGERTMP", self.templates_of(BioType::FINGERPRINT, Some(&pin), queried_finger(keys)))
            }
            ("FINGERTMP", None) => return Err(PARAMETER),
            ("BIODATA", pin) => {
                let bio_type = BioType(keys.number("Type").ok_or(PARAMETER)?);
                ("BIODATA", self.templates_of(bio_type, pin.as_ref(), keys.number("No")))
            }
            _ => return Err(self.model.unknown_code),
        };
        Ok(Requested { table, subjects })
    }

    /// User, templates and comparison photos of a person; empty if the device does not hold the person.
    fn everything_of(&self, pin: &Pin) -> Vec<Subject> {
        let Some(person) = self.people.people.get(pin) else { return Vec::new() };
        let user = Subject::User(pin.clone());
        let templates = person.templates.keys().map(|key| Subject::Template(pin.clone(), *key));
        let photos = person.comparison_photos.keys().map(|kind| Subject::ComparisonPhoto(pin.clone(), *kind));
        if self.quirks.templates_first {
            templates.chain([user]).chain(photos).collect()
        } else {
            [user].into_iter().chain(templates).chain(photos).collect()
        }
    }

    fn templates_of(&self, bio_type: BioType, pin: Option<&Pin>, number: Option<u8>) -> Vec<Subject> {
        let people = self.people.people.iter().filter(|(whose, _)| pin.is_none_or(|pin| pin == *whose));
        let of_person = people.flat_map(|(whose, person)| {
            let keys = person.templates.keys().filter(move |key| {
                key.bio_type == bio_type && number.is_none_or(|number| number == key.number)
            });
            keys.map(|key| Subject::Template(whose.clone(), *key))
        });
        of_person.collect()
    }

    /// Queues the answer to a query, each body with the id of the query; returns the number of records.
    ///
    /// All records of one person are in one body. An answer about several people is split.
    fn answer_marked(&mut self, id: &str, asked: &Requested) -> usize {
        let mut packets: Vec<Upload> = Vec::new();
        let mut last: Option<&Pin> = None;
        for subject in &asked.subjects {
            let whose = subject.pin();
            let entry = Entry { subject: subject.clone(), asked: true };
            let (_, lines) = self.render_as_spelt(&entry);
            if lines.is_empty() {
                continue;
            }
            let is_full = packets.last().is_some_and(|open| {
                whose != last
                    && (open.records + lines.len() > self.model.batch_records
                        || open.body.len() > self.model.batch_bytes)
            });
            if packets.is_empty() || is_full {
                packets.push(answer(asked.table, String::new()));
            }
            if let Some(open) = packets.last_mut() {
                self.write(open, lines);
            }
            last = whose;
        }
        let count: usize = packets.iter().map(|packet| packet.records).sum();
        let of = packets.len();
        for (index, packet) in (1..).zip(&mut packets) {
            packet.stamp = format!("Stamp=9999&Count={count}&PackCnt={of}&PackIdx={index}&CmdId={id}");
        }
        self.answers.extend(packets);
        count
    }

    /// Answers as the client of the first generation does (field note 11.9).
    fn answer_as_first_generation(&mut self, table: &str, keys: Keys<'_>) -> Result<i32, i32> {
        let (table, subjects) = match (table, queried_pin(keys)?) {
            ("USERINFO", Some(pin)) => {
                ("USERINFO", self.everything_of(&pin).into_iter().filter(Subject::is_user).collect())
            }
            ("USERINFO", None) => return Ok(0),
            ("FINGERTMP", Some(pin)) => {
                ("FINGERTMP", self.templates_of(BioType::FINGERPRINT, Some(&pin), queried_finger(keys)))
            }
            ("FINGERTMP", None) | ("BIODATA", _) => return Err(PARAMETER),
            _ => return Err(self.model.unknown_code),
        };
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for subject in subjects {
            lines.extend(self.render_as_spelt(&Entry { subject, asked: true }).1);
        }
        // The answer about a user without fingers is a line without a PIN (field note 11.6).
        if lines.is_empty() && table == "FINGERTMP" {
            lines.push(b"FP PIN=".to_vec());
        }
        if lines.is_empty() {
            return Ok(0);
        }
        let mut body = answer(table, "OpStamp=0".to_owned());
        self.write(&mut body, lines);
        let records = i32::try_from(body.records).unwrap_or(i32::MAX);
        self.answers.push_back(body);
        Ok(records)
    }
}

/// An empty body that answers a query.
fn answer(table: &'static str, stamp: String) -> Upload {
    Upload { table, stamp, body: Vec::new(), records: 0, settles: Settles::ANSWER }
}

/// The PIN of a query; `None` for everyone.
fn queried_pin(keys: Keys<'_>) -> Result<Option<Pin>, i32> {
    match keys.text("PIN") {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| PARAMETER),
    }
}

fn queried_finger(keys: Keys<'_>) -> Option<u8> {
    keys.number("FingerID").or_else(|| keys.number("FID"))
}
