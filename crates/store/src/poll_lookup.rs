//! Lookups of every request: the device that sent it, and whether there may be work for that device.

use roster::{Millis, Seq};
use sqlx::{FromRow, Row as _, query};
use wire::SerialNumber;

use crate::device::{COLUMNS, DeviceRow, by_serial};
use crate::sql::statement;
use crate::view::NEXT_DUE;
use crate::{Stamp, Store, StoreError, upload_stamp};

/// The work that there may be for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkHint {
    /// The newest feed number.
    pub head: Seq,
    /// When the next work falls due without a change of the fleet; `None` if there is none.
    pub due: Option<Millis>,
    /// When the next claim of the device is due.
    pub claim_due: Option<Millis>,
    /// The device has a command that it has not acknowledged.
    pub open: bool,
}

/// Each lookup is one statement without a transaction around it, because `BEGIN` and `COMMIT` would each cost a round
/// trip to the database server.
impl Store {
    /// The device with this serial number.
    ///
    /// # Errors
    /// Database errors.
    pub async fn device_by_serial(&self, serial: &SerialNumber) -> Result<Option<DeviceRow>, StoreError> {
        let row = self.point().row(|| by_serial(serial)).await?;
        row.as_ref().map(DeviceRow::read).transpose()
    }

    /// The device with this serial number, and its stamp of a table.
    ///
    /// # Errors
    /// Database errors.
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
        let lookup = || query(statement(sql.clone())).bind(table).bind(serial.as_str());
        let Some(row) = self.point().row(lookup).await? else { return Ok(None) };
        let stamp = match row.try_get::<Option<String>, _>("table_name")? {
            Some(_) => Stamp::read(&row)?.1,
            None => Stamp::default(),
        };
        Ok(Some((DeviceRow::read(&row)?, stamp)))
    }

    /// The device with this serial number, and whether there may be work for it, in one statement.
    ///
    /// # Errors
    /// Database errors.
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
        let lookup = || query(statement(sql.clone())).bind(serial.as_str());
        let Some(row) = self.point().row(lookup).await? else { return Ok(None) };
        let due = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Millis));
        let (exception, open, order) = (due("exception_due")?, due("open_due")?, due("order_due")?);
        let claim_due = due("claim_due")?;
        let hint = WorkHint {
            head: Seq(row.try_get("head")?),
            due: [exception, open, order, claim_due].into_iter().flatten().min(),
            claim_due,
            open: open.is_some(),
        };
        Ok(Some((DeviceRow::read(&row)?, hint)))
    }

    /// Whether there may be work for a device, in one statement.
    ///
    /// # Errors
    /// Database errors.
    pub async fn waiting(&self, device: i64) -> Result<WorkHint, StoreError> {
        let sql = format!(
            "SELECT (SELECT seq FROM feed_clock WHERE id = 1), ({NEXT_DUE}), \
             (SELECT MIN(due_at) FROM claim WHERE device_id = ? AND due_at IS NOT NULL), EXISTS (SELECT 1 FROM sync_command WHERE device_id = ? AND open = 1)"
        );
        let lookup = || {
            let lookup = query(statement(sql.clone())).bind(device).bind(device).bind(device);
            lookup.bind(device).bind(device).bind(device)
        };
        let row = self.point().row(lookup).await?.ok_or(sqlx::Error::RowNotFound)?;
        let (head, due, claim, open): (i64, Option<i64>, Option<i64>, i64) = FromRow::from_row(&row)?;
        let (due, claim_due) = (due.map(Millis), claim.map(Millis));
        Ok(WorkHint { head: Seq(head), due, claim_due, open: open != 0 })
    }
}
