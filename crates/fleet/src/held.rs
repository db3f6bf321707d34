//! Held records: decisions of operators, and how Muster applies them.

use roster::{ItemKey, Millis, Slot, Uploader};
pub use store::HeldKind;
use store::{Change, DeviceRow, HeldFilter, HeldRow, ItemWrite, StoreError, Tx};

use crate::definition::Places;
use crate::emptied_field;
use crate::fleet::retry;
use crate::user::{self, UserEdit};
use crate::{Actor, Fleet, FleetError, NotFound, Rules};

/// The decision of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The device is right.
    Device,
    /// Both are the same person: the fleet's person gets the device's records.
    Same,
    /// The fleet is right: Muster corrects the device.
    Fleet,
    /// The operator has seen the record; nothing changes.
    Dismiss,
}

impl Resolution {
    /// The word in the database and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Same => "same",
            Self::Fleet => "fleet",
            Self::Dismiss => "dismissed",
        }
    }
}

/// Why an operator cannot decide this way.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no held record with this number.
    #[error("nothing is held under this number")]
    Unknown,
    /// The record was decided before.
    #[error("this was decided already")]
    Resolved,
    /// Muster sends nothing of the person to the device until the record is decided.
    #[error("this has to be decided: it cannot be dismissed")]
    Undecided,
    /// The PIN belongs to another person than when this was held.
    #[error("PIN {0} belongs to another person now than when this was held: nothing was done")]
    Outdated(wire::Pin),
    /// The fleet has no person whom the device could hold.
    #[error("the fleet has nobody under PIN {0}")]
    Nobody(wire::Pin),
    /// The device does not report which part was deleted.
    #[error("the terminal does not report which one was deleted")]
    NotKnownWhich,
    /// The field has another value than when it was emptied.
    #[error("the {0} has changed since: nothing was done")]
    Replaced(roster::Field),
    /// There are no two people to join.
    #[error("this is about one person")]
    OnePerson,
    /// This kind can only be looked at and dismissed.
    #[error("there is nothing to choose here: this can only be dismissed")]
    OnlyDismiss,
    /// The device no longer exists.
    #[error("the device that sent this no longer exists")]
    NoDevice,
    /// The held record cannot be read.
    #[error("the held record cannot be read")]
    Unreadable,
    /// A database error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fleet {
    /// Applies the decision of an operator on a held record.
    ///
    /// # Errors
    /// Nothing is held under this number; [`ResolveError`] as [`FleetError::Held`]; those of the database.
    pub async fn resolve_held(
        &self,
        actor: &Actor,
        id: i64,
        resolution: Resolution,
    ) -> Result<(), FleetError> {
        retry(|| async {
            let mut tx = self.write().await?;
            let resolved = resolve(&mut tx, id, resolution, self.rules(), self.now()).await;
            resolved.map_err(|error| match error {
                ResolveError::Unknown => NotFound::Held(id).into(),
                ResolveError::Store(error) => FleetError::Store(error),
                refusal => FleetError::Held(refusal),
            })?;
            Ok(tx.commit().await?)
        })
        .await?;
        tracing::info!(%actor, held.id = id, resolution = resolution.as_str(), "held record decided");
        Ok(())
    }
}

