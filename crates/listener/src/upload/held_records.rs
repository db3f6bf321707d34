//! What is held of what a device says, and why, in words for people.

use store::{DeviceRow, HeldKind, HeldRecord};
use sync::intake::{Held, Outcome};
use sync::{DeviceView, Reason, Stage};
use wire::Pin;

use fleet::emptied_field;

/// What has to be held of a claim that was concluded: a deletion that waits for an operator.
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

/// The kind under which it is held, and the reason.
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
                "PIN {pin} differs from PIN {other} in the case of its letters alone: devices may take both for one"
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

/// Why what a device says of a PIN is not taken, in words for people.
fn why(pin: &Pin, reason: Reason) -> String {
    match reason {
        Reason::Unproved => {
            format!("the device sent this of PIN {pin} without the user record: it is asked whose it is")
        }
        Reason::Renamed => format!("PIN {pin} has another name or card at the device than before"),
        Reason::WentBack => format!("PIN {pin} has a value of before at the device: it is asked once more"),
        Reason::UsedBefore => {
            format!("PIN {pin} was somebody's before: the device is asked whether it holds somebody new")
        }
        Reason::Other => format!("the device means somebody else by PIN {pin}: another name"),
        Reason::Unclear => format!("nothing tells whether the device means the same person by PIN {pin}"),
        Reason::Leaver => format!("somebody who was removed is under PIN {pin} at the device again"),
        Reason::Outside => format!("PIN {pin} is in none of the areas of the device, which has this of them"),
        Reason::Remains => {
            format!("the device had this under PIN {pin} of somebody else, and holds the fleet's person now")
        }
        Reason::Enrolment => format!("PIN {pin} was enrolled or changed at a device that must not do that"),
        Reason::Deleted => format!("the device says that it deleted PIN {pin}, and is asked who is there"),
    }
}
