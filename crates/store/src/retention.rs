//! Retention: deletes finished rows after a while, a few at a time. It keeps everything that a later decision could
//! need.

use roster::Millis;
use sqlx::{query, query_as, query_scalar};

use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

/// This many old versions of each item are kept, whatever the devices have read.
const OLD_VERSIONS: i64 = 8;

/// This many entries of a device's log are kept at any age: more than any device stores. An entry that the device
/// uploads again must not be taken for a new one.
const LOG_ENTRIES: i64 = 50_000;

/// Rows that are deleted by age alone, because no later decision uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Queued commands that were answered, given up or cancelled.
    Orders,
    /// Sessions that ended.
    Sessions,
    /// Resolved held records. Unresolved ones stay.
    Held,
    /// Contents of deleted items whose undo period is over, and records held for the deleted people.
    Undo,
    /// Attendance records, by the time when they were received.
    Attendance,
    /// Pictures of punches, by the time when they were received.
    AttendancePhotos,
    /// Identity cards, work codes, messages and verifications that were not received again.
    Records,
    /// Errors of devices that were not received again.
    Errors,
    /// Notes that users were sent to devices for a single punch.
    RemoteUsers,
    /// Expired files that were offered to devices.
    OfferedFiles,
    /// Contents of expired files.
    OfferedParts,
    /// Expired photos that were offered to devices.
    OfferedPhotos,
    /// Hashes of smaller copies of earlier photo versions.
    PhotoForms,
}

impl Finished {
    /// Table, primary key, and the condition for rows that were finished before a time.
    const fn rows(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Orders => ("operator_command", "device_id, command_no", "closed_at < ?"),
            Self::Sessions => ("device_session", "device_id, opened_at", "closed_at < ?"),
            Self::Held => ("held", "held_id", "resolved_at IS NOT NULL AND last_at < ?"),
            Self::Undo => ("undo_body", "item_id", "until_at <= ?"),
            Self::Attendance => ("attendance", "device_id, digest", "received_at < ?"),
            Self::AttendancePhotos => ("attendance_photo", "photo_id", "received_at < ?"),
            Self::Records => ("device_record", "record_id", "kind <> 'error' AND last_at < ?"),
            Self::Errors => ("device_record", "record_id", "kind = 'error' AND last_at < ?"),
            Self::RemoteUsers => ("remote_user", "device_id, pin", "given_at < ?"),
            Self::OfferedFiles => ("offered_file", "token", "expires_at <= ?"),
            Self::OfferedPhotos => ("offered_photo", "token", "expires_at <= ?"),
            Self::PhotoForms => (
                "photo_form",
                "item_id, seq, most_bytes",
                "hash IS NOT NULL AND sealed IS NULL AND made_at <= ?",
            ),
            Self::OfferedParts => ("offered_part", "token, part_no", "expires_at <= ?"),
        }
    }
}

