//! Queued commands, and their results.

use std::collections::BTreeMap;

use roster::{Kind, Millis, Slot};
use serde::Serialize;
use store::{QueuedCommandRow, StoreError, Tx};
use sync::operator::State;
use wire::{BioType, Enroll, Form, Pin, SerialNumber};

use crate::command::QueuedCommand;
use crate::{Fleet, FleetError, lookup, time};

/// A queued command.
#[derive(Clone, Debug, Serialize)]
pub struct CommandView {
    /// The number of the command at the device.
    pub id: i64,
    /// The serial number of the device.
    pub serial_number: String,
    /// The words of the command with its table.
    pub command: String,
    /// The arguments, without secrets.
    pub arguments: String,
    /// The state of the command.
    pub state: CommandState,
    /// The device's return code.
    pub return_code: Option<i32>,
    /// The author.
    pub ordered_by: String,
    /// When the command was queued.
    #[serde(serialize_with = "time::serialize")]
    pub ordered_at: Millis,
    /// When the command was last sent.
    #[serde(serialize_with = "time::serialize_option")]
    pub sent_at: Option<Millis>,
    /// When the command was answered or given up.
    #[serde(serialize_with = "time::serialize_option")]
    pub closed_at: Option<Millis>,
    /// The time after which Muster does not send the command.
    #[serde(serialize_with = "time::serialize_option")]
    pub expires_at: Option<Millis>,
    /// The device's answer in its own words, or why the command was not sent.
    pub reply: Option<String>,
    /// The answer has a content: [`Fleet::command_content`].
    pub has_content: bool,
    /// The form of the command; `None` if this version does not know the command.
    #[serde(skip)]
    pub form: Option<Form>,
    /// How often the command was sent.
    #[serde(skip)]
    pub sends: u32,
}

/// The state of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// The command waits for the next poll of the device.
    Queued,
    /// The command was sent and is not answered yet.
    Sent,
    /// The device did it.
    Done,
    /// The device answered that it did not do it.
    Failed,
    /// The command was cancelled before it was sent, or expired.
    Cancelled,
    /// The command was sent and never answered.
    Unanswered,
}

impl CommandState {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unanswered => "unanswered",
        }
    }
}

impl CommandView {
    fn of(row: QueuedCommandRow, serial_number: &SerialNumber) -> Self {
        let form = QueuedCommand::form_of(&row);
        let (state, return_code, sends) = match row.command.state {
            State::Queued => (CommandState::Queued, None, 0),
            State::Sent { sends, .. } => (CommandState::Sent, None, sends),
            State::Answered { return_code, done: true } => (CommandState::Done, Some(return_code), 1),
            State::Answered { return_code, done: false } => (CommandState::Failed, Some(return_code), 1),
            State::Unanswered | State::Expired if row.cancelled => (CommandState::Cancelled, None, 0),
            State::Unanswered | State::Expired => (CommandState::Unanswered, None, 1),
        };
        Self {
            id: row.command.number,
            serial_number: serial_number.to_string(),
            command: row.verb,
            arguments: row.arguments,
            state,
            return_code,
            ordered_by: row.ordered_by,
            ordered_at: row.ordered_at,
            sent_at: row.sent_at,
            closed_at: row.closed_at,
            expires_at: row.command.expires_at,
            reply: row.reply,
            has_content: row.has_content,
            form,
            sends,
        }
    }

    /// Whether the command expired before the device fetched it.
    pub fn is_too_late(&self, now: Millis) -> bool {
        self.state == CommandState::Queued && self.expires_at.is_some_and(|at| at <= now)
    }
}

/// The items of a person before an enrolment.
#[derive(Clone, Debug)]
pub struct EnrolmentBaseline {
    enroll: Enroll,
    versions: BTreeMap<Slot, i64>,
}

impl Fleet {
    /// The last commands of one device, or of all, newest first.
    ///
    /// # Errors
    /// No such device has called; those of the database.
    pub async fn commands(
        &self,
        of: Option<&SerialNumber>,
        limit: i64,
    ) -> Result<Vec<CommandView>, FleetError> {
        let mut tx = self.read().await?;
        let device = match of {
            Some(serial_number) => Some(lookup::device(&mut tx, serial_number).await?.id),
            None => None,
        };
        let names = lookup::serial_numbers(&mut tx).await?;
        let rows = tx.orders(device, limit).await?;
        let views = rows.into_iter().filter_map(|row| {
            let serial_number = names.get(&row.device)?;
            Some(CommandView::of(row, serial_number))
        });
        Ok(views.collect())
    }

    /// One command.
    ///
    /// # Errors
    /// There is no such device or command; those of the database.
    pub async fn command(&self, of: &SerialNumber, id: i64) -> Result<CommandView, FleetError> {
        let mut tx = self.read().await?;
        let row = lookup::command(&mut tx, of, id).await?;
        Ok(CommandView::of(row, of))
    }

    /// The content of the answer to a command, unchanged: it may hold templates and passwords.
    ///
    /// # Errors
    /// There is no such device or command; those of the database.
    pub async fn command_content(&self, of: &SerialNumber, id: i64) -> Result<Option<Vec<u8>>, FleetError> {
        let mut tx = self.read().await?;
        let row = lookup::command(&mut tx, of, id).await?;
        Ok(tx.queued_command_content(row.device, id).await?)
    }

    /// The items of a person before an enrolment. Later [`Fleet::enrolled_since`] tells what is new.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn enrolment_baseline(&self, enroll: &Enroll) -> Result<EnrolmentBaseline, FleetError> {
        let mut tx = self.read().await?;
        Ok(EnrolmentBaseline { enroll: enroll.clone(), versions: versions(&mut tx, enroll.pin()).await? })
    }

    /// An item that an enrolment has added or changed since.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn enrolled_since(&self, before: &EnrolmentBaseline) -> Result<Option<Slot>, FleetError> {
        let mut tx = self.read().await?;
        let now = versions(&mut tx, before.enroll.pin()).await?;
        let is_newer = |slot: &Slot, seq: i64| before.versions.get(slot).is_none_or(|before| *before < seq);
        let newer = now.into_iter().find(|(slot, seq)| is_of(slot, &before.enroll) && is_newer(slot, *seq));
        Ok(newer.map(|(slot, _)| slot))
    }
}

async fn versions(tx: &mut Tx, pin: &Pin) -> Result<BTreeMap<Slot, i64>, StoreError> {
    let items = tx.items_of(std::slice::from_ref(pin)).await?;
    let live = items.into_values().flatten().filter(|item| item.live);
    Ok(live.map(|item| (item.slot, item.seq.0)).collect())
}

/// Whether an item can be the result of the enrolment: a card is a field of the user.
fn is_of(slot: &Slot, enroll: &Enroll) -> bool {
    match (enroll, slot.kind) {
        (Enroll::Fingerprint { finger, .. }, Kind::Template(BioType::FINGERPRINT)) => {
            slot.number == i64::from(*finger)
        }
        (Enroll::Card { .. }, Kind::User) => true,
        (Enroll::BioData { bio_type, .. }, Kind::Template(of)) => of == *bio_type,
        (Enroll::BioData { bio_type, .. }, Kind::ComparisonPhoto) => *bio_type == BioType::VISIBLE_FACE,
        _ => false,
    }
}
