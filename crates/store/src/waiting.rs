//! What every request asks: who it is from, and whether there may be something to do.

use roster::{Millis, Seq};
use sqlx::query_as;
use wire::SerialNumber;

use crate::device::{DeviceRow, by_serial};
use crate::sql::statement;
use crate::view::NEXT_DUE;
use crate::{Store, StoreError};

/// What may be there for a device to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The newest number of the feed.
    pub head: Seq,
    /// When the next thing is due of the device by itself; `None` where nothing ever is.
    pub due: Option<Millis>,
    /// Whether there is a command to it that it has not answered.
    pub open: bool,
}

/// What every request asks: one statement each, without a transaction around it, since each of its words is a way to the
/// database server and back.
impl Store {
    /// The device of a serial number.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn device_by_serial(&self, serial: &SerialNumber) -> Result<Option<DeviceRow>, StoreError> {
        by_serial(self.reading(), serial).await
    }

    /// Whether a device may have something to do, at one moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn waiting(&self, device: i64) -> Result<Waiting, StoreError> {
        let sql = format!(
            "SELECT (SELECT seq FROM feed_clock WHERE id = 1), ({NEXT_DUE}), \
             EXISTS (SELECT 1 FROM sync_command WHERE device_id = ? AND open = 1)"
        );
        let (head, due, open): (i64, Option<i64>, i64) = query_as(statement(sql))
            .bind(device)
            .bind(device)
            .bind(device)
            .bind(device)
            .fetch_one(self.reading())
            .await?;
        Ok(Waiting { head: Seq(head), due: due.map(Millis), open: open != 0 })
    }
}
