//! People: a list of them, one person, and the deletions that can be undone.

use std::collections::BTreeMap;

use roster::{ItemKey, Kind, Millis, Slot, UserFields};
use serde::{Serialize, Serializer};
use store::{Deletion, ItemSummary, Tx};
use sync::{DeviceView as SyncView, Want};
use wire::{Pin, SerialNumber};

use crate::suspension::SuspensionView;
use crate::user::Role;
use crate::view::failed_removal::{self, FailedRemovalView};
use crate::{ChangedBy, Fleet, FleetError, lookup, text, time};

/// Number of people in one query.
const BATCH: i64 = 500;

/// A filter of people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// Only people whose PIN, name or card contains this text, in upper or lower case.
    pub search: Option<String>,
    /// Maximum number of people; `None` = all.
    pub limit: Option<usize>,
}

/// The result of a query, by PIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserPage {
    /// The people.
    pub users: Vec<UserSummary>,
    /// There are more people than the limit allows.
    pub more: bool,
}

/// A person in a list. The view shows whether there is a password, never the password itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserSummary {
    /// The PIN.
    pub pin: String,
    /// The name.
    pub name: String,
    /// The privilege as devices know it.
    pub privilege: i32,
    /// The privilege by its name.
    pub role: Role,
    /// The card.
    pub card: Option<String>,
    /// There is a password.
    pub password_set: bool,
    /// How many templates the fleet has.
    pub templates: usize,
    /// How many photos the fleet has.
    pub photos: usize,
    /// The suspension, while the person is suspended or has left.
    pub suspended: Option<SuspensionView>,
    /// The last day, as `2027-03-31`.
    pub leaves: Option<String>,
    /// When an item of the person last changed.
    #[serde(serialize_with = "time::serialize_option")]
    pub changed_at: Option<Millis>,
}

/// All facts about one person. The view shows whether there is a password, never the password itself.
#[derive(Clone, Debug, Serialize)]
pub struct UserView {
    /// The PIN.
    pub pin: String,
    /// The name.
    pub name: String,
    /// The privilege as devices know it.
    pub privilege: i32,
    /// The privilege by its name.
    pub role: Role,
    /// There is a password.
    pub password_set: bool,
    /// The card.
    pub card: Option<String>,
    /// The second card.
    pub vice_card: Option<String>,
    /// The access group.
    pub group: i32,
    /// The time zones, 16 digits; `None` = the default of the device.
    pub time_zones: Option<String>,
    /// The verification mode; `None` = that of the group.
    pub verify: Option<i32>,
    /// Start of validity.
    pub start: Option<String>,
    /// End of validity.
    pub end: Option<String>,
    /// The areas that the person belongs to.
    pub areas: Vec<i64>,
    /// The suspension, while the person is suspended or has left.
    pub suspended: Option<SuspensionView>,
    /// The last day, as `2027-03-31`.
    pub leaves: Option<String>,
    /// The user record, templates, photos and messages that the fleet has.
    pub items: Vec<ItemView>,
    /// The state on each device of the fleet.
    pub devices: Vec<UserOnDevice>,
}

/// An item of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemView {
    /// The slot of the item.
    #[serde(rename = "what", serialize_with = "text::serialize")]
    pub slot: Slot,
    /// Approximate size on the wire, bytes.
    pub bytes: usize,
    /// The number of the newest version.
    pub version: i64,
    /// When the item last changed.
    #[serde(serialize_with = "time::serialize")]
    pub changed_at: Millis,
    /// The author of the change.
    pub changed_by: ChangedBy,
}

/// The state of a person on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserOnDevice {
    /// The serial number of the device.
    pub serial_number: String,
    /// The device's name for people.
    pub name: String,
    /// How many items the device holds.
    pub held: usize,
    /// The items that the device has not confirmed yet, or refused.
    pub owed: Vec<OwedItem>,
    /// The items that the device cannot take, or for which it takes another one.
    #[serde(serialize_with = "text::serialize_all")]
    pub not_for_it: Vec<Slot>,
    /// The person is in an area of the device, and the device can take the PIN.
    pub in_scope: bool,
    /// The person is outside of the device's scope, and the device confirmed that it does not hold the person, or never
    /// got the person.
    pub removed: bool,
    /// Removals of the person that the device failed often.
    #[serde(serialize_with = "text::serialize_all")]
    pub failed_removals: Vec<FailedRemovalView>,
    /// When the device was last seen.
    #[serde(skip)]
    pub last_seen_at: Option<Millis>,
    /// The device is joining: Muster does not know yet what it holds.
    pub joining: bool,
}

