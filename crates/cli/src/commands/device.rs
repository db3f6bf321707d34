//! `muster device`

use std::fmt::Write as _;

use anyhow::bail;
use fleet::FleetError;
use fleet::device::{DeviceRefusal, Joining, PhotoDelivery};
use fleet::view::device::{DeviceView, Holds, OptionsView, SessionView};
use fleet::view::sync_status::DeviceStatus;
use roster::Capability;
use serde::Serialize;
use sync::intake::Enrolment;
use wire::{Form, SerialNumber, StampKey};

use super::Context;
use crate::args::{Approval, DeviceCommand};
use crate::render::not_found::explained;
use crate::render::sync_status::{self, Summed};
use crate::render::table::{Table, pairs};
use crate::render::when::When;
use crate::render::{clock, reread};

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
        DeviceCommand::Reread { serial_number, tables } => reread(context, &serial_number, &tables).await,
        DeviceCommand::Set(set) => super::device_set::run(context, set).await,
    }
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let all: Vec<Summed> = context.fleet.devices().await?.into_iter().map(Summed::from).collect();
    context.out.print(&all, |all| {
        if all.is_empty() {
            return "no device has connected yet: set the address of this server at the device \
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
        for Summed { status, summary } in all {
            let seen = status.last_seen_at.map(|at| context.when.relative(at));
            table.row([
                status.serial_number.clone(),
                status.name.clone(),
                status.model.clone().unwrap_or_default(),
                sync_status::state(status),
                seen.unwrap_or_else(|| "never".to_owned()),
                status.address.clone().unwrap_or_default(),
                status.users_reported.map(|users| users.to_string()).unwrap_or_default(),
                status.clock_ahead_s.map(clock::ahead).unwrap_or_default(),
                summary.clone(),
            ]);
        }
        table.to_string()
    })
}

/// Everything about one device, as JSON shows it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    device: DeviceView,
    /// How far it is in sync, in one sentence.
    summary: String,
    /// Its capabilities, one sentence each.
    capability: Vec<String>,
}

async fn show(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    let device = context.fleet.device(serial_number).await.map_err(explained)?;
    let shown = Shown {
        summary: sync_status::summary(&device.status),
        capability: known(&device.capability, &context.when),
        device,
    };
    context.out.print(&shown, |shown| shown.words(&context.when))
}

impl Shown {
    fn words(&self, when: &When) -> String {
        let device = &self.device;
        let status = &device.status;
        let areas: Vec<String> =
            device.areas.iter().map(|area| format!("{} {}", area.id, area.name)).collect();
        let seen = status.last_seen_at.map_or_else(|| "never".to_owned(), |at| when.both(at));
        let mut text = pairs([
            ("device", Some(status.serial_number.clone())),
            ("name", Some(status.name.clone()).filter(|name| !name.is_empty())),
            ("state", Some(sync_status::state(status))),
            ("sync", Some(self.summary.clone())),
            ("last seen", Some(seen)),
            ("address", status.address.clone()),
            ("first seen", Some(when.both(device.created_at))),
            ("approved", device.approved_at.map(|at| when.both(at))),
            ("areas", Some(areas.join(", "))),
            ("holds", Some(holds(&device.holds, when))),
            ("people read", Some(people_read(device, when))),
            ("clock", Some(clock::words(&device.clock, when))),
            ("comm key", device.has_comm_key.then(|| "shown, and compared with every handshake".to_owned())),
            ("enrolment", Some(enrolment(device))),
            ("own settings", Some(options(&device.options)).filter(|words| !words.is_empty())),
        ]);
        if !device.failed_removals.is_empty() {
            text.push_str("\nremovals that the device has not confirmed:\n");
            for removal in &device.failed_removals {
                let _ = writeln!(text, "  {removal}");
            }
        }
        text.push_str("\nmodel and capabilities:\n");
        for sentence in &self.capability {
            let _ = writeln!(text, "  {sentence}");
        }
        if !device.rereads.is_empty() {
            text.push_str("\ntables to upload again:\n");
            for table in &device.rereads {
                let _ = writeln!(text, "  {}", reread::words(table, when));
            }
        }
        if !device.sessions.is_empty() {
            text.push_str("\nlast connections:\n");
            for connection in &device.sessions {
                let _ = writeln!(text, "  {}", session(connection, status, when));
            }
        }
        let _ = writeln!(text, "\npending items: muster sync status {}", status.serial_number);
        text
    }
}

/// The known capabilities of a device, one sentence each.
pub fn known(capability: &Capability, when: &When) -> Vec<String> {
    if *capability == Capability::default() {
        return vec!["not known yet: the device has not described itself".to_owned()];
    }
    capability.describe(&|at| when.date(at))
}

fn enrolment(device: &DeviceView) -> String {
    let what = match device.enrolment {
        Enrolment::Hold => "changes of people at this device wait for your decision",
        Enrolment::Refuse => "Muster undoes changes of people at this device",
        Enrolment::Accept => "people may be enrolled and changed at this device",
    };
    let whose =
        if device.options.enrolment.is_some() { "set for this device" } else { "setting of the server" };
    format!("{}: {what} ({whose})", device.enrolment.as_str())
}

/// When Muster last read the people of a device completely, and any obstacle.
fn people_read(device: &DeviceView, when: &When) -> String {
    let read = device.people_read_at.map_or_else(|| "never completely".to_owned(), |at| when.both(at));
    let serial_number = &device.status.serial_number;
    if device.is_being_read {
        format!("{read}; being read now")
    } else if device.capability.refused(Form::Query) {
        format!(
            "{read}; the routine check skips this device, since it answers no queries: muster device reread \
             {serial_number}"
        )
    } else if device.hides_people {
        let checked = device.people_checked_at.map(|at| when.relative(at)).unwrap_or_default();
        format!(
            "{read}; the device did not show all of them to the routine check {checked}: muster device reread \
             {serial_number}"
        )
    } else {
        read
    }
}

