//! What waits for an operator, and what becomes of it.

use roster::{ItemKey, Millis, Slot, Uploader};
pub use store::HeldKind;
use store::{Change, DeviceRow, HeldFilter, HeldRow, ItemWrite, StoreError, Tx};

use crate::definition::Places;
use crate::emptied_field;
use crate::fleet::retry;
use crate::user::{self, UserEdit};
use crate::{Actor, Fleet, FleetError, NotFound, Rules};

/// What an operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// What the device has is right.
    Device,
    /// Both are the same person: what the device has joins the fleet's person.
    Same,
    /// What the fleet has is right: the device is told so.
    Fleet,
    /// Seen, nothing to do.
    Dismiss,
}

impl Resolution {
    /// The word it is stored and shown by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Same => "same",
            Self::Fleet => "fleet",
            Self::Dismiss => "dismissed",
        }
    }
}

/// Why something cannot be decided this way.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is nothing under this number.
    #[error("nothing is held under this number")]
    Unknown,
    /// It was decided before.
    #[error("this was decided already")]
    Resolved,
    /// Nothing of the person goes to the device until this is decided.
    #[error("this has to be decided: it cannot be dismissed")]
    Undecided,
    /// The PIN has another person than when this was held.
    #[error("PIN {0} is not the person's any more about whom this was held: nothing was done")]
    Outdated(wire::Pin),
    /// There is no person of the fleet whom the device's could be.
    #[error("the fleet has nobody under PIN {0}")]
    Nobody(wire::Pin),
    /// The device does not tell which one was deleted.
    #[error("the terminal does not tell which one was deleted")]
    NotKnownWhich,
    /// The field has another value than when it was emptied.
    #[error("the {0} is another one by now: nothing was done")]
    Replaced(roster::Field),
    /// There are no two people.
    #[error("this is about one person")]
    OnePerson,
    /// This kind is only to be looked at.
    #[error("there are no two sides to this")]
    OnlyDismiss,
    /// The device is not there any more.
    #[error("the device it came from is gone")]
    NoDevice,
    /// What was kept cannot be read after all.
    #[error("the record that was kept cannot be read any more")]
    Unreadable,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fleet {
    /// Carries out what an operator decided about something held.
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

/// Carries out what an operator decided about something held.
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
    // Before anything is read that is decided on.
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
                // The fleet's person, or a new one where there is nobody.
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
                // Somebody else has the PIN from now on: nothing of the former person stays with it.
                let until = rules.undo_until(now);
                user::delete(tx, &pin, None, now, Some(until)).await?;
                take_person(tx, &device, &pin, resolution, now).await?;
                owe_person(tx, &device, &pin, false, now).await?;
            }
            // The fleet is right: whoever the device has under this PIN goes, and the fleet's person comes.
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

/// All that a joining device said of a person becomes the fleet's: the user first, then what belongs to it.
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

/// What a device said of a person is not taken, and is known again: its templates do not come back by an upload.
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

/// Everything that a device said of a person and that is held: one decision is about all of it.
async fn conflicts(tx: &mut Tx, device: &DeviceRow, pin: &wire::Pin) -> Result<Vec<HeldRow>, StoreError> {
    let mut found = Vec::new();
    for kind in [HeldKind::Conflict, HeldKind::Waiting, HeldKind::Leftover] {
        let filter = HeldFilter {
            kind: Some(kind),
            device: Some(device.id),
            pin: Some(pin.clone()),
            resolved_too: false,
        };
        found.extend(tx.held(&filter, MOST_OF_A_PERSON).await?);
    }
    Ok(found)
}

/// More records than anybody has on a device.
const MOST_OF_A_PERSON: i64 = 1_000;

/// What the device uploaded becomes the fleet's: a user field by field, so that what was not said stays.
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
                        // The operator takes another person for the fleet's: that person's defaults count too.
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

/// Everything of a person is owed to a device from now on, after its deletion there if need be.
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
