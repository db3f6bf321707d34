//! `muster record`

use anyhow::bail;
use roster::Millis;
use serde::Serialize;
use std::fmt::Write as _;
use store::{KeptKind, KeptRow};
use wire::{DeviceRecord, Origin, SerialNumber};

use super::Context;
use crate::args::{RecordCommand, RecordKindArg};
use crate::lookup;
use crate::render::table::{Table, pairs};
use crate::render::when::When;
use fleet::time::rfc3339;

/// How many are listed at most.
const MOST: i64 = 1000;

/// Carries out a command about what devices send beside people and punches.
///
/// # Errors
/// There is no such device or record.
pub async fn run(context: &Context, command: RecordCommand) -> anyhow::Result<()> {
    match command {
        RecordCommand::List { kind, device } => list(context, kind, device).await,
        RecordCommand::Show { id, raw } => show(context, id, raw).await,
    }
}

#[derive(Serialize)]
struct Shown {
    id: i64,
    kind: &'static str,
    device: String,
    pin: Option<String>,
    about: String,
    first_at: String,
    last_at: String,
    times_seen: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(skip)]
    last: Millis,
}

impl Shown {
    fn of(row: KeptRow, device: String, raw: &[u8]) -> Self {
        Self {
            id: row.id,
            kind: row.kind.as_str(),
            device,
            pin: row.pin.map(|pin| pin.to_string()),
            about: about(row.kind, raw),
            first_at: rfc3339(row.first_at),
            last_at: rfc3339(row.last_at),
            times_seen: row.times_seen,
            raw: None,
            last: row.last_at,
        }
    }

    fn words(&self, when: &When) -> String {
        pairs([
            ("record", Some(self.id.to_string())),
            ("kind", Some(self.kind.to_owned())),
            ("device", Some(self.device.clone())),
            ("pin", self.pin.clone()),
            ("about", Some(self.about.clone()).filter(|about| !about.is_empty())),
            ("last", Some(when.both(self.last))),
            ("times seen", Some(self.times_seen.to_string())),
        ])
    }
}

/// What a record is about, in a few words; of an identity card nothing that stands on it.
fn about(kind: KeptKind, raw: &[u8]) -> String {
    let record = kind.record().and_then(|kind| DeviceRecord::of_line(kind, raw).ok());
    match record {
        Some(DeviceRecord::Error(error)) => {
            let origin = match &error.origin {
                Origin::Device => String::new(),
                Origin::Command(id) => format!(", command {id}"),
            };
            let message =
                if error.message.is_empty() { String::new() } else { format!(": {}", error.message) };
            format!("{} {}{message}{origin}", error.code, error.describe())
        }
        Some(DeviceRecord::Message(message)) => {
            format!("{} {}", message.number, String::from_utf8_lossy(message.text))
        }
        Some(DeviceRecord::IdCard(_)) | None => format!("{} bytes", raw.len()),
    }
}

fn kind_of(kind: RecordKindArg) -> KeptKind {
    match kind {
        RecordKindArg::IdCard => KeptKind::IdCard,
        RecordKindArg::Error => KeptKind::Error,
        RecordKindArg::Message => KeptKind::Message,
        RecordKindArg::Verification => KeptKind::Verification,
    }
}

async fn list(
    context: &Context,
    kind: Option<RecordKindArg>,
    device: Option<SerialNumber>,
) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let device = match device {
        Some(serial_number) => Some(lookup::device(&mut tx, &serial_number).await?.id),
        None => None,
    };
    let devices = lookup::serial_numbers(&mut tx).await?;
    let mut shown = Vec::new();
    for row in tx.records(kind.map(kind_of), device, MOST).await? {
        // One after the other: a record may be long, and of most of it nothing is shown.
        let Some((row, raw)) = tx.record(row.id).await? else { continue };
        let device = devices.get(&row.device).map(ToString::to_string).unwrap_or_default();
        shown.push(Shown::of(row, device, &raw));
    }
    context.out.print(&shown, |shown| {
        if shown.is_empty() {
            return "no device sent anything of the kind".to_owned();
        }
        let mut table =
            Table::new(["record", "kind", "device", "pin", "last", "times", "about"]).right([0, 5]);
        for record in shown {
            table.row([
                record.id.to_string(),
                record.kind.to_owned(),
                record.device.clone(),
                record.pin.clone().unwrap_or_default(),
                context.when.relative(record.last),
                record.times_seen.to_string(),
                record.about.clone(),
            ]);
        }
        table.to_string()
    })
}

async fn show(context: &Context, id: i64, with_record: bool) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let Some((row, raw)) = tx.record(id).await? else {
        bail!("there is no record {id}; `muster record list` shows all");
    };
    let devices = lookup::serial_numbers(&mut tx).await?;
    let device = devices.get(&row.device).map(ToString::to_string).unwrap_or_default();
    let mut shown = Shown::of(row, device, &raw);
    if with_record {
        tracing::warn!(
            "what follows is what the device sent: it may hold all that stands on an identity card"
        );
        shown.raw = Some(String::from_utf8_lossy(&raw).into_owned());
    }
    context.out.print(&shown, |shown| {
        let mut text = shown.words(&context.when);
        match &shown.raw {
            Some(raw) => {
                let _ = write!(text, "\nthe record as the device sent it:\n{raw}");
            }
            None => text.push_str("--raw prints the record; it may hold personal data\n"),
        }
        text
    })
}
