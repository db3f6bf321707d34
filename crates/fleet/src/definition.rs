//! Definitions of the whole fleet: time zones, holidays, groups, unlock combinations, messages and work codes. Operators define,
//! change and delete them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use roster::{
    Area, CLOSED, Content, DAYS, Definition, DefinitionKind, DefinitionName, DefinitionNameError, ItemKey,
    Kind, MAX_DEFINITIONS, Millis, Slot,
};
use serde::Serialize;
use store::{Change, Defined, ItemWrite, StoreError, Tx};
use wire::{Pin, TableRecordError};

use crate::fleet::retry;
use crate::{Actor, Fleet, FleetError, lookup};

/// The audience of a personal message, in its field `TAG` (§12.1.1.9).
const PERSONAL: &str = "254";

/// Why a definition cannot be set, deleted or assigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionRefusal {
    /// The definition refers to others that do not exist.
    #[error("{name} refers to {}, not defined yet", joined(missing, " and "))]
    Undefined {
        /// The definition to set.
        name: DefinitionName,
        /// The missing definitions.
        missing: Vec<DefinitionName>,
    },
    /// Others refer to the definition.
    #[error("{name} is used by {}", joined(by, ", "))]
    InUse {
        /// The definition to delete.
        name: DefinitionName,
        /// The definitions and users that refer to it.
        by: Vec<Reference>,
    },
    /// The definition exists, and the edit has no fields and no areas.
    #[error("nothing to change of {0}")]
    NothingGiven(DefinitionName),
    /// A value does not fit its field, or a required field is missing.
    #[error("{name}: {error}")]
    Invalid {
        /// The definition to set.
        name: DefinitionName,
        /// The field, and its requirement.
        error: TableRecordError,
    },
    /// The number is not a message number.
    #[error("message {number}: {error}")]
    NoMessage {
        /// The number.
        number: u16,
        /// The range of numbers.
        error: DefinitionNameError,
    },
    /// A message that is not personal cannot be assigned.
    #[error("{0} is for everyone")]
    NotPersonal(DefinitionName),
}

/// Something that refers to a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Another definition.
    Definition(DefinitionName),
    /// This many users.
    Users(i64),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition(name) => name.fmt(f),
            Self::Users(1) => f.write_str("one user"),
            Self::Users(users) => write!(f, "{users} users"),
        }
    }
}

fn joined<T: fmt::Display>(all: &[T], separator: &str) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

/// A change of a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionEdit {
    /// Fields of its table with their new values; the others stay as they are.
    pub fields: Vec<(&'static str, String)>,
    /// All areas of the definition. `None` keeps them; a new definition then belongs to the area of everyone.
    pub areas: Option<Vec<Area>>,
}

impl DefinitionEdit {
    /// The definition after the change.
    fn applied(
        &self,
        name: &DefinitionName,
        before: Option<&Definition>,
    ) -> Result<Definition, DefinitionRefusal> {
        if before.is_some() && *self == Self::default() {
            return Err(DefinitionRefusal::NothingGiven(name.clone()));
        }
        let mut fields: BTreeMap<&str, String> = match before {
            Some(before) => {
                before.fields().iter().map(|(key, value)| (key.as_str(), value.clone())).collect()
            }
            None => defaults(name.kind),
        };
        fields.extend(self.fields.iter().map(|(key, value)| (*key, value.clone())));
        let fields: Vec<(&str, String)> = fields.into_iter().collect();
        Definition::new(name, &fields)
            .map_err(|error| DefinitionRefusal::Invalid { name: name.clone(), error })
    }
}

