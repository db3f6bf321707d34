//! `upload_stamp`: the protocol's upload marks (§5); nothing to do with cursors.

use std::collections::BTreeMap;

use sqlx::{query, query_as};

use crate::sql::statement;
use crate::{Store, StoreError, Tx};

/// The mark of one table of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// As the device last sent it, `None` where it sent none.
    pub stamp: Option<String>,
    /// The next handshake asks for the whole table again.
    pub reread: bool,
}

async fn stamps_of(
    db: impl sqlx::Executor<'_, Database = sqlx::Any>,
    device: i64,
) -> Result<BTreeMap<String, Stamp>, StoreError> {
    let rows: Vec<(String, Option<String>, i64)> =
        query_as("SELECT table_name, stamp, reread FROM upload_stamp WHERE device_id = ?")
            .bind(device)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(|(table, stamp, reread)| (table, Stamp { stamp, reread: reread != 0 })).collect())
}

impl Store {
    /// The marks of a device by table, without a transaction around it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stamps(&self, device: i64) -> Result<BTreeMap<String, Stamp>, StoreError> {
        stamps_of(self.reading(), device).await
    }
}

impl Tx {
    /// The marks of a device by table.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stamps(&mut self, device: i64) -> Result<BTreeMap<String, Stamp>, StoreError> {
        stamps_of(self.db(), device).await
    }

    /// Notes the mark that came with an upload.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_stamp(&mut self, device: i64, table: &str, stamp: &str) -> Result<(), StoreError> {
        let upsert = self.engine.upsert("upload_stamp", "device_id, table_name", &["stamp"]);
        query(statement(format!(
            "INSERT INTO upload_stamp (device_id, table_name, stamp, reread) VALUES (?, ?, ?, 0){upsert}"
        )))
        .bind(device)
        .bind(table)
        .bind(stamp)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Orders that the next handshake asks for a whole table again, or takes that back.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_reread(&mut self, device: i64, table: &str, reread: bool) -> Result<(), StoreError> {
        let upsert = self.engine.upsert("upload_stamp", "device_id, table_name", &["reread"]);
        query(statement(format!(
            "INSERT INTO upload_stamp (device_id, table_name, stamp, reread) VALUES (?, ?, NULL, ?){upsert}"
        )))
        .bind(device)
        .bind(table)
        .bind(i64::from(reread))
        .execute(self.db())
        .await?;
        Ok(())
    }
}
