//! `muster user`: showing people, and who was deleted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use roster::{Kind, Millis, UserFields};
use serde::Serialize;
use server::fleet::status;
use store::{DeviceState, ItemSummary, Tx};
use sync::{DeviceView, Want};
use wire::{Pin, SerialNumber};

use super::user_state::ShownSuspension;
use super::{Context, user_edit, user_suspend};
use crate::args::{ListUsers, UserCommand};
use crate::lookup::{self, MOST_REMOVALS};
use crate::table::{Table, pairs};
use crate::when::{When, rfc3339};

/// How many people are read at a time.
const PAGE: i64 = 500;

/// Carries out a command about people.
///
/// # Errors
/// There is no such person.
pub async fn run(context: &Context, command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::List(wanted) => list(context, &wanted).await,
        UserCommand::Show { pin } => show(context, &pin).await,
        UserCommand::Set(set) => user_edit::set(context, *set).await,
        UserCommand::Suspend(suspend) => user_suspend::suspend(context, &suspend).await,
        UserCommand::Reinstate { pins } => user_suspend::reinstate(context, &pins).await,
        UserCommand::Delete(delete) => user_edit::delete(context, &delete).await,
        UserCommand::Undo { pin } => user_edit::undo(context, &pin).await,
        UserCommand::Deleted => deleted(context).await,
    }
}

/// A person in a list. The password is told by whether there is one.
#[derive(Serialize)]
struct Listed {
    pin: String,
    name: String,
    privilege: i32,
    role: String,
    card: Option<String>,
    password_set: bool,
    templates: usize,
    photos: usize,
    suspended: Option<ShownSuspension>,
    /// The last day.
    leaves: Option<String>,
    changed_at: Option<String>,
    #[serde(skip)]
    changed: Option<Millis>,
}

#[derive(Serialize)]
struct List {
    users: Vec<Listed>,
    /// There are more than were asked for.
    more: bool,
}

async fn list(context: &Context, wanted: &ListUsers) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let mut list = List { users: Vec::new(), more: false };
    let search = wanted.search.as_deref().map(str::to_lowercase);
    let mut after = String::new();
    'pages: loop {
        let pins = tx.user_pins(&after, PAGE).await?;
        let Some(end) = pins.last() else { break };
        after = end.to_string();
        let users = tx.users(&pins).await?;
        let items = tx.items_of(&pins).await?;
        let (mut suspended, mut leaving) = (tx.suspensions(&pins).await?, tx.last_days(&pins).await?);
        for (pin, fields) in users {
            if !search.as_deref().is_none_or(|search| holds(&pin, &fields, search)) {
                continue;
            }
            if wanted.limit > 0 && list.users.len() == wanted.limit {
                list.more = true;
                break 'pages;
            }
            let mut user = Listed::of(&pin, &fields, items.get(&pin).map_or(&[], Vec::as_slice));
            user.suspended = suspended.remove(&pin).map(ShownSuspension::from);
            user.leaves = leaving.remove(&pin);
            list.users.push(user);
        }
    }
    context.out.print(&list, |list| list.words(wanted, &context.when))
}

fn holds(pin: &Pin, fields: &UserFields, search: &str) -> bool {
    let within = |text: &str| text.to_lowercase().contains(search);
    let cards = [&fields.card, &fields.vice_card];
    within(pin.as_str()) || within(&fields.name) || cards.into_iter().flatten().any(|card| within(card))
}

impl Listed {
    fn of(pin: &Pin, fields: &UserFields, items: &[ItemSummary]) -> Self {
        let live = |wanted: fn(Kind) -> bool| {
            items.iter().filter(|item| item.live && wanted(item.slot.kind)).count()
        };
        let changed = items.iter().map(|item| item.changed_at).max();
        Self {
            pin: pin.to_string(),
            name: fields.name.clone(),
            privilege: fields.privilege,
            role: role(fields.privilege),
            card: fields.card.clone(),
            password_set: !fields.password.is_empty(),
            templates: live(|kind| matches!(kind, Kind::Template(_))),
            photos: live(|kind| matches!(kind, Kind::UserPhoto | Kind::ComparisonPhoto)),
            suspended: None,
            leaves: None,
            changed_at: changed.map(rfc3339),
            changed,
        }
    }
}

