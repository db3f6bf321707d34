//! `device_session`: the connections of devices.

use roster::Millis;
use sqlx::{query, query_as};

use crate::{StoreError, Tx};

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The device started again with a handshake.
    Restart,
    /// The device was retired.
    Retired,
}

impl SessionEnd {
    /// The name under which it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Retired => "retired",
        }
    }
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// When it began.
    pub opened_at: Millis,
    /// When it ended; `None` while it is open.
    pub closed_at: Option<Millis>,
    /// The address of the device.
    pub address: Option<String>,
    /// Why it ended: see [`SessionEnd`].
    pub ended: Option<String>,
}

impl Tx {
    /// Notes that a device is connected. A session that is still open ends with [`SessionEnd::Restart`].
    ///
    /// # Errors
    /// Database errors.
    pub async fn open_session(
        &mut self,
        device: i64,
        at: Millis,
        address: Option<&str>,
    ) -> Result<(), StoreError> {
        self.close_session(device, at, SessionEnd::Restart).await?;
        let upsert =
            self.engine.upsert("device_session", "device_id, opened_at", &["closed_at", "address", "ended"]);
        query(crate::sql::statement(format!(
            "INSERT INTO device_session (device_id, opened_at, closed_at, address, ended) \
             VALUES (?, ?, NULL, ?, NULL){upsert}"
        )))
        .bind(device)
        .bind(at.0)
        .bind(address.map(ToOwned::to_owned))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Notes that a device is no longer connected.
    ///
    /// # Errors
    /// Database errors.
    pub async fn close_session(
        &mut self,
        device: i64,
        at: Millis,
        why: SessionEnd,
    ) -> Result<(), StoreError> {
        query("UPDATE device_session SET closed_at = ?, ended = ? WHERE device_id = ? AND closed_at IS NULL")
            .bind(at.0)
            .bind(why.as_str())
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// The last sessions of a device, newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn sessions(&mut self, device: i64, limit: i64) -> Result<Vec<Session>, StoreError> {
        type Columns = (i64, Option<i64>, Option<String>, Option<String>);
        let rows: Vec<Columns> = query_as(
            "SELECT opened_at, closed_at, address, ended FROM device_session WHERE device_id = ? \
             ORDER BY opened_at DESC LIMIT ?",
        )
        .bind(device)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(opened_at, closed_at, address, ended)| Session {
                opened_at: Millis(opened_at),
                closed_at: closed_at.map(Millis),
                address,
                ended,
            })
            .collect())
    }
}
