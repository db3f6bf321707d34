//! Assembly of a person from the rows of several devices of the old server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roster::{Content, ContentHash, HashKey, Kind, Slot, UserFields};
use wire::Pin;

use crate::report::{CountedKind, Outcome, Tally};
use crate::rows::{Origin, Rows, UserRow};
use crate::same::{differing, listed, same_person};
use crate::template::{self, Candidate, Damaged, Place, Versions};

/// A person to import.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub pin: Pin,
    pub user: UserFields,
    /// All items of the person, including the user.
    pub items: BTreeMap<Slot, Item>,
}

/// An item of a person.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub content: Content,
    pub hash: ContentHash,
}

/// Assembles the person of a PIN, and what to report about its records. Records that cannot be used are counted as
/// refused; the others are counted only as found.
pub(crate) fn assemble(pin: &Pin, rows: Rows, versions: &Versions, key: &HashKey) -> (Option<Person>, Tally) {
    let mut tally = Tally::default();
    let Rows { mut users, templates, photos, unusable } = rows;
    for row in unusable {
        tally.refuse(pin.as_str(), row.what, row.record, row.reason);
    }
    let (mut candidates, mut damaged) = template::templates(pin, templates, versions, key);
    let (more, more_damaged) = template::photos(pin, photos, key);
    candidates.extend(more);
    damaged.extend(more_damaged);
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.origin.age()));
    damaged.sort_by_key(|damaged| std::cmp::Reverse(damaged.origin.age()));

    users.sort_by_key(|user| std::cmp::Reverse(user.origin.age()));
    let Some((newest, others)) = users.split_first() else {
        refuse_without_user(pin, &candidates, &damaged, &mut tally);
        return (None, tally);
    };
    let strangers = devices_with_another_person(newest, others, &candidates);
    leave_out(pin, newest, &strangers, &mut candidates, &mut damaged, &mut tally);
    report_user(pin, newest, others, &strangers, &mut tally);

    let content = Content::User(newest.fields.clone());
    let hash = roster::hash(key, &Slot::USER, &content);
    let mut items = BTreeMap::from([(Slot::USER, Item { content, hash })]);
    merge(pin, candidates, &mut items, &mut tally);
    report_damaged(pin, damaged, &items, &mut tally);
    (Some(Person { pin: pin.clone(), user: newest.fields.clone(), items }), tally)
}

/// Refuses templates and photos of a PIN without a user. They may belong to a deleted person, and the next user
/// with the PIN must not get them.
fn refuse_without_user(pin: &Pin, candidates: &[Candidate], damaged: &[Damaged], tally: &mut Tally) {
    let places: BTreeSet<Place> = candidates
        .iter()
        .map(|candidate| Place::of(&candidate.slot))
        .chain(damaged.iter().map(|damaged| damaged.place))
        .collect();
    for place in &places {
        let reason = "the old database has no user of this PIN, so the owner is unknown";
        tally.refuse(pin.as_str(), CountedKind::of(place.kind), place.to_string(), reason);
    }
}

/// The devices that have another person under this PIN than the newest record. Devices with a common template have
/// the same person, whatever the names.
fn devices_with_another_person(
    newest: &UserRow,
    others: &[UserRow],
    candidates: &[Candidate],
) -> BTreeSet<Option<Arc<str>>> {
    let of = |device: &Option<Arc<str>>| -> BTreeSet<ContentHash> {
        let own = candidates.iter().filter(|candidate| candidate.origin.device == *device);
        own.filter(|candidate| matches!(candidate.slot.kind, Kind::Template(_))).map(|own| own.hash).collect()
    };
    let ours = of(&newest.origin.device);
    let mut seen = BTreeSet::from([newest.origin.device.clone()]);
    others
        .iter()
        // The newest row of each device, because rows are sorted by age.
        .filter(|other| seen.insert(other.origin.device.clone()))
        .filter(|other| !same_person(&newest.fields, &other.fields))
        .filter(|other| of(&other.origin.device).is_disjoint(&ours))
        .map(|other| other.origin.device.clone())
        .collect()
}

/// Leaves out all data of devices that have another person.
fn leave_out(
    pin: &Pin,
    newest: &UserRow,
    strangers: &BTreeSet<Option<Arc<str>>>,
    candidates: &mut Vec<Candidate>,
    damaged: &mut Vec<Damaged>,
    tally: &mut Tally,
) {
    for stranger in strangers {
        let is_theirs = |origin: &Origin| origin.device == *stranger;
        let mut records = 0;
        for candidate in candidates.extract_if(.., |candidate| is_theirs(&candidate.origin)) {
            let counts = tally.count(CountedKind::of(candidate.slot.kind));
            counts.found += 1;
            counts.refused += 1;
            records += 1;
        }
        for damaged in damaged.extract_if(.., |damaged| is_theirs(&damaged.origin)) {
            let counts = tally.count(CountedKind::of(damaged.place.kind));
            counts.found += 1;
            counts.refused += 1;
            records += 1;
        }
        let reason = format!(
            "device {} has another person under this PIN (other name or card) than device {}, whose record is newer: \
             its user and {records} templates and photos are left out",
            stranger.as_deref().unwrap_or_default(),
            newest.origin.device_name(),
        );
        tally.refuse(pin.as_str(), CountedKind::User, "user", reason);
    }
}