impl Listed {
    /// `suspended since 2027-03-01, until reinstated; leaves at the end of 2027-03-31`.
    fn standing(&self, when: &When) -> String {
        let suspended = self.suspended.as_ref().map(|suspension| suspension.words(when));
        let leaves = self.leaves.as_ref().map(|day| format!("leaves at the end of {day}"));
        suspended.into_iter().chain(leaves).collect::<Vec<_>>().join("; ")
    }
}

impl List {
    fn words(&self, wanted: &ListUsers, when: &When) -> String {
        if self.users.is_empty() {
            return match &wanted.search {
                Some(search) => format!("nobody whose PIN, name or card holds {search:?}"),
                None => "there is nobody yet: enrol somebody at an approved device, or `muster user set PIN --name …`"
                    .to_owned(),
            };
        }
        // Most fleets have nobody to say something of here.
        let is_special = |user: &Listed| user.suspended.is_some() || user.leaves.is_some();
        let standing = if self.users.iter().any(is_special) { "standing" } else { "" };
        let mut table = Table::new([
            "pin",
            "name",
            "role",
            "card",
            "password",
            "templates",
            "photos",
            "changed",
            standing,
        ])
        .right([5, 6]);
        for user in &self.users {
            table.row([
                user.pin.clone(),
                user.name.clone(),
                user.role.clone(),
                user.card.clone().unwrap_or_default(),
                if user.password_set { "set" } else { "" }.to_owned(),
                user.templates.to_string(),
                user.photos.to_string(),
                user.changed.map(|at| when.relative(at)).unwrap_or_default(),
                user.standing(when),
            ]);
        }
        let mut text = table.to_string();
        if self.more {
            let _ = writeln!(
                text,
                "and more: --limit 0 shows all, --search TEXT some (these are {})",
                self.users.len()
            );
        }
        text
    }
}

/// A privilege in words.
pub fn role(privilege: i32) -> String {
    match privilege {
        0 => "user".to_owned(),
        2 => "registrar".to_owned(),
        6 => "admin".to_owned(),
        14 => "super".to_owned(),
        other => format!("role {other}"),
    }
}

/// Everything about one person. The password is told by whether there is one.
#[derive(Serialize)]
struct Shown {
    pin: String,
    name: String,
    privilege: i32,
    role: String,
    password_set: bool,
    card: Option<String>,
    vice_card: Option<String>,
    group: i32,
    time_zones: Option<String>,
    verify: Option<i32>,
    start: Option<String>,
    end: Option<String>,
    areas: Vec<i64>,
    suspended: Option<ShownSuspension>,
    /// The last day.
    leaves: Option<String>,
    items: Vec<ShownItem>,
    devices: Vec<OnDevice>,
}

#[derive(Serialize)]
struct ShownItem {
    what: String,
    bytes: usize,
    version: i64,
    changed_at: String,
    changed_by: String,
    #[serde(skip)]
    changed: Millis,
}

/// How far a person is on one device.
#[derive(Serialize)]
struct OnDevice {
    serial_number: String,
    name: String,
    /// Items that it holds.
    held: usize,
    /// Items that are owed to it.
    owed: Vec<String>,
    /// Items that it cannot take, or has another one for.
    not_for_it: Vec<String>,
    /// The person is in an area of it.
    in_scope: bool,
    /// The person is not for it, and it has confirmed that it does not hold the person, or never got the person.
    removed: bool,
    /// Removals of the person that it failed often, a sentence each.
    failed_removals: Vec<String>,
    #[serde(skip)]
    last_seen: Option<Millis>,
    /// It is being taken in: what it holds is not known yet.
    joining: bool,
}

async fn show(context: &Context, pin: &Pin) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let pins = std::slice::from_ref(pin);
    let Some(fields) = tx.users(pins).await?.remove(pin) else {
        return Err(lookup::no_user(&mut tx, pin, context.when.now()).await);
    };
    let items = tx.items_of(pins).await?.remove(pin).unwrap_or_default();
    let serial_numbers = lookup::serial_numbers(&mut tx).await?;
    let devices = on_devices(&mut tx, pin, &items).await?;
    let mut shown = Shown::of(pin, fields, &items, &serial_numbers, devices);
    shown.suspended = tx.suspensions(pins).await?.remove(pin).map(ShownSuspension::from);
    shown.leaves = tx.last_days(pins).await?.remove(pin);
    context.out.print(&shown, |shown| shown.words(&context.when))
}

