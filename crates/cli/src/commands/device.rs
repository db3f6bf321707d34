//! `muster device`

use anyhow::bail;
use roster::Capability;
use serde::Serialize;
use server::fleet::{devices, status};
use std::fmt::Write as _;
use store::{DeviceOptions, DeviceRow, DeviceState, PhotoDelivery, Session, StoreError, Tx};
use sync::Joining;
use sync::intake::Enrolment;
use wire::SerialNumber;

use super::Context;
use super::device_clock::{ShownClock, ahead};
use super::device_reread::ShownReread;
use crate::args::{Approval, DeviceCommand};
use crate::lookup;
use crate::table::{Table, pairs};
use crate::when::{When, rfc3339};

/// How many sessions and log entries of a device are shown.
const SHOWN: i64 = 5;

/// Carries out a command about devices.
///
/// # Errors
/// There is no such device, or it is not in a state for this.
pub async fn run(context: &Context, command: DeviceCommand) -> anyhow::Result<()> {
    match command {
        DeviceCommand::List => list(context).await,
        DeviceCommand::Show { serial_number } => show(context, &serial_number).await,
        DeviceCommand::Approve { serial_number, approval } => {
            approve(context, &serial_number, approval).await
        }
        DeviceCommand::Reject { serial_number } => reject(context, &serial_number).await,
        DeviceCommand::Retire { serial_number } => retire(context, &serial_number).await,
        DeviceCommand::Refill { serial_number } => refill(context, &serial_number).await,
        DeviceCommand::Reread { serial_number, tables } => {
            super::device_reread::run(context, &serial_number, tables).await
        }
        DeviceCommand::Set(set) => super::device_set::run(context, set).await,
    }
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let all = status::fleet(&mut tx, context.when.now()).await?;
    context.out.print(&all, |all| {
        if all.is_empty() {
            return "no device has called yet: set the address of this server at the terminal \
                    (Menu → Comm. → Cloud Server Setting)"
                .to_owned();
        }
        let mut table = Table::new([
            "device",
            "name",
            "model",
            "state",
            "last seen",
            "address",
            "users",
            "clock",
            "synchronisation",
        ])
        .right([6]);
        for device in all {
            let seen = device.last_seen_at.map(|at| context.when.relative(roster::Millis(at)));
            table.row([
                device.serial_number.clone(),
                device.name.clone(),
                device.model.clone().unwrap_or_default(),
                state_words(device.state, device.online),
                seen.unwrap_or_else(|| "never".to_owned()),
                device.address.clone().unwrap_or_default(),
                device.users_reported.map(|users| users.to_string()).unwrap_or_default(),
                device.clock_ahead_s.map(ahead).unwrap_or_default(),
                device.summary.clone(),
            ]);
        }
        table.to_string()
    })
}

fn state_words(state: &str, online: bool) -> String {
    match (state, online) {
        ("active", true) => "online".to_owned(),
        ("active", false) => "offline".to_owned(),
        (other, _) => other.to_owned(),
    }
}

/// Everything about one device.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    status: status::DeviceStatus,
    firmware: Option<String>,
    push_version: Option<String>,
    areas: Vec<ShownArea>,
    created_at: String,
    approved_at: Option<String>,
    options: ShownOptions,
    /// What becomes of people who are enrolled or changed at it: its own setting or the server's.
    enrolment: &'static str,
    /// Removals that it failed often, a sentence each.
    failed_removals: Vec<String>,
    /// What it can take, a sentence each.
    capability: Vec<String>,
    /// What it last said to hold, and what it should hold.
    holds: Holds,
    clock: ShownClock,
    /// It showed a key in its handshake, and has to show the same again.
    has_comm_key: bool,
    /// Tables that it was asked for again.
    rereads: Vec<ShownReread>,
    sessions: Vec<ShownSession>,
    #[serde(skip)]
    clock_words: String,
}

#[derive(Serialize)]
struct ShownArea {
    id: i64,
    name: String,
}