/// The fields of a new definition that have default values.
fn defaults(kind: DefinitionKind) -> BTreeMap<&'static str, String> {
    match kind {
        DefinitionKind::TimeZone => DAYS
            .into_iter()
            .flat_map(|(start, end)| [(start, CLOSED.0.to_owned()), (end, CLOSED.1.to_owned())])
            .collect(),
        // People do not choose the place of a work code in the lists of devices: `set` finds a free one.
        DefinitionKind::WorkCode => BTreeMap::from([("PIN", "1".to_owned())]),
        DefinitionKind::Holiday
        | DefinitionKind::Group
        | DefinitionKind::Combination
        | DefinitionKind::Message => BTreeMap::new(),
    }
}

/// The outcome of setting a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The definition is new.
    Made,
    /// The definition changed.
    Changed,
    /// The definition was the same already.
    Unchanged,
}

/// The outcome of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// All devices delete it.
    Done,
    /// There is no such definition.
    Unknown,
    /// Nothing was deleted: these refer to the definition.
    InUse(Vec<Reference>),
}

impl Fleet {
    /// Creates or changes a definition.
    ///
    /// # Errors
    /// There is no such area; [`DefinitionRefusal`]; those of the database.
    pub async fn set_definition(
        &self,
        actor: &Actor,
        name: &DefinitionName,
        edit: &DefinitionEdit,
    ) -> Result<Outcome, FleetError> {
        let areas = edit.areas.as_deref();
        let outcome = retry(|| async {
            let mut tx = self.write().await?;
            // Locked before anything is read, so that nobody changes the definition meanwhile.
            tx.lock_clock().await?;
            lookup::areas(&mut tx, areas.unwrap_or_default()).await?;
            let before = find(&mut tx, name).await?;
            let definition = edit.applied(name, before.as_ref().map(|defined| &defined.definition))?;
            let outcome = set(&mut tx, name, &definition, areas, self.now()).await??;
            tx.commit().await?;
            Ok(outcome)
        })
        .await?;
        if outcome != Outcome::Unchanged {
            tracing::info!(%actor, definition = %name, ?outcome, "definition set");
        }
        Ok(outcome)
    }

    /// Deletes a definition everywhere. A message is also removed from the users who have it.
    ///
    /// # Errors
    /// There is no such definition, or something refers to it; those of the database.
    pub async fn delete_definition(&self, actor: &Actor, name: &DefinitionName) -> Result<(), FleetError> {
        retry(|| async {
            let mut tx = self.write().await?;
            match delete(&mut tx, name, self.now()).await? {
                Deleted::Done => Ok(tx.commit().await?),
                Deleted::Unknown => Err(lookup::no_definition(&mut tx, name).await),
                Deleted::InUse(by) => Err(DefinitionRefusal::InUse { name: name.clone(), by }.into()),
            }
        })
        .await?;
        tracing::info!(%actor, definition = %name, "definition deleted");
        Ok(())
    }

    /// Gives a personal message to users. Returns how many did not have it before.
    ///
    /// # Errors
    /// There is no such message or user, or the message is not personal; those of the database.
    pub async fn assign_message(
        &self,
        actor: &Actor,
        number: u16,
        pins: &[Pin],
    ) -> Result<usize, FleetError> {
        let name = DefinitionName::read(DefinitionKind::Message, &number.to_string())
            .map_err(|error| DefinitionRefusal::NoMessage { number, error })?;
        let users = retry(|| async {
            let mut tx = self.write().await?;
            // Locked before anything is read, so that nobody deletes the message or a user meanwhile.
            tx.lock_clock().await?;
            let message = lookup::definition(&mut tx, &name).await?;
            if message.definition.value("TAG") != PERSONAL {
                return Err(DefinitionRefusal::NotPersonal(name.clone()).into());
            }
            let known = tx.users(pins).await?;
            if let Some(nobody) = pins.iter().find(|pin| !known.contains_key(pin)) {
                return Err(lookup::no_user(&mut tx, nobody, self.now()).await);
            }
            let users = assign(&mut tx, number, pins, self.now()).await?;
            tx.commit().await?;
            Ok(users)
        })
        .await?;
        if users > 0 {
            tracing::info!(%actor, definition = %name, users, "message assigned");
        }
        Ok(users)
    }
}

