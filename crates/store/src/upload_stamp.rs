//! `upload_stamp`: the protocol's upload stamps (§5), and requests to upload a whole table again. Unrelated to
//! cursors.

use std::collections::BTreeMap;

use roster::Millis;
use sqlx::any::AnyRow;
use sqlx::{Row as _, query};

use crate::sql::statement;
use crate::{StoreError, Tx};

/// The columns that [`Stamp::read`] reads.
pub(crate) const COLUMNS: &str = "table_name, stamp, reread, asked_at, begun_at, last_at, records";

/// Whether Muster asks for a table again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reread {
    /// No, or not any more.
    #[default]
    No,
    /// The next handshake asks for it. Until then, an upload is what the device would have sent anyway.
    Asked,
    /// A handshake asked for it. The next upload of the table is its beginning.
    Told,
}

impl Reread {
    const fn of(number: i64) -> Self {
        match number {
            0 => Self::No,
            2 => Self::Told,
            _ => Self::Asked,
        }
    }
}

/// The stamp of one table of one device, and its last full upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The stamp that the device last sent; `None` if it sent none.
    pub stamp: Option<String>,
    /// Whether Muster asks for the whole table again.
    pub reread: Reread,
    /// When Muster last asked for it again.
    pub asked_at: Option<Millis>,
    /// When the first part of it was received.
    pub begun_at: Option<Millis>,
    /// When the last part of it was received.
    pub last_at: Option<Millis>,
    /// How many of its records were received so far.
    pub records: i64,
}

impl Stamp {
    /// Reads a row of [`COLUMNS`]: the table, and its stamp.
    pub(crate) fn read(row: &AnyRow) -> Result<(String, Self), StoreError> {
        let time = |column: &str| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Millis));
        let stamp = Self {
            stamp: row.try_get("stamp")?,
            reread: Reread::of(row.try_get("reread")?),
            asked_at: time("asked_at")?,
            begun_at: time("begun_at")?,
            last_at: time("last_at")?,
            records: row.try_get::<Option<i64>, _>("records")?.unwrap_or(0),
        };
        Ok((row.try_get("table_name")?, stamp))
    }
}

impl Tx {
    /// The stamps of a device by table.
    ///
    /// # Errors
    /// Database errors.
    pub async fn stamps(&mut self, device: i64) -> Result<BTreeMap<String, Stamp>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM upload_stamp WHERE device_id = ?");
        let rows = query(statement(sql)).bind(device).fetch_all(self.db()).await?;
        rows.iter().map(Stamp::read).collect()
    }

    /// Stores the stamp that came with an upload.
    ///
    /// # Errors
    /// Database errors.
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

    /// Makes the next handshake ask for a whole table again.
    ///
    /// # Errors
    /// Database errors.
    pub async fn ask_again(&mut self, device: i64, table: &str, at: Millis) -> Result<(), StoreError> {
        let columns = ["reread", "asked_at", "begun_at", "last_at", "records"];
        let upsert = self.engine.upsert("upload_stamp", "device_id, table_name", &columns);
        query(statement(format!(
            "INSERT INTO upload_stamp (device_id, table_name, stamp, reread, asked_at, begun_at, last_at, records) \
             VALUES (?, ?, NULL, 1, ?, NULL, NULL, NULL){upsert}"
        )))
        .bind(device)
        .bind(table)
        .bind(at.0)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Notes that a handshake asks a device for all tables that were requested again.
    ///
    /// # Errors
    /// Database errors.
    pub async fn told_again(&mut self, device: i64) -> Result<(), StoreError> {
        query("UPDATE upload_stamp SET reread = 2 WHERE device_id = ? AND reread = 1")
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Counts records of a table that is being uploaded again. The first of them end the request, so that later
    /// handshakes do not repeat it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_reread(
        &mut self,
        device: i64,
        table: &str,
        records: i64,
        at: Millis,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE upload_stamp SET reread = CASE WHEN reread = 2 THEN 0 ELSE reread END, \
             begun_at = COALESCE(begun_at, ?), last_at = ?, records = COALESCE(records, 0) + ? \
             WHERE device_id = ? AND table_name = ? AND reread <> 1",
        )
        .bind(at.0)
        .bind(at.0)
        .bind(records)
        .bind(device)
        .bind(table)
        .execute(self.db())
        .await?;
        Ok(())
    }
}
