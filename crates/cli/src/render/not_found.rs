//! Words for a device, person or record that does not exist.

use std::fmt::Write as _;

use fleet::{FleetError, NotFound};
use roster::DefinitionKind;

use crate::args::definition_command;

/// The error in words, with the command that helps the operator.
pub fn explained(error: FleetError) -> anyhow::Error {
    match &error {
        FleetError::NotFound(what) => {
            anyhow::anyhow!("{what}{}{}", hint(what).unwrap_or_default(), not_removed(what))
        }
        _ => error.into(),
    }
}

/// The devices that may still hold a deleted person, one line each.
fn not_removed(what: &NotFound) -> String {
    let NotFound::User { failed_removals, .. } = what else { return String::new() };
    let mut text = String::new();
    for removal in failed_removals {
        let _ = write!(text, "\n{}: {removal}", removal.serial_number);
    }
    text
}

fn hint(what: &NotFound) -> Option<String> {
    Some(match what {
        NotFound::Device { is_first: true, .. } => ". Set the address of this server at the \
             device: `muster device list` shows the device within half a minute"
            .to_owned(),
        NotFound::Device { nearest: None, .. } => "; `muster device list` shows those that have".to_owned(),
        NotFound::User { wanted, can_be_undone: true, .. } => {
            format!("; `muster user undo {wanted}` brings the person back")
        }
        NotFound::User { failed_removals, .. } if !failed_removals.is_empty() => return None,
        NotFound::User { nearest: None, .. } => "; `muster user list` shows all".to_owned(),
        NotFound::Definition { wanted, nearest }
            if nearest.is_none() || wanted.kind != DefinitionKind::WorkCode =>
        {
            format!("; `muster {} list` shows all", definition_command(wanted.kind))
        }
        NotFound::Held(_) => "; `muster held list` shows all that wait".to_owned(),
        NotFound::AttendancePhoto(_) => "; `muster attendance photos` shows all".to_owned(),
        NotFound::Record(_) => "; `muster record list` shows all".to_owned(),
        NotFound::Command { device, .. } => format!("; `muster command list {device}` shows all"),
        NotFound::Device { .. }
        | NotFound::User { .. }
        | NotFound::Area { .. }
        | NotFound::Definition { .. } => {
            return None;
        }
    })
}
