//! Words for what a command names and does not exist.

use fleet::{FleetError, NotFound};
use roster::DefinitionKind;

use crate::args::definition_command;

/// The error in words, with the command that helps.
pub fn explained(error: FleetError) -> anyhow::Error {
    match &error {
        FleetError::NotFound(what) => match hint(what) {
            Some(hint) => anyhow::anyhow!("{what}{hint}"),
            None => error.into(),
        },
        _ => error.into(),
    }
}

fn hint(what: &NotFound) -> Option<String> {
    Some(match what {
        NotFound::Device { is_first: true, .. } => ". Set the address of this server at the \
             terminal, it shows up in `muster device list` within half a minute"
            .to_owned(),
        NotFound::Device { nearest: None, .. } => "; `muster device list` shows those that have".to_owned(),
        NotFound::User { wanted, can_be_undone: true, .. } => {
            format!("; `muster user undo {wanted}` brings them back")
        }
        NotFound::User { nearest: None, .. } => "; `muster user list` shows all".to_owned(),
        NotFound::Definition { wanted, nearest }
            if nearest.is_none() || wanted.kind != DefinitionKind::WorkCode =>
        {
            format!("; `muster {} list` shows all", definition_command(wanted.kind))
        }
        NotFound::Held(_) => "; `muster held list` shows what is".to_owned(),
        NotFound::AttendancePhoto(_) => "; `muster attendance photos` shows them".to_owned(),
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