/// Key of a definition.
///
/// # Errors
/// [`StoreError::Inconsistent`] for a name that [`DefinitionName::read`] did not make.
pub fn key(name: &DefinitionName) -> Result<ItemKey, StoreError> {
    let wrong = |_| StoreError::Inconsistent { table: "item", column: "pin", key: name.to_string() };
    Ok(ItemKey { pin: name.owner().map_err(wrong)?, slot: name.kind.slot() })
}

/// Creates or changes a definition. `areas`: all areas of the definition; `None` keeps them, and puts a new definition into
/// the area of everyone. A work code keeps its place in the lists of devices, or gets a free one.
///
/// The inner error: the definition refers to others that do not exist, and nothing was done.
///
/// # Errors
/// Those of the database.
pub async fn set(
    tx: &mut Tx,
    name: &DefinitionName,
    definition: &Definition,
    areas: Option<&[Area]>,
    now: Millis,
) -> Result<Result<Outcome, DefinitionRefusal>, StoreError> {
    tx.reserve(0).await?;
    let missing = undefined(tx, definition).await?;
    if !missing.is_empty() {
        return Ok(Err(DefinitionRefusal::Undefined { name: name.clone(), missing }));
    }
    let placed = match definition.kind() {
        DefinitionKind::WorkCode => Places::load(tx).await?.work_code(name, definition.value("NAME")).ok(),
        _ => None,
    };
    let definition = placed.as_ref().unwrap_or(definition);
    let key = key(name)?;
    let live = tx.live_keys(std::slice::from_ref(&key.pin)).await?;
    let existed = live.contains(&key);
    let members: Vec<Area> = live.iter().filter_map(|key| key.slot.area()).collect();
    let wanted = match areas {
        Some(areas) => areas.to_vec(),
        None if existed => members.clone(),
        None => vec![Area::EVERYONE],
    };
    let membership = |area: &Area| ItemKey { pin: key.pin.clone(), slot: Slot::membership(*area) };
    let mut writes = Vec::new();
    for area in wanted.iter().filter(|area| !members.contains(area)) {
        writes.push(put(tx, membership(area), Content::Membership));
    }
    for area in members.iter().filter(|area| !wanted.contains(area)) {
        writes.push(bury(tx, membership(area)));
    }
    // After the memberships, so that a reader of the feed finds the definition in its scope.
    let content = Content::Definition(definition.clone());
    if tx.contents(std::slice::from_ref(&key)).await?.get(&key) != Some(&content) {
        writes.push(put(tx, key, content));
    }
    if writes.is_empty() {
        return Ok(Ok(Outcome::Unchanged));
    }
    tx.write_items(&writes, &Change { by: None, at: now, undo_until: None }).await?;
    Ok(Ok(if existed { Outcome::Changed } else { Outcome::Made }))
}

/// Deletes a definition everywhere, unless something refers to it. A message is also removed from the users who have it.
///
/// # Errors
/// Those of the database.
pub async fn delete(tx: &mut Tx, name: &DefinitionName, now: Millis) -> Result<Deleted, StoreError> {
    tx.reserve(0).await?;
    let key = key(name)?;
    let mut keys = tx.live_keys(std::slice::from_ref(&key.pin)).await?;
    if !keys.contains(&key) {
        return Ok(Deleted::Unknown);
    }
    let users = referring(tx, name).await?;
    if !users.is_empty() {
        return Ok(Deleted::InUse(users));
    }
    keys.sort_by_key(|key| key.slot.kind == Kind::Membership);
    if let (DefinitionKind::Message, Ok(number)) = (name.kind, name.name.parse::<u16>()) {
        let slot = Slot::personal_message(number);
        keys.extend(tx.users_of_message(number).await?.into_iter().map(|pin| ItemKey { pin, slot }));
    }
    let writes: Vec<ItemWrite> = keys.into_iter().map(|key| bury(tx, key)).collect();
    tx.write_items(&writes, &Change { by: None, at: now, undo_until: None }).await?;
    Ok(Deleted::Done)
}

