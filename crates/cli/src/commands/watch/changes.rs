//! Finding what happened since the last look.

use std::collections::BTreeMap;

use fleet::device::DeviceState;
use fleet::view::sync_status::DeviceStatus;
use roster::{Kind, Millis, Seq};
use store::{CommandEvent, HeldFilter, Store, Tx};
use sync::Verb;
use wire::{ReturnCode, SerialNumber, Verdict};

use super::event::{Event, Outcome, What};
use crate::lookup;
use fleet::time::rfc3339;

/// How far back commands are looked for: what was committed late counts too, ms.
const OVERLAP_MS: i64 = 10_000;

/// How many rows one look reads at most of each kind.
const MOST: i64 = 5_000;

/// How many of a kind are told one by one to people, for each device and look.
const TOLD: usize = 8;

/// What was seen so far.
#[derive(Debug)]
pub struct Watcher {
    devices: BTreeMap<String, DeviceStatus>,
    head: Seq,
    held: i64,
    /// Commands of the last seconds: how often sent, and whether answered.
    commands: BTreeMap<(i64, i64), (Millis, Option<Millis>)>,
}

impl Watcher {
    /// Takes what there is as known.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn start(store: &Store, now: Millis) -> anyhow::Result<Self> {
        let mut tx = store.read().await?;
        let mut watcher = Self {
            devices: BTreeMap::new(),
            head: tx.head().await?,
            held: newest_held(&mut tx).await?,
            commands: BTreeMap::new(),
        };
        watcher.devices = standing(&mut tx, now).await?;
        watcher.commands = recent_commands(&mut tx, now).await?.iter().map(seen).collect();
        Ok(watcher)
    }

    /// What happened since, in the order in which it did; with all details, or summed up for people.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn look(&mut self, store: &Store, now: Millis, all: bool) -> anyhow::Result<Vec<Event>> {
        let mut tx = store.read().await?;
        let serial_numbers = lookup::serial_numbers(&mut tx).await?;
        let mut events = self.changes(&mut tx, &serial_numbers).await?;
        events.extend(self.commands(&mut tx, &serial_numbers, now).await?);
        events.extend(self.held(&mut tx, &serial_numbers).await?);
        events.sort_by_key(|event| event.time);
        // Devices come before what they do, and rest or go after it.
        let (after, before): (Vec<Event>, Vec<Event>) = self
            .standing(&mut tx, now)
            .await?
            .into_iter()
            .partition(|event| matches!(event.what, What::Offline | What::InSync));
        let events = before.into_iter().chain(events).chain(after).collect();
        Ok(if all { events } else { summed_up(events) })
    }

    async fn changes(
        &mut self,
        tx: &mut Tx,
        serial_numbers: &BTreeMap<i64, SerialNumber>,
    ) -> anyhow::Result<Vec<Event>> {
        let rows = tx.item_events(self.head, MOST).await?;
        self.head = rows.last().map_or(self.head, |row| row.seq);
        let told = rows.into_iter().filter(|row| row.key.slot.kind != Kind::Membership);
        Ok(told
            .map(|row| Event {
                at: rfc3339(row.at),
                time: row.at,
                device: row.by.and_then(|device| serial_numbers.get(&device)).map(ToString::to_string),
                what: What::Changed {
                    pin: row.key.pin.to_string(),
                    item: row.key.slot.to_string(),
                    live: row.live,
                    by: lookup::who(row.by, serial_numbers),
                },
            })
            .collect())
    }

    async fn commands(
        &mut self,
        tx: &mut Tx,
        serial_numbers: &BTreeMap<i64, SerialNumber>,
        now: Millis,
    ) -> anyhow::Result<Vec<Event>> {
        let recent = recent_commands(tx, now).await?;
        let mut events = Vec::new();
        for command in &recent {
            let before = self.commands.get(&(command.device, command.number));
            let device = serial_numbers.get(&command.device).map(ToString::to_string);
            let event = |time, what| Event { at: rfc3339(time), time, device: device.clone(), what };
            // What was first seen answered was sent before: told together, in this order.
            if before.is_none_or(|(sent_at, _)| *sent_at < command.sent_at)
                && command.sent_at.plus(OVERLAP_MS) >= now
            {
                events.push(event(command.sent_at, sent(command)));
            }
            if let Some(closed_at) =
                command.closed_at.filter(|_| before.is_none_or(|(_, closed)| closed.is_none()))
            {
                events.push(event(closed_at, answered(command)));
            }
        }
        self.commands = recent.iter().map(seen).collect();
        Ok(events)
    }

    async fn held(
        &mut self,
        tx: &mut Tx,
        serial_numbers: &BTreeMap<i64, SerialNumber>,
    ) -> anyhow::Result<Vec<Event>> {
        let rows = tx.held(&HeldFilter::default(), MOST).await?;
        let before = self.held;
        self.held = rows.iter().map(|row| row.id).max().unwrap_or(before).max(before);
        let new = rows.into_iter().filter(|row| row.id > before);
        Ok(new
            .map(|row| Event {
                at: rfc3339(row.first_at),
                time: row.first_at,
                device: serial_numbers.get(&row.device).map(ToString::to_string),
                what: What::Held {
                    id: row.id,
                    kind: row.kind.as_str(),
                    pin: row.pin.map(|pin| pin.to_string()),
                    reason: row.reason,
                },
            })
            .collect())
    }

    async fn standing(&mut self, tx: &mut Tx, now: Millis) -> anyhow::Result<Vec<Event>> {
        let devices = standing(tx, now).await?;
        let mut events = Vec::new();
        for (serial_number, device) in &devices {
            for what in difference(self.devices.get(serial_number), device) {
                events.push(Event { at: rfc3339(now), time: now, device: Some(serial_number.clone()), what });
            }
        }
        self.devices = devices;
        Ok(events)
    }
}

