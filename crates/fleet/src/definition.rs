//! What is defined for the whole fleet, as operators see and change it: time zones, holidays, groups, unlock combinations,
//! messages and work codes.

use std::collections::BTreeSet;

use roster::{
    Area, Content, Definition, DefinitionKind, DefinitionName, ItemKey, Kind, MOST_DEFINITIONS, Millis, Slot,
};
use store::{Change, Defined, ItemWrite, StoreError, Tx};
use wire::{EntryError, Pin};

/// What came of defining something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not defined before.
    Made,
    /// It says something else now.
    Changed,
    /// It said so already.
    Unchanged,
    /// Nothing was done: it refers to these, which are not defined.
    Lacks(Vec<DefinitionName>),
}

/// What came of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It goes from all devices.
    Done,
    /// There was none.
    Unknown,
    /// Nothing was done: these refer to it, each in words.
    InUse(Vec<String>),
}

/// Key of a definition.
///
/// # Errors
/// [`StoreError::Inconsistent`] for a name that [`DefinitionName::read`] did not make.
pub fn key(name: &DefinitionName) -> Result<ItemKey, StoreError> {
    let wrong = |_| StoreError::Inconsistent { table: "item", column: "pin", key: name.to_string() };
    Ok(ItemKey { pin: name.owner().map_err(wrong)?, slot: name.kind.slot() })
}

/// Defines something, or changes what is defined. `areas`: all that it belongs to; `None` leaves them, and puts what is
/// new into the area of everyone. A work code keeps its place in the lists of devices, or gets a free one.
///
/// # Errors
/// Those of the database.
pub async fn set(
    tx: &mut Tx,
    name: &DefinitionName,
    definition: &Definition,
    areas: Option<&[Area]>,
    now: Millis,
) -> Result<Outcome, StoreError> {
    tx.reserve(0).await?;
    let lacks = undefined(tx, definition).await?;
    if !lacks.is_empty() {
        return Ok(Outcome::Lacks(lacks));
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
    // After the memberships: whoever reads the feed finds the definition in its scope.
    let content = Content::Definition(definition.clone());
    if tx.contents(std::slice::from_ref(&key)).await?.get(&key) != Some(&content) {
        writes.push(put(tx, key, content));
    }
    if writes.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    tx.write_items(&writes, &Change { by: None, at: now, undo_until: None }).await?;
    Ok(if existed { Outcome::Changed } else { Outcome::Made })
}

/// Deletes a definition everywhere, unless something refers to it. With a message go the notes of who has it.
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

/// Gives a personal message to users; to those who have it already nothing happens. Returns to how many it was given.
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

/// Places of work codes in the lists of devices: each has one of its own, and keeps it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    of: std::collections::BTreeMap<DefinitionName, u32>,
    taken: BTreeSet<u32>,
}

impl Places {
    /// Those that are taken.
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

    /// The definition of a work code of this name in words, at its own place, or at the first that is free.
    ///
    /// # Errors
    /// The text is not one that the table takes.
    pub fn work_code(&mut self, name: &DefinitionName, text: &str) -> Result<Definition, EntryError> {
        let place = self.of.get(name).copied().unwrap_or_else(|| self.free());
        // What has no name is called as it is coded.
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

/// What a definition refers to and is not defined. Number 1 of time zones and groups every device has from its making.
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
    let numbers: BTreeSet<u32> = definition.refers_to().into_iter().filter(|number| *number > 1).collect();
    let names = numbers.into_iter().map(|number| DefinitionName { kind, name: number.to_string() });
    Ok(names.filter(|name| !defined.contains(&name.name)).collect())
}

/// Who refers to a definition, in words.
async fn referring(tx: &mut Tx, name: &DefinitionName) -> Result<Vec<String>, StoreError> {
    let Ok(number) = name.name.parse::<u32>() else { return Ok(Vec::new()) };
    let (kinds, users): (&[DefinitionKind], i64) = match name.kind {
        DefinitionKind::TimeZone => {
            (&[DefinitionKind::Holiday, DefinitionKind::Group], users_with_zone(tx, number).await?)
        }
        // Without a group of their own people are in the first, which every device has.
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
        let those = all.into_iter().filter(|defined| defined.definition.refers_to().contains(&number));
        found.extend(those.map(|defined| defined.name.to_string()));
    }
    if users > 0 {
        found.push(if users == 1 { "one user".to_owned() } else { format!("{users} users") });
    }
    Ok(found)
}

/// How many users have a time zone of their own: four numbers of four digits, the first a flag (§11.5).
async fn users_with_zone(tx: &mut Tx, zone: u32) -> Result<i64, StoreError> {
    let has = |text: &str| {
        [4..8, 8..12, 12..16]
            .into_iter()
            .any(|at| text.get(at).and_then(|part| part.parse().ok()) == Some(zone))
    };
    Ok(tx.user_time_zones().await?.into_iter().filter(|(text, _)| has(text)).map(|(_, users)| users).sum())
}

/// The first number of a kind that is free.
///
/// # Errors
/// Those of the database.
pub async fn free_number(tx: &mut Tx, kind: DefinitionKind) -> Result<Option<u16>, StoreError> {
    let taken: BTreeSet<String> =
        tx.definitions(kind).await?.into_iter().map(|defined| defined.name.name).collect();
    Ok((1..=MOST_DEFINITIONS).find(|number| !taken.contains(&number.to_string())))
}

fn put(tx: &Tx, key: ItemKey, content: Content) -> ItemWrite {
    let hash = roster::hash(tx.hash_key(), &key.slot, &content);
    ItemWrite { key, content: Some(content), hash, contested: false, made_of: None }
}

/// A tombstone. Its hash is of nothing: what an item held last is told by its older versions.
fn bury(tx: &Tx, key: ItemKey) -> ItemWrite {
    let hash = roster::hash(tx.hash_key(), &key.slot, &Content::Membership);
    ItemWrite { key, content: None, hash, contested: false, made_of: None }
}
