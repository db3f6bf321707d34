//! What is finished goes after a while, a few rows at a time; nothing goes that a later decision could need.

use roster::Millis;
use sqlx::{query, query_as, query_scalar};

use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

/// How many versions before the newest of an item are kept whatever the devices have read.
const OLD_VERSIONS: i64 = 8;

/// How many entries of the log of a device are kept however old: more than any device holds. One that it uploads again must
/// not be taken for new.
const LOG_ENTRIES: i64 = 50_000;

/// What goes by its age alone: nothing is decided on it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Queued commands that were answered, given up or taken back.
    Orders,
    /// Connections that ended.
    Sessions,
    /// What was held and decided on. What waits for an operator stays.
    Held,
    /// Contents kept for an undo whose time is over, and what was held of the people who were deleted.
    Undo,
    /// Attendance records, by when they came.
    Attendance,
    /// Pictures of them, likewise.
    AttendancePhotos,
    /// Identity cards, work codes, messages and verifications that did not come again.
    Records,
    /// Errors of devices that did not come again.
    Errors,
    /// That users were given to devices for one punch.
    RemoteUsers,
    /// Files that were offered to devices until a time.
    OfferedFiles,
    /// Their contents.
    OfferedParts,
    /// Photos that were offered to devices until a time.
    OfferedPhotos,
    /// What was made of earlier versions of photos: the hashes that are left of it.
    PhotoForms,
}

impl Finished {
    /// Table, primary key, and which rows are finished before a time.
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
    /// Forgets at most `limit` rows that were finished before a time. Returns how many went.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget(&mut self, what: Finished, before: Millis, limit: i64) -> Result<u64, StoreError> {
        if what == Finished::Undo {
            return self.forget_deleted(before, limit).await;
        }
        let (table, key, finished) = what.rows();
        let sql = self.engine.delete_some(table, key, finished);
        let done = query(statement(sql)).bind(before.0).bind(limit).execute(self.db()).await?;
        Ok(done.rows_affected())
    }

    /// Devices with commands that were closed before a time, or with entries of their log before another one.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Forgets at most `limit` commands of one device that were closed before a time. Returns how many went.
    ///
    /// Only what the device has passed: it does commands in their order, so one that it has answered tells that none before
    /// it will be done, or answered, any more. The last answer of a device that never came back stays.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Forgets at most `limit` entries of a device's log that were uploaded before a time, but for its newest 50,000.
    /// Returns how many went.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Forgets versions of items that every active device has passed, but for the last eight of each item; of an item that
    /// is deleted for good, all of them once no device can hold it any more. Looks at `limit` items after a number of one;
    /// returns how many versions went, and the last item looked at, `None` at the end.
    ///
    /// # Errors
    /// Those of the database.
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

    /// The hashes of deleted items keep a device that still holds them from giving them to a new owner of the PIN. Once each
    /// device of the fleet has read the deletion, and none has anything of the PIN under way, they are of no use.
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