/// Applies the decision of an operator on a held record.
///
/// # Errors
/// [`ResolveError`].
pub async fn resolve(
    tx: &mut Tx,
    id: i64,
    resolution: Resolution,
    rules: &Rules,
    now: Millis,
) -> Result<HeldRow, ResolveError> {
    // Locked before anything is read that the decision depends on.
    tx.lock_clock().await?;
    let (row, raw) = tx.show_held(id).await?.ok_or(ResolveError::Unknown)?;
    if row.resolved_at.is_some() {
        return Err(ResolveError::Resolved);
    }
    if resolution == Resolution::Dismiss && matches!(row.kind, HeldKind::Conflict | HeldKind::Waiting) {
        return Err(ResolveError::Undecided);
    }
    let life = match &row.pin {
        Some(pin) => tx.life_of(pin).await?,
        None => None,
    };
    if let (Some(pin), Some(seen)) = (&row.pin, row.life)
        && resolution != Resolution::Dismiss
        && seen != life.unwrap_or(roster::Seq(0))
        && !matches!(row.kind, HeldKind::Conflict | HeldKind::Waiting)
    {
        return Err(ResolveError::Outdated(pin.clone()));
    }
    if resolution != Resolution::Dismiss {
        let device = tx.device(row.device).await?.ok_or(ResolveError::NoDevice)?;
        let pin = row.pin.clone().ok_or(ResolveError::OnlyDismiss)?;
        match (row.kind, resolution) {
            (HeldKind::Unreadable | HeldKind::UnreadTable, _) => return Err(ResolveError::OnlyDismiss),
            (HeldKind::Conflict | HeldKind::Waiting | HeldKind::Leftover, Resolution::Same) => {
                if life.is_none() {
                    return Err(ResolveError::Nobody(pin));
                }
                take_person(tx, &device, &pin, resolution, now).await?;
                owe_person(tx, &device, &pin, true, now).await?;
            }
            (_, Resolution::Same) => return Err(ResolveError::OnePerson),
            (HeldKind::PartDeleted, Resolution::Device) => return Err(ResolveError::NotKnownWhich),
            (HeldKind::Leftover, Resolution::Device) => {
                // For the fleet's person, or for a new one if the PIN is free.
                take_person(tx, &device, &pin, resolution, now).await?;
                owe_person(tx, &device, &pin, life.is_some(), now).await?;
            }
            (HeldKind::Leftover, _) => discard(tx, &device, &pin, resolution, now).await?,
            (HeldKind::Privilege, Resolution::Device) => {
                let privilege = uploaded_user(&device, &row, &raw).and_then(|(_, patch)| patch.privilege);
                let edit = UserEdit {
                    privilege: Some(privilege.ok_or(ResolveError::Unreadable)?),
                    ..UserEdit::default()
                };
                user::set(tx, &pin, &edit, now).await?;
            }
            (HeldKind::Cleared, Resolution::Device) => {
                emptied_field::empty_everywhere(tx, &pin, &raw, now).await?;
            }
            (HeldKind::Deletion, Resolution::Device) => {
                let until = rules.undo_until(now);
                user::delete(tx, &pin, None, now, Some(until)).await?;
            }
            (HeldKind::Brake | HeldKind::Credential, Resolution::Device) => {
                take_from_device(tx, &device, &row, &raw, now).await?;
                owe_person(tx, &device, &pin, false, now).await?;
            }
            (HeldKind::Conflict | HeldKind::Waiting, Resolution::Device) => {
                // Another person has the PIN from now on: nothing of the former person stays.
                let until = rules.undo_until(now);
                user::delete(tx, &pin, None, now, Some(until)).await?;
                take_person(tx, &device, &pin, resolution, now).await?;
                owe_person(tx, &device, &pin, false, now).await?;
            }
            // The fleet is right: the device deletes its person under this PIN and gets the fleet's person.
            (HeldKind::Conflict | HeldKind::Waiting, _) => {
                discard(tx, &device, &pin, resolution, now).await?;
                owe_person(tx, &device, &pin, true, now).await?;
            }
            (
                HeldKind::Privilege
                | HeldKind::Credential
                | HeldKind::Deletion
                | HeldKind::PartDeleted
                | HeldKind::Cleared
                | HeldKind::Brake,
                _,
            ) => {
                owe_person(tx, &device, &pin, false, now).await?;
            }
        }
    }
    tx.resolve_held(id, resolution.as_str(), now).await?;
    Ok(row)
}

fn uploaded_user(device: &DeviceRow, row: &HeldRow, raw: &[u8]) -> Option<(wire::Pin, roster::UserPatch)> {
    roster::read(row.table.as_deref(), raw, &device.capability).into_iter().find_map(
        |reading| match reading {
            roster::Reading::User { pin, patch, .. } => Some((pin, patch)),
            _ => None,
        },
    )
}

/// Accepts all that a device sent of a person: first the user, then the items of the user.
async fn take_person(
    tx: &mut Tx,
    device: &DeviceRow,
    pin: &wire::Pin,
    resolution: Resolution,
    now: Millis,
) -> Result<(), ResolveError> {
    let mut rows = conflicts(tx, device, pin).await?;
    rows.sort_by_key(|row| (row.tag != "USER", row.id));
    for row in rows {
        if let Some((row, raw)) = tx.show_held(row.id).await? {
            take_from_device(tx, device, &row, &raw, now).await?;
            tx.resolve_held(row.id, resolution.as_str(), now).await?;
        }
    }
    Ok(())
}

/// Discards what a device sent of a person. Its templates are remembered, so that an upload does not bring them back.
async fn discard(
    tx: &mut Tx,
    device: &DeviceRow,
    pin: &wire::Pin,
    resolution: Resolution,
    now: Millis,
) -> Result<(), ResolveError> {
    let mut discarded = Vec::new();
    for row in conflicts(tx, device, pin).await? {
        if let Some((row, raw)) = tx.show_held(row.id).await? {
            for reading in roster::read(row.table.as_deref(), &raw, &device.capability) {
                if let roster::Reading::Item { key, content, .. } = reading {
                    discarded.push(roster::hash(tx.hash_key(), &key.slot, &content));
                }
            }
            tx.resolve_held(row.id, resolution.as_str(), now).await?;
        }
    }
    tx.mark_discarded(pin, &discarded).await?;
    Ok(())
}

