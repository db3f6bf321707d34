//! `muster held`

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use fleet::held::{HeldKind, Resolution, ResolveError};
use fleet::view::held::{HeldQuery, HeldView};
use fleet::{FleetError, NotFound};
use serde::Serialize;
use wire::SerialNumber;

use super::Context;
use crate::args::{Decision, HeldCommand, HeldKindArg};
use crate::failure::usage;
use crate::render::not_found::explained;
use crate::render::table::{Table, pairs};
use crate::render::when::When;

/// Carries out a command about held records.
///
/// # Errors
/// There is no such record, or this decision is not possible.
pub async fn run(context: &Context, command: HeldCommand) -> anyhow::Result<()> {
    match command {
        HeldCommand::List { kind, device, all } => list(context, kind, device, all).await,
        HeldCommand::Show { id, raw } => show(context, id, raw).await,
        HeldCommand::Resolve { id, decision } => decide(context, id, decision).await,
    }
}

async fn list(
    context: &Context,
    kind: Option<HeldKindArg>,
    device: Option<SerialNumber>,
    all: bool,
) -> anyhow::Result<()> {
    let query = HeldQuery { kind: kind.map(kind_of), device, with_decided: all };
    let held = context.fleet.held(&query).await.map_err(explained)?;
    context.out.print(&held, |held| {
        if held.is_empty() {
            return "nothing waits for you".to_owned();
        }
        let mut table =
            Table::new(["held", "kind", "device", "pin", "last", "times", "why", ""]).right([0, 5]);
        for held in held {
            table.row([
                held.id.to_string(),
                held.kind.to_string(),
                held.device.clone(),
                held.pin.as_ref().map(ToString::to_string).unwrap_or_default(),
                context.when.relative(held.last_at),
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

/// A held record, as JSON shows it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    held: HeldView,
    /// The record as the device sent it, with `--raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

async fn show(context: &Context, id: i64, with_record: bool) -> anyhow::Result<()> {
    let record = match context.fleet.held_content(id).await {
        Err(FleetError::NotFound(missing @ NotFound::Held(_))) => {
            bail!("{missing}; `muster held list --all` shows all")
        }
        other => other?,
    };
    if with_record {
        tracing::warn!(
            "the record follows as the device sent it: it may hold names, cards, passwords and templates"
        );
    }
    let raw = with_record.then(|| String::from_utf8_lossy(&record.raw).into_owned());
    let shown = Shown { held: record.held, raw };
    context.out.print(&shown, |shown| shown.words(&context.when))
}

impl Shown {
    fn words(&self, when: &When) -> String {
        let held = &self.held;
        let mut text = pairs([
            ("held", Some(held.id.to_string())),
            ("kind", Some(held.kind.to_string())),
            ("device", Some(held.device.clone())),
            ("pin", held.pin.as_ref().map(ToString::to_string)),
            ("table", held.table.clone()),
            ("record", Some(held.record.clone()).filter(|record| !record.is_empty())),
            ("line", held.line.map(|line| line.to_string())),
            ("why", Some(held.reason.clone())),
            ("last", Some(when.both(held.last_at))),
            ("times seen", Some(held.times_seen.to_string())),
            ("decided", held.resolution.clone()),
        ]);
        let _ = writeln!(text, "\nmeaning: {}", meaning(held.kind));
        if held.resolved_at.is_none() {
            let _ = writeln!(text, "decide: {}", decisions(held.kind, held.id));
        }
        match &self.raw {
            Some(raw) => {
                let _ = writeln!(text, "\nthe record as the device sent it:\n{raw}");
            }
            None => text.push_str("--raw prints the record; it may hold personal data\n"),
        }
        text
    }
}

const fn meaning(kind: HeldKind) -> &'static str {
    match kind {
        HeldKind::Unreadable => {
            "Muster could not read a record from the device; Muster used the rest of the upload"
        }
        HeldKind::Conflict => {
            "the device holds another person under this PIN than the fleet; both stay as they are until you decide"
        }
        HeldKind::Waiting => {
            "Muster asked the device which person holds this PIN; the answer decides; if no answer comes, you decide"
        }
        HeldKind::Leftover => {
            "the device had this data under the PIN of somebody else; the device now holds the fleet's person, and Muster keeps the data here"
        }
        HeldKind::Credential => {
            "somebody with a privilege got another card, password or template at the device; the change has no effect until you decide"
        }
        HeldKind::Privilege => {
            "somebody got a higher privilege at the device; the privilege has no effect until you decide; Muster synchronises everything else of the person"
        }
        HeldKind::PartDeleted => {
            "somebody's fingers, faces, card or password were deleted at the device; the fleet and all other devices keep them"
        }
        HeldKind::Cleared => {
            "somebody's name, card or password was emptied at a device that stores this field; the fleet and all other devices keep the value until you decide"
        }
        HeldKind::Deletion => {
            "somebody was deleted at the device; the fleet keeps the person until you decide"
        }
        HeldKind::Brake => {
            "devices keep changing this to and fro; Muster takes no further upload of it until you decide"
        }
        HeldKind::UnreadTable => {
            "the device sent a table that Muster does not read; Muster keeps the records here"
        }
    }
}

fn decisions(kind: HeldKind, id: i64) -> String {
    let same = match kind {
        HeldKind::Conflict | HeldKind::Waiting => "--same (both are one person), ",
        HeldKind::Leftover => "--same (the data belongs to the fleet's person), ",
        _ => "",
    };
    let (device, fleet) = match kind {
        HeldKind::Unreadable | HeldKind::UnreadTable => {
            return format!("muster held resolve {id} --dismiss (closes the record)");
        }
        HeldKind::PartDeleted => {
            return format!(
                "muster held resolve {id} --fleet (Muster sends them to the device again) or --dismiss (nothing changes)"
            );
        }
        HeldKind::Leftover => ("the fleet takes the data", "Muster discards the data"),
        HeldKind::Credential => ("the change counts everywhere", "the change does not count"),
        HeldKind::Conflict | HeldKind::Waiting => {
            ("the device's person replaces the fleet's", "the fleet's person goes to the device")
        }
        HeldKind::Privilege => ("the privilege counts everywhere", "the privilege stays without effect"),
        HeldKind::Cleared => ("the field is emptied everywhere", "the value goes back to the device"),
        HeldKind::Deletion => ("the person is deleted everywhere", "the person comes back to the device"),
        HeldKind::Brake => ("the device's version becomes the fleet's", "the fleet's version stays"),
    };
    let dismiss = match kind {
        HeldKind::Conflict | HeldKind::Waiting => "",
        _ => " or --dismiss (nothing changes)",
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
    match context.fleet.resolve_held(&context.actor, id, resolution).await {
        Err(FleetError::Held(refusal)) => return Err(refused(id, &refusal)),
        Err(error @ FleetError::NotFound(_)) => return Err(explained(error)),
        other => other.with_context(|| stays(id))?,
    }
    context.out.print(&Done { id, resolution: resolution.as_str() }, |done| match resolution {
        Resolution::Dismiss => format!("held {} is dismissed", done.id),
        Resolution::Same => format!("held {}: both are one person", done.id),
        Resolution::Device => format!("held {}: the device is right", done.id),
        Resolution::Fleet => format!("held {}: the fleet is right", done.id),
    })
}

fn stays(id: i64) -> String {
    format!("held {id} stays as it is")
}

/// The reason why a decision is not possible, with the option that helps.
fn refused(id: i64, refusal: &ResolveError) -> anyhow::Error {
    let why = match refusal {
        ResolveError::OnlyDismiss => return usage(format!("{refusal}: close the record with --dismiss")),
        ResolveError::Undecided => {
            "a decision is needed: --same joins both, --device takes the device's person, \
                                    --fleet the fleet's"
                .to_owned()
        }
        ResolveError::Nobody(_) => format!("{refusal}: --device takes the device's person"),
        ResolveError::NotKnownWhich => {
            format!("{refusal}: --fleet sends them to the device again, --dismiss changes nothing")
        }
        ResolveError::Replaced(_) => {
            format!("{refusal}. Close the record with --dismiss, or empty the field with `muster user set`")
        }
        ResolveError::OnePerson => format!("{refusal}: --device or --fleet"),
        ResolveError::Unknown
        | ResolveError::Resolved
        | ResolveError::Outdated(_)
        | ResolveError::NoDevice
        | ResolveError::Unreadable
        | ResolveError::Store(_) => refusal.to_string(),
    };
    anyhow::Error::msg(why).context(stays(id))
}
