//! `muster user suspend` and `reinstate`.

use anyhow::{Result, bail};
use fleet::suspension::{self, Suspended};
use jiff::civil::Date;
use serde::Serialize;
use store::Suspension;
use wire::Pin;

use super::Context;
use super::user_state::ShownSuspension;
use crate::args::SuspendUsers;
use crate::failure::usage;
use crate::lookup;
use crate::render::when::When;

/// What was done about one person.
#[derive(Serialize)]
struct Done {
    pin: String,
    outcome: &'static str,
    /// The suspension, or the one that ended.
    suspension: ShownSuspension,
}

/// Refuses a last day that is over.
///
/// # Errors
/// It is before today, in the time zone of the server.
pub fn not_over(context: &Context, day: Date) -> Result<()> {
    let today = suspension::today(&context.settings.server.devices.fleet, context.when.now());
    if day < today {
        return Err(usage(format!("{day} is over, today is {today}: nothing was done")));
    }
    Ok(())
}

/// Suspends people.
///
/// # Errors
/// One of them does not exist or has left, or the last day is over. Nobody is suspended then.
pub async fn suspend(context: &Context, wanted: &SuspendUsers) -> Result<()> {
    if let Some(day) = wanted.until {
        not_over(context, day)?;
    }
    let (pins, until, now) = (wanted.pins.clone(), wanted.until, context.when.now());
    let outcome = context
        .fleet
        .store()
        .retrying(move |tx| {
            let pins = pins.clone();
            Box::pin(async move { suspension::suspend(tx, &pins, until, now).await })
        })
        .await?;
    let done = carried_out(context, outcome, "suspended").await?;
    let done: Vec<Done> = done
        .into_iter()
        .map(|(pin, changed, suspension)| {
            let outcome = match changed {
                false => "unchanged",
                true if suspension.since == now => "suspended",
                true => "changed",
            };
            Done { pin: pin.to_string(), outcome, suspension: suspension.into() }
        })
        .collect();
    context.out.print(&done, |done| words(done, |done| done.suspended(&context.when)))
}

/// Brings suspended people back.
///
/// # Errors
/// One of them does not exist or is not suspended. Nobody is reinstated then.
pub async fn reinstate(context: &Context, pins: &[Pin]) -> Result<()> {
    let (owned, now) = (pins.to_vec(), context.when.now());
    let outcome = context
        .fleet
        .store()
        .retrying(move |tx| {
            let pins = owned.clone();
            Box::pin(async move { suspension::reinstate(tx, &pins, now).await })
        })
        .await?;
    let done = carried_out(context, outcome, "reinstated").await?;
    let done: Vec<Done> = done
        .into_iter()
        .map(|(pin, _, suspension)| Done {
            pin: pin.to_string(),
            outcome: "reinstated",
            suspension: suspension.into(),
        })
        .collect();
    context.out.print(&done, |done| words(done, Done::reinstated))
}

/// Each person, whether anything changed, and the suspension.
type Each = Vec<(Pin, bool, Suspension)>;

/// What was done, or why nobody was suspended or reinstated.
async fn carried_out(context: &Context, outcome: Suspended, what: &str) -> Result<Each> {
    match outcome {
        Suspended::Done(done) => Ok(done),
        Suspended::Left(pin) => bail!("nobody was {what}: user {pin} has left already"),
        Suspended::NotSuspended(pin) => bail!("nobody was {what}: user {pin} is not suspended"),
        Suspended::Nobody(pin) => {
            let mut tx = context.fleet.store().read().await?;
            let error = lookup::no_user(&mut tx, &pin, context.when.now()).await;
            bail!("nobody was {what}: {error}")
        }
    }
}

fn words(done: &[Done], line: impl FnMut(&Done) -> String) -> String {
    done.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Done {
    fn suspended(&self, when: &When) -> String {
        let sentence = self.suspension.sentence(&self.pin, when);
        match self.outcome {
            "suspended" => {
                format!("{sentence}: every terminal removes them, one that is off when it is back")
            }
            "changed" => format!("{sentence}: this is changed"),
            _ => format!("{sentence}: this was so already"),
        }
    }

    fn reinstated(&self) -> String {
        let pin = &self.pin;
        if self.suspension.has_areas() {
            format!("user {pin} is back, and goes to the terminals of their areas with everything")
        } else {
            format!(
                "user {pin} is back, but in no area: `muster user set {pin} --areas 1` puts them into one"
            )
        }
    }
}