/// The definition of this name.
///
/// # Errors
/// Those of the database.
pub async fn find(tx: &mut Tx, name: &DefinitionName) -> Result<Option<Defined>, StoreError> {
    Ok(tx.definitions(name.kind).await?.into_iter().find(|defined| defined.name == *name))
}

/// Gives a personal message to users. Returns how many did not have it before.
///
/// # Errors
/// Those of the database.
pub async fn assign(tx: &mut Tx, message: u16, pins: &[Pin], now: Millis) -> Result<usize, StoreError> {
    tx.reserve(0).await?;
    let has: BTreeSet<Pin> = tx.users_of_message(message).await?.into_iter().collect();
    let new: BTreeSet<&Pin> = pins.iter().filter(|pin| !has.contains(pin)).collect();
    let slot = Slot::personal_message(message);
    let writes: Vec<ItemWrite> = new
        .into_iter()
        .map(|pin| put(tx, ItemKey { pin: pin.clone(), slot }, Content::PersonalMessage))
        .collect();
    if !writes.is_empty() {
        tx.write_items(&writes, &Change { by: None, at: now, undo_until: None }).await?;
    }
    Ok(writes.len())
}

/// Places of work codes in the lists of devices: each work code has its own place, and keeps it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    of: BTreeMap<DefinitionName, u32>,
    taken: BTreeSet<u32>,
}

impl Places {
    /// Reads the used places.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load(tx: &mut Tx) -> Result<Self, StoreError> {
        let mut places = Self::default();
        for defined in tx.definitions(DefinitionKind::WorkCode).await? {
            let place = defined.definition.number("PIN");
            places.taken.insert(place);
            places.of.insert(defined.name, place);
        }
        Ok(places)
    }

    /// The definition of a work code with this text, at its own place or at the first free one.
    ///
    /// # Errors
    /// The text does not fit the table.
    pub fn work_code(&mut self, name: &DefinitionName, text: &str) -> Result<Definition, TableRecordError> {
        let place = self.of.get(name).copied().unwrap_or_else(|| self.free());
        // A work code without a name is named by its code.
        let text = if text.trim().is_empty() { name.name.as_str() } else { text };
        let definition = Definition::new(name, &[("PIN", place.to_string()), ("NAME", text.to_owned())])?;
        self.taken.insert(place);
        self.of.insert(name.clone(), place);
        Ok(definition)
    }

    fn free(&self) -> u32 {
        let mut free = 1;
        for taken in self.taken.range(1..) {
            if *taken != free {
                break;
            }
            free += 1;
        }
        free
    }
}

/// The missing definitions that a definition refers to. Every device has time zone 1 and group 1 from the factory.
async fn undefined(tx: &mut Tx, definition: &Definition) -> Result<Vec<DefinitionName>, StoreError> {
    let kind = match definition.kind() {
        DefinitionKind::Group | DefinitionKind::Holiday => DefinitionKind::TimeZone,
        DefinitionKind::Combination => DefinitionKind::Group,
        DefinitionKind::TimeZone | DefinitionKind::Message | DefinitionKind::WorkCode => {
            return Ok(Vec::new());
        }
    };
    let defined: BTreeSet<String> =
        tx.definitions(kind).await?.into_iter().map(|defined| defined.name.name).collect();
    let numbers: BTreeSet<u32> =
        definition.referenced_numbers().into_iter().filter(|number| *number > 1).collect();
    let names = numbers.into_iter().map(|number| DefinitionName { kind, name: number.to_string() });
    Ok(names.filter(|name| !defined.contains(&name.name)).collect())
}

