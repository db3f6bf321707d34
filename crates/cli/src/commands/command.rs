//! `muster command`

mod build;
mod files;
mod follow;
mod period;
mod shown;

use fleet::FleetError;
use fleet::command::{CommandRefusal, Queued, QueuedCommand, SYSTEM_COMMANDS};
use fleet::offered_file::Offer;
use serde::Serialize;
use wire::{Command, SerialNumber};

use super::{Context, confirm};
use crate::args::{Action, CommandArgs};
use crate::failure::usage;
use crate::render;
use crate::render::not_found::explained;

/// A command from the command line, with the file that the device will fetch.
#[derive(Debug)]
struct Wanted {
    command: QueuedCommand,
    file: Option<(Offer, Vec<u8>)>,
}

/// Carries out `muster command`.
///
/// # Errors
/// There is no such device or command, or the command may not be sent to the device.
pub async fn run(context: &Context, command: CommandArgs) -> anyhow::Result<()> {
    match &command.action {
        Action::List { of, limit } => shown::list(context, of.as_ref(), *limit).await,
        Action::Show { of, id, content } => shown::show(context, of, *id, content.as_deref()).await,
        Action::Cancel { of, id } => shown::cancel(context, of, *id).await,
        _ => queue(context, &command).await,
    }
}

/// A command that was queued.
#[derive(Serialize)]
struct Shown {
    serial_number: String,
    id: i64,
    command: String,
}

async fn queue(context: &Context, arguments: &CommandArgs) -> anyhow::Result<()> {
    let Some(serial_number) = &arguments.serial_number else {
        return Err(usage("the serial number of the device is missing: muster command SN …"));
    };
    let refused = |error, command: Option<&Command<'_>>| refused(context, serial_number, command, error);
    let target = context.fleet.command_target(serial_number).await.map_err(|error| refused(error, None))?;
    let wanted = build::wanted(&target, &arguments.action)?;
    let command = wanted.command.command();
    let baseline = match command {
        Command::Enroll(enroll) => Some(context.fleet.enrolment_baseline(enroll).await?),
        _ => None,
    };
    let put = |is_confirmed| {
        let fleet = &context.fleet;
        fleet.queue_command(
            &context.actor,
            serial_number,
            &wanted.command,
            wanted.file.as_ref(),
            is_confirmed,
        )
    };
    let queued = match put(false).await {
        Err(FleetError::Command(CommandRefusal::NeedsConfirmation(risk))) => {
            let what = render::command::risk(risk);
            confirm::by_serial_number(serial_number, arguments.confirm.as_ref(), what)?;
            put(true).await
        }
        other => other,
    };
    let Queued { id, expires_at } = queued.map_err(|error| refused(error, Some(command)))?;
    if arguments.wait {
        return follow::until_answered(context, serial_number, id, baseline.as_ref()).await;
    }
    let shown = Shown { serial_number: serial_number.to_string(), id, command: command.words().to_owned() };
    context.out.print(&shown, |shown| {
        let until = expires_at
            .map_or(String::new(), |at| format!(" The command expires {}.", context.when.relative(at)));
        format!(
            "command {id} waits for the next poll of {serial_number}: {}.{until}\n\
             To see the result: muster command show {serial_number} {id}",
            shown.command
        )
    })
}

/// The reason why Muster did not queue a command, with advice.
fn refused(
    context: &Context,
    serial_number: &SerialNumber,
    command: Option<&Command<'_>>,
    error: FleetError,
) -> anyhow::Error {
    match error {
        FleetError::Command(refusal @ CommandRefusal::IsNoMember(_)) => {
            anyhow::anyhow!("{refusal}: `muster device approve {serial_number}` lets it in")
        }
        FleetError::Command(CommandRefusal::SystemCommandsOff(words)) => anyhow::anyhow!(
            "{words} reaches into the operating system of the device. Set {SYSTEM_COMMANDS} = true in muster.toml, \
             or MUSTER_{}=true in the environment, both here and where the server runs (now false: {})",
            SYSTEM_COMMANDS.to_uppercase(),
            context.settings.origin(SYSTEM_COMMANDS)
        ),
        FleetError::Command(refusal @ CommandRefusal::UnknownToFirmware { .. }) => {
            let other = match command {
                Some(Command::Query(_)) => {
                    format!("; `muster device refill {serial_number}` compares everything in another way")
                }
                Some(Command::Enroll(_)) => "; enrol in the menu of the device instead".to_owned(),
                _ => String::new(),
            };
            anyhow::anyhow!(
                "{refusal}: Muster does not send this command again until the firmware changes{other}"
            )
        }
        other => match command {
            Some(Command::Enroll(enroll)) if matches!(other, FleetError::NotFound(_)) => explained(other)
                .context(format!(
                    "the person must exist before the enrolment: add the person with `muster user set {} --name …`",
                    enroll.pin()
                )),
            _ => explained(other),
        },
    }
}