/// What is otherwise of a device than it was.
fn difference(before: Option<&DeviceStatus>, after: &DeviceStatus) -> Vec<What> {
    let mut found = Vec::new();
    let Some(before) = before else {
        found.push(if after.state == DeviceState::New {
            What::FirstCall
        } else {
            What::State { state: after.state.as_str() }
        });
        return found;
    };
    if before.state != after.state {
        found.push(What::State { state: after.state.as_str() });
    }
    match (before.online, after.online) {
        (false, true) => found.push(What::Online),
        (true, false) => found.push(What::Offline),
        _ => {}
    }
    if after.in_sync && !before.in_sync {
        found.push(What::InSync);
    }
    found
}

async fn standing(tx: &mut Tx, now: Millis) -> anyhow::Result<BTreeMap<String, DeviceStatus>> {
    let all = fleet::view::sync_status::all(tx, now).await?;
    Ok(all.into_iter().map(|device| (device.serial_number.clone(), device)).collect())
}

async fn newest_held(tx: &mut Tx) -> anyhow::Result<i64> {
    let filter = HeldFilter { resolved_too: true, ..HeldFilter::default() };
    Ok(tx.held(&filter, MOST).await?.iter().map(|row| row.id).max().unwrap_or(0))
}

async fn recent_commands(tx: &mut Tx, now: Millis) -> anyhow::Result<Vec<CommandEvent>> {
    Ok(tx.command_events(now.plus(-OVERLAP_MS), MOST).await?)
}

fn seen(command: &CommandEvent) -> ((i64, i64), (Millis, Option<Millis>)) {
    ((command.device, command.number), (command.sent_at, command.closed_at))
}

const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Update | Verb::Insert => "update",
        Verb::Replace => "replace",
        Verb::Delete => "delete",
    }
}

fn sent(command: &CommandEvent) -> What {
    What::Sent { number: command.number, verb: verb(command.verb), item: command.key.to_string() }
}

fn answered(command: &CommandEvent) -> What {
    let code = command.return_code.map(ReturnCode);
    What::Answered {
        number: command.number,
        verb: verb(command.verb),
        item: command.key.to_string(),
        return_code: command.return_code,
        meaning: code.map_or("never answered", ReturnCode::describe),
        outcome: code.map_or(Outcome::GivenUp, |code| match code.verdict() {
            Verdict::Done => Outcome::Done,
            Verdict::Full => Outcome::Full,
            Verdict::Refused => Outcome::Refused,
            Verdict::UserMissing | Verdict::RetryLater | Verdict::Unsupported | Verdict::Pending => {
                Outcome::Again
            }
        }),
    }
}

/// Of what happens by the hundred only the first are told, and how many more there were.
fn summed_up(events: Vec<Event>) -> Vec<Event> {
    let mut counts: BTreeMap<(Option<String>, &'static str), usize> = BTreeMap::new();
    let mut told = Vec::new();
    let mut last = Millis(0);
    for event in events {
        last = last.max(event.time);
        let Some(group) = group(&event.what) else {
            told.push(event);
            continue;
        };
        let count = counts.entry((event.device.clone(), group)).or_default();
        *count += 1;
        if *count <= TOLD {
            told.push(event);
        }
    }
    for ((device, of), count) in counts.into_iter().filter(|(_, count)| *count > TOLD) {
        told.push(Event {
            at: rfc3339(last),
            time: last,
            device,
            what: What::More { count: count - TOLD, of },
        });
    }
    told
}

/// Of what an event is one of many, if it is of a kind that comes by the hundred. Failures are told one by one.
const fn group(what: &What) -> Option<&'static str> {
    match what {
        What::Changed { .. } => Some("changes"),
        What::Sent { .. } => Some("commands sent"),
        What::Answered { outcome: Outcome::Done, .. } => Some("commands done"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(device: &str, what: What) -> Event {
        Event { at: String::new(), time: Millis(1), device: Some(device.to_owned()), what }
    }

    fn sent(number: i64) -> What {
        What::Sent { number, verb: "update", item: "user of 7".into() }
    }

    fn failed(number: i64) -> What {
        What::Answered {
            number,
            verb: "update",
            item: "user of 7".into(),
            return_code: Some(-1001),
            meaning: ReturnCode(-1001).describe(),
            outcome: Outcome::Full,
        }
    }

    #[test]
    fn what_comes_by_the_hundred_is_summed_up_and_failures_are_not() {
        let mut events: Vec<Event> = (0..100).map(|number| event("A", sent(number))).collect();
        events.extend((0..20).map(|number| event("A", failed(number))));
        events.push(event("B", sent(1)));
        let told = summed_up(events);
        let count = |wanted: fn(&What) -> bool| told.iter().filter(|event| wanted(&event.what)).count();
        assert_eq!(count(|what| matches!(what, What::Sent { .. })), TOLD + 1);
        assert_eq!(count(|what| matches!(what, What::Answered { .. })), 20);
        let more: Vec<&What> =
            told.iter().map(|event| &event.what).filter(|what| matches!(what, What::More { .. })).collect();
        assert_eq!(more, [&What::More { count: 100 - TOLD, of: "commands sent" }]);
    }

    #[test]
    fn an_event_is_one_flat_json_object() {
        let json = serde_json::to_value(event("A", failed(3))).expect("JSON");
        let field = |name: &str| json.get(name).cloned().unwrap_or_default();
        assert_eq!(field("event"), "answered");
        assert_eq!(field("device"), "A");
        assert_eq!(field("return_code"), -1001);
        assert_eq!(field("outcome"), "full");
    }
}