/// The definitions and users that refer to a definition.
async fn referring(tx: &mut Tx, name: &DefinitionName) -> Result<Vec<Reference>, StoreError> {
    let Ok(number) = name.name.parse::<u32>() else { return Ok(Vec::new()) };
    let (kinds, users): (&[DefinitionKind], i64) = match name.kind {
        DefinitionKind::TimeZone => {
            (&[DefinitionKind::Holiday, DefinitionKind::Group], users_with_zone(tx, number).await?)
        }
        // People without a group belong to the first one, which every device has.
        DefinitionKind::Group if number == 1 => (&[], 0),
        DefinitionKind::Group => {
            (&[DefinitionKind::Combination], tx.users_in_group(i64::from(number)).await?)
        }
        DefinitionKind::Holiday
        | DefinitionKind::Combination
        | DefinitionKind::Message
        | DefinitionKind::WorkCode => return Ok(Vec::new()),
    };
    let mut found = Vec::new();
    for kind in kinds {
        let all = tx.definitions(*kind).await?;
        let those =
            all.into_iter().filter(|defined| defined.definition.referenced_numbers().contains(&number));
        found.extend(those.map(|defined| Reference::Definition(defined.name)));
    }
    if users > 0 {
        found.push(Reference::Users(users));
    }
    Ok(found)
}

/// The number of users with a time zone of their own: four numbers of four digits, the first a flag (§11.5).
async fn users_with_zone(tx: &mut Tx, zone: u32) -> Result<i64, StoreError> {
    let has = |text: &str| {
        [4..8, 8..12, 12..16]
            .into_iter()
            .any(|at| text.get(at).and_then(|part| part.parse().ok()) == Some(zone))
    };
    Ok(tx.user_time_zones().await?.into_iter().filter(|(text, _)| has(text)).map(|(_, users)| users).sum())
}

/// The first free number of a kind.
///
/// # Errors
/// Those of the database.
pub async fn free_number(tx: &mut Tx, kind: DefinitionKind) -> Result<Option<u16>, StoreError> {
    let taken: BTreeSet<String> =
        tx.definitions(kind).await?.into_iter().map(|defined| defined.name.name).collect();
    Ok((1..=MAX_DEFINITIONS).find(|number| !taken.contains(&number.to_string())))
}

fn put(tx: &Tx, key: ItemKey, content: Content) -> ItemWrite {
    let hash = roster::hash(tx.hash_key(), &key.slot, &content);
    ItemWrite { key, content: Some(content), hash, contested: false, made_of: None }
}

/// A tombstone. Its hash says nothing: the older versions of an item tell its last content.
fn bury(tx: &Tx, key: ItemKey) -> ItemWrite {
    let hash = roster::hash(tx.hash_key(), &key.slot, &Content::Membership);
    ItemWrite { key, content: None, hash, contested: false, made_of: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(kind: DefinitionKind, text: &str) -> DefinitionName {
        DefinitionName::read(kind, text).expect("a name")
    }

    #[test]
    fn a_new_time_zone_is_closed_on_the_days_that_are_not_given() {
        let zone = name(DefinitionKind::TimeZone, "2");
        let edit = |key, value: &str| DefinitionEdit { fields: vec![(key, value.to_owned())], areas: None };
        let new = edit("MonStart", "0800").applied(&zone, None);
        let new = new.and_then(|new| edit("MonEnd", "1800").applied(&zone, Some(&new))).expect("a zone");
        assert_eq!((new.value("MonStart"), new.value("MonEnd")), ("0800", "1800"));
        assert_eq!((new.value("SunStart"), new.value("SunEnd")), CLOSED);
    }

    #[test]
    fn an_edit_without_anything_is_refused_for_what_is_defined() {
        let zone = name(DefinitionKind::TimeZone, "2");
        let new = DefinitionEdit::default().applied(&zone, None).expect("a zone");
        assert_eq!(
            DefinitionEdit::default().applied(&zone, Some(&new)),
            Err(DefinitionRefusal::NothingGiven(zone))
        );
    }
}