/// What is set for this device alone.
#[derive(Serialize)]
struct ShownOptions {
    time_zone: Option<String>,
    realtime: Option<bool>,
    trans_times: Option<String>,
    trans_interval_min: Option<u16>,
    trans_flag_format: Option<u8>,
    delay_s: Option<u16>,
    error_delay_s: Option<u16>,
    photo_delivery: Option<&'static str>,
    enrolment: Option<&'static str>,
}

#[derive(Serialize)]
struct Holds {
    told_at: Option<String>,
    users: Option<u64>,
    fingerprints: Option<u64>,
    faces: Option<u64>,
    palms: Option<u64>,
    /// Users in its areas.
    users_wanted: i64,
}

#[derive(Serialize)]
struct ShownSession {
    opened_at: String,
    closed_at: Option<String>,
    address: Option<String>,
    ended: Option<String>,
    #[serde(skip)]
    words: String,
}

async fn show(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let row = lookup::device(&mut tx, serial_number).await?;
    let shown = Shown::of(&mut tx, &row, context).await?;
    context.out.print(&shown, |shown| shown.words(&row, &context.when))
}

impl Shown {
    async fn of(tx: &mut Tx, row: &DeviceRow, context: &Context) -> anyhow::Result<Self> {
        let when = &context.when;
        let status = of(tx, row, when).await?;
        let names = tx.areas().await?;
        let areas = tx.areas_of(row.id).await?;
        let name = |area| names.iter().find(|(other, _)| *other == area).map(|(_, name)| name.clone());
        let sessions = tx.sessions(row.id, SHOWN).await?;
        let counts = row.capability.counts();
        let stamps = tx.stamps(row.id).await?;
        let known_clock = tx.clock(row.id).await?;
        let clock = ShownClock::of(&known_clock, row, &context.settings.server, when.now());
        Ok(Self {
            status,
            firmware: row.capability.firmware().map(ToOwned::to_owned),
            push_version: row.capability.push_version().map(ToString::to_string),
            areas: areas
                .into_iter()
                .map(|area| ShownArea { id: area.0, name: name(area).unwrap_or_default() })
                .collect(),
            created_at: rfc3339(row.created_at),
            approved_at: row.approved_at.map(rfc3339),
            options: ShownOptions::of(&row.options),
            enrolment: context.settings.server.enrolment_at(row).as_str(),
            clock_words: clock.words(&known_clock, when),
            clock,
            has_comm_key: tx.has_comm_key(row.id).await?,
            rereads: stamps.iter().filter_map(|(table, stamp)| ShownReread::of(table, stamp, when)).collect(),
            failed_removals: status::failed_removals(tx, row).await?,
            capability: known(&row.capability, when),
            holds: Holds {
                told_at: row.counts_at.map(rfc3339),
                users: counts.users,
                fingerprints: counts.fingerprints,
                faces: counts.faces,
                palms: counts.palms,
                users_wanted: tx.users_in_scope(row.id).await?,
            },
            sessions: sessions.iter().map(|session| ShownSession::of(session, when)).collect(),
        })
    }

    fn enrolment_words(&self) -> String {
        let what = match Enrolment::of(self.enrolment) {
            Some(Enrolment::Hold) => "people enrolled or changed at it wait for you",
            Some(Enrolment::Refuse) => "people enrolled or changed at it are undone",
            Some(Enrolment::Accept) | None => "people may be enrolled and changed at it",
        };
        let whose = if self.options.enrolment.is_some() { "set for it" } else { "as the server has it" };
        format!("{}: {what} ({whose})", self.enrolment)
    }

