//! `muster sync status`

use std::fmt::Write as _;

use serde::Serialize;
use wire::SerialNumber;

use super::{Context, device};
use crate::args::SyncCommand;
use crate::render::not_found::explained;
use crate::render::sync_status::{OwedWords, Summed};
use crate::render::table::Table;
use crate::render::when::When;

/// Shows the sync state of all devices, or of one.
///
/// # Errors
/// There is no such device.
pub async fn run(context: &Context, command: SyncCommand) -> anyhow::Result<()> {
    match command {
        SyncCommand::Status { serial_number: None } => all(context).await,
        SyncCommand::Status { serial_number: Some(serial_number) } => one(context, &serial_number).await,
    }
}

async fn all(context: &Context) -> anyhow::Result<()> {
    let all: Vec<Summed> = context.fleet.devices().await?.into_iter().map(Summed::from).collect();
    context.out.print(&all, |all| {
        if all.is_empty() {
            return "no device has connected yet".to_owned();
        }
        let members: Vec<_> = all.iter().filter(|device| device.status.state.is_member()).collect();
        let mut table = Table::new(["device", "name", "last seen", "synchronisation"]);
        for Summed { status, summary } in all {
            let seen = status.last_seen_at.map(|at| context.when.relative(at));
            table.row([
                status.serial_number.clone(),
                status.name.clone(),
                seen.unwrap_or_else(|| "never".to_owned()),
                summary.clone(),
            ]);
        }
        let in_sync = members.iter().filter(|device| device.status.in_sync).count();
        format!("{table}\n{in_sync} of {} devices of the fleet are in sync", members.len())
    })
}

/// One device with all its pending items.
#[derive(Serialize)]
struct One {
    #[serde(flatten)]
    summed: Summed,
    /// Its model and capabilities, one sentence each.
    capability: Vec<String>,
    /// Items that are in progress, pending or refused.
    owed: Vec<OwedWords>,
}

async fn one(context: &Context, serial_number: &SerialNumber) -> anyhow::Result<()> {
    let sync = context.fleet.device_sync(serial_number).await.map_err(explained)?;
    let one = One {
        capability: device::known(&sync.capability, &context.when),
        owed: sync.owed.iter().map(|owed| OwedWords::of(owed, &context.when)).collect(),
        summed: Summed::from(sync.status),
    };
    context.out.print(&one, |one| one.words(&context.when))
}

impl One {
    fn words(&self, when: &When) -> String {
        let Summed { status, summary } = &self.summed;
        let seen = status.last_seen_at.map(|at| when.both(at));
        let mut text = format!(
            "{}: {summary}\nlast seen {}\n\nmodel and capabilities:\n",
            status.serial_number,
            seen.unwrap_or_else(|| "never".to_owned())
        );
        for sentence in &self.capability {
            let _ = writeln!(text, "  {sentence}");
        }
        if self.owed.is_empty() {
            if status.state.is_member() {
                text.push_str("\nno pending items\n");
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
