//! Words for commands that were queued for devices.

use std::fmt::Write as _;

use fleet::command::Risk;
use fleet::view::command::{CommandState, CommandView};
use serde::Serialize;
use wire::{Form, ReturnCode, is_secret_parameter};

use crate::render::table::pairs;
use crate::render::when::When;

/// Maximum length of a printed output; `--content` writes the whole output.
const MAX_SHOWN_BYTES: usize = 8_000;

/// A command as JSON and tables show it.
#[derive(Serialize)]
pub struct CommandWords {
    /// The command.
    #[serde(flatten)]
    pub command: CommandView,
    /// The meaning of its state, in words.
    pub outcome: String,
    /// Parameters or output, shortened for printing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl CommandWords {
    /// Words for a command. `content` is the content of the answer.
    pub fn of(command: CommandView, content: Option<&[u8]>, when: &When) -> Self {
        let content = content.map(|content| readable(content, command.form == Some(Form::Info)));
        let outcome = outcome(&command, when);
        let command = CommandView { arguments: command.arguments.replace('\t', " "), ..command };
        Self { command, outcome, content }
    }

    /// The command as text.
    pub fn words(&self, when: &When) -> String {
        let command = &self.command;
        let arguments = Some(command.arguments.clone()).filter(|text| !text.is_empty());
        let expires = command.expires_at.filter(|_| command.state == CommandState::Queued);
        let mut text = pairs([
            ("command", Some(format!("{} {}", command.id, command.command))),
            ("device", Some(command.serial_number.clone())),
            ("with", arguments),
            ("outcome", Some(self.outcome.clone())),
            ("queued", Some(format!("{} by {}", when.both(command.ordered_at), command.ordered_by))),
            ("sent", command.sent_at.map(|at| when.both(at))),
            ("closed", command.closed_at.map(|at| when.both(at))),
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
                    "\nto save the content of the answer: muster command show {} {} --content FILE",
                    command.serial_number, command.id
                );
            }
            None => {}
        }
        text
    }
}

/// The state of a command, in words.
pub fn outcome(command: &CommandView, when: &When) -> String {
    let meaning = |code: i32| {
        let code = ReturnCode(code);
        command.form.map_or_else(|| code.describe().into(), |form| code.describe_for(form))
    };
    match command.state {
        CommandState::Queued if command.is_too_late(when.now()) => {
            "expired: the device did not fetch the command in time".to_owned()
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
            command.reply.clone().unwrap_or_else(|| "cancelled before Muster sent it".to_owned())
        }
        CommandState::Unanswered if command.form == Some(Form::Reboot) => {
            "sent; devices do not answer a restart: the next connection of the device shows it".to_owned()
        }
        CommandState::Unanswered => {
            "sent and never answered: nobody knows whether the device carried it out".to_owned()
        }
    }
}

/// The danger of a command that needs confirmation, as a phrase that follows `this`.
pub const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::DeletesEverything => "deletes everything on the device: people, templates, photos, punches",
        Risk::DeletesPunches => "deletes all punches on the device; punches that were not uploaded are lost",
        Risk::DeletesPunchPhotos => {
            "deletes all photos of punches on the device; photos that were not uploaded are lost"
        }
        Risk::DeletesTemplates => {
            "deletes all unified templates on the device; those that the fleet does not have are lost"
        }
        Risk::DeletesPeople => {
            "deletes all people on the device; people whom the fleet does not have are lost"
        }
        Risk::ChangesNetwork => {
            "changes how the device reaches its network or its server; a wrong value cuts it off"
        }
        Risk::WritesFirmware => {
            "writes new firmware; a wrong file, or a loss of power meanwhile, destroys the device"
        }
        Risk::WritesFile => "writes a file into the operating system of the device",
        Risk::RunsCommand => "runs a command in the operating system of the device, with all rights",
    }
}

/// The content of an answer as text for printing. Secret parameters are masked.
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
        let _ = write!(text, "\n… and {} bytes more: --content FILE writes the whole content", rest.len());
    }
    text
}