    fn words(&self, row: &DeviceRow, when: &When) -> String {
        let areas: Vec<String> = self.areas.iter().map(|area| format!("{} {}", area.id, area.name)).collect();
        let mut text = pairs([
            ("device", Some(self.status.serial_number.clone())),
            ("name", Some(row.name.clone()).filter(|name| !name.is_empty())),
            ("state", Some(state_words(self.status.state, self.status.online))),
            ("sync", Some(self.status.summary.clone())),
            ("last seen", Some(row.last_seen_at.map_or_else(|| "never".to_owned(), |at| when.both(at)))),
            ("address", row.address.clone()),
            ("first seen", Some(when.both(row.created_at))),
            ("approved", row.approved_at.map(|at| when.both(at))),
            ("areas", Some(areas.join(", "))),
            ("holds", Some(self.holds.words(row.counts_at.map(|at| when.relative(at))))),
            ("clock", Some(self.clock_words.clone())),
            ("comm key", self.has_comm_key.then(|| "shown, and compared with every handshake".to_owned())),
            ("enrolment", Some(self.enrolment_words())),
            ("set for it", Some(self.options.words()).filter(|words| !words.is_empty())),
        ]);
        if !self.failed_removals.is_empty() {
            text.push_str("\nremovals that the device has not confirmed:\n");
            for removal in &self.failed_removals {
                let _ = writeln!(text, "  {removal}");
            }
        }
        text.push_str("\nwhat it is and can take:\n");
        for sentence in &self.capability {
            let _ = writeln!(text, "  {sentence}");
        }
        if !self.rereads.is_empty() {
            text.push_str("\nasked for again:\n");
            for reread in &self.rereads {
                let _ = writeln!(text, "  {}", reread.words);
            }
        }
        if !self.sessions.is_empty() {
            text.push_str("\nlast connections:\n");
            for session in &self.sessions {
                let _ = writeln!(text, "  {}", session.words);
            }
        }
        let _ = writeln!(text, "\nwhat is owed to it: muster sync status {}", self.status.serial_number);
        text
    }
}

/// What is known of a device; nothing while it has told nothing.
pub fn known(capability: &Capability, when: &When) -> Vec<String> {
    if *capability == Capability::default() {
        return vec!["it has told nothing of itself yet".to_owned()];
    }
    capability.describe(&|at| when.date(at))
}

/// How one device stands.
///
/// # Errors
/// Those of the database.
pub async fn of(tx: &mut Tx, row: &DeviceRow, when: &When) -> anyhow::Result<status::DeviceStatus> {
    let all = status::fleet(tx, when.now()).await?;
    let own = all.into_iter().find(|status| status.serial_number == row.serial_number.as_str());
    own.ok_or_else(|| anyhow::anyhow!("the device {} is gone", row.serial_number))
}

impl Holds {
    fn words(&self, told: Option<String>) -> String {
        let Some(told) = told else {
            return format!("not told yet; should hold {} users", self.users_wanted);
        };
        let counts = [
            (self.users, "users"),
            (self.fingerprints, "fingerprints"),
            (self.faces, "faces"),
            (self.palms, "palms"),
        ];
        let counts: Vec<String> =
            counts.iter().filter_map(|(count, what)| count.map(|count| format!("{count} {what}"))).collect();
        format!("{} (told {told}); should hold {} users", counts.join(", "), self.users_wanted)
    }
}

impl ShownOptions {
    fn of(options: &DeviceOptions) -> Self {
        Self {
            time_zone: options.time_zone.clone(),
            realtime: options.realtime,
            trans_times: options.trans_times.clone(),
            trans_interval_min: options.trans_interval_min,
            trans_flag_format: options.trans_flag_format,
            delay_s: options.delay_s,
            error_delay_s: options.error_delay_s,
            photo_delivery: options.photo_delivery.map(PhotoDelivery::as_str),
            enrolment: options.enrolment.map(Enrolment::as_str),
        }
    }

