//! `operation_log`: entries of devices' own logs (§11.4), stored so that a repeated entry is not acted on again.

use roster::Millis;
use sqlx::{query, query_as};
use wire::Operation;

use crate::sql::{capped, statement};
use crate::{StoreError, Tx};

/// A stored log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOperation {
    /// The entry. Its operands may be PINs.
    pub operation: Operation,
    /// When it was first uploaded.
    pub seen_at: Millis,
}

/// Longer texts are cut; no known device logs longer ones.
const MAX_TEXT_BYTES: usize = 128;

impl Tx {
    /// Stores an entry of a device's log. Returns true if it is new; only then may the caller act on it.
    ///
    /// # Errors
    /// Database errors.
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
        .bind(capped(&operation.operator, MAX_TEXT_BYTES))
        .bind(capped(&operation.time, MAX_TEXT_BYTES))
        .bind(capped(&operands, 4 * MAX_TEXT_BYTES))
        .bind(at.0)
        .execute(self.db())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The last entries of a device's log, newest first.
    ///
    /// # Errors
    /// Database errors.
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
                // Adds the empty operands that were cut off at the end.
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