/// All held records of a person from a device: one decision covers all of them.
async fn conflicts(tx: &mut Tx, device: &DeviceRow, pin: &wire::Pin) -> Result<Vec<HeldRow>, StoreError> {
    let mut found = Vec::new();
    for kind in [HeldKind::Conflict, HeldKind::Waiting, HeldKind::Leftover] {
        let filter = HeldFilter {
            kind: Some(kind),
            device: Some(device.id),
            pin: Some(pin.clone()),
            resolved_too: false,
        };
        found.extend(tx.held(&filter, MAX_OF_A_PERSON).await?);
    }
    Ok(found)
}

/// More records than anybody has on a device.
const MAX_OF_A_PERSON: i64 = 1_000;

/// Accepts what the device uploaded: for a user field by field, so that missing fields stay as they are.
async fn take_from_device(
    tx: &mut Tx,
    device: &DeviceRow,
    row: &HeldRow,
    raw: &[u8],
    now: Millis,
) -> Result<(), ResolveError> {
    let mut writes = Vec::new();
    for reading in roster::read(row.table.as_deref(), raw, &device.capability) {
        let (key, content) = match reading {
            roster::Reading::User { pin, patch, .. } => {
                let versions = tx.user_versions(std::slice::from_ref(&pin)).await?.remove(&pin);
                let fields = match versions.and_then(|versions| versions.current) {
                    Some(current) => {
                        // The operator replaces the fleet's person by another: default values of that person count too.
                        let another = row.kind == HeldKind::Conflict;
                        let believed = another.then(|| device.capability.clone().believed());
                        let capability = believed.as_ref().unwrap_or(&device.capability);
                        let from = Uploader { capability, settled: true, trust_privilege: true };
                        roster::merge(&current, &[], &patch, &from).fields
                    }
                    None => roster::first(&patch, true).0,
                };
                let slot = Slot::USER;
                let is_suspended = tx.suspensions(std::slice::from_ref(&pin)).await?.contains_key(&pin);
                let live = tx.live_keys(std::slice::from_ref(&pin)).await?;
                if !is_suspended && live.iter().all(|key| key.slot.area().is_none()) {
                    let areas = tx.areas_of(device.id).await?;
                    let slot = Slot::membership(areas.first().copied().unwrap_or(roster::Area::EVERYONE));
                    let content = roster::Content::Membership;
                    let hash = roster::hash(tx.hash_key(), &slot, &content);
                    let key = ItemKey { pin: pin.clone(), slot };
                    writes.push(ItemWrite {
                        key,
                        content: Some(content),
                        hash,
                        contested: false,
                        made_of: None,
                    });
                }
                (ItemKey { pin, slot }, roster::Content::User(fields))
            }
            roster::Reading::Item { key, content, .. } => (key, content),
            roster::Reading::Definition { name, text, .. } => {
                let definition = Places::load(tx).await?.work_code(&name, &text);
                let definition = definition.map_err(|_| ResolveError::Unreadable)?;
                (crate::definition::key(&name)?, roster::Content::Definition(definition))
            }
            roster::Reading::Operation { .. } | roster::Reading::Unreadable { .. } => {
                return Err(ResolveError::Unreadable);
            }
        };
        let hash = roster::hash(tx.hash_key(), &key.slot, &content);
        writes.push(ItemWrite { key, content: Some(content), hash, contested: false, made_of: None });
    }
    if writes.is_empty() {
        return Err(ResolveError::Unreadable);
    }
    tx.write_items(&writes, &Change { by: Some(device.id), at: now, undo_until: None }).await?;
    Ok(())
}

/// From now on the device must get all items of a person, if need be after a deletion there.
async fn owe_person(
    tx: &mut Tx,
    device: &DeviceRow,
    pin: &wire::Pin,
    wipe: bool,
    now: Millis,
) -> Result<(), StoreError> {
    tx.wake().await?;
    let Some(row) = tx.lock_device(device.id).await? else { return Ok(()) };
    let mut view = tx.view(&row).await?;
    tx.load_persons(&mut view, std::slice::from_ref(pin)).await?;
    view.close_claim(pin, sync::ClaimNews::Dropped, now);
    view.release(pin, wipe, now);
    let changes = view.take_changes();
    tx.apply(&view, &changes, now).await
}