/// An item that a device should hold and has not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwedItem {
    /// The slot of the item.
    pub slot: Slot,
    /// The device refused this version.
    pub is_refused: bool,
}

/// A deletion that can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletionView {
    /// The PIN of the deleted person.
    pub pin: String,
    /// When the person was deleted.
    #[serde(serialize_with = "time::serialize")]
    pub deleted_at: Millis,
    /// The author of the deletion.
    pub deleted_by: ChangedBy,
    /// Until when the deletion can be undone.
    #[serde(serialize_with = "time::serialize")]
    pub until: Millis,
    /// How many items an undo would restore, memberships included.
    pub items: i64,
}

impl Fleet {
    /// People, by PIN.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn users(&self, query: &UserQuery) -> Result<UserPage, FleetError> {
        let mut tx = self.read().await?;
        let search = query.search.as_deref().map(str::to_lowercase);
        let mut page = UserPage { users: Vec::new(), more: false };
        let mut after = String::new();
        loop {
            let pins = tx.user_pins(&after, BATCH).await?;
            let Some(end) = pins.last() else { return Ok(page) };
            after = end.to_string();
            let users = tx.users(&pins).await?;
            let items = tx.items_of(&pins).await?;
            let (mut suspended, mut leaving) = (tx.suspensions(&pins).await?, tx.last_days(&pins).await?);
            for (pin, fields) in users {
                if !search.as_deref().is_none_or(|search| holds(&pin, &fields, search)) {
                    continue;
                }
                if query.limit == Some(page.users.len()) {
                    page.more = true;
                    return Ok(page);
                }
                let items = items.get(&pin).map_or(&[][..], Vec::as_slice);
                page.users.push(UserSummary {
                    suspended: suspended.remove(&pin).map(SuspensionView::from),
                    leaves: leaving.remove(&pin),
                    ..UserSummary::of(&pin, fields, items)
                });
            }
        }
    }

    /// All facts about one person.
    ///
    /// # Errors
    /// There is no such person; those of the database.
    pub async fn user(&self, pin: &Pin) -> Result<UserView, FleetError> {
        let mut tx = self.read().await?;
        let pins = std::slice::from_ref(pin);
        let Some(fields) = tx.users(pins).await?.remove(pin) else {
            return Err(lookup::no_user(&mut tx, pin, self.now()).await);
        };
        let items = tx.items_of(pins).await?.remove(pin).unwrap_or_default();
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let devices = on_devices(&mut tx, pin, &items).await?;
        Ok(UserView {
            suspended: tx.suspensions(pins).await?.remove(pin).map(SuspensionView::from),
            leaves: tx.last_days(pins).await?.remove(pin),
            devices,
            ..UserView::of(pin, fields, &items, &serial_numbers)
        })
    }

    /// The deletions of people that can be undone, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn deletions(&self) -> Result<Vec<DeletionView>, FleetError> {
        let mut tx = self.read().await?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let deletions = tx.deletions(self.now()).await?;
        Ok(deletions.iter().map(|deletion| DeletionView::of(deletion, &serial_numbers)).collect())
    }
}

/// Whether the PIN, the name or a card contains a text, which is in lower case.
fn holds(pin: &Pin, fields: &UserFields, search: &str) -> bool {
    let within = |text: &str| text.to_lowercase().contains(search);
    let cards = [&fields.card, &fields.vice_card];
    within(pin.as_str()) || within(&fields.name) || cards.into_iter().flatten().any(|card| within(card))
}

async fn on_devices(tx: &mut Tx, pin: &Pin, items: &[ItemSummary]) -> Result<Vec<UserOnDevice>, FleetError> {
    let mut found = Vec::new();
    for row in tx.devices().await? {
        if !row.state.is_member() {
            continue;
        }
        let mut view = tx.view(&row).await?;
        tx.load_persons(&mut view, std::slice::from_ref(pin)).await?;
        let mut device = UserOnDevice {
            serial_number: row.serial_number.to_string(),
            name: row.name.clone(),
            held: 0,
            owed: Vec::new(),
            not_for_it: Vec::new(),
            in_scope: view.in_scope(pin),
            removed: is_removed(&view, pin),
            failed_removals: failed_removal::of(tx, Some(row.id), Some(pin)).await?,
            last_seen_at: row.last_seen_at,
            joining: row.joining.is_some(),
        };
        for item in items.iter().filter(|item| item.live && item.slot.kind != Kind::Membership) {
            device.count(&view, pin, item);
        }
        found.push(device);
    }
    Ok(found)
}

