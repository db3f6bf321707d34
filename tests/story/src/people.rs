//! The owners of fingers on terminals, and operator actions on users.

use std::collections::BTreeMap;
use std::time::Duration;

use fleet::held::{Resolution, ResolveError};
use fleet::user::UserEdit;
use simulator::{Device, Session};
use store::{HeldKind, HeldRow};
use sync::Joining;
use wire::BioType;

use crate::{House, pin};

/// Records the real owner of each finger, whatever the PIN under which a terminal holds it.
#[derive(Debug, Default)]
pub struct Hands {
    owners: BTreeMap<Vec<u8>, String>,
}

impl Hands {
    /// Enrols a finger of a person at a terminal.
    pub fn enrol(&mut self, device: &mut Device, who: &str, person: &str, finger: u8) {
        device.enrol_fingerprint(who, finger);
        self.learn(device, who, person);
    }

    /// Enrols a person with one finger at a terminal.
    pub fn enrol_user(&mut self, device: &mut Device, who: &str, person: &str, finger: u8) {
        device.enrol_user(who, person);
        self.enrol(device, who, person, finger);
    }

    /// Records this person as the owner of all unknown fingers under a PIN.
    pub fn learn(&mut self, device: &Device, who: &str, person: &str) {
        for (number, template) in fingers(device, who) {
            self.owners.entry(template).or_insert_with(|| format!("{person} {number}"));
        }
    }

    /// All users on a terminal with the owners of their fingers: `7 Ada: Ada 6, Ada 7`.
    pub fn on(&self, device: &Device) -> Vec<String> {
        let content = device.content();
        let line = |(who, person): (&wire::Pin, &simulator::content::Person)| {
            let name = String::from_utf8_lossy(&person.user.name);
            let owners = fingers(device, who.as_str()).into_iter().map(|(number, template)| {
                self.owners.get(&template).cloned().unwrap_or_else(|| format!("unknown {number}"))
            });
            format!("{who} {name}: {}", owners.collect::<Vec<_>>().join(", "))
        };
        content.people.iter().map(line).collect()
    }
}

/// The fingers under a PIN, by number.
fn fingers(device: &Device, who: &str) -> Vec<(u8, Vec<u8>)> {
    let Some(person) = device.person(who) else { return Vec::new() };
    let of_fingers = person.templates.iter().filter(|(key, _)| key.bio_type == BioType::FINGERPRINT);
    let bytes = |parts: &BTreeMap<_, simulator::content::Payload>| {
        parts.values().flat_map(simulator::content::Payload::to_bytes).collect()
    };
    of_fingers.map(|(key, template)| (key.number, bytes(&template.parts))).collect()
}

/// Operator actions on users.
impl House {
    /// Connects a terminal, approves it, and runs until it is idle.
    pub async fn joined(&self, device: Device, joining: Joining) -> Session {
        let serial_number = device.serial().to_owned();
        let mut session = self.connect(device).await;
        let (device, now) = (self.device(&serial_number).await, self.now());
        self.operate(async |tx| fleet::device::approve(tx, &device, joining, now).await).await;
        self.calm_online([&mut session]).await;
        session
    }

    /// Runs terminals and server for a number of rounds of ten seconds, whether they become idle or not.
    pub async fn rounds<const N: usize>(&self, rounds: usize, mut sessions: [&mut Session; N]) {
        for _ in 0..rounds {
            for session in &mut sessions {
                session.step().await.expect("the terminal reaches the server");
            }
            self.advance(Duration::from_secs(10));
        }
    }

    /// Creates or changes a user.
    pub async fn set(&self, who: &str, edit: UserEdit) {
        let now = self.now();
        self.operate(async |tx| fleet::user::set(tx, &pin(who), &edit, now).await).await;
    }

    /// Creates a user with a name, or changes the name.
    pub async fn set_name(&self, who: &str, name: &str) {
        self.set(who, UserEdit { name: Some(name.to_owned()), ..UserEdit::default() }).await;
    }

    /// Deletes a user everywhere.
    pub async fn delete(&self, who: &str) {
        let (now, until) = (self.now(), self.rules().undo_until(self.now()));
        let gone =
            self.operate(async |tx| fleet::user::delete(tx, &pin(who), None, now, Some(until)).await).await;
        assert!(gone > 0, "nobody had PIN {who}");
    }

    /// Resolves a held record.
    ///
    /// # Errors
    /// The server refuses the decision.
    pub async fn try_resolve(&self, record: &HeldRow, resolution: Resolution) -> Result<(), ResolveError> {
        let mut tx = self.store.write().await.expect("a transaction");
        let resolved = fleet::held::resolve(&mut tx, record.id, resolution, self.rules(), self.now()).await;
        match resolved {
            Ok(_) => tx.commit().await.expect("it is written"),
            Err(_) => tx.rollback().await.expect("nothing is written"),
        }
        self.look().await;
        resolved.map(|_| ())
    }

    /// Resolves the held user record of a PIN, which must have this kind.
    pub async fn resolve(&self, who: &str, kind: HeldKind, resolution: Resolution) {
        let record = self.held_user(who, kind).await;
        self.try_resolve(&record, resolution).await.expect("the decision is carried out");
    }

    /// The held user record of a PIN, which must have this kind.
    pub async fn held_user(&self, who: &str, kind: HeldKind) -> HeldRow {
        let held = self.held().await;
        let mut found = held.iter().filter(|record| {
            record.pin.as_ref().is_some_and(|held| held.as_str() == who) && record.tag == "USER"
        });
        let record = found.next().unwrap_or_else(|| panic!("no user record of {who} is held: {held:#?}"));
        assert_eq!(record.kind, kind, "{}", record.reason);
        record.clone()
    }
}
