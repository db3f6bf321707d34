//! People, as operators see and change them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use roster::{Area, Content, ItemKey, Kind, Millis, Slot, UserFields};
use store::{Change, Erased, ItemWrite, Punches, StoreError, Suspension, Tx};
use wire::Pin;

/// What an operator changes of a user: `None` leaves what is there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserEdit {
    /// Name.
    pub name: Option<String>,
    /// Privilege: 0 user, 2 registrar, 6 administrator, 14 super administrator.
    pub privilege: Option<i32>,
    /// Password; empty takes it away.
    pub password: Option<String>,
    /// Card; empty takes it away.
    pub card: Option<String>,
    /// Second card; empty takes it away.
    pub vice_card: Option<String>,
    /// Access group.
    pub group: Option<i32>,
    /// Time zones, 16 digits.
    pub time_zones: Option<String>,
    /// Verification mode; -1 = that of the group.
    pub verify: Option<i32>,
    /// Start of validity; empty takes it away.
    pub start: Option<String>,
    /// End of validity; empty takes it away.
    pub end: Option<String>,
    /// The areas the user belongs to, all of them.
    pub areas: Option<Vec<Area>>,
    /// The last day: at its end every device removes the user. `Some(None)` takes it away.
    pub leaves: Option<Option<Date>>,
}

impl fmt::Debug for UserEdit {
    /// Everything but password and cards, which only show whether they are given.
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

/// Makes or changes a user. Returns whether anything changed.
///
/// The areas of somebody who is suspended are those to which the user will return.
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
    // After the memberships: whoever reads the feed finds the user in its scope.
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

/// The same areas, in whatever order.
fn is_same(some: &[Area], others: &[Area]) -> bool {
    some.iter().collect::<BTreeSet<_>>() == others.iter().collect::<BTreeSet<_>>()
}

/// Deletes a user with everything that belongs to it. `undo_until` is how long it can be brought back; `None` erases it
/// at once. Returns how many items went, memberships included; 0 where there was no such user.
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

/// Deletes a user and erases everything that the database holds of the person, but for what [`store::TABLES`] names. Returns
/// how many items were deleted, memberships included, and what was erased.
///
/// A PIN that the fleet never had as a user gets a tombstone: a device that was held back with such a person deletes it.
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

/// Deletes everything of a PIN that is live; how many items that were.
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

/// A tombstone. Its hash is of nothing: what an item held last is told by its older versions.
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

/// Brings a deleted user back with every template. Returns how many items came back.
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
