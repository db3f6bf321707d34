//! The attempts of a trial, one file per group of obligations. Each leaves the devices without work.

pub(crate) mod everything;
pub(crate) mod identity;
pub(crate) mod initialization;
pub(crate) mod logs;
pub(crate) mod losses;
pub(crate) mod options;
pub(crate) mod other_requests;
pub(crate) mod people;
pub(crate) mod polls;
pub(crate) mod replies;
pub(crate) mod templates;
pub(crate) mod transport;
pub(crate) mod uploads;

use crate::command::Command;
use crate::connection::excerpt;

/// Commands on one line, for a report.
fn in_words(commands: &[Command]) -> String {
    if commands.is_empty() {
        return "no commands".to_owned();
    }
    let lines: Vec<_> = commands
        .iter()
        .take(8)
        .map(|command| excerpt(command.raw.get(..90).unwrap_or(&command.raw)))
        .collect();
    let more = commands.len().saturating_sub(lines.len());
    let lines = lines.join(" | ");
    if more > 0 { format!("{lines} and {more} more") } else { lines }
}