/// Counts the user, and reports the fields in which devices differ.
fn report_user(
    pin: &Pin,
    newest: &UserRow,
    others: &[UserRow],
    strangers: &BTreeSet<Option<Arc<str>>>,
    tally: &mut Tally,
) {
    tally.count(CountedKind::User).found += 1;
    if newest.name_damaged {
        let reason = "characters of the name were lost in the old database: taken without a name. It comes back from a \
                      device that is adopted, or by `muster user set`";
        tally.name(pin.as_str(), "user", Outcome::Noted, reason);
    }
    let mut fields = BTreeSet::new();
    let mut devices = BTreeSet::new();
    for other in others.iter().filter(|other| !strangers.contains(&other.origin.device)) {
        let differing = differing(&newest.fields, &other.fields);
        if !differing.is_empty() {
            fields.extend(differing);
            devices.insert(other.origin.device_name());
        }
    }
    if !fields.is_empty() {
        tally.count(CountedKind::User).merged += 1;
        let fields: Vec<_> = fields.into_iter().collect();
        let devices: Vec<&str> = devices.into_iter().collect();
        let reason = format!(
            "the record of device {} is the newest; {} differ in {}",
            newest.origin.device_name(),
            devices.join(", "),
            listed(&fields)
        );
        tally.name(pin.as_str(), "user", Outcome::Merged, reason);
    }
}

/// Takes the newest copy of each item, complete from one device.
fn merge(pin: &Pin, candidates: Vec<Candidate>, items: &mut BTreeMap<Slot, Item>, tally: &mut Tally) {
    let mut slots: BTreeMap<Slot, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        slots.entry(candidate.slot).or_default().push(candidate);
    }
    for (slot, candidates) in slots {
        let mut candidates = candidates.into_iter();
        let Some(newest) = candidates.next() else { continue };
        let (same, others): (Vec<_>, Vec<_>) = candidates.partition(|other| other.hash == newest.hash);
        let others: BTreeSet<&str> = others.iter().map(|other| other.origin.device_name()).collect();
        // The item counts as repaired only if no device has the same payload with its padding.
        let repaired = newest.repaired && same.iter().all(|same| same.repaired);
        let counts = tally.count(CountedKind::of(slot.kind));
        counts.found += 1;
        counts.repaired += usize::from(repaired);
        counts.merged += usize::from(!others.is_empty());
        let record = slot.to_string();
        if repaired {
            let reason = "its lost padding was restored; its length is proved";
            tally.name(pin.as_str(), &record, Outcome::Repaired, reason);
        }
        if !others.is_empty() {
            let others: Vec<&str> = others.into_iter().collect();
            let reason = format!(
                "the copy of device {} is the newest; it differs from the copies of {}",
                newest.origin.device_name(),
                others.join(", ")
            );
            tally.name(pin.as_str(), &record, Outcome::Merged, reason);
        }
        if matches!(slot.kind, Kind::Template(_)) && slot.algorithm.major == 0 {
            let reason = "its version is not known: Muster keeps it and sends it to no device";
            tally.name(pin.as_str(), &record, Outcome::Noted, reason);
        }
        items.insert(slot, Item { content: newest.content, hash: newest.hash });
    }
}

/// Refuses items that are damaged on every device. If another copy is complete, the damage is only reported.
fn report_damaged(pin: &Pin, damaged: Vec<Damaged>, items: &BTreeMap<Slot, Item>, tally: &mut Tally) {
    let whole: BTreeSet<Place> = items.keys().map(Place::of).collect();
    let mut places: BTreeMap<Place, Vec<Damaged>> = BTreeMap::new();
    for damaged in damaged {
        places.entry(damaged.place).or_default().push(damaged);
    }
    for (place, copies) in places {
        let Some(newest) = copies.first() else { continue };
        let (record, reason) = (place.to_string(), &newest.reason);
        if whole.contains(&place) {
            let device = newest.origin.device_name();
            let reason = format!("a copy of {device} cannot be used: {reason}; another one is complete");
            tally.name(pin.as_str(), record, Outcome::Noted, reason);
        } else {
            let reason = match copies.len() {
                1 => reason.clone(),
                copies => format!("{reason} (and none of its {copies} copies is complete)"),
            };
            tally.refuse(pin.as_str(), CountedKind::of(place.kind), record, reason);
        }
    }
}
