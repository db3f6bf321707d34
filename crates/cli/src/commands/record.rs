//! `muster record`

use std::fmt::Write as _;

use fleet::view::device_record::{DeviceRecordKind, DeviceRecordView, RecordSummary};
use serde::Serialize;
use wire::{Origin, SerialNumber};

use super::Context;
use crate::args::{RecordCommand, RecordKindArg};
use crate::render::not_found::explained;
use crate::render::table::{Table, pairs};
use crate::render::when::When;

/// Carries out a command about other records from devices.
///
/// # Errors
/// There is no such device or record.
pub async fn run(context: &Context, command: RecordCommand) -> anyhow::Result<()> {
    match command {
        RecordCommand::List { kind, device } => list(context, kind, device.as_ref()).await,
        RecordCommand::Show { id, raw } => show(context, id, raw).await,
    }
}

/// A record, as JSON shows it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    record: DeviceRecordView,
    /// The content, in a few words.
    about: String,
    /// The record as the device sent it, with `--raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

impl From<DeviceRecordView> for Shown {
    fn from(record: DeviceRecordView) -> Self {
        Self { about: about(&record.summary), record, raw: None }
    }
}

impl Shown {
    fn words(&self, when: &When) -> String {
        let record = &self.record;
        pairs([
            ("record", Some(record.id.to_string())),
            ("kind", Some(record.kind.to_string())),
            ("device", Some(record.device.clone())),
            ("pin", record.pin.as_ref().map(ToString::to_string)),
            ("about", Some(self.about.clone()).filter(|about| !about.is_empty())),
            ("last", Some(when.both(record.last_at))),
            ("times seen", Some(record.times_seen.to_string())),
        ])
    }
}

fn about(summary: &RecordSummary) -> String {
    match summary {
        RecordSummary::Error(error) => {
            let origin = match &error.origin {
                Origin::Device => String::new(),
                Origin::Command(id) => format!(", command {id}"),
            };
            let message =
                if error.message.is_empty() { String::new() } else { format!(": {}", error.message) };
            format!("{} {}{message}{origin}", error.code, error.describe())
        }
        RecordSummary::Message { number, text } => format!("{number} {text}"),
        RecordSummary::Other { bytes } => format!("{bytes} bytes"),
    }
}

const fn kind_of(kind: RecordKindArg) -> DeviceRecordKind {
    match kind {
        RecordKindArg::IdCard => DeviceRecordKind::IdCard,
        RecordKindArg::Error => DeviceRecordKind::Error,
        RecordKindArg::Message => DeviceRecordKind::Message,
        RecordKindArg::Verification => DeviceRecordKind::Verification,
    }
}

async fn list(
    context: &Context,
    kind: Option<RecordKindArg>,
    device: Option<&SerialNumber>,
) -> anyhow::Result<()> {
    let records = context.fleet.device_records(kind.map(kind_of), device).await.map_err(explained)?;
    let shown: Vec<Shown> = records.into_iter().map(Shown::from).collect();
    context.out.print(&shown, |shown| {
        if shown.is_empty() {
            return "no device has sent such a record".to_owned();
        }
        let mut table =
            Table::new(["record", "kind", "device", "pin", "last", "times", "about"]).right([0, 5]);
        for Shown { record, about, .. } in shown {
            table.row([
                record.id.to_string(),
                record.kind.to_string(),
                record.device.clone(),
                record.pin.as_ref().map(ToString::to_string).unwrap_or_default(),
                context.when.relative(record.last_at),
                record.times_seen.to_string(),
                about.clone(),
            ]);
        }
        table.to_string()
    })
}

async fn show(context: &Context, id: i64, with_record: bool) -> anyhow::Result<()> {
    let mut shown = Shown::from(context.fleet.device_record(id).await.map_err(explained)?);
    if with_record {
        let raw = context.fleet.raw_device_record(id).await.map_err(explained)?;
        tracing::warn!(
            "the record follows as the device sent it: it may hold everything on an identity card"
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
