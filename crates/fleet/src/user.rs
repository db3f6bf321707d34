//! Users: operators create, change and delete them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use roster::{Area, Content, ItemKey, Kind, Millis, Slot, UserFields};
use serde::{Serialize, Serializer};
use store::{Change, Erased, ItemWrite, Punches, StoreError, Suspension, Tx};
use wire::Pin;

use crate::fleet::retry;
use crate::suspension::SuspensionView;
use crate::{Actor, Fleet, FleetError, lookup};

/// Why an operator cannot change, suspend or restore a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// The PIN differs from that of another user only in upper and lower case.
    #[error(
        "there is a user {other}: devices may take {wanted} and {other} for one, since they differ in the case of letters \
         alone"
    )]
    SpelledOtherwise {
        /// The PIN in the request.
        wanted: Pin,
        /// The PIN of the other user.
        other: Pin,
    },
    /// The user exists, and the edit changes nothing.
    #[error("nothing to change of user {0}")]
    NothingToChange(Pin),
    /// The last day is before today, in the time zone of the server.
    #[error("{day} is over, today is {today}: nothing was done")]
    DayIsOver {
        /// The last day.
        day: Date,
        /// Today.
        today: Date,
    },
    /// The last day of the user has passed, and nobody has reinstated the user.
    #[error("user {0} has left")]
    HasLeft(Pin),
    /// The user is not suspended and has not left.
    #[error("user {0} is not suspended")]
    IsNotSuspended(Pin),
    /// The user is in the fleet.
    #[error("user {0} is not deleted")]
    IsNotDeleted(Pin),
    /// Nobody with this PIN was deleted, or the undo period is over.
    #[error(
        "there is no deletion of {wanted} to undo{}",
        nearest.as_ref().map(|near| format!("; is {near} meant?")).unwrap_or_default()
    )]
    NoDeletion {
        /// The PIN in the request.
        wanted: Pin,
        /// The most similar PIN of a deleted user.
        nearest: Option<Pin>,
    },
}

/// The rights of a user at devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An ordinary user.
    User,
    /// May enrol people.
    Registrar,
    /// May administer the device.
    Admin,
    /// May do everything at the device.
    Super,
    /// Another privilege, by its number.
    Other(i32),
}

impl Role {
    /// The role that has this privilege.
    pub const fn of(privilege: i32) -> Self {
        match privilege {
            0 => Self::User,
            2 => Self::Registrar,
            6 => Self::Admin,
            14 => Self::Super,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("user"),
            Self::Registrar => f.write_str("registrar"),
            Self::Admin => f.write_str("admin"),
            Self::Super => f.write_str("super"),
            Self::Other(privilege) => write!(f, "role {privilege}"),
        }
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The outcome of setting a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOutcome {
    /// The user is new.
    Made,
    /// The user was changed.
    Changed {
        /// The user is suspended or has left; devices get the change when the user returns.
        is_suspended: bool,
    },
    /// The user was the same already.
    Unchanged,
}

/// A deleted user who can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedUser {
    /// How many items were deleted, memberships included.
    pub items: usize,
    /// Until when the deletion can be undone.
    pub until: Millis,
}

/// A deleted user who was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredUser {
    /// How many items came back, memberships included.
    pub items: usize,
    /// The suspension, if the user was suspended or had left before the deletion.
    pub suspension: Option<SuspensionView>,
}

/// A change of a user: `None` keeps a field.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserEdit {
    /// Name.
    pub name: Option<String>,
    /// Privilege: 0 user, 2 registrar, 6 administrator, 14 super administrator.
    pub privilege: Option<i32>,
    /// Password; empty removes it.
    pub password: Option<String>,
    /// Card; empty removes it.
    pub card: Option<String>,
    /// Second card; empty removes it.
    pub vice_card: Option<String>,
    /// Access group.
    pub group: Option<i32>,
    /// Time zones, 16 digits.
    pub time_zones: Option<String>,
    /// Verification mode; -1 = that of the group.
    pub verify: Option<i32>,
    /// Start of validity; empty removes it.
    pub start: Option<String>,
    /// End of validity; empty removes it.
    pub end: Option<String>,
    /// All areas of the user.
    pub areas: Option<Vec<Area>>,
    /// The last day: at its end every device removes the user. `Some(None)` removes the last day.
    pub leaves: Option<Option<Date>>,
}

