//! Events of the fleet, for programs that watch it.

mod watcher;

use std::fmt;

use roster::{ItemKey, Millis, Slot};
use serde::Serialize;
use store::{CommandEvent, DeviceState, HeldKind};
use sync::Verb;
use wire::{Pin, ReturnCode, SerialNumber, Verdict};

pub use self::watcher::Watcher;
use crate::{ChangedBy, text, time};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The time of the event.
    #[serde(serialize_with = "time::serialize")]
    pub at: Millis,
    /// The device of the event.
    #[serde(serialize_with = "text::serialize_option", skip_serializing_if = "Option::is_none")]
    pub device: Option<SerialNumber>,
    /// The kind of event.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A device connected for the first time.
    FirstCall,
    /// The state of a device changed.
    State {
        /// The new state.
        #[serde(serialize_with = "text::serialize")]
        state: DeviceState,
    },
    /// A device is online again.
    Online,
    /// A device went offline.
    Offline,
    /// A device holds everything that it should.
    InSync,
    /// An item changed, or was deleted.
    Changed {
        /// The PIN of the item.
        #[serde(serialize_with = "text::serialize")]
        pin: Pin,
        /// The slot of the item.
        #[serde(serialize_with = "text::serialize")]
        item: Slot,
        /// False if the item was deleted.
        live: bool,
        /// The author of the change.
        by: ChangedBy,
    },
    /// A command was sent.
    Sent {
        /// The number of the command at the device.
        number: i64,
        /// The effect of the command on the item.
        verb: CommandVerb,
        /// The item.
        #[serde(serialize_with = "text::serialize")]
        item: ItemKey,
    },
    /// A command was answered, or given up.
    Answered {
        /// The number of the command at the device.
        number: i64,
        /// The effect of the command on the item.
        verb: CommandVerb,
        /// The item.
        #[serde(serialize_with = "text::serialize")]
        item: ItemKey,
        /// The return code; `None` if the command was given up.
        return_code: Option<i32>,
        /// The meaning of the return code.
        meaning: &'static str,
        /// The outcome.
        outcome: CommandOutcome,
    },
    /// A record is held for an operator.
    Held {
        /// The number of the held record.
        id: i64,
        /// The kind of the held record.
        #[serde(rename = "kind", serialize_with = "text::serialize")]
        held: HeldKind,
        /// The PIN of the record.
        #[serde(serialize_with = "text::serialize_option")]
        pin: Option<Pin>,
        /// The reason, in words and without content.
        reason: String,
    },
}

/// The effect of a command on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandVerb {
    /// The device gets the item.
    Update,
    /// The device gets the item in place of another one.
    Replace,
    /// The device deletes the item.
    Delete,
}

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcome {
    /// The device did it.
    Done,
    /// The command failed; Muster sends it again.
    Again,
    /// The device has no room.
    Full,
    /// The device does not accept the content.
    Refused,
    /// Muster gave the command up, without an answer.
    GivenUp,
}

impl From<Verb> for CommandVerb {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Update | Verb::Insert => Self::Update,
            Verb::Replace => Self::Replace,
            Verb::Delete => Self::Delete,
        }
    }
}

impl fmt::Display for CommandVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        })
    }
}

impl EventKind {
    fn sent(command: &CommandEvent) -> Self {
        Self::Sent { number: command.number, verb: command.verb.into(), item: command.key.clone() }
    }

    fn answered(command: &CommandEvent) -> Self {
        let code = command.return_code.map(ReturnCode);
        Self::Answered {
            number: command.number,
            verb: command.verb.into(),
            item: command.key.clone(),
            return_code: command.return_code,
            meaning: code.map_or("never answered", ReturnCode::describe),
            outcome: code.map_or(CommandOutcome::GivenUp, CommandOutcome::of),
        }
    }
}

impl CommandOutcome {
    fn of(code: ReturnCode) -> Self {
        match code.verdict() {
            Verdict::Done => Self::Done,
            Verdict::Full => Self::Full,
            Verdict::Refused => Self::Refused,
            Verdict::UserMissing | Verdict::RetryLater | Verdict::Unsupported | Verdict::Pending => {
                Self::Again
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(kind: EventKind) -> serde_json::Value {
        let device = Some("A".parse().expect("a serial number"));
        serde_json::to_value(Event { at: Millis(1_805_000_000_000), device, kind }).expect("JSON")
    }

    #[test]
    fn an_event_is_one_flat_json_object() {
        let command = CommandEvent {
            device: 1,
            number: 3,
            key: ItemKey { pin: "7".parse().expect("a PIN"), slot: Slot::USER },
            verb: Verb::Insert,
            sent_at: Millis(0),
            closed_at: Some(Millis(1)),
            return_code: Some(-1001),
        };
        assert_eq!(
            json(EventKind::answered(&command)),
            serde_json::json!({
                "at": "2027-03-14T04:53:20Z",
                "device": "A",
                "event": "answered",
                "number": 3,
                "verb": "update",
                "item": command.key.to_string(),
                "return_code": -1001,
                "meaning": ReturnCode(-1001).describe(),
                "outcome": "full",
            })
        );
    }

    #[test]
    fn a_held_record_has_its_own_kind_beside_that_of_the_event() {
        let held = HeldKind::Unreadable;
        let kind = EventKind::Held { id: 4, held, pin: None, reason: "no PIN".to_owned() };
        let at = "2027-03-14T04:53:20Z";
        assert_eq!(
            json(kind),
            serde_json::json!({
                "at": at,
                "device": "A",
                "event": "held",
                "id": 4,
                "kind": held.as_str(),
                "pin": null,
                "reason": "no PIN",
            })
        );
    }
}
