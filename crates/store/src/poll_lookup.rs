//! What every request asks: who it is from, and whether there may be something to do.

use roster::{Millis, Seq};
use sqlx::{FromRow, Row as _, query};
use wire::SerialNumber;

use crate::device::{COLUMNS, DeviceRow, by_serial};
use crate::sql::statement;
use crate::view::NEXT_DUE;
use crate::{Stamp, Store, StoreError, upload_stamp};

/// What may be there for a device to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkHint {
    /// The newest number of the feed.
    pub head: Seq,
    /// When the next thing is due of the device by itself; `None` where nothing ever is.
    pub due: Option<Millis>,
    /// When its next claim has to be looked at.
    pub claim_due: Option<Millis>,
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
        let row = self.point().row(|| by_serial(serial)).await?;
        row.as_ref().map(DeviceRow::read).transpose()
    }

    /// The device of a serial number, with its mark of a table.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn device_and_stamp(
        &self,
        serial: &SerialNumber,
        table: &str,
    ) -> Result<Option<(DeviceRow, Stamp)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {stamp} FROM device d \
             LEFT JOIN (SELECT device_id AS stamp_of, {stamp} FROM upload_stamp) s \
             ON s.stamp_of = d.device_id AND s.table_name = ? WHERE d.serial_number = ?",
            stamp = upload_stamp::COLUMNS
        );
        let ask = || query(statement(sql.clone())).bind(table).bind(serial.as_str());
        let Some(row) = self.point().row(ask).await? else { return Ok(None) };
        let stamp = match row.try_get::<Option<String>, _>("table_name")? {
            Some(_) => Stamp::read(&row)?.1,
            None => Stamp::default(),
        };
        Ok(Some((DeviceRow::read(&row)?, stamp)))
    }

    /// The device of a serial number, and whether it may have something to do, at one moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn device_with_work_hint(
        &self,
        serial: &SerialNumber,
    ) -> Result<Option<(DeviceRow, WorkHint)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, (SELECT seq FROM feed_clock WHERE id = 1) AS head, \
             (SELECT MIN(e.due_at) FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at IS NOT NULL) \
             AS exception_due, \
             (SELECT MIN(c.due_at) FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1) AS open_due, \
             (SELECT MIN(l.due_at) FROM claim l WHERE l.device_id = d.device_id AND l.due_at IS NOT NULL) AS claim_due, \
             (SELECT MIN(COALESCE(o.due_at, 0)) FROM operator_command o \
             WHERE o.device_id = d.device_id AND o.state IN ('queued', 'sent')) AS order_due \
             FROM device d WHERE d.serial_number = ?"
        );
        let ask = || query(statement(sql.clone())).bind(serial.as_str());
        let Some(row) = self.point().row(ask).await? else { return Ok(None) };
        let due = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Millis));
        let (exception, open, order) = (due("exception_due")?, due("open_due")?, due("order_due")?);
        let claim_due = due("claim_due")?;
        let waiting = WorkHint {
            head: Seq(row.try_get("head")?),
            due: [exception, open, order, claim_due].into_iter().flatten().min(),
            claim_due,
            open: open.is_some(),
        };
        Ok(Some((DeviceRow::read(&row)?, waiting)))
    }

    /// Whether a device may have something to do, at one moment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn waiting(&self, device: i64) -> Result<WorkHint, StoreError> {
        let sql = format!(
            "SELECT (SELECT seq FROM feed_clock WHERE id = 1), ({NEXT_DUE}), \
             (SELECT MIN(due_at) FROM claim WHERE device_id = ? AND due_at IS NOT NULL), EXISTS (SELECT 1 FROM sync_command WHERE device_id = ? AND open = 1)"
        );
        let ask = || {
            let ask = query(statement(sql.clone())).bind(device).bind(device).bind(device);
            ask.bind(device).bind(device).bind(device)
        };
        let row = self.point().row(ask).await?.ok_or(sqlx::Error::RowNotFound)?;
        let (head, due, claim, open): (i64, Option<i64>, Option<i64>, i64) = FromRow::from_row(&row)?;
        let (due, claim_due) = (due.map(Millis), claim.map(Millis));
        Ok(WorkHint { head: Seq(head), due, claim_due, open: open != 0 })
    }
}