impl fmt::Debug for UserEdit {
    /// Shows all fields, but of the password and the cards only whether they are given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = |secret: &Option<String>| secret.as_ref().map(|_| "(given)");
        f.debug_struct("UserEdit")
            .field("name", &self.name)
            .field("privilege", &self.privilege)
            .field("password", &given(&self.password))
            .field("card", &given(&self.card))
            .field("vice_card", &given(&self.vice_card))
            .field("group", &self.group)
            .field("time_zones", &self.time_zones)
            .field("verify", &self.verify)
            .field("start", &self.start)
            .field("end", &self.end)
            .field("areas", &self.areas)
            .field("leaves", &self.leaves)
            .finish()
    }
}

impl Fleet {
    /// Creates or changes a user.
    ///
    /// For a suspended user, the areas are those to which the user will return.
    ///
    /// # Errors
    /// There is no such area; [`UserRefusal`]; those of the database.
    pub async fn set_user(
        &self,
        actor: &Actor,
        pin: &Pin,
        edit: &UserEdit,
    ) -> Result<SetOutcome, FleetError> {
        if let Some(Some(day)) = edit.leaves {
            self.check_last_day(day)?;
        }
        let outcome = retry(|| async {
            let mut tx = self.write().await?;
            // Locked before anything is read that the decision depends on.
            tx.lock_clock().await?;
            let pins = std::slice::from_ref(pin);
            lookup::areas(&mut tx, edit.areas.as_deref().unwrap_or_default()).await?;
            let exists = tx.users(pins).await?.contains_key(pin);
            if exists && *edit == UserEdit::default() {
                return Err(UserRefusal::NothingToChange(pin.clone()).into());
            }
            let suspension = tx.suspensions(pins).await?.remove(pin);
            if edit.leaves.is_some() && suspension.as_ref().is_some_and(|suspension| suspension.left) {
                return Err(UserRefusal::HasLeft(pin.clone()).into());
            }
            if let Some(other) = tx.pins_differing_in_case(pins).await?.remove(pin) {
                return Err(UserRefusal::SpelledOtherwise { wanted: pin.clone(), other }.into());
            }
            let changed = set(&mut tx, pin, edit, self.now()).await?;
            tx.commit().await?;
            Ok(match (exists, changed) {
                (false, _) => SetOutcome::Made,
                (true, true) => SetOutcome::Changed { is_suspended: suspension.is_some() },
                (true, false) => SetOutcome::Unchanged,
            })
        })
        .await?;
        tracing::info!(%actor, user.pin = %pin, ?outcome, "user set");
        Ok(outcome)
    }

    /// The name of a user.
    ///
    /// # Errors
    /// There is no such user; those of the database.
    pub async fn user_name(&self, pin: &Pin) -> Result<String, FleetError> {
        let mut tx = self.read().await?;
        self.name(&mut tx, pin).await
    }

    async fn name(&self, tx: &mut Tx, pin: &Pin) -> Result<String, FleetError> {
        match tx.users(std::slice::from_ref(pin)).await?.remove(pin) {
            Some(fields) => Ok(fields.name),
            None => Err(lookup::no_user(tx, pin, self.now()).await),
        }
    }

    /// Deletes a user everywhere. The deletion can be undone for a while.
    ///
    /// # Errors
    /// There is no such user; those of the database.
    pub async fn delete_user(&self, actor: &Actor, pin: &Pin) -> Result<DeletedUser, FleetError> {
        let deleted = retry(|| async {
            let mut tx = self.write().await?;
            tx.lock_clock().await?;
            self.name(&mut tx, pin).await?;
            let now = self.now();
            let until = self.rules().undo_until(now);
            let items = delete(&mut tx, pin, None, now, Some(until)).await?;
            tx.commit().await?;
            Ok(DeletedUser { items, until })
        })
        .await?;
        tracing::info!(%actor, user.pin = %pin, items = deleted.items, "user deleted");
        Ok(deleted)
    }

