//! Definitions of the fleet, and their state on each device.

use std::collections::BTreeMap;

use roster::{Definition, DefinitionKind, DefinitionName, Millis};
use serde::{Serialize, Serializer};
use store::{Defined, StoreError, Tx};
use sync::Want;
use wire::{Pin, SerialNumber};

use crate::definition::key;
use crate::{ChangedBy, Fleet, FleetError, lookup, text, time};

/// A definition. JSON omits the kind, because the caller asked for one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefinitionView {
    /// The kind.
    #[serde(skip)]
    pub kind: DefinitionKind,
    /// Its number, or the code of a work code.
    pub name: String,
    /// The fields and values that devices get.
    #[serde(rename = "fields", serialize_with = "fields")]
    pub definition: Definition,
    /// The areas that it belongs to.
    pub areas: Vec<i64>,
    /// When the definition last changed.
    #[serde(serialize_with = "time::serialize")]
    pub changed_at: Millis,
    /// The author of the last change.
    pub changed_by: ChangedBy,
}

/// A definition, and its state on the devices of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefinitionSync {
    /// The definition.
    #[serde(flatten)]
    pub definition: DefinitionView,
    /// The users of a personal message.
    #[serde(serialize_with = "text::serialize_all")]
    pub assigned: Vec<Pin>,
    /// The state on each device of the fleet.
    pub devices: Vec<DefinitionAtDevice>,
}

/// The state of a definition on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefinitionAtDevice {
    /// Serial number of the device.
    pub serial_number: String,
    /// The device's name for people.
    pub name: String,
    /// The state.
    #[serde(rename = "stands")]
    pub state: DefinitionState,
}

/// The state of a definition on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefinitionState {
    /// The device has confirmed it.
    Holds,
    /// Muster sends it with the next polls.
    Owed,
    /// The device refused it.
    Refused,
    /// The device is in none of its areas, or does not support the kind.
    NotForIt,
    /// The device is joining: Muster still reads its people.
    Joining,
}

impl Fleet {
    /// All definitions of a kind.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn definitions(&self, kind: DefinitionKind) -> Result<Vec<DefinitionView>, FleetError> {
        let mut tx = self.read().await?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let all = tx.definitions(kind).await?;
        Ok(all.into_iter().map(|defined| DefinitionView::of(defined, &serial_numbers)).collect())
    }

    /// One definition, and its state on the devices of the fleet.
    ///
    /// # Errors
    /// There is no such definition; those of the database.
    pub async fn definition(&self, name: &DefinitionName) -> Result<DefinitionSync, FleetError> {
        let mut tx = self.read().await?;
        let defined = lookup::definition(&mut tx, name).await?;
        let assigned = match (name.kind, name.name.parse()) {
            (DefinitionKind::Message, Ok(number)) => tx.users_of_message(number).await?,
            _ => Vec::new(),
        };
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let devices = at_devices(&mut tx, &defined).await?;
        Ok(DefinitionSync { definition: DefinitionView::of(defined, &serial_numbers), assigned, devices })
    }
}

impl DefinitionView {
    fn of(defined: Defined, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        Self {
            kind: defined.name.kind,
            name: defined.name.name,
            definition: defined.definition,
            areas: defined.areas.into_iter().map(|area| area.0).collect(),
            changed_at: defined.changed_at,
            changed_by: ChangedBy::of(defined.changed_by, serial_numbers),
        }
    }
}

async fn at_devices(tx: &mut Tx, defined: &Defined) -> Result<Vec<DefinitionAtDevice>, StoreError> {
    let key = key(&defined.name)?;
    let mut found = Vec::new();
    for row in tx.devices().await? {
        if !row.state.is_member() {
            continue;
        }
        let mut view = tx.view(&row).await?;
        tx.load_persons(&mut view, std::slice::from_ref(&key.pin)).await?;
        let exception = view.persons.get(&key.pin).and_then(|owner| owner.exceptions.get(&key.slot));
        let refused = exception
            .and_then(|exception| exception.refused)
            .is_some_and(|refusal| refusal.seq == defined.seq);
        let state = match view.want(&key) {
            _ if row.joining.is_some() => DefinitionState::Joining,
            Want::Present if refused => DefinitionState::Refused,
            Want::Present if view.settled(&key) => DefinitionState::Holds,
            Want::Present => DefinitionState::Owed,
            Want::Anything | Want::Absent | Want::ByUser => DefinitionState::NotForIt,
        };
        found.push(DefinitionAtDevice {
            serial_number: row.serial_number.to_string(),
            name: row.name,
            state,
        });
    }
    Ok(found)
}

fn fields<S: Serializer>(definition: &Definition, serializer: S) -> Result<S::Ok, S::Error> {
    let fields: BTreeMap<&str, &str> =
        definition.fields().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    fields.serialize(serializer)
}
