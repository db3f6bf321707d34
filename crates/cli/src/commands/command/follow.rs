//! Follows a command until the device has answered, and an enrolment until the template or card has arrived.

use std::fmt::Write as _;
use std::time::Duration;

use fleet::view::command::{CommandState, CommandView, EnrolmentBaseline};
use roster::{Millis, Slot};
use wire::SerialNumber;

use super::shown;
use crate::commands::Context;
use crate::failure::AlreadyReported;

/// The pause between two queries of the database.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a device may take to upload an enrolment after its answer, ms.
const UPLOAD_MS: i64 = 120_000;

/// Waits until the device has answered, and prints the answer. `baseline` is the state of the person before an
/// enrolment.
///
/// # Errors
/// [`AlreadyReported`] if the device did not carry out the command.
pub async fn until_answered(
    context: &Context,
    serial_number: &SerialNumber,
    id: i64,
    baseline: Option<&EnrolmentBaseline>,
) -> anyhow::Result<()> {
    let mut told = "";
    loop {
        let command = context.fleet.command(serial_number, id).await?;
        match stage(&command, context.fleet.now()) {
            None => return answered(context, serial_number, command, baseline).await,
            Some(stage) => {
                if stage != told && !context.out.is_json() {
                    eprintln!("{serial_number}: {stage}");
                    told = stage;
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The stage of an open command; `None` if the command is closed or expired.
fn stage(command: &CommandView, now: Millis) -> Option<&'static str> {
    match command.state {
        CommandState::Queued if command.is_too_late(now) => None,
        CommandState::Queued => Some("waiting for the next poll"),
        CommandState::Sent => Some("has fetched the command; waiting for its answer"),
        CommandState::Done | CommandState::Failed | CommandState::Cancelled | CommandState::Unanswered => {
            None
        }
    }
}

async fn answered(
    context: &Context,
    serial_number: &SerialNumber,
    command: CommandView,
    baseline: Option<&EnrolmentBaseline>,
) -> anyhow::Result<()> {
    let is_done = command.state == CommandState::Done;
    let enrolled = match baseline.filter(|_| is_done) {
        Some(baseline) => Some(arrival(context, baseline).await?),
        None => None,
    };
    let shown = shown::with_content(context, serial_number, command).await?;
    context.out.print(&shown, |shown| {
        let mut text = shown.words(&context.when);
        match &enrolled {
            Some(Some(item)) => {
                let _ = writeln!(text, "\nenrolled: {item} has arrived; Muster sends it to the other devices");
            }
            Some(None) => text.push_str(
                "\nthe device reports an enrolment, but has not uploaded anything: ask with `muster command SN log`\n",
            ),
            None => {}
        }
        text
    })?;
    if is_done && enrolled.is_none_or(|arrived| arrived.is_some()) {
        Ok(())
    } else {
        Err(AlreadyReported.into())
    }
}

/// Waits for the enrolled template or card, which arrives before or after the answer.
async fn arrival(context: &Context, baseline: &EnrolmentBaseline) -> anyhow::Result<Option<Slot>> {
    let until = context.fleet.now().plus(UPLOAD_MS);
    loop {
        let arrived = context.fleet.enrolled_since(baseline).await?;
        if arrived.is_some() || context.fleet.now() >= until {
            return Ok(arrived);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