    /// Restores a deleted user with all items.
    ///
    /// # Errors
    /// [`UserRefusal::IsNotDeleted`], [`UserRefusal::NoDeletion`]; those of the database.
    pub async fn undo_deletion(&self, actor: &Actor, pin: &Pin) -> Result<RestoredUser, FleetError> {
        let restored = retry(|| async {
            let now = self.now();
            let mut tx = self.write().await?;
            let items = undo(&mut tx, pin, now).await?;
            if items == 0 {
                return Err(nothing_to_undo(&mut tx, pin, now).await?.into());
            }
            let suspension = tx.suspensions(std::slice::from_ref(pin)).await?.remove(pin);
            tx.commit().await?;
            Ok(RestoredUser { items, suspension: suspension.map(SuspensionView::from) })
        })
        .await?;
        tracing::info!(%actor, user.pin = %pin, items = restored.items, "deletion of the user undone");
        Ok(restored)
    }
}

/// Why a user cannot be restored.
async fn nothing_to_undo(tx: &mut Tx, pin: &Pin, now: Millis) -> Result<UserRefusal, StoreError> {
    if tx.users(std::slice::from_ref(pin)).await?.contains_key(pin) {
        return Ok(UserRefusal::IsNotDeleted(pin.clone()));
    }
    let deletions = tx.deletions(now).await?;
    let near = lookup::nearest(pin.as_str(), deletions.iter().map(|deletion| deletion.pin.as_str()));
    let near = deletions.iter().map(|deletion| &deletion.pin).find(|other| Some(other.as_str()) == near);
    Ok(UserRefusal::NoDeletion { wanted: pin.clone(), nearest: near.cloned() })
}

