//! `muster sync status`

use fleet::view::sync_status::{DeviceStatus, Owed};
use roster::{ItemKey, Millis};
use serde::Serialize;
use std::fmt::Write as _;
use store::{DeviceRow, DeviceState, Tx};
use sync::Want;
use wire::{Pin, SerialNumber};

use super::user_state::ShownSuspension;
use super::{Context, device};
use crate::args::SyncCommand;
use crate::lookup;
use crate::table::Table;
use crate::when::When;

/// How many unread changes are looked at one by one.
const MOST_UNREAD: i64 = 500;

/// Shows what is in sync.
///
/// # Errors
/// There is no such device.
pub async fn run(context: &Context, command: SyncCommand) -> anyhow::Result<()> {
    match command {
        SyncCommand::Status { serial_number: None } => fleet(context).await,
        SyncCommand::Status { serial_number: Some(serial_number) } => one(context, &serial_number).await,
    }
}

async fn fleet(context: &Context) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let all = fleet::view::sync_status::fleet(&mut tx, context.when.now()).await?;
    context.out.print(&all, |all| {
        let members: Vec<&DeviceStatus> =
            all.iter().filter(|device| matches!(device.state, "active" | "stale")).collect();
        if all.is_empty() {
            return "no device has called yet".to_owned();
        }
        let mut table = Table::new(["device", "name", "last seen", "synchronisation"]);
        for device in all {
            let seen = device.last_seen_at.map(|at| context.when.relative(Millis(at)));
            table.row([
                device.serial_number.clone(),
                device.name.clone(),
                seen.unwrap_or_else(|| "never".to_owned()),
                device.summary.clone(),
            ]);
        }
        let in_sync = members.iter().filter(|device| device.in_sync).count();
        format!("{table}\n{in_sync} of {} devices of the fleet are in sync", members.len())
    })
}

/// One device with everything that is owed to it.
#[derive(Serialize)]
struct One {
    #[serde(flatten)]
    status: DeviceStatus,
    /// What it is and can take, a sentence each.
    capability: Vec<String>,
    /// What is under way, owed or refused.
    owed: Vec<Owed>,
}

async fn one(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let row = lookup::device(&mut tx, serial_number).await?;
    let status = device::of(&mut tx, &row, &context.when).await?;
    let mut owed = Vec::new();
    if matches!(row.state, DeviceState::Active | DeviceState::Stale) {
        owed = fleet::view::sync_status::owed(&mut tx, &row, context.when.now()).await?;
        owed.extend(unread(&mut tx, &row, status.online, &context.when).await?);
    }
    let one = One { status, capability: device::known(&row.capability, &context.when), owed };
    context.out.print(&one, |one| one.words(&context.when))
}

/// Changes that the device has not been told yet and that are its business.
async fn unread(tx: &mut Tx, row: &DeviceRow, online: bool, when: &When) -> anyhow::Result<Vec<Owed>> {
    let page = tx.feed_page(row.cursor, MOST_UNREAD).await?;
    let mut pins: Vec<Pin> = page.iter().map(|(_, key)| key.pin.clone()).collect();
    pins.sort();
    pins.dedup();
    let mut view = tx.view(row).await?;
    tx.load_persons(&mut view, &pins).await?;
    let suspended = tx.suspensions(&pins).await?;
    let why = match (row.joining.is_some(), online) {
        (true, _) => "goes out when the device has told what it holds",
        (false, true) => "goes out with the next polls",
        (false, false) => "goes out when the device is back",
    };
    let removes = |key: &ItemKey| {
        let left = key.slot.area().is_some_and(|area| view.areas.contains(&area));
        left && suspended.contains_key(&key.pin) && !view.in_scope(&key.pin)
    };
    let is_owed = |key: &ItemKey| {
        let person = view.persons.get(&key.pin);
        let told = person.is_some_and(|person| {
            person.open.contains_key(&key.slot) || person.exceptions.contains_key(&key.slot)
        });
        let wanted = match view.want(key) {
            Want::Present => true,
            // Only who was there can be deleted.
            Want::Absent => key.slot.is_root() || person.is_some_and(is_live),
            // Whoever is suspended has left all areas.
            Want::Anything => removes(key),
            Want::ByUser => false,
        };
        wanted && !told
    };
    let changes = page.iter().filter(|(_, key)| is_owed(key));
    let item = |key: &ItemKey| match view.want(key) {
        Want::Absent => format!("deletion of {key}"),
        _ if removes(key) => {
            let standing = suspended.get(&key.pin).map(|s| ShownSuspension::from(s.clone()).words(when));
            format!("deletion of user {}, {}", key.pin, standing.unwrap_or_default())
        }
        _ => key.to_string(),
    };
    let mut owed: Vec<Owed> = changes.map(|(_, key)| Owed { item: item(key), why: why.to_owned() }).collect();
    // Somebody who leaves several areas is deleted once.
    owed.dedup_by(|one, other| one.item == other.item);
    Ok(owed)
}

fn is_live(person: &sync::Person) -> bool {
    person.items.get(&roster::Slot::USER).is_some_and(|user| user.live)
}

impl One {
    fn words(&self, when: &When) -> String {
        let seen = self.status.last_seen_at.map(|at| when.both(Millis(at)));
        let mut text = format!(
            "{}: {}\nlast seen {}\n\nwhat it is and can take:\n",
            self.status.serial_number,
            self.status.summary,
            seen.unwrap_or_else(|| "never".to_owned())
        );
        for sentence in &self.capability {
            let _ = writeln!(text, "  {sentence}");
        }
        if self.owed.is_empty() {
            if matches!(self.status.state, "active" | "stale") {
                text.push_str("\nnothing is owed to it\n");
            }
            return text;
        }
        let mut table = Table::new(["item", "why"]);
        for owed in &self.owed {
            table.row([owed.item.clone(), owed.why.clone()]);
        }
        format!("{text}\n{table}")
    }
}
