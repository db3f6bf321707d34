//! Last-seen times of devices, written with a delay and in batches.

use std::collections::BTreeMap;

use roster::Millis;
use sqlx::query;

use crate::sql::{batches, places, statement};
use crate::{StoreError, Tx};

/// The last time that a device was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The device.
    pub device: i64,
    /// The time.
    pub at: Millis,
    /// The address of the device.
    pub address: Option<String>,
}

impl Tx {
    /// Writes last-seen times, many in one statement. A later time from another process stays.
    ///
    /// # Errors
    /// Database errors.
    pub async fn write_seen(&mut self, seen: &[Seen]) -> Result<(), StoreError> {
        // A fixed order, so that processes that write the same devices cannot deadlock. Each device once, because
        // `CASE` would take the first of two entries.
        let mut last: BTreeMap<i64, Seen> = BTreeMap::new();
        for seen in seen {
            let last = last.entry(seen.device).or_insert_with(|| seen.clone());
            if seen.at >= last.at {
                let address = seen.address.clone().or_else(|| last.address.take());
                *last = Seen { address, ..*seen };
            }
        }
        let seen: Vec<Seen> = last.into_values().collect();
        for batch in batches(&seen) {
            let cases = "WHEN ? THEN ? ".repeat(batch.len());
            // `address` first: its expression needs the old `last_seen_at`.
            let later = "COALESCE(last_seen_at, 0) <= CASE device_id";
            let sql = format!(
                "UPDATE device SET \
                 address = CASE WHEN {later} {cases} END THEN COALESCE(CASE device_id {cases} END, address) ELSE address END, \
                 last_seen_at = CASE WHEN {later} {cases} END THEN CASE device_id {cases} END ELSE last_seen_at END \
                 WHERE device_id IN ({})",
                places(batch.len())
            );
            let mut update = query(statement(sql));
            for seen in batch {
                update = update.bind(seen.device).bind(seen.at.0);
            }
            for seen in batch {
                update = update.bind(seen.device).bind(seen.address.clone());
            }
            for _ in 0..2 {
                for seen in batch {
                    update = update.bind(seen.device).bind(seen.at.0);
                }
            }
            for seen in batch {
                update = update.bind(seen.device);
            }
            update.execute(self.db()).await?;
        }
        Ok(())
    }
}