/// Creates or changes a user. Returns whether anything changed.
///
/// For a suspended user, the areas are those to which the user will return.
///
/// # Errors
/// Those of the database.
pub async fn set(tx: &mut Tx, pin: &Pin, edit: &UserEdit, now: Millis) -> Result<bool, StoreError> {
    tx.lock_clock().await?;
    let before = tx.user_versions(std::slice::from_ref(pin)).await?.remove(pin).and_then(|v| v.current);
    let after = edit.apply(before.clone().unwrap_or_default()).canonical();
    let mut writes = Vec::new();
    let live = tx.live_keys(std::slice::from_ref(pin)).await?;
    let members: Vec<Area> = live.iter().filter_map(|key| key.slot.area()).collect();
    let suspension = tx.suspensions(std::slice::from_ref(pin)).await?.remove(pin);
    let mut changed = false;
    let wanted = match (&edit.areas, members.is_empty()) {
        _ if suspension.is_some() => members.clone(),
        (Some(areas), _) => areas.clone(),
        (None, true) => vec![Area::EVERYONE],
        (None, false) => members.clone(),
    };
    if let (Some(suspension), Some(areas)) = (suspension, &edit.areas)
        && !is_same(&suspension.areas, areas)
    {
        tx.put_suspension(pin, &Suspension { areas: areas.clone(), ..suspension }).await?;
        changed = true;
    }
    for area in wanted.iter().filter(|area| !members.contains(area)) {
        writes.push(put(tx, pin, Slot::membership(*area), Content::Membership));
    }
    for area in members.iter().filter(|area| !wanted.contains(area)) {
        writes.push(bury(tx, ItemKey { pin: pin.clone(), slot: Slot::membership(*area) }));
    }
    // After the memberships, so that a reader of the feed finds the user in its scope.
    if before.as_ref() != Some(&after) {
        writes.push(put(tx, pin, Slot::USER, Content::User(after)));
    }
    if !writes.is_empty() {
        tx.write_items(&writes, &Change { by: None, at: now, undo_until: None }).await?;
        changed = true;
    }
    if let Some(day) = edit.leaves.map(|day| day.map(|day| day.to_string())) {
        let before = tx.last_days(std::slice::from_ref(pin)).await?.remove(pin);
        if before != day {
            tx.set_last_day(pin, day.as_deref()).await?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Whether two lists hold the same areas, in any order.
fn is_same(some: &[Area], others: &[Area]) -> bool {
    some.iter().collect::<BTreeSet<_>>() == others.iter().collect::<BTreeSet<_>>()
}

/// Deletes a user with all items. The user can be restored until `undo_until`; `None` erases the contents at once. Returns
/// the number of deleted items, memberships included; 0 if there was no such user.
///
/// # Errors
/// Those of the database.
pub async fn delete(
    tx: &mut Tx,
    pin: &Pin,
    by: Option<i64>,
    now: Millis,
    undo_until: Option<Millis>,
) -> Result<usize, StoreError> {
    let change = Change { by, at: now, undo_until };
    let items = bury_all(tx, pin, &change).await?;
    if undo_until.is_none() {
        tx.erase(pin, Punches::Keep, now).await?;
    }
    Ok(items)
}

/// Deletes a user and erases everything that the database holds of the person, with the exceptions in [`store::TABLES`]. Returns
/// the number of deleted items, memberships included, and what was erased.
///
/// A PIN that was never a user of the fleet gets a tombstone: a device whose records of such a person were held then deletes
/// the person.
///
/// # Errors
/// Those of the database.
pub async fn erase(
    tx: &mut Tx,
    pin: &Pin,
    punches: Punches,
    now: Millis,
) -> Result<(usize, Erased), StoreError> {
    let change = Change { by: None, at: now, undo_until: None };
    let items = bury_all(tx, pin, &change).await?;
    if !tx.has_user_item(pin).await? {
        let tombstone = bury(tx, ItemKey { pin: pin.clone(), slot: Slot::USER });
        tx.write_items(&[tombstone], &change).await?;
    }
    Ok((items, tx.erase(pin, punches, now).await?))
}

/// Deletes all live items of a PIN. Returns their number.
async fn bury_all(tx: &mut Tx, pin: &Pin, change: &Change) -> Result<usize, StoreError> {
    tx.lock_clock().await?;
    let mut keys = tx.live_keys(std::slice::from_ref(pin)).await?;
    keys.sort_by_key(|key| key.slot.kind == Kind::Membership);
    let writes: Vec<ItemWrite> = keys.into_iter().map(|key| bury(tx, key)).collect();
    if !writes.is_empty() {
        tx.write_items(&writes, change).await?;
    }
    Ok(writes.len())
}

pub(crate) fn put(tx: &Tx, pin: &Pin, slot: Slot, content: Content) -> ItemWrite {
    let hash = roster::hash(tx.hash_key(), &slot, &content);
    ItemWrite {
        key: ItemKey { pin: pin.clone(), slot },
        content: Some(content),
        hash,
        contested: false,
        made_of: None,
    }
}

/// A tombstone. Its hash says nothing: the older versions of an item tell its last content.
pub(crate) fn bury(tx: &Tx, key: ItemKey) -> ItemWrite {
    let hash = roster::hash(tx.hash_key(), &key.slot, &Content::Membership);
    ItemWrite { key, content: None, hash, contested: false, made_of: None }
}

impl UserEdit {
    fn apply(&self, mut fields: UserFields) -> UserFields {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        if let Some(name) = &self.name {
            fields.name.clone_from(name);
        }
        if let Some(privilege) = self.privilege {
            fields.privilege = privilege;
        }
        if let Some(password) = &self.password {
            fields.password.clone_from(password);
        }
        if let Some(card) = &self.card {
            fields.card = text(card);
        }
        if let Some(card) = &self.vice_card {
            fields.vice_card = text(card);
        }
        if let Some(group) = self.group {
            fields.group = group;
        }
        if let Some(time_zones) = &self.time_zones {
            fields.time_zones.clone_from(time_zones);
        }
        if let Some(verify) = self.verify {
            fields.verify = (verify >= 0).then_some(verify);
        }
        if let Some(start) = &self.start {
            fields.start = text(start);
        }
        if let Some(end) = &self.end {
            fields.end = text(end);
        }
        if self.start.is_some() || self.end.is_some() {
            fields.expires = fields.has_validity().then_some(1);
        }
        fields
    }
}

/// Restores a deleted user with all items. Returns how many items came back.
///
/// # Errors
/// Those of the database.
pub async fn undo(tx: &mut Tx, pin: &Pin, now: Millis) -> Result<usize, StoreError> {
    Ok(tx.undo(pin, None, now).await?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_password_and_no_card() {
        let secret = |text: &str| Some(text.to_owned());
        let edit = UserEdit {
            name: secret("Ada"),
            password: secret("4711"),
            card: secret("3141"),
            vice_card: secret("2718"),
            ..UserEdit::default()
        };
        let shown = format!("{edit:?}");
        assert!(shown.contains("Ada") && shown.contains("password: Some(\"(given)\")"), "{shown}");
        for secret in ["4711", "3141", "2718"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
