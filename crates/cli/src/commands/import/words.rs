//! The report of an import, for people.

use std::fmt::Write as _;

use import::{Case, DeviceOutcome, OldDevice, Outcome, Report};

use crate::args::ImportZkServer;
use crate::render::table::Table;

/// The number of cases of one kind in the text; `--json` lists all.
const SHOWN: usize = 20;

/// Everything in words.
pub fn report(report: &Report, arguments: &ImportZkServer) -> String {
    let mut text = format!("{}: generation {} of the older server\n", report.source, report.generation);
    if report.dry_run {
        text.push_str("a dry run: nothing was written\n");
    }
    counts(&mut text, report);
    for (outcome, title) in [
        (Outcome::Refused, "refused: unusable, not imported"),
        (
            Outcome::Kept,
            "kept: Muster holds a different version and keeps it (--overwrite takes the old database's version)",
        ),
        (Outcome::Deleted, "deleted in Muster: stays deleted (--overwrite brings it back)"),
        (Outcome::Replaced, "replaced by the old database's version, because of --overwrite"),
        (Outcome::Merged, "merged: devices of the old server held different versions, the newest counts"),
        (Outcome::Repaired, "repaired"),
        (Outcome::Noted, "notes"),
    ] {
        cases(&mut text, report, outcome, title);
    }
    left_out(&mut text, report);
    devices(&mut text, &report.devices, arguments);
    text
}

fn counts(text: &mut String, report: &Report) {
    if report.counts.is_empty() {
        text.push_str("\nthere is nobody in this database\n");
        return;
    }
    let mut table = Table::new([
        "record",
        "found",
        "taken",
        "already there",
        "kept",
        "refused",
        "of them merged",
        "repaired",
    ])
    .right([1, 2, 3, 4, 5, 6, 7]);
    for (what, counts) in &report.counts {
        table.row([
            what.to_string(),
            counts.found.to_string(),
            counts.taken.to_string(),
            counts.already_there.to_string(),
            counts.kept.to_string(),
            counts.refused.to_string(),
            counts.merged.to_string(),
            counts.repaired.to_string(),
        ]);
    }
    let _ = write!(text, "\n{table}");
}

fn cases(text: &mut String, report: &Report, outcome: Outcome, title: &str) {
    let cases: Vec<&Case> = report.cases.iter().filter(|case| case.outcome == outcome).collect();
    if cases.is_empty() {
        return;
    }
    let mut table = Table::new(["pin", "record", "why"]);
    for case in cases.iter().take(SHOWN) {
        table.row([case.pin.clone(), case.record.clone(), case.reason.clone()]);
    }
    let _ = write!(text, "\n{title}\n{table}");
    if cases.len() > SHOWN {
        let _ = writeln!(text, "and {} more: --json lists all", cases.len() - SHOWN);
    }
}

fn left_out(text: &mut String, report: &Report) {
    if !report.left_out.is_empty() {
        let mut table = Table::new(["not taken", "rows", "why"]).right([1]);
        for left_out in &report.left_out {
            let rows = left_out.rows.to_string();
            table.row([left_out.table.clone(), rows, left_out.reason.to_owned()]);
        }
        let _ = write!(text, "\n{table}");
    }
    if !report.absent.is_empty() {
        let _ = writeln!(text, "\nnot in this database: {}", report.absent.join(", "));
    }
}

fn devices(text: &mut String, devices: &[OldDevice], arguments: &ImportZkServer) {
    if devices.is_empty() {
        return;
    }
    let mut table = Table::new(["device", "last seen by the old server", "in Muster"]);
    for device in devices {
        let last_seen = device.last_seen.clone().unwrap_or_else(|| "never".to_owned());
        let outcome = match device.outcome {
            DeviceOutcome::Unknown => "not known",
            DeviceOutcome::Admitted if arguments.dry_run => "would be let in when it connects",
            DeviceOutcome::Admitted => "let in when it connects",
            DeviceOutcome::Known => "in the fleet already",
            DeviceOutcome::Waits => "waits for approval",
            DeviceOutcome::Retired => "retired: stays out; `muster device approve` lets it in",
            DeviceOutcome::Refused => "invalid serial number: left out",
        };
        table.row([device.serial_number.clone(), last_seen, outcome.to_owned()]);
    }
    let _ = write!(text, "\n{table}");
    let out = |device: &OldDevice| matches!(device.outcome, DeviceOutcome::Unknown | DeviceOutcome::Waits);
    if devices.iter().any(out) {
        text.push_str(
            "to let a device in when it connects: `muster device approve SN`; to let in all of them at once: run this again \
             with --admit adopt\n",
        );
    }
}
