//! `operator_command`: commands that operators queue for devices.

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_scalar};
use sync::operator::{OperatorCommand, State};

use crate::key::narrow;
use crate::sql::statement;
use crate::{StoreError, Tx};

/// A command to queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQueuedCommand {
    /// Its verb: a name that the caller turns into a command of the protocol.
    pub verb: String,
    /// Its arguments, in the caller's own form and without secrets.
    pub arguments: String,
    /// Its sealed part; `None` if verb and arguments say everything.
    pub secret: Option<Vec<u8>>,
    /// No other command may be under way at the same time.
    pub fence: bool,
    /// Sending it twice does no harm.
    pub repeatable: bool,
    /// The command empties the device.
    pub empties: bool,
    /// Minimum time that the device may take to answer, ms.
    pub answer_ms: i64,
    /// After this time it is not sent any more.
    pub expires_at: Option<Millis>,
    /// The operator who queued it.
    pub by: String,
}

/// A queued command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedCommandRow {
    /// Its device.
    pub device: i64,
    /// Its number and state, for decisions. [`State::Unanswered`] also for a cancelled one: see `cancelled`.
    pub command: OperatorCommand,
    /// It was cancelled before it was sent, or not sent in time.
    pub cancelled: bool,
    /// It has a sealed part: [`Tx::queued_command_secret`].
    pub is_secret: bool,
    /// The device sent content with the answer: [`Tx::queued_command_content`].
    pub has_content: bool,
    /// Its id on the wire; `None` until it is sent.
    pub wire_id: Option<String>,
    /// Its verb.
    pub verb: String,
    /// Its arguments.
    pub arguments: String,
    /// The operator who queued it.
    pub ordered_by: String,
    /// When it was queued.
    pub ordered_at: Millis,
    /// When it was last sent.
    pub sent_at: Option<Millis>,
    /// When it was answered or given up.
    pub closed_at: Option<Millis>,
    /// The device's answer, or why the command was not sent.
    pub reply: Option<String>,
}

/// New values of a command, written together with its state; `None` leaves a value unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueuedCommandUpdate<'n> {
    /// Its id on the wire.
    pub wire_id: Option<&'n str>,
    /// The device's answer, or why the command was not sent.
    pub reply: Option<&'n str>,
    /// The content of the answer; stored sealed.
    pub content: Option<&'n [u8]>,
}

/// Maximum content of an answer that is stored.
pub const MOST_CONTENT_BYTES: usize = 15 << 20;

const COLUMNS: &str = "device_id, command_no, wire_id, verb, arguments, fence, repeatable, empties, state, \
                       ordered_by, ordered_at, sends, sent_at, due_at, closed_at, return_code, reply, answer_ms, \
                       expires_at, failed, CASE WHEN sealed_text IS NULL THEN 0 ELSE 1 END AS is_secret, \
                       CASE WHEN sealed_content IS NULL THEN 0 ELSE 1 END AS has_content";

impl QueuedCommandRow {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let number: i64 = row.try_get("command_no")?;
        let wrong =
            |column| StoreError::Inconsistent { table: "operator_command", column, key: number.to_string() };
        let truth = |column: &str| Ok::<bool, StoreError>(row.try_get::<i64, _>(column)? != 0);
        let time = |column: &str| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Millis));
        let text: String = row.try_get("state")?;
        let state = match text.as_str() {
            "queued" => State::Queued,
            "sent" => State::Sent {
                sends: narrow("operator_command", "sends", &number, row.try_get("sends")?)?,
                due_at: time("due_at")?.ok_or_else(|| wrong("due_at"))?,
            },
            "answered" => State::Answered {
                return_code: row
                    .try_get::<Option<i32>, _>("return_code")?
                    .ok_or_else(|| wrong("return_code"))?,
                done: row.try_get::<Option<i64>, _>("failed")? == Some(0),
            },
            "unanswered" | "cancelled" => State::Unanswered,
            _ => return Err(wrong("state")),
        };
        Ok(Self {
            device: row.try_get("device_id")?,
            command: OperatorCommand {
                number,
                fence: truth("fence")?,
                repeatable: truth("repeatable")?,
                empties: truth("empties")?,
                answer_ms: row.try_get("answer_ms")?,
                expires_at: time("expires_at")?,
                state,
            },
            cancelled: text == "cancelled",
            is_secret: truth("is_secret")?,
            has_content: truth("has_content")?,
            wire_id: row.try_get("wire_id")?,
            verb: row.try_get("verb")?,
            arguments: row.try_get("arguments")?,
            ordered_by: row.try_get("ordered_by")?,
            ordered_at: Millis(row.try_get("ordered_at")?),
            sent_at: time("sent_at")?,
            closed_at: time("closed_at")?,
            reply: row.try_get("reply")?,
        })
    }
}

