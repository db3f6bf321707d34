//! `operation_log`: entries of devices' own logs (§11.4), so that one that comes again is not acted on again.

use roster::Millis;
use sqlx::{query, query_as};
use wire::Operation;

use crate::sql::{capped, statement};
use crate::{StoreError, Tx};

/// An entry as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOperation {
    /// The entry. Its operands may be PINs.
    pub operation: Operation,
    /// When it was first uploaded.
    pub seen_at: Millis,
}

/// Longer than anything in the log of a device is.
const MOST_TEXT_BYTES: usize = 128;

impl Tx {
    /// Notes an entry of a device's log. True where it was not there: only then does it mean anything.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn log_operation(
        &mut self,
        device: i64,
        operation: &Operation,
        at: Millis,
    ) -> Result<bool, StoreError> {
        let operands = operation.operands.join("\t");
        let digest = self.keys.digest(&[
            b"operation",
            &operation.code.to_le_bytes(),
            operation.operator.as_bytes(),
            operation.time.as_bytes(),
            operands.as_bytes(),
        ]);
        let done = query(statement(format!(
            "{}operation_log (device_id, digest, code, operator, at_text, operands, seen_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            self.engine.insert_new()
        )))
        .bind(device)
        .bind(digest)
        .bind(i64::from(operation.code))
        .bind(capped(&operation.operator, MOST_TEXT_BYTES))
        .bind(capped(&operation.time, MOST_TEXT_BYTES))
        .bind(capped(&operands, 4 * MOST_TEXT_BYTES))
        .bind(at.0)
        .execute(self.db())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The last entries of a device's log, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operations(&mut self, device: i64, limit: i64) -> Result<Vec<LoggedOperation>, StoreError> {
        let rows: Vec<(i32, String, String, String, i64)> = query_as(
            "SELECT code, operator, at_text, operands, seen_at FROM operation_log WHERE device_id = ? \
             ORDER BY seen_at DESC, at_text DESC LIMIT ?",
        )
        .bind(device)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        rows.into_iter()
            .map(|(code, operator, time, operands, seen_at)| {
                let wrong = |column| StoreError::Inconsistent {
                    table: "operation_log",
                    column,
                    key: format!("device {device}"),
                };
                let mut operands: Vec<String> = operands.split('\t').map(ToOwned::to_owned).collect();
                // Those that were cut off with an endless one.
                operands.resize(4, String::new());
                Ok(LoggedOperation {
                    operation: Operation {
                        code: u16::try_from(code).map_err(|_| wrong("code"))?,
                        operator,
                        time,
                        operands: operands.try_into().map_err(|_| wrong("operands"))?,
                    },
                    seen_at: Millis(seen_at),
                })
            })
            .collect()
    }
}