fn holds(holds: &Holds, when: &When) -> String {
    let Some(told) = holds.told_at.map(|at| when.relative(at)) else {
        return format!("not reported yet; should hold {} users", holds.users_wanted);
    };
    let counts = [
        (holds.users, "users"),
        (holds.fingerprints, "fingerprints"),
        (holds.faces, "faces"),
        (holds.palms, "palms"),
    ];
    let counts: Vec<String> =
        counts.iter().filter_map(|(count, what)| count.map(|count| format!("{count} {what}"))).collect();
    format!("{} (reported {told}); should hold {} users", counts.join(", "), holds.users_wanted)
}

fn options(options: &OptionsView) -> String {
    let parts = [
        options.time_zone.as_ref().map(|zone| format!("time zone {zone}")),
        options.realtime.map(|realtime| format!("realtime {realtime}")),
        options.trans_times.as_ref().map(|times| format!("uploads at {times}")),
        options.trans_interval_min.map(|minutes| format!("uploads every {minutes} min")),
        options.trans_flag_format.map(|format| format!("upload switches in format {format}")),
        options.delay_s.map(|seconds| format!("polls every {seconds} s")),
        options.error_delay_s.map(|seconds| format!("waits {seconds} s after a failure")),
        options.photo_delivery.map(PhotoDelivery::as_str).map(|delivery| format!("photos by {delivery}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn session(session: &SessionView, status: &DeviceStatus, when: &When) -> String {
    let from = session.address.as_deref().map(|address| format!(" from {address}")).unwrap_or_default();
    let until = match (session.closed_at, session.ended.as_deref()) {
        (None, _) if status.online => "now".to_owned(),
        (None, _) => status.last_seen_at.map_or_else(|| "now".to_owned(), |at| when.local(at)),
        (Some(at), Some(ended)) => format!("{} ({ended})", when.local(at)),
        (Some(at), None) => when.local(at),
    };
    format!("{} to {until}{from}", when.local(session.opened_at))
}

/// The result of a command about one device.
#[derive(Serialize)]
struct Done<'d> {
    serial_number: &'d str,
    outcome: &'static str,
}

fn print(
    context: &Context,
    serial_number: &SerialNumber,
    outcome: &'static str,
    words: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    context.out.print(&Done { serial_number: serial_number.as_str(), outcome }, |_| words())
}

async fn approve(context: &Context, serial_number: &SerialNumber, approval: Approval) -> anyhow::Result<()> {
    let (joining, words) = if approval.replace {
        (
            Joining::Replace,
            "Muster makes it equal to the fleet, and deletes people that only this device knows",
        )
    } else {
        (Joining::Adopt, "its people join the fleet; `muster held list` shows conflicts")
    };
    match context.fleet.approve_device(&context.actor, serial_number, joining).await {
        Err(FleetError::Device(refusal @ DeviceRefusal::IsMember(_))) => bail!(
            "{refusal}: `muster device refill {serial_number}` compares and sends everything again. To let the device \
             in anew, run `muster device retire {serial_number}` first"
        ),
        other => other.map_err(explained)?,
    }
    print(context, serial_number, "approved", || format!("{serial_number} is approved: {words}"))
}

async fn reject(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    match context.fleet.reject_device(&context.actor, serial_number).await {
        Err(FleetError::Device(DeviceRefusal::IsMember(_))) => {
            bail!("{serial_number} is in the fleet: `muster device retire {serial_number}` takes it out")
        }
        other => other.map_err(explained)?,
    }
    print(context, serial_number, "rejected", || {
        format!("{serial_number} is rejected; `muster device approve {serial_number}` lets it in later")
    })
}

async fn retire(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    context.fleet.retire_device(&context.actor, serial_number).await.map_err(explained)?;
    print(context, serial_number, "retired", || {
        format!("{serial_number} is no longer part of the fleet; its people stay on the device")
    })
}

async fn refill(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    context.fleet.refill_device(&context.actor, serial_number).await.map_err(no_member)?;
    print(context, serial_number, "refilling", || {
        format!(
            "Muster compares and sends everything to {serial_number} again; `muster sync status {serial_number}` \
             shows the progress"
        )
    })
}

/// The result of `muster device reread`.
#[derive(Serialize)]
struct Asked {
    serial_number: String,
    tables: Vec<&'static str>,
}

async fn reread(context: &Context, serial_number: &SerialNumber, tables: &[StampKey]) -> anyhow::Result<()> {
    let tables =
        context.fleet.reread_device(&context.actor, serial_number, tables).await.map_err(no_member)?;
    let tables = tables.into_iter().map(StampKey::table).collect();
    let asked = Asked { serial_number: serial_number.to_string(), tables };
    context.out.print(&asked, |asked| {
        format!(
            "Muster asks {serial_number} to upload all of {} again; `muster device show {serial_number}` shows the \
             progress",
            asked.tables.join(", ")
        )
    })
}

fn no_member(error: FleetError) -> anyhow::Error {
    match error {
        FleetError::Device(DeviceRefusal::IsNoMember(serial_number)) => anyhow::anyhow!(
            "{serial_number} is not in the fleet: `muster device approve {serial_number}` lets it in"
        ),
        other => explained(other),
    }
}
