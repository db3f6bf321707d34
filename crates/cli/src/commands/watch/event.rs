//! What can happen, and how it is told.

use serde::Serialize;

use crate::render::when::When;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// When, for people.
    #[serde(skip)]
    pub time: roster::Millis,
    /// The device it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A device called for the first time.
    FirstCall,
    /// A device stands otherwise than before.
    State {
        /// `new`, `active` or `retired`.
        state: &'static str,
    },
    /// A device is heard again.
    Online,
    /// A device is not heard any more.
    Offline,
    /// A device holds everything that it should.
    InSync,
    /// Something of a person changed, or was deleted.
    Changed {
        /// Whose.
        pin: String,
        /// What, in words.
        item: String,
        /// False: it was deleted.
        live: bool,
        /// A device, or an operator.
        by: String,
    },
    /// A command went out.
    Sent {
        /// Its number at the device.
        number: i64,
        /// `update` or `delete`.
        verb: &'static str,
        /// What it is about.
        item: String,
    },
    /// A command was answered.
    Answered {
        /// Its number at the device.
        number: i64,
        /// `update` or `delete`.
        verb: &'static str,
        /// What it is about.
        item: String,
        /// What the device answered; none where it was given up.
        return_code: Option<i32>,
        /// The same in words.
        meaning: &'static str,
        /// What became of it.
        outcome: Outcome,
    },
    /// Something waits for an operator.
    Held {
        /// Its number.
        id: i64,
        /// Its kind.
        kind: &'static str,
        /// Whose record it is.
        pin: Option<String>,
        /// Why.
        reason: String,
    },
    /// More of the same than is told one by one.
    More {
        /// How many.
        count: usize,
        /// Of what.
        of: &'static str,
    },
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// It failed for now and goes again.
    Again,
    /// The device has no room.
    Full,
    /// The device does not take it.
    Refused,
    /// It was given up without an answer.
    GivenUp,
}

impl Event {
    /// One line for people.
    pub fn words(&self, when: &When) -> String {
        let device = self.device.as_deref().unwrap_or("operator");
        format!("{} {device:<16} {}", when.time_of_day(self.time), self.what.words(device))
    }
}

impl What {
    fn words(&self, device: &str) -> String {
        match self {
            Self::FirstCall => format!("calls for the first time: muster device approve {device}"),
            Self::State { state } => format!("is {state} now"),
            Self::Online => "is online".to_owned(),
            Self::Offline => "is offline".to_owned(),
            Self::InSync => "is in sync".to_owned(),
            Self::Changed { pin, item, live: true, .. } => format!("changed {item} of {pin}"),
            Self::Changed { pin, item, live: false, .. } => format!("deleted {item} of {pin}"),
            Self::Sent { verb, item, .. } => format!("is sent: {verb} {item}"),
            Self::Answered { verb, item, return_code, meaning, outcome, .. } => {
                let code = return_code.map(|code| format!("{code}, ")).unwrap_or_default();
                match outcome {
                    Outcome::Done => format!("has done: {verb} {item}"),
                    Outcome::Again => format!("failed, goes again: {verb} {item} ({code}{meaning})"),
                    Outcome::Full => format!("HAS NO ROOM: {verb} {item} ({code}{meaning})"),
                    Outcome::Refused => format!("REFUSED: {verb} {item} ({code}{meaning})"),
                    Outcome::GivenUp => format!("never answered: {verb} {item}"),
                }
            }
            Self::Held { id, kind, pin, reason } => {
                let whose = pin.as_ref().map(|pin| format!(" of {pin}")).unwrap_or_default();
                format!("HELD {id}, {kind}{whose}: {reason}")
            }
            Self::More { count, of } => format!("and {count} more {of}"),
        }
    }
}
