//! Lists, shows and cancels queued commands.

use std::path::Path;

use anyhow::{Context as _, bail};
use fleet::FleetError;
use fleet::command::CommandRefusal;
use fleet::view::command::CommandView;
use serde::Serialize;
use wire::{Form, SerialNumber};

use crate::commands::Context;
use crate::failure::usage;
use crate::private_file;
use crate::render::command::{CommandWords, outcome};
use crate::render::not_found::explained;
use crate::render::table::Table;

/// Lists commands.
///
/// # Errors
/// There is no such device.
pub async fn list(context: &Context, of: Option<&SerialNumber>, limit: i64) -> anyhow::Result<()> {
    let commands = context.fleet.commands(of, limit).await.map_err(explained)?;
    let all: Vec<CommandWords> =
        commands.into_iter().map(|command| CommandWords::of(command, None, &context.when)).collect();
    context.out.print(&all, |all| {
        if all.is_empty() {
            return "no command was queued yet: `muster command --help` lists all commands".to_owned();
        }
        let mut table = Table::new(["id", "device", "command", "with", "queued", "outcome"]).right([0]);
        for CommandWords { command, outcome, .. } in all {
            table.row([
                command.id.to_string(),
                command.serial_number.clone(),
                command.command.clone(),
                command.arguments.clone(),
                context.when.relative(command.ordered_at),
                outcome.clone(),
            ]);
        }
        table.to_string()
    })
}

/// A command with the beginning of the content of its answer, if the content is text.
///
/// # Errors
/// Those of the database.
pub async fn with_content(
    context: &Context,
    of: &SerialNumber,
    command: CommandView,
) -> anyhow::Result<CommandWords> {
    let is_text = matches!(command.form, Some(Form::Info | Form::Shell));
    let answer = if command.has_content && is_text {
        Some(context.fleet.command_content(of, command.id).await?.unwrap_or_default())
    } else {
        None
    };
    Ok(CommandWords::of(command, answer.as_deref(), &context.when))
}

/// Shows one command, or writes the content of its answer.
///
/// # Errors
/// There is no such command, or its answer has no content.
pub async fn show(context: &Context, of: &SerialNumber, id: i64, into: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = into else {
        let command = context.fleet.command(of, id).await.map_err(explained)?;
        let shown = with_content(context, of, command).await?;
        return context.out.print(&shown, |shown| shown.words(&context.when));
    };
    let Some(bytes) = context.fleet.command_content(of, id).await.map_err(explained)? else {
        bail!("the answer to command {id} of {of} has no content");
    };
    if path == Path::new("-") {
        use std::io::Write as _;
        return std::io::stdout().lock().write_all(&bytes).context("cannot print");
    }
    private_file::create(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    let written = Written { path: path.display().to_string(), bytes: bytes.len() };
    context.out.print(&written, |written| format!("wrote {} bytes into {}", written.bytes, written.path))
}

#[derive(Serialize)]
struct Written {
    path: String,
    bytes: usize,
}

#[derive(Serialize)]
struct Cancelled {
    serial_number: String,
    id: i64,
    outcome: &'static str,
}

/// Cancels a command that Muster has not sent yet.
///
/// # Errors
/// There is no such command, or it is too late.
pub async fn cancel(context: &Context, of: &SerialNumber, id: i64) -> anyhow::Result<()> {
    match context.fleet.cancel_command(&context.actor, of, id).await {
        Err(FleetError::Command(CommandRefusal::TooLateToCancel(_))) => {
            let command = context.fleet.command(of, id).await?;
            let (state, words) = (command.state.as_str(), outcome(&command, &context.when));
            Err(usage(format!("command {id} of {of} cannot be cancelled: its state is {state} ({words})")))
        }
        other => {
            other.map_err(explained)?;
            let done = Cancelled { serial_number: of.to_string(), id, outcome: "cancelled" };
            context.out.print(&done, |_| format!("command {id} of {of} is cancelled"))
        }
    }
}