async fn on_devices(tx: &mut Tx, pin: &Pin, items: &[ItemSummary]) -> anyhow::Result<Vec<OnDevice>> {
    let mut found = Vec::new();
    for row in tx.devices().await? {
        if !matches!(row.state, DeviceState::Active | DeviceState::Stale) {
            continue;
        }
        let mut view = tx.view(&row).await?;
        tx.load_persons(&mut view, std::slice::from_ref(pin)).await?;
        let mut device = OnDevice {
            serial_number: row.serial_number.to_string(),
            name: row.name.clone(),
            held: 0,
            owed: Vec::new(),
            not_for_it: Vec::new(),
            in_scope: view.in_scope(pin),
            removed: is_removed(&view, pin),
            failed_removals: failed_removals(tx, Some(row.id), pin).await?,
            last_seen: row.last_seen_at,
            joining: row.joining.is_some(),
        };
        for item in items.iter().filter(|item| item.live && item.slot.kind != Kind::Membership) {
            let key = roster::ItemKey { pin: pin.clone(), slot: item.slot };
            let exception = view.persons.get(pin).and_then(|person| person.exceptions.get(&item.slot));
            let refused = exception
                .and_then(|exception| exception.refused)
                .is_some_and(|refusal| refusal.seq == item.seq);
            match view.want(&key) {
                Want::Present if refused => device.owed.push(format!("{} (refused)", item.slot)),
                Want::Present if view.settled(&key) => device.held += 1,
                Want::Present => device.owed.push(item.slot.to_string()),
                Want::Anything if device.in_scope => device.not_for_it.push(item.slot.to_string()),
                Want::Anything | Want::Absent | Want::ByUser => {}
            }
        }
        found.push(device);
    }
    Ok(found)
}

/// Removals of a person that a device failed often, or any device.
async fn failed_removals(tx: &mut Tx, device: Option<i64>, pin: &Pin) -> anyhow::Result<Vec<String>> {
    let removals = tx.failed_removals(device, Some(pin), MOST_REMOVALS).await?;
    Ok(removals.iter().map(status::removal_in_words).collect())
}

/// Whether a device has confirmed that it does not hold a person who is not for it.
fn is_removed(view: &DeviceView, pin: &Pin) -> bool {
    let user = roster::ItemKey { pin: pin.clone(), slot: roster::Slot::USER };
    let Some(person) = view.persons.get(pin) else { return true };
    let was_told = person.items.iter().all(|(slot, item)| {
        !slot.area().is_some_and(|area| view.areas.contains(&area)) || item.seq <= view.cursor
    });
    !view.in_scope(pin) && was_told && view.settled(&user)
}

impl Shown {
    fn of(
        pin: &Pin,
        fields: UserFields,
        items: &[ItemSummary],
        serial_numbers: &BTreeMap<i64, SerialNumber>,
        devices: Vec<OnDevice>,
    ) -> Self {
        let live = || items.iter().filter(|item| item.live);
        Self {
            pin: pin.to_string(),
            privilege: fields.privilege,
            role: role(fields.privilege),
            password_set: !fields.password.is_empty(),
            name: fields.name,
            card: fields.card,
            vice_card: fields.vice_card,
            group: fields.group,
            time_zones: Some(fields.time_zones).filter(|zones| !zones.is_empty()),
            verify: fields.verify,
            start: fields.start,
            end: fields.end,
            suspended: None,
            leaves: None,
            areas: live().filter_map(|item| item.slot.area()).map(|area| area.0).collect(),
            items: live()
                .filter(|item| item.slot.kind != Kind::Membership)
                .map(|item| ShownItem {
                    what: item.slot.to_string(),
                    bytes: item.bytes,
                    version: item.seq.0,
                    changed_at: rfc3339(item.changed_at),
                    changed_by: lookup::who(item.changed_by, serial_numbers),
                    changed: item.changed_at,
                })
                .collect(),
            devices,
        }
    }