impl Tx {
    /// Queues a command and returns its number. If an equal repeatable command already waits, returns the number of
    /// that one.
    ///
    /// # Errors
    /// Database errors, also for a device that does not exist.
    pub async fn order(
        &mut self,
        device: i64,
        order: &NewQueuedCommand,
        at: Millis,
    ) -> Result<i64, StoreError> {
        self.wake().await?;
        // Wait for a poll that may be sending a waiting command right now.
        self.lock_device(device).await?;
        let waiting: Option<i64> = query_scalar(
            "SELECT MIN(command_no) FROM operator_command WHERE device_id = ? AND state = 'queued' \
             AND repeatable = 1 AND sealed_text IS NULL AND fence = ? AND verb = ? AND arguments = ?",
        )
        .bind(device)
        .bind(i64::from(order.fence))
        .bind(order.verb.clone())
        .bind(order.arguments.clone())
        .fetch_one(self.db())
        .await?;
        // Commands with a sealed part are never merged: equal arguments do not prove that the sealed parts are equal.
        if let (Some(number), true, None) = (waiting, order.repeatable, &order.secret) {
            return Ok(number);
        }
        let number = self.take_command_number(device).await?;
        let sealed =
            order.secret.as_ref().map(|secret| self.keys.seal(&place(device, number, "text"), secret));
        query(
            "INSERT INTO operator_command (device_id, command_no, verb, arguments, fence, repeatable, empties, state, \
             ordered_by, ordered_at, sends, answer_ms, expires_at, sealed_text) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, 0, ?, ?, ?)",
        )
        .bind(device)
        .bind(number)
        .bind(order.verb.clone())
        .bind(order.arguments.clone())
        .bind(i64::from(order.fence))
        .bind(i64::from(order.repeatable))
        .bind(i64::from(order.empties))
        .bind(order.by.clone())
        .bind(at.0)
        .bind(order.answer_ms)
        .bind(order.expires_at.map(|at| at.0))
        .bind(sealed)
        .execute(self.db())
        .await?;
        Ok(number)
    }

