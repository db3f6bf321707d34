//! `muster command`: ordering a command for one device, and what becomes of it.

mod build;
mod files;
mod follow;
mod period;
mod risk;
mod shown;

use std::sync::Arc;

use anyhow::bail;
use fleet::command::{Ordered, SYSTEM_COMMANDS, is_refused, is_system};
use fleet::offered_file::Offer;
use serde::Serialize;
use store::{DeviceRow, DeviceState};
use wire::{Command, SerialNumber};

use super::{Context, confirm};
use crate::args::{Action, DeviceOrder};
use crate::failure::usage;
use crate::lookup;

/// A command to be ordered, with the file that it is about.
struct Wanted {
    ordered: Ordered,
    file: Option<(Offer, Arc<Vec<u8>>)>,
}

/// Orders a command, or shows what was ordered.
///
/// # Errors
/// There is no such device or command; the device does not take it; it is not allowed.
pub async fn run(context: &Context, order: DeviceOrder) -> anyhow::Result<()> {
    match &order.action {
        Action::List { of, limit } => shown::list(context, of.as_ref(), *limit).await,
        Action::Show { of, id, content } => shown::show(context, of, *id, content.as_deref()).await,
        Action::Cancel { of, id } => shown::cancel(context, of, *id).await,
        _ => place(context, &order).await,
    }
}

/// A command that was ordered.
#[derive(Serialize)]
struct Placed {
    serial_number: String,
    id: i64,
    command: String,
}

async fn place(context: &Context, order: &DeviceOrder) -> anyhow::Result<()> {
    let Some(serial_number) = &order.serial_number else {
        return Err(usage("for which device? The serial number comes first: muster command SN …"));
    };
    let mut tx = context.fleet.store().read().await?;
    let row = lookup::device(&mut tx, serial_number).await?;
    can_be_ordered(&row)?;
    let wanted = build::wanted(context, &mut tx, &row, &order.action).await?;
    allowed(context, &row, &wanted.ordered)?;
    if let Some(what) = risk::of(wanted.ordered.command()) {
        confirm::by_serial_number(serial_number, order.confirm.as_ref(), what)?;
    }
    let before = follow::Before::of(&mut tx, wanted.ordered.command()).await?;
    tx.rollback().await?;
    let (device, now) = (row.id, crate::system::now());
    let (ordered, file) = (Arc::new(wanted.ordered), wanted.file);
    let queued = Arc::clone(&ordered);
    let id = context
        .fleet
        .store()
        .retrying(move |tx| {
            let (ordered, file) = (Arc::clone(&queued), file.clone());
            Box::pin(async move {
                if let Some((offer, content)) = &file {
                    offer.keep(tx, device, content).await?;
                }
                ordered.queue(tx, device, "operator", now).await
            })
        })
        .await?;
    if order.wait {
        return follow::until_answered(context, &row, id, ordered.command(), &before).await;
    }
    let placed = Placed {
        serial_number: serial_number.to_string(),
        id,
        command: ordered.command().words().to_owned(),
    };
    context.out.print(&placed, |placed| {
        let until = ordered.expires_ms().map_or(String::new(), |ms| {
            format!(" It is sent {} at the latest, or not at all.", context.when.relative(now.plus(ms)))
        });
        format!(
            "command {id} waits for the next poll of {serial_number}: {}.{until}\n\
             What became of it: muster command show {serial_number} {id}",
            placed.command
        )
    })
}

/// Whether a device gets commands at all.
fn can_be_ordered(row: &DeviceRow) -> anyhow::Result<()> {
    let serial_number: &SerialNumber = &row.serial_number;
    if !matches!(row.state, DeviceState::Active | DeviceState::Stale) {
        bail!(
            "{serial_number} is not in the fleet and gets no commands: \
             `muster device approve {serial_number}` lets it in"
        );
    }
    if row.capability.speaks_access_control() {
        bail!("{serial_number} speaks the dialect of access control, in which no commands are sent");
    }
    Ok(())
}

/// Whether this command may be sent to this device.
fn allowed(context: &Context, row: &DeviceRow, ordered: &Ordered) -> anyhow::Result<()> {
    let form = ordered.form();
    if is_system(form) && !context.settings.server.devices.system_commands {
        bail!(
            "{} reaches into the system of the device: it is off unless {SYSTEM_COMMANDS} = true stands in muster.toml, \
             or MUSTER_{}=true in the environment, here and where the server runs (it is false: {})",
            ordered.command().words(),
            SYSTEM_COMMANDS.to_uppercase(),
            context.settings.origin(SYSTEM_COMMANDS)
        );
    }
    if is_refused(form, &row.capability) {
        let serial_number = &row.serial_number;
        let other = match ordered.command() {
            Command::Query(_) => {
                format!("; `muster device refill {serial_number}` compares everything all the same")
            }
            Command::Enroll(_) => "; enrol at its menu instead".to_owned(),
            _ => String::new(),
        };
        bail!(
            "the firmware of {serial_number} answered before that it does not know {form}: it is not sent again until \
             the firmware changes{other}"
        );
    }
    Ok(())
}
