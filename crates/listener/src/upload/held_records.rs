//! Held records: the kind and the reason of each, in words for operators.

use store::{DeviceRow, HeldKind, HeldRecord};
use sync::intake::{Held, Outcome};
use sync::{DeviceView, Reason, Stage};
use wire::Pin;

use fleet::emptied_field;

/// The held record of a concluded claim: a deletion that waits for an operator; `None` for other outcomes.
pub fn held_after_question(
    row: &DeviceRow,
    pin: &Pin,
    outcome: &Outcome,
    view: &DeviceView,
) -> Option<HeldRecord> {
    let Outcome::Held(held @ Held::Deletion(_)) = outcome else { return None };
    let (kind, reason) = describe(held);
    let life = view.persons.get(pin).and_then(sync::Person::life);
    Some(HeldRecord {
        device: row.id,
        kind,
        table: None,
        life,
        pin: Some(pin.clone()),
        tag: "OPLOG".to_owned(),
        line: None,
        reason,
        raw: format!("deleted {pin} {}", life.map_or(0, |life| life.0)).into_bytes(),
    })
}

/// The kind of a held record, and the reason.
pub(super) fn describe(held: &Held) -> (HeldKind, String) {
    match held {
        Held::Claim(pin, reason, stage) => {
            let kind = match stage {
                Stage::Waiting => HeldKind::Waiting,
                Stage::Blocking => HeldKind::Conflict,
            };
            (kind, why(pin, *reason))
        }
        Held::Left(pin, reason) => (HeldKind::Leftover, why(pin, *reason)),
        Held::Spelling(pin, other) => (
            HeldKind::Conflict,
            format!(
                "PIN {pin} differs from PIN {other} only in upper and lower case: devices may confuse the two"
            ),
        ),
        Held::Privilege(pin, privilege) => {
            (HeldKind::Privilege, format!("privilege {privilege} was given to PIN {pin} at the device"))
        }
        Held::Credential(pin) => (
            HeldKind::Credential,
            format!(
                "PIN {pin} has a privilege, and was given another card, password, privilege or template at the device"
            ),
        ),
        Held::Deletion(pin) => (HeldKind::Deletion, format!("PIN {pin} was deleted at the device")),
        Held::PartDeleted(pin) => (
            HeldKind::PartDeleted,
            format!(
                "a finger, face, card or password of PIN {pin} was deleted at the device; the fleet keeps it"
            ),
        ),
        Held::Cleared(pin, fields) => {
            let reasons = fields.iter().map(|field| emptied_field::reason(pin, *field));
            (HeldKind::Cleared, reasons.collect::<Vec<_>>().join("; "))
        }
        Held::Contested(key) => (HeldKind::Brake, format!("devices keep changing the {key} in turns")),
    }
}

/// Why Muster does not accept a claim, in words for operators.
fn why(pin: &Pin, reason: Reason) -> String {
    match reason {
        Reason::Unproved => {
            format!("the device sent this for PIN {pin} without the user record: Muster asks whose it is")
        }
        Reason::Renamed => format!("PIN {pin} has another name or card at the device than before"),
        Reason::WentBack => {
            format!("PIN {pin} has an earlier value at the device: Muster asks the device once more")
        }
        Reason::UsedBefore => {
            format!("PIN {pin} belonged to another person before: Muster asks the device who is there")
        }
        Reason::Other => format!("the device holds a different person under PIN {pin}: another name"),
        Reason::Unclear => format!("it is unclear whether the device holds the same person under PIN {pin}"),
        Reason::Leaver => format!("the device holds a person again under PIN {pin} who was removed"),
        Reason::Outside => format!("the device sent this for PIN {pin}, which is in none of its areas"),
        Reason::Remains => {
            format!(
                "this belonged to a former person under PIN {pin}; the device holds the fleet's person now"
            )
        }
        Reason::Enrolment => format!("PIN {pin} was enrolled or changed at a device that must not do that"),
        Reason::Deleted => format!("the device reports that it deleted PIN {pin}: Muster asks who is there"),
    }
}
