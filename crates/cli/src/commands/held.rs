//! `muster held`

use anyhow::{Context as _, bail};
use fleet::held::{Resolution, ResolveError, resolve};
use roster::Millis;
use serde::Serialize;
use std::fmt::Write as _;
use store::{HeldFilter, HeldKind, HeldRow};
use wire::SerialNumber;

use super::Context;
use crate::args::{Decision, HeldCommand, HeldKindArg};
use crate::failure::usage;
use crate::lookup;
use crate::render::table::{Table, pairs};
use crate::render::when::When;
use fleet::time::rfc3339;

/// How many are listed at most.
const MOST: i64 = 1000;

/// How often a decision is tried again that meets other transactions.
const ATTEMPTS: usize = 5;

/// Carries out a command about what is held.
///
/// # Errors
/// There is no such thing, or it cannot be decided so.
pub async fn run(context: &Context, command: HeldCommand) -> anyhow::Result<()> {
    match command {
        HeldCommand::List { kind, device, all } => list(context, kind, device, all).await,
        HeldCommand::Show { id, raw } => show(context, id, raw).await,
        HeldCommand::Resolve { id, decision } => decide(context, id, decision).await,
    }
}

/// Something held, without its record.
#[derive(Serialize)]
struct Shown {
    id: i64,
    kind: &'static str,
    device: String,
    pin: Option<String>,
    table: Option<String>,
    record: String,
    line: Option<i64>,
    reason: String,
    first_at: String,
    last_at: String,
    times_seen: i64,
    resolution: Option<String>,
    resolved_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(skip)]
    last: Millis,
}

impl Shown {
    fn of(row: HeldRow, device: String) -> Self {
        Self {
            id: row.id,
            kind: row.kind.as_str(),
            device,
            pin: row.pin.map(|pin| pin.to_string()),
            table: row.table,
            record: row.tag,
            line: row.line,
            reason: row.reason,
            first_at: rfc3339(row.first_at),
            last_at: rfc3339(row.last_at),
            times_seen: row.times_seen,
            resolution: row.resolution,
            resolved_at: row.resolved_at.map(rfc3339),
            raw: None,
            last: row.last_at,
        }
    }
}

async fn list(
    context: &Context,
    kind: Option<HeldKindArg>,
    device: Option<SerialNumber>,
    all: bool,
) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let device = match device {
        Some(serial_number) => Some(lookup::device(&mut tx, &serial_number).await?.id),
        None => None,
    };
    let filter = HeldFilter { kind: kind.map(kind_of), device, pin: None, resolved_too: all };
    let serial_numbers = lookup::serial_numbers(&mut tx).await?;
    let name = |device| serial_numbers.get(&device).map(ToString::to_string).unwrap_or_default();
    let shown: Vec<Shown> = tx
        .held(&filter, MOST)
        .await?
        .into_iter()
        .map(|row| {
            let device = name(row.device);
            Shown::of(row, device)
        })
        .collect();
    context.out.print(&shown, |shown| {
        if shown.is_empty() {
            return "nothing waits for you".to_owned();
        }
        let mut table =
            Table::new(["held", "kind", "device", "pin", "last", "times", "why", ""]).right([0, 5]);
        for held in shown {
            table.row([
                held.id.to_string(),
                held.kind.to_owned(),
                held.device.clone(),
                held.pin.clone().unwrap_or_default(),
                context.when.relative(held.last),
                held.times_seen.to_string(),
                held.reason.clone(),
                held.resolution.as_ref().map(|decided| format!("decided: {decided}")).unwrap_or_default(),
            ]);
        }
        format!("{table}`muster held show ID` shows one, `muster held resolve ID` decides")
    })
}

fn kind_of(kind: HeldKindArg) -> HeldKind {
    match kind {
        HeldKindArg::Unreadable => HeldKind::Unreadable,
        HeldKindArg::Conflict => HeldKind::Conflict,
        HeldKindArg::Waiting => HeldKind::Waiting,
        HeldKindArg::Leftover => HeldKind::Leftover,
        HeldKindArg::Credential => HeldKind::Credential,
        HeldKindArg::Privilege => HeldKind::Privilege,
        HeldKindArg::PartDeleted => HeldKind::PartDeleted,
        HeldKindArg::Cleared => HeldKind::Cleared,
        HeldKindArg::Deletion => HeldKind::Deletion,
        HeldKindArg::Brake => HeldKind::Brake,
        HeldKindArg::UnreadTable => HeldKind::UnreadTable,
    }
}

async fn show(context: &Context, id: i64, with_record: bool) -> anyhow::Result<()> {
    let mut tx = context.fleet.store().read().await?;
    let Some((row, record)) = tx.show_held(id).await? else {
        bail!("nothing is held under {id}; `muster held list --all` shows all");
    };
    let serial_numbers = lookup::serial_numbers(&mut tx).await?;
    let device = serial_numbers.get(&row.device).map(ToString::to_string).unwrap_or_default();
    let (kind, open) = (row.kind, row.resolved_at.is_none());
    let mut shown = Shown::of(row, device);
    if with_record {
        tracing::warn!(
            "what follows is what the device sent: it may hold names, cards, passwords and templates"
        );
        shown.raw = Some(String::from_utf8_lossy(&record).into_owned());
    }
    context.out.print(&shown, |shown| {
        let mut text = shown.words(&context.when);
        let _ = writeln!(text, "\nwhat it means: {}", meaning(kind));
        if open {
            let _ = writeln!(text, "decide: {}", decisions(kind, shown.id));
        }
        match &shown.raw {
            Some(raw) => {
                let _ = writeln!(text, "\nthe record as the device sent it:\n{raw}");
            }
            None => text.push_str("--raw prints the record; it may hold personal data\n"),
        }
        text
    })
}