    /// The sealed part of a command: [`NewQueuedCommand::secret`].
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] if it cannot be decrypted.
    pub async fn queued_command_secret(
        &mut self,
        device: i64,
        number: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.sealed(device, number, "text").await
    }

    /// The content of the answer to a command: [`QueuedCommandUpdate::content`].
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] if it cannot be decrypted.
    pub async fn queued_command_content(
        &mut self,
        device: i64,
        number: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.sealed(device, number, "content").await
    }

    async fn sealed(
        &mut self,
        device: i64,
        number: i64,
        what: &'static str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql =
            format!("SELECT sealed_{what} FROM operator_command WHERE device_id = ? AND command_no = ?");
        let sealed: Option<Option<Vec<u8>>> =
            query_scalar(statement(sql)).bind(device).bind(number).fetch_optional(self.db()).await?;
        sealed.flatten().map(|sealed| self.keys.open(&place(device, number, what), &sealed)).transpose()
    }

    /// One command of a device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn queued_command(
        &mut self,
        device: i64,
        number: i64,
    ) -> Result<Option<QueuedCommandRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operator_command WHERE device_id = ? AND command_no = ?");
        let row = query(statement(sql)).bind(device).bind(number).fetch_optional(self.db()).await?;
        row.as_ref().map(QueuedCommandRow::read).transpose()
    }

    /// The unfinished commands of a device, in the order in which they were queued.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unfinished_queued_commands(
        &mut self,
        device: i64,
    ) -> Result<Vec<QueuedCommandRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operator_command WHERE device_id = ? AND state IN ('queued', 'sent') \
             ORDER BY command_no"
        );
        let rows = query(statement(sql)).bind(device).fetch_all(self.db()).await?;
        rows.iter().map(QueuedCommandRow::read).collect()
    }

    /// The last commands of a device, or of all devices; newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn orders(
        &mut self,
        device: Option<i64>,
        limit: i64,
    ) -> Result<Vec<QueuedCommandRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operator_command WHERE (? IS NULL OR device_id = ?) \
             ORDER BY ordered_at DESC, command_no DESC LIMIT ?"
        );
        let rows = query(statement(sql)).bind(device).bind(device).bind(limit).fetch_all(self.db()).await?;
        rows.iter().map(QueuedCommandRow::read).collect()
    }

    /// The command of a device with this id on the wire.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_queued_command(
        &mut self,
        device: i64,
        wire_id: &str,
    ) -> Result<Option<QueuedCommandRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operator_command WHERE device_id = ? AND wire_id = ?");
        let row = query(statement(sql)).bind(device).bind(wire_id).fetch_optional(self.db()).await?;
        row.as_ref().map(QueuedCommandRow::read).transpose()
    }

    /// Writes the state of a command, and its new values.
    ///
    /// # Errors
    /// Database errors.
    pub async fn update_queued_command(
        &mut self,
        device: i64,
        command: &OperatorCommand,
        news: QueuedCommandUpdate<'_>,
        at: Millis,
    ) -> Result<(), StoreError> {
        let (state, sends, due_at, answer) = match command.state {
            State::Queued => ("queued", Some(0), None, None),
            State::Sent { sends, due_at } => ("sent", Some(i64::from(sends)), Some(due_at.0), None),
            State::Answered { return_code, done } => ("answered", None, None, Some((return_code, done))),
            State::Unanswered => ("unanswered", None, None, None),
            State::Expired => ("cancelled", None, None, None),
        };
        let is_open = matches!(command.state, State::Queued | State::Sent { .. });
        let sent_at = matches!(command.state, State::Sent { .. }).then_some(at.0);
        let closed_at = (!is_open).then_some(at.0);
        let content =
            news.content.map(|content| self.keys.seal(&place(device, command.number, "content"), content));
        query(
            "UPDATE operator_command SET state = ?, sends = COALESCE(?, sends), due_at = ?, return_code = ?, failed = ?, \
             sent_at = COALESCE(?, sent_at), closed_at = ?, wire_id = COALESCE(?, wire_id), reply = COALESCE(?, reply), \
             sealed_content = COALESCE(?, sealed_content) WHERE device_id = ? AND command_no = ?",
        )
        .bind(state)
        .bind(sends)
        .bind(due_at)
        .bind(answer.map(|(return_code, _)| return_code))
        .bind(answer.map(|(_, done)| i64::from(!done)))
        .bind(sent_at)
        .bind(closed_at)
        .bind(news.wire_id.map(ToOwned::to_owned))
        .bind(news.reply.map(ToOwned::to_owned))
        .bind(content)
        .bind(device)
        .bind(command.number)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Cancels a command that was not sent yet. Returns false if it is too late.
    ///
    /// # Errors
    /// Database errors.
    pub async fn cancel_queued_command(
        &mut self,
        device: i64,
        number: i64,
        at: Millis,
    ) -> Result<bool, StoreError> {
        let done = query(
            "UPDATE operator_command SET state = 'cancelled', closed_at = ? \
             WHERE device_id = ? AND command_no = ? AND state = 'queued'",
        )
        .bind(at.0)
        .bind(device)
        .bind(number)
        .execute(self.db())
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// The place to which a part of a command is sealed.
pub(crate) fn place(device: i64, number: i64, what: &str) -> String {
    format!("operator_command/{device}/{number}/{what}")
}
