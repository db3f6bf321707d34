//! `operator_command`: what people order.

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query, query_scalar};
use sync::operator::{OperatorCommand, State};

use crate::key::narrow;
use crate::sql::statement;
use crate::{StoreError, Tx};

/// A command to be ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQueuedCommand {
    /// What: a name that the caller turns into a command of the protocol.
    pub verb: String,
    /// With what; in the caller's own form, without secrets.
    pub arguments: String,
    /// What is kept sealed of it; `None` where verb and arguments say it all.
    pub secret: Option<Vec<u8>>,
    /// Nothing else is under way beside it.
    pub fence: bool,
    /// It does no harm twice.
    pub repeatable: bool,
    /// The device is empty after it.
    pub empties: bool,
    /// How long the device may take to answer at least, ms.
    pub answer_ms: i64,
    /// When it is too late to send it.
    pub expires_at: Option<Millis>,
    /// Who ordered it.
    pub by: String,
}

/// An ordered command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedCommandRow {
    /// For which device.
    pub device: i64,
    /// Number and state, as decisions are made on them. [`State::Unanswered`] also for a cancelled one: see `cancelled`.
    pub command: OperatorCommand,
    /// It was taken back before it was sent, or not sent in time.
    pub cancelled: bool,
    /// Part of it is kept sealed: [`Tx::queued_command_secret`].
    pub is_secret: bool,
    /// Something came with the answer: [`Tx::queued_command_content`].
    pub has_content: bool,
    /// What its lines are called on the wire; `None` until it is sent.
    pub wire_id: Option<String>,
    /// What.
    pub verb: String,
    /// With what.
    pub arguments: String,
    /// Who ordered it.
    pub ordered_by: String,
    /// When.
    pub ordered_at: Millis,
    /// When it was last sent.
    pub sent_at: Option<Millis>,
    /// When it was answered or given up.
    pub closed_at: Option<Millis>,
    /// What the device answered, in its words, or why it was not sent.
    pub reply: Option<String>,
}

/// What is written about a command together with where it stands; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueuedCommandUpdate<'n> {
    /// What its lines are called on the wire.
    pub wire_id: Option<&'n str>,
    /// What the device answered, or why it was not sent.
    pub reply: Option<&'n str>,
    /// What came with the answer; kept sealed.
    pub content: Option<&'n [u8]>,
}

/// The longest content of an answer that is kept.
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
    /// Orders a command and returns its number; that of an equal repeatable one which waits already, where there is one.
    ///
    /// # Errors
    /// Those of the database; a device that does not exist.
    pub async fn order(
        &mut self,
        device: i64,
        order: &NewQueuedCommand,
        at: Millis,
    ) -> Result<i64, StoreError> {
        self.wake().await?;
        // A command that is just going out does not wait any more.
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
        // Of what is sealed only one part can be seen: an equal one may hold something else.
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

    /// What is kept sealed of a command: [`NewQueuedCommand::secret`].
    ///
    /// # Errors
    /// Those of the database; [`StoreError::Sealed`] where it does not open.
    pub async fn queued_command_secret(
        &mut self,
        device: i64,
        number: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.sealed(device, number, "text").await
    }

    /// What came with the answer to a command: [`QueuedCommandUpdate::content`].
    ///
    /// # Errors
    /// Those of the database; [`StoreError::Sealed`] where it does not open.
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
    /// Those of the database.
    pub async fn queued_command(
        &mut self,
        device: i64,
        number: i64,
    ) -> Result<Option<QueuedCommandRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operator_command WHERE device_id = ? AND command_no = ?");
        let row = query(statement(sql)).bind(device).bind(number).fetch_optional(self.db()).await?;
        row.as_ref().map(QueuedCommandRow::read).transpose()
    }

    /// The commands of a device that are not finished, in the order they were given.
    ///
    /// # Errors
    /// Those of the database.
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

    /// The last commands of a device, or of all devices; the newest first.
    ///
    /// # Errors
    /// Those of the database.
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

    /// The command of a device that goes by this name on the wire.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find_queued_command(
        &mut self,
        device: i64,
        wire_id: &str,
    ) -> Result<Option<QueuedCommandRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operator_command WHERE device_id = ? AND wire_id = ?");
        let row = query(statement(sql)).bind(device).bind(wire_id).fetch_optional(self.db()).await?;
        row.as_ref().map(QueuedCommandRow::read).transpose()
    }

    /// Writes where a command stands, and what is new about it.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Takes a command back that was not sent yet. False where it is too late.
    ///
    /// # Errors
    /// Those of the database.
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

/// Where something of a command is sealed to.
pub(crate) fn place(device: i64, number: i64, what: &str) -> String {
    format!("operator_command/{device}/{number}/{what}")
}
