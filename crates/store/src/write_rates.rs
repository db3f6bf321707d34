//! Write rates: counts of recent events, for the limits that stop mass changes.

use std::collections::BTreeSet;

use roster::{ItemKey, Millis};
use sqlx::query_as;

use crate::key::key_of;
use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

impl Tx {
    /// Those of these items that were written to a device more than `most` times since a time.
    ///
    /// # Errors
    /// Database errors.
    pub async fn items_over_write_limit(
        &mut self,
        device: i64,
        keys: &[ItemKey],
        since: Millis,
        most: u32,
    ) -> Result<BTreeSet<ItemKey>, StoreError> {
        let pins: Vec<_> =
            keys.iter().map(|key| key.pin.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = BTreeSet::new();
        for list in lists(&pins) {
            let sql = format!(
                "SELECT pin, kind, slot, algorithm FROM sync_command \
                 WHERE device_id = ? AND sent_at >= ? AND pin IN ({}) \
                 GROUP BY pin, kind, slot, algorithm HAVING COUNT(*) > ?",
                places(list.len())
            );
            let mut select = query_as(statement(sql)).bind(device).bind(since.0);
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, i64, i64, i64)> =
                select.bind(i64::from(most)).fetch_all(self.db()).await?;
            for columns in rows {
                found.insert(key_of("sync_command", columns)?);
            }
        }
        Ok(found)
    }

    /// The number of live users, and the number of users that devices deleted since a time.
    ///
    /// # Errors
    /// Database errors.
    pub async fn users_and_deletions(&mut self, since: Millis) -> Result<(i64, i64), StoreError> {
        Ok(query_as(
            "SELECT (SELECT COUNT(*) FROM item WHERE kind = 0 AND live = 1), \
             (SELECT COUNT(*) FROM item WHERE kind = 0 AND live = 0 AND changed_by IS NOT NULL AND changed_at >= ?)",
        )
        .bind(since.0)
        .fetch_one(self.db())
        .await?)
    }

    /// The number of devices in a state.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count_devices(&mut self, state: crate::DeviceState) -> Result<i64, StoreError> {
        let (count,) = query_as("SELECT COUNT(*) FROM device WHERE state = ?")
            .bind(state.as_str())
            .fetch_one(self.db())
            .await?;
        Ok(count)
    }

    /// The number of devices of the fleet that were heard of since a time, the number of devices of the fleet, and
    /// the number that wait for approval.
    ///
    /// # Errors
    /// Database errors.
    pub async fn device_counts(&mut self, since: Millis) -> Result<(i64, i64, i64), StoreError> {
        Ok(query_as(
            "SELECT (SELECT COUNT(*) FROM device WHERE state = 'active' AND last_seen_at >= ?), \
             (SELECT COUNT(*) FROM device WHERE state = 'active'), \
             (SELECT COUNT(*) FROM device WHERE state = 'new')",
        )
        .bind(since.0)
        .fetch_one(self.db())
        .await?)
    }
}
