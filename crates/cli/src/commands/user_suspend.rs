//! `muster user suspend` and `reinstate`.

use fleet::FleetError;
use fleet::suspension::{SuspensionChange, SuspensionOutcome};
use fleet::user::UserRefusal;
use wire::Pin;

use super::Context;
use crate::args::SuspendUsers;
use crate::failure::usage;
use crate::render::not_found::explained;
use crate::render::suspension;
use crate::render::when::When;

/// Suspends people.
///
/// # Errors
/// One of them does not exist or has left, or the last day is over. Nobody is suspended then.
pub async fn suspend(context: &Context, wanted: &SuspendUsers) -> anyhow::Result<()> {
    let changes = context.fleet.suspend_users(&context.actor, &wanted.pins, wanted.until).await;
    let changes = changes.map_err(|error| refused(error, "suspended"))?;
    context.out.print(&changes, |changes| lines(changes, |change| suspended(change, &context.when)))
}

/// Brings suspended people back.
///
/// # Errors
/// One of them does not exist or is not suspended. Nobody is reinstated then.
pub async fn reinstate(context: &Context, pins: &[Pin]) -> anyhow::Result<()> {
    let changes = context.fleet.reinstate_users(&context.actor, pins).await;
    let changes = changes.map_err(|error| refused(error, "reinstated"))?;
    context.out.print(&changes, |changes| lines(changes, reinstated))
}

/// The reason why nobody was suspended or reinstated.
fn refused(error: FleetError, what: &str) -> anyhow::Error {
    match error {
        FleetError::User(refusal @ UserRefusal::DayIsOver { .. }) => usage(refusal.to_string()),
        FleetError::User(refusal @ UserRefusal::HasLeft(_)) => {
            anyhow::anyhow!("nobody was {what}: {refusal} already")
        }
        error @ (FleetError::User(_) | FleetError::NotFound(_)) => {
            anyhow::anyhow!("nobody was {what}: {}", explained(error))
        }
        other => other.into(),
    }
}

fn lines(changes: &[SuspensionChange], line: impl FnMut(&SuspensionChange) -> String) -> String {
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn suspended(change: &SuspensionChange, when: &When) -> String {
    let sentence = suspension::sentence(&change.suspension, &change.pin, when);
    match change.outcome {
        SuspensionOutcome::Suspended => {
            format!(
                "{sentence}: Muster removes the person from every device, from an offline device when it is back"
            )
        }
        SuspensionOutcome::Changed => format!("{sentence} (changed)"),
        SuspensionOutcome::Unchanged | SuspensionOutcome::Reinstated => {
            format!("{sentence} (unchanged)")
        }
    }
}

fn reinstated(change: &SuspensionChange) -> String {
    let pin = &change.pin;
    if change.suspension.areas.is_empty() {
        format!("user {pin} is back, but in no area: `muster user set {pin} --areas 1` adds an area")
    } else {
        format!(
            "user {pin} is back; Muster sends the person to the devices of the person's areas with all data"
        )
    }
}