    fn words(&self, when: &When) -> String {
        let areas: Vec<String> = self.areas.iter().map(ToString::to_string).collect();
        let validity = match (&self.start, &self.end) {
            (None, None) => None,
            (start, end) => Some(format!(
                "from {} to {}",
                start.as_deref().unwrap_or("ever"),
                end.as_deref().unwrap_or("no end")
            )),
        };
        let mut text = pairs([
            ("pin", Some(self.pin.clone())),
            ("name", Some(self.name.clone())),
            ("role", Some(format!("{} ({})", self.role, self.privilege))),
            ("password", Some(if self.password_set { "set" } else { "not set" }.to_owned())),
            ("card", Some(self.card.clone().unwrap_or_else(|| "none".to_owned()))),
            ("second card", self.vice_card.clone()),
            ("group", Some(self.group.to_string())),
            ("time zones", self.time_zones.clone()),
            ("verification", self.verify.map(|mode| format!("mode {mode}"))),
            ("validity", validity),
            ("areas", Some(self.suspended.as_ref().map_or_else(|| areas.join(", "), ShownSuspension::areas))),
            ("standing", self.suspended.as_ref().map(|suspension| suspension.words(when))),
            ("leaves", self.leaves.as_ref().map(|day| format!("at the end of {day}"))),
        ]);
        let mut items = Table::new(["item", "bytes", "changed", "by"]).right([1]);
        for item in &self.items {
            let changed = when.both(item.changed);
            items.row([item.what.clone(), item.bytes.to_string(), changed, item.changed_by.clone()]);
        }
        let _ = write!(text, "\n{items}");
        let mut devices = Table::new(["device", "name", "holds"]);
        for device in &self.devices {
            let holds = match &self.suspended {
                Some(suspension) if !device.in_scope => device.words_of_suspended(suspension, when),
                _ => device.words(),
            };
            devices.row([device.serial_number.clone(), device.name.clone(), holds]);
        }
        if !devices.is_empty() {
            let _ = write!(text, "\n{devices}");
        }
        text
    }
}

impl OnDevice {
    fn words_of_suspended(&self, suspension: &ShownSuspension, when: &When) -> String {
        let standing = suspension.words(when);
        let seen = self.last_seen.map_or_else(|| "never".to_owned(), |at| when.relative(at));
        if self.joining {
            "approved: its people are still being read".to_owned()
        } else if self.removed {
            format!("nothing: {standing}")
        } else if self.failed_removals.is_empty() {
            format!("pending: the removal is not confirmed; the device was last seen {seen}")
        } else {
            self.failed_removals.join("; ")
        }
    }

    fn words(&self) -> String {
        if !self.in_scope && !self.failed_removals.is_empty() {
            return self.failed_removals.join("; ");
        }
        if !self.in_scope {
            return "nothing: the person is in none of its areas, or it cannot take the PIN".to_owned();
        }
        if self.joining {
            return "approved: its people are still being read".to_owned();
        }
        let mut parts = Vec::new();
        if self.owed.is_empty() {
            parts.push(format!("all {} items that it can take", self.held));
        } else {
            parts.push(format!("{} items; lacks {}", self.held, self.owed.join(", ")));
        }
        if !self.not_for_it.is_empty() {
            parts.push(format!("not for it: {}", self.not_for_it.join(", ")));
        }
        parts.extend(self.failed_removals.iter().cloned());
        parts.join("; ")
    }
}

/// A deletion that can be undone.
#[derive(Serialize)]
struct ShownDeletion {
    pin: String,
    deleted_at: String,
    deleted_by: String,
    until: String,
    items: i64,
    #[serde(skip)]
    at: Millis,
    #[serde(skip)]
    until_at: Millis,
}

async fn deleted(context: &Context) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let serial_numbers = lookup::serial_numbers(&mut tx).await?;
    let deletions: Vec<ShownDeletion> = tx
        .deletions(context.when.now())
        .await?
        .into_iter()
        .map(|deletion| ShownDeletion {
            pin: deletion.pin.to_string(),
            deleted_at: rfc3339(deletion.at),
            deleted_by: lookup::who(deletion.by, &serial_numbers),
            until: rfc3339(deletion.until),
            items: deletion.items,
            at: deletion.at,
            until_at: deletion.until,
        })
        .collect();
    context.out.print(&deletions, |deletions| {
        if deletions.is_empty() {
            return "nobody was deleted who can be brought back".to_owned();
        }
        let mut table = Table::new(["pin", "deleted", "by", "can be undone for", "items"]).right([4]);
        for deletion in deletions {
            let left = context.when.relative(deletion.until_at);
            table.row([
                deletion.pin.clone(),
                context.when.both(deletion.at),
                deletion.deleted_by.clone(),
                left.trim_start_matches("in ").to_owned(),
                deletion.items.to_string(),
            ]);
        }
        format!("{table}`muster user undo PIN` brings a person back")
    })
}
