//! `muster device reread`, and how far it is.

use anyhow::bail;
use roster::Millis;
use serde::Serialize;
use store::{DeviceState, Reread, Stamp};
use wire::{SerialNumber, StampKey};

use super::Context;
use crate::lookup;
use crate::when::{When, rfc3339};

#[derive(Serialize)]
struct Done {
    serial_number: String,
    tables: Vec<&'static str>,
}

/// Has a device upload whole tables again.
///
/// # Errors
/// There is no such device, or it is not part of the fleet.
pub async fn run(
    context: &Context,
    serial_number: &SerialNumber,
    tables: Vec<StampKey>,
) -> anyhow::Result<()> {
    let mut tx = context.store.read().await?;
    let row = lookup::device(&mut tx, serial_number).await?;
    tx.rollback().await?;
    if !matches!(row.state, DeviceState::Active | DeviceState::Stale) {
        bail!("{serial_number} is not in the fleet: `muster device approve {serial_number}` lets it in");
    }
    let tables = if tables.is_empty() { fleet::reread::PEOPLE.to_vec() } else { tables };
    let (device, now) = (row.id, context.when.now());
    let names = tables.iter().map(|key| key.table()).collect();
    context
        .store
        .retrying(move |tx| {
            let tables = tables.clone();
            Box::pin(async move {
                tx.lock_device(device).await?;
                fleet::reread::ask_for(tx, device, &tables, "operator", now).await
            })
        })
        .await?;
    let done = Done { serial_number: serial_number.to_string(), tables: names };
    context.out.print(&done, |done| {
        format!(
            "{} is asked for all of {} again; `muster device show {}` tells how far it is",
            done.serial_number,
            done.tables.join(", "),
            done.serial_number
        )
    })
}

/// A table that was asked for again.
#[derive(Serialize)]
pub struct ShownReread {
    table: String,
    /// `asked`, `told`, `begun` or `done`.
    stage: &'static str,
    asked_at: Option<String>,
    begun_at: Option<String>,
    records: i64,
    #[serde(skip)]
    pub words: String,
}

impl ShownReread {
    /// `None` for a table that never was asked for again.
    pub fn of(table: &str, stamp: &Stamp, when: &When) -> Option<Self> {
        let asked_at = stamp.asked_at?;
        let ago = |at: Option<Millis>| at.map(|at| when.relative(at)).unwrap_or_default();
        let over = stamp.last_at.is_some_and(|last| last.plus(fleet::reread::REREAD_PAUSE_MS) <= when.now());
        let asked = format!("asked for {}", when.relative(asked_at));
        let (stage, words) = match (stamp.reread, stamp.begun_at) {
            (Reread::Asked, _) | (Reread::No, None) => {
                ("asked", format!("{asked}, the device has not come for it yet"))
            }
            (Reread::Told, _) => ("told", format!("{asked}, the device was told and has not begun")),
            (Reread::No, Some(_)) if over => {
                ("done", format!("{asked}, {} records came until {}", stamp.records, ago(stamp.last_at)))
            }
            (Reread::No, Some(_)) => (
                "begun",
                format!(
                    "{asked}, began {}, {} records so far (the last {})",
                    ago(stamp.begun_at),
                    stamp.records,
                    ago(stamp.last_at)
                ),
            ),
        };
        Some(Self {
            table: table.to_owned(),
            stage,
            asked_at: Some(rfc3339(asked_at)),
            begun_at: stamp.begun_at.map(rfc3339),
            records: stamp.records,
            words: format!("{table}: {words}"),
        })
    }
}
