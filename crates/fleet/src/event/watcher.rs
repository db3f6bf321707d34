//! The watcher: finds events since the last look.

use std::collections::BTreeMap;

use roster::{Kind, Millis, Seq};
use store::{CommandEvent, DeviceState, HeldFilter, StoreError, Tx};
use wire::SerialNumber;

use super::{Event, EventKind};
use crate::view::sync_status::{self, DeviceStatus};
use crate::{ChangedBy, Fleet, FleetError, lookup};

/// How far back Muster looks for commands, ms: a transaction may commit late.
const OVERLAP_MS: i64 = 10_000;

/// Maximum number of rows of each kind in one look.
const MAX_ROWS: i64 = 5_000;

/// Reports the events of the fleet, look by look.
#[derive(Debug)]
pub struct Watcher {
    fleet: Fleet,
    /// The devices at the last look.
    devices: BTreeMap<String, DeviceStatus>,
    /// The last reported change.
    head: Seq,
    /// The number of the newest reported held record.
    held: i64,
    /// Commands of the last seconds by device and number: when last sent, and when answered.
    commands: BTreeMap<(i64, i64), (Millis, Option<Millis>)>,
}

impl Fleet {
    /// Begins to watch the fleet. The present state counts as reported.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn watch(&self) -> Result<Watcher, FleetError> {
        let mut tx = self.read().await?;
        Ok(Watcher {
            fleet: self.clone(),
            head: tx.head().await?,
            held: newest_held(&mut tx).await?,
            devices: statuses(&mut tx, self.now()).await?,
            commands: recent_commands(&mut tx, self.now()).await?.iter().map(seen).collect(),
        })
    }
}

impl Watcher {
    /// The events since the last look, in their order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn look(&mut self) -> Result<Vec<Event>, FleetError> {
        let now = self.fleet.now();
        let mut tx = self.fleet.read().await?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let mut events = self.changes(&mut tx, &serial_numbers).await?;
        events.extend(self.commands(&mut tx, &serial_numbers, now).await?);
        events.extend(self.held(&mut tx, &serial_numbers).await?);
        events.sort_by_key(|event| event.at);
        // A device appears before its events, and goes offline or in sync after them.
        let (after, before): (Vec<Event>, Vec<Event>) = self
            .devices(&mut tx, &serial_numbers, now)
            .await?
            .into_iter()
            .partition(|event| matches!(event.kind, EventKind::Offline | EventKind::InSync));
        Ok(before.into_iter().chain(events).chain(after).collect())
    }

    async fn changes(
        &mut self,
        tx: &mut Tx,
        serial_numbers: &BTreeMap<i64, SerialNumber>,
    ) -> Result<Vec<Event>, StoreError> {
        let rows = tx.item_events(self.head, MAX_ROWS).await?;
        self.head = rows.last().map_or(self.head, |row| row.seq);
        let told = rows.into_iter().filter(|row| row.key.slot.kind != Kind::Membership);
        Ok(told
            .map(|row| Event {
                at: row.at,
                device: row.by.and_then(|device| serial_numbers.get(&device)).cloned(),
                kind: EventKind::Changed {
                    pin: row.key.pin,
                    item: row.key.slot,
                    live: row.live,
                    by: ChangedBy::of(row.by, serial_numbers),
                },
            })
            .collect())
    }

    async fn commands(
        &mut self,
        tx: &mut Tx,
        serial_numbers: &BTreeMap<i64, SerialNumber>,
        now: Millis,
    ) -> Result<Vec<Event>, StoreError> {
        let recent = recent_commands(tx, now).await?;
        let mut events = Vec::new();
        for command in &recent {
            let before = self.commands.get(&(command.device, command.number));
            let device = serial_numbers.get(&command.device);
            let event = |at, kind| Event { at, device: device.cloned(), kind };
            // A command that is first seen answered was also sent: both events are reported, in this order.
            if before.is_none_or(|(sent_at, _)| *sent_at < command.sent_at)
                && command.sent_at.plus(OVERLAP_MS) >= now
            {
                events.push(event(command.sent_at, EventKind::sent(command)));
            }
            if let Some(closed_at) =
                command.closed_at.filter(|_| before.is_none_or(|(_, closed)| closed.is_none()))
            {
                events.push(event(closed_at, EventKind::answered(command)));
            }
        }
        self.commands = recent.iter().map(seen).collect();
        Ok(events)
    }

    async fn held(
        &mut self,
        tx: &mut Tx,
        serial_numbers: &BTreeMap<i64, SerialNumber>,
    ) -> Result<Vec<Event>, StoreError> {
        let rows = tx.held(&HeldFilter::default(), MAX_ROWS).await?;
        let before = self.held;
        self.held = rows.iter().map(|row| row.id).max().unwrap_or(before).max(before);
        let new = rows.into_iter().filter(|row| row.id > before);
        Ok(new
            .map(|row| Event {
                at: row.first_at,
                device: serial_numbers.get(&row.device).cloned(),
                kind: EventKind::Held { id: row.id, held: row.kind, pin: row.pin, reason: row.reason },
            })
            .collect())
    }

    async fn devices(
        &mut self,
        tx: &mut Tx,
        serial_numbers: &BTreeMap<i64, SerialNumber>,
        now: Millis,
    ) -> Result<Vec<Event>, StoreError> {
        let devices = statuses(tx, now).await?;
        let mut events = Vec::new();
        for serial_number in serial_numbers.values() {
            let Some(status) = devices.get(serial_number.as_str()) else { continue };
            for kind in difference(self.devices.get(serial_number.as_str()), status) {
                events.push(Event { at: now, device: Some(serial_number.clone()), kind });
            }
        }
        self.devices = devices;
        Ok(events)
    }
}

/// The changes of a device's status.
fn difference(before: Option<&DeviceStatus>, after: &DeviceStatus) -> Vec<EventKind> {
    let Some(before) = before else {
        return vec![match after.state {
            DeviceState::New => EventKind::FirstCall,
            state => EventKind::State { state },
        }];
    };
    let mut found = Vec::new();
    if before.state != after.state {
        found.push(EventKind::State { state: after.state });
    }
    match (before.online, after.online) {
        (false, true) => found.push(EventKind::Online),
        (true, false) => found.push(EventKind::Offline),
        _ => {}
    }
    if after.in_sync && !before.in_sync {
        found.push(EventKind::InSync);
    }
    found
}

/// The statuses of all devices, by serial number.
async fn statuses(tx: &mut Tx, now: Millis) -> Result<BTreeMap<String, DeviceStatus>, StoreError> {
    let all = sync_status::all(tx, now).await?;
    Ok(all.into_iter().map(|status| (status.serial_number.clone(), status)).collect())
}

async fn newest_held(tx: &mut Tx) -> Result<i64, StoreError> {
    let filter = HeldFilter { resolved_too: true, ..HeldFilter::default() };
    Ok(tx.held(&filter, MAX_ROWS).await?.iter().map(|row| row.id).max().unwrap_or(0))
}

async fn recent_commands(tx: &mut Tx, now: Millis) -> Result<Vec<CommandEvent>, StoreError> {
    tx.command_events(now.plus(-OVERLAP_MS), MAX_ROWS).await
}

fn seen(command: &CommandEvent) -> ((i64, i64), (Millis, Option<Millis>)) {
    ((command.device, command.number), (command.sent_at, command.closed_at))
}