/// Whether a device has confirmed that it does not hold a person outside of its scope.
fn is_removed(view: &SyncView, pin: &Pin) -> bool {
    let user = ItemKey { pin: pin.clone(), slot: Slot::USER };
    let Some(person) = view.persons.get(pin) else { return true };
    let was_told = person.items.iter().all(|(slot, item)| {
        !slot.area().is_some_and(|area| view.areas.contains(&area)) || item.seq <= view.cursor
    });
    !view.in_scope(pin) && was_told && view.settled(&user)
}

impl UserSummary {
    fn of(pin: &Pin, fields: UserFields, items: &[ItemSummary]) -> Self {
        let live = |wanted: fn(Kind) -> bool| {
            items.iter().filter(|item| item.live && wanted(item.slot.kind)).count()
        };
        Self {
            pin: pin.to_string(),
            privilege: fields.privilege,
            role: Role::of(fields.privilege),
            password_set: !fields.password.is_empty(),
            name: fields.name,
            card: fields.card,
            templates: live(|kind| matches!(kind, Kind::Template(_))),
            photos: live(|kind| matches!(kind, Kind::UserPhoto | Kind::ComparisonPhoto)),
            suspended: None,
            leaves: None,
            changed_at: items.iter().map(|item| item.changed_at).max(),
        }
    }
}

impl UserView {
    fn of(
        pin: &Pin,
        fields: UserFields,
        items: &[ItemSummary],
        serial_numbers: &BTreeMap<i64, SerialNumber>,
    ) -> Self {
        let live = || items.iter().filter(|item| item.live);
        let is_shown = |item: &&ItemSummary| item.slot.kind != Kind::Membership;
        Self {
            pin: pin.to_string(),
            privilege: fields.privilege,
            role: Role::of(fields.privilege),
            password_set: !fields.password.is_empty(),
            name: fields.name,
            card: fields.card,
            vice_card: fields.vice_card,
            group: fields.group,
            time_zones: Some(fields.time_zones).filter(|zones| !zones.is_empty()),
            verify: fields.verify,
            start: fields.start,
            end: fields.end,
            areas: live().filter_map(|item| item.slot.area()).map(|area| area.0).collect(),
            suspended: None,
            leaves: None,
            items: live().filter(is_shown).map(|item| ItemView::of(item, serial_numbers)).collect(),
            devices: Vec::new(),
        }
    }
}

impl ItemView {
    fn of(item: &ItemSummary, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        Self {
            slot: item.slot,
            bytes: item.bytes,
            version: item.seq.0,
            changed_at: item.changed_at,
            changed_by: ChangedBy::of(item.changed_by, serial_numbers),
        }
    }
}

impl UserOnDevice {
    /// Counts one item among those that the device holds, lacks or cannot take.
    fn count(&mut self, view: &SyncView, pin: &Pin, item: &ItemSummary) {
        let key = ItemKey { pin: pin.clone(), slot: item.slot };
        let exception = view.persons.get(pin).and_then(|person| person.exceptions.get(&item.slot));
        let refusal = exception.and_then(|exception| exception.refused);
        let is_refused = refusal.is_some_and(|refusal| refusal.seq == item.seq);
        match view.want(&key) {
            Want::Present if !is_refused && view.settled(&key) => self.held += 1,
            Want::Present => self.owed.push(OwedItem { slot: item.slot, is_refused }),
            Want::Anything if self.in_scope => self.not_for_it.push(item.slot),
            Want::Anything | Want::Absent | Want::ByUser => {}
        }
    }
}

impl std::fmt::Display for OwedItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_refused { write!(f, "{} (refused)", self.slot) } else { self.slot.fmt(f) }
    }
}

impl Serialize for OwedItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl DeletionView {
    fn of(deletion: &Deletion, serial_numbers: &BTreeMap<i64, SerialNumber>) -> Self {
        Self {
            pin: deletion.pin.to_string(),
            deleted_at: deletion.at,
            deleted_by: ChangedBy::of(deletion.by, serial_numbers),
            until: deletion.until,
            items: deletion.items,
        }
    }
}