impl Tx {
    /// Deletes at most `limit` rows that were finished before a time. Returns how many were deleted.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget(&mut self, what: Finished, before: Millis, limit: i64) -> Result<u64, StoreError> {
        if what == Finished::Undo {
            return self.forget_deleted(before, limit).await;
        }
        let (table, key, finished) = what.rows();
        let sql = self.engine.delete_some(table, key, finished);
        let done = query(statement(sql)).bind(before.0).bind(limit).execute(self.db()).await?;
        Ok(done.rows_affected())
    }

    /// Devices with commands that were closed before one time, or with log entries from before another.
    ///
    /// # Errors
    /// Database errors.
    pub async fn devices_with_old_rows(
        &mut self,
        commands: Millis,
        log: Millis,
    ) -> Result<Vec<i64>, StoreError> {
        Ok(query_scalar(
            "SELECT d.device_id FROM device d WHERE \
             EXISTS (SELECT 1 FROM sync_command c WHERE c.device_id = d.device_id AND c.closed_at < ?) \
             OR EXISTS (SELECT 1 FROM operation_log l WHERE l.device_id = d.device_id AND l.seen_at < ?)",
        )
        .bind(commands.0)
        .bind(log.0)
        .fetch_all(self.db())
        .await?)
    }

    /// Deletes at most `limit` commands of one device that were closed before a time. Returns how many were deleted.
    ///
    /// Deletes only commands before the last answered one. A device carries out commands in order, so after this
    /// answer it will neither carry out nor answer an earlier one. The last answer stays, even of a device that never
    /// came back.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget_commands(
        &mut self,
        device: i64,
        before: Millis,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let answered: Option<i64> = query_scalar(
            "SELECT MAX(command_no) FROM sync_command WHERE device_id = ? AND return_code IS NOT NULL",
        )
        .bind(device)
        .fetch_one(self.db())
        .await?;
        let Some(answered) = answered else { return Ok(0) };
        let sql = self.engine.delete_some(
            "sync_command",
            "device_id, command_no",
            "device_id = ? AND command_no < ? AND open IS NULL AND closed_at < ?",
        );
        let done = query(statement(sql))
            .bind(device)
            .bind(answered)
            .bind(before.0)
            .bind(limit)
            .execute(self.db())
            .await?;
        Ok(done.rows_affected())
    }

    /// Deletes at most `limit` entries of a device's log that were uploaded before a time, but never its newest
    /// 50,000. Returns how many were deleted.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget_operations(
        &mut self,
        device: i64,
        before: Millis,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let newest: Option<i64> = query_scalar(
            "SELECT seen_at FROM operation_log WHERE device_id = ? ORDER BY seen_at DESC LIMIT 1 OFFSET ?",
        )
        .bind(device)
        .bind(LOG_ENTRIES)
        .fetch_optional(self.db())
        .await?;
        let Some(newest) = newest else { return Ok(0) };
        let sql =
            self.engine.delete_some("operation_log", "device_id, digest", "device_id = ? AND seen_at < ?");
        let before = before.0.min(newest);
        let done = query(statement(sql)).bind(device).bind(before).bind(limit).execute(self.db()).await?;
        Ok(done.rows_affected())
    }

    /// Deletes old versions of items that every active device has passed, except the last eight of each item. For an
    /// item that is deleted for good, deletes all of them once no device can hold the item any more. Checks `limit`
    /// items after the item number `after`. Returns how many versions were deleted, and the last item checked; `None`
    /// at the end.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget_versions(
        &mut self,
        after: i64,
        limit: i64,
    ) -> Result<(u64, Option<i64>), StoreError> {
        let passed: Option<i64> = query_scalar("SELECT MIN(cursor_seq) FROM device WHERE state = 'active'")
            .fetch_one(self.db())
            .await?;
        let passed = match passed {
            Some(passed) => passed,
            None => self.head().await?.0,
        };
        let items: Vec<(i64, i64)> = query_as(
            "SELECT item_id, COUNT(*) FROM item_old WHERE item_id > ? GROUP BY item_id ORDER BY item_id LIMIT ?",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        let mut forgotten = 0;
        for (item, _) in items.iter().filter(|(_, versions)| *versions > OLD_VERSIONS) {
            let newest: i64 =
                query_scalar("SELECT seq FROM item_old WHERE item_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?")
                    .bind(*item)
                    .bind(OLD_VERSIONS)
                    .fetch_one(self.db())
                    .await?;
            let done = query("DELETE FROM item_old WHERE item_id = ? AND seq <= ? AND replaced_seq <= ?")
                .bind(*item)
                .bind(newest)
                .bind(passed)
                .execute(self.db())
                .await?;
            forgotten += done.rows_affected();
        }
        let ids: Vec<i64> = items.iter().map(|(item, _)| *item).collect();
        forgotten += self.forget_dead_versions(&ids).await?;
        let full = i64::try_from(items.len()).unwrap_or(i64::MAX) >= limit;
        Ok((forgotten, items.last().filter(|_| full).map(|(item, _)| *item)))
    }

    /// Deletes the old versions of deleted items. Their hashes stop a device that still holds the data from giving it
    /// to a new owner of the PIN. They are useless once each device of the fleet has read the deletion and none has
    /// work for the PIN under way.
    async fn forget_dead_versions(&mut self, items: &[i64]) -> Result<u64, StoreError> {
        let mut dead = Vec::new();
        for list in lists(items) {
            let sql = format!(
                "SELECT i.item_id FROM item i WHERE i.item_id IN ({}) AND i.live = 0 \
                 AND NOT EXISTS (SELECT 1 FROM undo_body u WHERE u.item_id = i.item_id) \
                 AND NOT EXISTS (SELECT 1 FROM device d WHERE d.state = 'active' \
                 AND (d.cursor_seq < i.seq OR d.joining IS NOT NULL OR d.scan_pin IS NOT NULL)) \
                 AND NOT EXISTS (SELECT 1 FROM device d JOIN sync_command c ON c.device_id = d.device_id \
                 WHERE d.state = 'active' AND c.pin = i.pin AND c.open = 1) \
                 AND NOT EXISTS (SELECT 1 FROM device d JOIN sync_exception e ON e.device_id = d.device_id \
                 WHERE d.state = 'active' AND e.pin = i.pin)",
                places(list.len())
            );
            let mut select = query_scalar(statement(sql));
            for id in list {
                select = select.bind(*id);
            }
            let found: Vec<i64> = select.fetch_all(self.db()).await?;
            dead.extend(found);
        }
        let mut forgotten = 0;
        for item in dead {
            let done = query("DELETE FROM item_old WHERE item_id = ?").bind(item).execute(self.db()).await?;
            forgotten += done.rows_affected();
        }
        Ok(forgotten)
    }
}
