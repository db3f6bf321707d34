//! Execution of an import, some people at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleet::user;
use roster::{HashKey, Millis};
use store::{Change, ItemWrite, Store, StoreError, Tx};
use wire::Pin;

use crate::database::OldDatabase;
use crate::decide::{Decision, decide};
use crate::error::ImportError;
use crate::person::{self, Person};
use crate::report::{CountedKind, Report, Tally};
use crate::table::Table;

/// People per transaction.
const PEOPLE_PER_TRANSACTION: usize = 200;

/// The options of an import.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether the old database overrides Muster's data and deletions.
    pub overwrite: bool,
    /// Whether to write nothing.
    pub dry_run: bool,
    /// The current time.
    pub now: Millis,
    /// How long a person who is deleted for another one can be restored, as after an operator's deletion.
    pub undo_until: Millis,
}

/// Imports the people; `progress` gets the number of finished PINs.
///
/// Each transaction is complete in itself. After an interruption, the next run continues.
///
/// # Errors
/// Either database failed.
pub async fn people(
    old: &mut OldDatabase,
    store: &Store,
    options: Options,
    mut progress: impl FnMut(usize),
) -> Result<Report, ImportError> {
    let mut report = Report {
        source: old.source_name().to_owned(),
        generation: old.generation(),
        dry_run: options.dry_run,
        counts: BTreeMap::new(),
        cases: Vec::new(),
        devices: Vec::new(),
        left_out: old.left_out().to_vec(),
        absent: old.absent().to_vec(),
    };
    let (mut done, pins) = (0, old.pins());
    for page in pins.chunks(PEOPLE_PER_TRANSACTION) {
        let (mut valid, mut tally) = (Vec::new(), Tally::default());
        for (text, rows) in page {
            match text.parse::<Pin>() {
                Ok(_) => valid.push(text.clone()),
                Err(error) => refuse_all(text, rows, &error.to_string(), &mut tally),
            }
        }
        let mut people = Vec::new();
        for (text, rows) in old.rows(&valid).await? {
            let Ok(pin) = text.parse::<Pin>() else { continue };
            let (person, told) = person::assemble(&pin, rows, old.versions(), store.hash_key());
            tally.add(told);
            people.extend(person);
        }
        tally.add(take(store, people, options).await?);
        tally.cases.sort_by(|a, b| a.pin.cmp(&b.pin));
        report.add(tally);
        done += page.len();
        progress(done);
    }
    Ok(report)
}

/// Refuses all records of an invalid PIN.
fn refuse_all(text: &str, rows: &BTreeMap<Table, usize>, reason: &str, tally: &mut Tally) {
    let mut records = 0;
    for (table, count) in rows {
        let what = match table {
            Table::Users => continue,
            Table::Fingerprints => CountedKind::Fingerprint,
            Table::Faces => CountedKind::Face,
            Table::FingerVeins => CountedKind::FingerVein,
            Table::BioData => CountedKind::OtherTemplate,
            Table::UserPhotos => CountedKind::UserPhoto,
            Table::ComparisonPhotos => CountedKind::ComparisonPhoto,
        };
        let counts = tally.count(what);
        counts.found += count;
        counts.refused += count;
        records += count;
    }
    let reason = match records {
        0 => reason.to_owned(),
        records => format!("{reason}; with it {records} rows of templates and photos are left out"),
    };
    tally.refuse(text, CountedKind::User, "user", reason);
}

/// Compares people with Muster's data and writes the differences.
async fn take(store: &Store, people: Vec<Person>, options: Options) -> Result<Tally, StoreError> {
    // Read first: if there is nothing to write, no other writer has to wait.
    let mut tx = store.read().await?;
    let decisions = decided(&mut tx, &people, options, store.hash_key()).await?;
    tx.rollback().await?;
    if options.dry_run || decisions.iter().all(|(_, decision)| decision.writes.is_empty()) {
        return Ok(told(decisions.into_iter().map(|(_, decision)| decision)));
    }
    let (people, key) = (Arc::new(people), store.hash_key().clone());
    store
        .retrying(move |tx| {
            let (people, key) = (Arc::clone(&people), key.clone());
            Box::pin(async move { write(tx, &people, options, &key).await })
        })
        .await
}

async fn write(tx: &mut Tx, people: &[Person], options: Options, key: &HashKey) -> Result<Tally, StoreError> {
    // Lock order: the clock first. Data that is read afterwards cannot change until the writes are done.
    tx.lock_clock().await?;
    let decisions = decided(tx, people, options, key).await?;
    let mut writes: Vec<ItemWrite> = Vec::new();
    let mut tally = Tally::default();
    for (pin, decision) in decisions {
        if decision.delete_first {
            user::delete(tx, &pin, None, options.now, Some(options.undo_until)).await?;
        }
        writes.extend(decision.writes);
        tally.add(decision.tally);
    }
    if !writes.is_empty() {
        tx.write_items(&writes, &Change { by: None, at: options.now, undo_until: None }).await?;
    }
    Ok(tally)
}

async fn decided(
    tx: &mut Tx,
    people: &[Person],
    options: Options,
    key: &HashKey,
) -> Result<Vec<(Pin, Decision)>, StoreError> {
    let pins: Vec<Pin> = people.iter().map(|person| person.pin.clone()).collect();
    let held = tx.items_of(&pins).await?;
    let users = tx.users(&pins).await?;
    let mut pins_differing_in_case = tx.pins_differing_in_case(&pins).await?;
    // If two new PINs of one batch differ only in case, the first counts.
    let mut first: BTreeMap<String, &Pin> = BTreeMap::new();
    for pin in &pins {
        let other = *first.entry(pin.as_str().to_ascii_lowercase()).or_insert(pin);
        if other != pin && !users.contains_key(pin) {
            pins_differing_in_case.entry(pin.clone()).or_insert_with(|| other.clone());
        }
    }
    let decide = |person: &Person| {
        let held = held.get(&person.pin).map_or(&[][..], Vec::as_slice);
        let other = pins_differing_in_case.get(&person.pin);
        (person.pin.clone(), decide(person, held, users.get(&person.pin), other, options.overwrite, key))
    };
    Ok(people.iter().map(decide).collect())
}

fn told(decisions: impl Iterator<Item = Decision>) -> Tally {
    let mut tally = Tally::default();
    decisions.for_each(|decision| tally.add(decision.tally));
    tally
}
