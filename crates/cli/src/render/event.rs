//! Words for events of the fleet.

use fleet::event::{CommandOutcome, Event, EventKind};
use roster::Millis;
use wire::SerialNumber;

use crate::render::when::When;

/// An event as one line.
pub fn line(event: &Event, when: &When) -> String {
    row(event.at, event.device.as_ref(), when, |device| words(&event.kind, device))
}

/// One line: the time, the device or `operator`, and the words that `words` makes for it.
pub fn row(
    at: Millis,
    device: Option<&SerialNumber>,
    when: &When,
    words: impl FnOnce(&str) -> String,
) -> String {
    let device = device.map_or("operator", SerialNumber::as_str);
    format!("{} {device:<16} {}", when.time_of_day(at), words(device))
}

fn words(kind: &EventKind, device: &str) -> String {
    match kind {
        EventKind::FirstCall => format!("connects for the first time: muster device approve {device}"),
        EventKind::State { state } => format!("is {state} now"),
        EventKind::Online => "is online".to_owned(),
        EventKind::Offline => "is offline".to_owned(),
        EventKind::InSync => "is in sync".to_owned(),
        EventKind::Changed { pin, item, live: true, .. } => format!("changed {item} of {pin}"),
        EventKind::Changed { pin, item, live: false, .. } => format!("deleted {item} of {pin}"),
        EventKind::Sent { verb, item, .. } => format!("is sent: {verb} {item}"),
        EventKind::Answered { verb, item, return_code, meaning, outcome, .. } => {
            let code = return_code.map(|code| format!("{code}, ")).unwrap_or_default();
            match outcome {
                CommandOutcome::Done => format!("has done: {verb} {item}"),
                CommandOutcome::Again => {
                    format!("failed, will be sent again: {verb} {item} ({code}{meaning})")
                }
                CommandOutcome::Full => format!("HAS NO ROOM: {verb} {item} ({code}{meaning})"),
                CommandOutcome::Refused => format!("REFUSED: {verb} {item} ({code}{meaning})"),
                CommandOutcome::GivenUp => format!("never answered: {verb} {item}"),
            }
        }
        EventKind::Held { id, held, pin, reason } => {
            let whose = pin.as_ref().map(|pin| format!(" of {pin}")).unwrap_or_default();
            format!("HELD {id}, {held}{whose}: {reason}")
        }
    }
}
