//! Words for commands that were queued for devices.

use std::fmt::Write as _;

use fleet::command::Risk;
use fleet::view::command::{CommandState, CommandView};
use serde::Serialize;
use wire::{Form, ReturnCode, is_secret_parameter};

use crate::render::table::pairs;
use crate::render::when::When;

/// The most of an output that is printed; `--content` writes all of it.
const MAX_SHOWN_BYTES: usize = 8_000;

/// A command as JSON and tables show it.
#[derive(Serialize)]
pub struct CommandWords {
    /// The command.
    #[serde(flatten)]
    pub command: CommandView,
    /// What its state means.
    pub outcome: String,
    /// Parameters or output, as far as they are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl CommandWords {
    /// In words. `content` is what came with the answer.
    pub fn of(command: CommandView, content: Option<&[u8]>, when: &When) -> Self {
        let content = content.map(|content| readable(content, command.form == Some(Form::Info)));
        let outcome = outcome(&command, when);
        let command = CommandView { arguments: command.arguments.replace('\t', " "), ..command };
        Self { command, outcome, content }
    }

    /// All of it.
    pub fn words(&self, when: &When) -> String {
        let command = &self.command;
        let arguments = Some(command.arguments.clone()).filter(|text| !text.is_empty());
        let expires = command.expires_at.filter(|_| command.state == CommandState::Queued);
        let mut text = pairs([
            ("command", Some(format!("{} {}", command.id, command.command))),
            ("device", Some(command.serial_number.clone())),
            ("with", arguments),
            ("outcome", Some(self.outcome.clone())),
            ("ordered", Some(format!("{} by {}", when.both(command.ordered_at), command.ordered_by))),
            ("sent", command.sent_at.map(|at| when.both(at))),
            ("over", command.closed_at.map(|at| when.both(at))),
            ("expires", expires.map(|at| when.both(at))),
            ("answer", command.reply.clone()),
        ]);
        match &self.content {
            Some(content) => {
                let _ = writeln!(text, "\n{}", content.trim_end());
            }
            None if command.has_content => {
                let _ = writeln!(
                    text,
                    "\nwhat came with it: muster command show {} {} --content FILE",
                    command.serial_number, command.id
                );
            }
            None => {}
        }
        text
    }
}

/// What became of a command.
pub fn outcome(command: &CommandView, when: &When) -> String {
    let meaning = |code: i32| {
        let code = ReturnCode(code);
        command.form.map_or_else(|| code.describe().into(), |form| code.describe_for(form))
    };
    match command.state {
        CommandState::Queued if command.is_too_late(when.now()) => {
            "not fetched in time: it is not sent any more".to_owned()
        }
        CommandState::Queued => "waits for the next poll".to_owned(),
        CommandState::Sent if command.sends == 1 => "sent, not answered yet".to_owned(),
        CommandState::Sent => format!("sent {} times, not answered yet", command.sends),
        CommandState::Done => format!("done: {}", command.return_code.map(meaning).unwrap_or_default()),
        CommandState::Failed => {
            let code = command.return_code.unwrap_or_default();
            format!("not done ({code}): {}", meaning(code))
        }
        CommandState::Cancelled => {
            command.reply.clone().unwrap_or_else(|| "taken back before it was sent".to_owned())
        }
        CommandState::Unanswered if command.form == Some(Form::Reboot) => {
            "sent; devices do not answer a restart, its next connection shows it".to_owned()
        }
        CommandState::Unanswered => {
            "sent and never answered: whether the device did it is not known".to_owned()
        }
    }
}

/// What a command does that somebody has to confirm, as it follows `this`.
pub const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::DeletesEverything => "deletes everything on the device: people, templates, photos, punches",
        Risk::DeletesPunches => "deletes all punches on the device; what was not uploaded is lost",
        Risk::DeletesPunchPhotos => {
            "deletes all photos of punches on the device; what was not uploaded is lost"
        }
        Risk::DeletesTemplates => {
            "deletes all unified templates on the device; those that the fleet does not have are lost"
        }
        Risk::DeletesPeople => "deletes all people on the device; whom the fleet does not have is lost",
        Risk::ChangesNetwork => {
            "changes how the device reaches its network or its server; a wrong value cuts it off"
        }
        Risk::WritesFirmware => {
            "writes new firmware; a wrong file, or a loss of power meanwhile, ends the device"
        }
        Risk::WritesFile => "writes a file into the system of the device",
        Risk::RunsCommand => "runs a command in the system of the device, with all rights",
    }
}

/// Text of a device for a terminal, without secrets where it is parameters.
fn readable(content: &[u8], is_parameters: bool) -> String {
    let (shown, rest) = content.split_at(content.len().min(MAX_SHOWN_BYTES));
    let text = String::from_utf8_lossy(shown);
    let mut text = if is_parameters {
        let line = |line: &str| match line.split_once('=') {
            Some((key, value)) if is_secret_parameter(key) && !value.is_empty() => format!("{key}=***\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    } else {
        text.into_owned()
    };
    if !rest.is_empty() {
        let _ = write!(text, "\n… and {} bytes more: --content FILE writes all of it", rest.len());
    }
    text
}
