//! Joining: decides when a new device has shown all its people.
//!
//! Until then Muster neither fills the device nor accepts its uploads, which may belong to other people. Joining ends when
//!
//! - the device counts zero people (*adopt* only), or
//! - the device has uploaded nothing about people for `adopt_quiet`, and has shown as many people as it counts. Muster waits
//!   four times as long if the evidence is weaker: the device never reported its count, or it has unified templates and has
//!   not begun to upload their table; or
//! - `adopt_limit` has passed since Muster first asked. Muster logs that, and treats the roster as incomplete.
//!
//! Punches, messages, log entries and work codes neither delay nor end joining.

use std::collections::BTreeSet;
use std::time::Duration;

use roster::{Capability, Kind, Millis};
use store::{DeviceRow, StoreError, Tx};
use sync::Joining;
use wire::{Line, Pin, Record, StampKey};

use crate::config::{Admission, Config};
use crate::context::Context;

/// The shorter pause with open admission: a lab should not wait long.
const OPEN_QUIET: Duration = Duration::from_secs(5);

/// The pause is longer by this factor if the evidence is weaker.
pub(super) const WEAK_EVIDENCE_FACTOR: i64 = 4;

/// The tags of records about people. Log entries (OPLOG) mention people too, but are no part of a roster.
const ABOUT_PEOPLE: [&str; 7] = ["USER", "FP", "FACE", "FVEIN", "BIODATA", "USERPIC", "BIOPHOTO"];

/// How joining ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The device has shown all its people.
    Complete,
    /// The device has not shown all its people, and `adopt_limit` has passed.
    Limit {
        /// How many people the device showed.
        shown: u64,
    },
}

/// How the joining of a device ends now; `None` while it goes on.
///
/// # Errors
/// Those of the database.
pub async fn end(
    context: &Context,
    tx: &mut Tx,
    device: &DeviceRow,
    now: Millis,
) -> Result<Option<End>, StoreError> {
    let held = device.users_counted();
    if device.joining == Some(Joining::Adopt) && held == Some(0) {
        return Ok(Some(End::Complete));
    }
    let Some(asked) = device.asked_at else { return Ok(None) };
    let quiet_for = now.0 - device.heard_at.unwrap_or(asked).max(asked).0;
    let quiet = quiet_ms(&context.config);
    let over = asked.plus(ms(context.config.adopt_limit)) <= now;
    if quiet_for < quiet && !over {
        return Ok(None);
    }
    let shown = tx.users_shown(device.id).await?;
    if held.is_none_or(|held| shown >= held) {
        let weak = held.is_none() || owes_templates(tx, device).await?;
        if quiet_for >= if weak { WEAK_EVIDENCE_FACTOR * quiet } else { quiet } {
            return Ok(Some(End::Complete));
        }
    }
    Ok(over.then_some(End::Limit { shown }))
}

/// Records and logs how joining ends.
///
/// # Errors
/// Those of the database.
pub async fn conclude(tx: &mut Tx, device: &DeviceRow, end: End, now: Millis) -> Result<(), StoreError> {
    match end {
        End::Complete => tracing::info!(
            device.serial_number = %device.serial_number, "the device has shown all its people: filling it"
        ),
        End::Limit { shown } => {
            let people = match device.users_counted() {
                Some(held) => format!("shown {shown} of {held} people"),
                None => format!("shown {shown} people, and it never reported its count"),
            };
            tracing::warn!(
                device.serial_number = %device.serial_number, shown, held = device.users_counted(),
                "{people} within adopt_limit_s: filling the device anyway"
            );
        }
    }
    tx.end_roster(device.id, end == End::Complete, now).await
}

/// Whether the device seems to hold unified templates, and has not begun to upload their table since its approval.
async fn owes_templates(tx: &mut Tx, device: &DeviceRow) -> Result<bool, StoreError> {
    if !shares_templates(&device.capability) {
        return Ok(false);
    }
    let table = tx.stamps(device.id).await?.remove(StampKey::BioData.table()).unwrap_or_default();
    let sends_it = table.stamp.is_some() || holds_shared_templates(&device.capability);
    Ok(table.begun_at.is_none() && sends_it)
}

fn shares_templates(capability: &Capability) -> bool {
    shared_kinds(capability).next().is_some()
}

fn holds_shared_templates(capability: &Capability) -> bool {
    shared_kinds(capability).any(|kind| capability.counted(kind) > Some(0))
}

fn shared_kinds(capability: &Capability) -> impl Iterator<Item = Kind> {
    Capability::kinds_with_capacity()
        .filter(|kind| matches!(kind, Kind::Template(bio_type) if capability.shares_templates(*bio_type)))
}

/// How long a joining device must not upload anything about people, ms.
pub(super) fn quiet_ms(config: &Config) -> i64 {
    ms(match config.admission {
        Admission::Approve => config.adopt_quiet,
        Admission::Open => config.adopt_quiet.min(OPEN_QUIET),
    })
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 8)
}

/// The people that an upload of a joining device shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The upload holds records about people.
    pub about_people: bool,
    /// The PINs of the user records.
    pub users: BTreeSet<Pin>,
}

impl Shown {
    /// Reads the lines of an upload of a table.
    pub fn read(table: &str, body: &[u8]) -> Self {
        let mut shown = Self::default();
        for Line { tag, record, .. } in wire::records(Some(table), body) {
            shown.about_people |= ABOUT_PEOPLE.contains(&tag.as_ref());
            if let Ok(Record::User(user)) = record {
                shown.users.insert(user.pin);
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> (bool, Vec<String>) {
        let shown = Shown::read("OPERLOG", body.as_bytes());
        (shown.about_people, shown.users.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn users_are_counted_once_and_a_template_alone_is_about_people() {
        let body = "USER PIN=7\tName=Ada\nUSER PIN=7\tName=Ada\nUSER PIN=07\tName=Bob\n";
        assert_eq!(shown(body), (true, vec!["07".to_owned(), "7".to_owned()]));
        assert_eq!(shown("FP PIN=7\tFID=1\tSize=4\tValid=1\tTMP=AAAA\n"), (true, vec![]));
        assert_eq!(shown("USER PIN=\tName=Ada\n"), (true, vec![]), "it cannot be read and is about somebody");
    }

    #[test]
    fn entries_of_the_log_and_work_codes_are_about_nobody() {
        let body = "OPLOG 4\t0\t2024-03-12 06:00:00\t0\t0\t0\t0\nWORKCODE PIN=1\tCODE=12\tNAME=Paint\n";
        assert_eq!(shown(body), (false, vec![]));
        assert_eq!(shown("nothing that anybody knows\n"), (false, vec![]));
    }
}