impl Shown {
    fn words(&self, when: &When) -> String {
        pairs([
            ("held", Some(self.id.to_string())),
            ("kind", Some(self.kind.to_owned())),
            ("device", Some(self.device.clone())),
            ("pin", self.pin.clone()),
            ("table", self.table.clone()),
            ("record", Some(self.record.clone()).filter(|record| !record.is_empty())),
            ("line", self.line.map(|line| line.to_string())),
            ("why", Some(self.reason.clone())),
            ("last", Some(when.both(self.last))),
            ("times seen", Some(self.times_seen.to_string())),
            ("decided", self.resolution.clone()),
        ])
    }
}

const fn meaning(kind: HeldKind) -> &'static str {
    match kind {
        HeldKind::Unreadable => {
            "the device sent a record that could not be read; everything else it sent counts"
        }
        HeldKind::Conflict => {
            "the device means another person by this PIN than the fleet does; both stay as they are until you decide"
        }
        HeldKind::Waiting => {
            "Muster asked the device whose this is; the answer decides, or you do if none comes"
        }
        HeldKind::Leftover => {
            "the device had this under the PIN of somebody else; the device holds the fleet's person now, and this is kept here"
        }
        HeldKind::Credential => {
            "somebody who has a privilege got another card, password or template at the device; it has no effect until you decide"
        }
        HeldKind::Privilege => {
            "somebody's privilege was raised at the device; it has no effect until you decide, all else of the person is synchronised"
        }
        HeldKind::PartDeleted => {
            "fingers, faces, a card or a password of somebody were deleted at the device; the fleet and all other devices keep them"
        }
        HeldKind::Cleared => {
            "the name, card or password of somebody was emptied at the device, which keeps them otherwise; the fleet and all other devices keep the value until you decide"
        }
        HeldKind::Deletion => {
            "somebody was deleted at the device; the fleet keeps the person until you decide"
        }
        HeldKind::Brake => "devices change this to and fro; uploads of it are not taken until you decide",
        HeldKind::UnreadTable => "the device sent something of a kind that is not read; it is kept here",
    }
}

fn decisions(kind: HeldKind, id: i64) -> String {
    let same = match kind {
        HeldKind::Conflict | HeldKind::Waiting => "--same (both are one person), ",
        HeldKind::Leftover => "--same (it is the fleet's person's), ",
        _ => "",
    };
    let (device, fleet) = match kind {
        HeldKind::Unreadable | HeldKind::UnreadTable => {
            return format!("muster held resolve {id} --dismiss (seen)");
        }
        HeldKind::PartDeleted => {
            return format!(
                "muster held resolve {id} --fleet (they go to the device again) or --dismiss (nothing is done)"
            );
        }
        HeldKind::Leftover => ("it is taken", "it is discarded"),
        HeldKind::Credential => ("it counts everywhere", "it does not count"),
        HeldKind::Conflict | HeldKind::Waiting => {
            ("the device's person becomes the fleet's", "the fleet's person goes to the device")
        }
        HeldKind::Privilege => ("it is given everywhere", "it stays without effect"),
        HeldKind::Cleared => ("it is emptied everywhere", "it is brought back to the device"),
        HeldKind::Deletion => ("the person is deleted everywhere", "the person comes back to the device"),
        HeldKind::Brake => ("what the device has becomes the fleet's", "what the fleet has stays"),
    };
    let dismiss = match kind {
        HeldKind::Conflict | HeldKind::Waiting => "",
        _ => " or --dismiss (nothing is done)",
    };
    format!("muster held resolve {id} {same}--device ({device}), --fleet ({fleet}){dismiss}")
}

#[derive(Serialize)]
struct Done {
    id: i64,
    resolution: &'static str,
}

async fn decide(context: &Context, id: i64, decision: Decision) -> anyhow::Result<()> {
    let resolution = match decision {
        Decision { device: true, .. } => Resolution::Device,
        Decision { same: true, .. } => Resolution::Same,
        Decision { fleet: true, .. } => Resolution::Fleet,
        Decision { .. } => Resolution::Dismiss,
    };
    let mut attempts = 0;
    loop {
        match attempt(context, id, resolution).await {
            Err(ResolveError::Store(error)) if error.retryable() && attempts < ATTEMPTS => attempts += 1,
            Err(ResolveError::Unknown) => {
                bail!("nothing is held under {id}; `muster held list` shows what is")
            }
            Err(error @ ResolveError::OnlyDismiss) => return Err(usage(error.to_string())),
            other => {
                other.with_context(|| format!("held {id} stays as it is"))?;
                break;
            }
        }
    }
    context.out.print(&Done { id, resolution: resolution.as_str() }, |done| match resolution {
        Resolution::Dismiss => format!("held {} is dismissed", done.id),
        Resolution::Same => format!("held {}: both are one person", done.id),
        Resolution::Device => format!("held {}: what the device has is right", done.id),
        Resolution::Fleet => format!("held {}: what the fleet has is right", done.id),
    })
}

async fn attempt(context: &Context, id: i64, resolution: Resolution) -> Result<HeldRow, ResolveError> {
    let mut tx = context.fleet.store().write().await?;
    let row =
        resolve(&mut tx, id, resolution, &context.settings.server.devices.fleet, context.when.now()).await?;
    tx.commit().await?;
    Ok(row)
}