    fn words(&self) -> String {
        let parts = [
            self.time_zone.as_ref().map(|zone| format!("time zone {zone}")),
            self.realtime.map(|realtime| format!("realtime {realtime}")),
            self.trans_times.as_ref().map(|times| format!("uploads at {times}")),
            self.trans_interval_min.map(|minutes| format!("uploads every {minutes} min")),
            self.trans_flag_format.map(|format| format!("upload switches spelled as {format}")),
            self.delay_s.map(|seconds| format!("asks every {seconds} s")),
            self.error_delay_s.map(|seconds| format!("waits {seconds} s after a failure")),
            self.photo_delivery.map(|delivery| format!("photos by {delivery}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl ShownSession {
    fn of(session: &Session, when: &When) -> Self {
        let from = session.address.as_deref().map(|address| format!(" from {address}")).unwrap_or_default();
        let until = match (session.closed_at, session.ended.as_deref()) {
            (None, _) => "now".to_owned(),
            (Some(at), Some(ended)) => format!("{} ({ended})", when.local(at)),
            (Some(at), None) => when.local(at),
        };
        Self {
            opened_at: rfc3339(session.opened_at),
            closed_at: session.closed_at.map(rfc3339),
            address: session.address.clone(),
            ended: session.ended.clone(),
            words: format!("{} to {until}{from}", when.local(session.opened_at)),
        }
    }
}

/// What became of a command about one device.
#[derive(Serialize)]
struct Done {
    serial_number: String,
    outcome: &'static str,
    #[serde(skip)]
    words: String,
}

impl Done {
    fn print(context: &Context, row: &DeviceRow, outcome: &'static str, words: String) -> anyhow::Result<()> {
        let done = Self { serial_number: row.serial_number.to_string(), outcome, words };
        context.out.print(&done, |done| done.words.clone())
    }
}

async fn find(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<DeviceRow> {
    let mut tx = context.store.read().await?;
    lookup::device(&mut tx, serial_number).await
}

async fn approve(context: &Context, serial_number: &SerialNumber, approval: Approval) -> anyhow::Result<()> {
    let row = find(context, serial_number).await?;
    if row.state == DeviceState::Active && row.joining.is_none() {
        bail!(
            "{serial_number} is in the fleet already: `muster device refill {serial_number}` compares and sends \
             everything again. To take it in anew: `muster device retire {serial_number}` first"
        );
    }
    let (joining, words) = if approval.replace {
        (Joining::Replace, "is made equal to the fleet; people that only it knows are deleted from it")
    } else {
        (Joining::Adopt, "its people join the fleet; conflicts are shown by `muster held list`")
    };
    let (device, now) = (row.clone(), context.when.now());
    context
        .store
        .retrying(move |tx| {
            let device = device.clone();
            Box::pin(async move { devices::approve(tx, &device, joining, now).await })
        })
        .await?;
    Done::print(context, &row, "approved", format!("{serial_number} is let in: {words}"))
}

async fn reject(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    let row = find(context, serial_number).await?;
    if matches!(row.state, DeviceState::Active | DeviceState::Stale) {
        bail!("{serial_number} is in the fleet: `muster device retire {serial_number}` takes it out");
    }
    put_out(context, &row).await?;
    let words =
        format!("{serial_number} is not let in; `muster device approve {serial_number}` changes that");
    Done::print(context, &row, "rejected", words)
}

async fn retire(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    let row = find(context, serial_number).await?;
    put_out(context, &row).await?;
    let words = format!("{serial_number} is no longer part of the fleet; what it holds stays on it");
    Done::print(context, &row, "retired", words)
}

async fn put_out(context: &Context, row: &DeviceRow) -> Result<(), StoreError> {
    let (device, now) = (row.clone(), context.when.now());
    context
        .store
        .retrying(move |tx| {
            let device = device.clone();
            Box::pin(async move { devices::retire(tx, &device, now).await })
        })
        .await
}

async fn refill(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    let row = find(context, serial_number).await?;
    if !matches!(row.state, DeviceState::Active | DeviceState::Stale) {
        bail!("{serial_number} is not in the fleet: `muster device approve {serial_number}` lets it in");
    }
    let (device, now) = (row.clone(), context.when.now());
    context
        .store
        .retrying(move |tx| {
            let device = device.clone();
            Box::pin(async move { devices::refill(tx, &device, now).await })
        })
        .await?;
    let words = format!(
        "everything is sent to {serial_number} again; `muster sync status {serial_number}` shows how far it is"
    );
    Done::print(context, &row, "refilling", words)
}
