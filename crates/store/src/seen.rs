//! When devices were last heard of: written behind, for many at once.

use std::collections::BTreeMap;

use roster::Millis;
use sqlx::query;

use crate::sql::{batches, places, statement};
use crate::{StoreError, Tx};

/// What is written behind of a device that was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub device: i64,
    /// When.
    pub at: Millis,
    /// Where from.
    pub address: Option<String>,
}

impl Tx {
    /// Writes behind when devices were last heard of; many at a time, each once. One that another process heard of later
    /// stays as it is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn write_seen(&mut self, seen: &[Seen]) -> Result<(), StoreError> {
        // Always in one order: processes that write behind for the same devices do not wait for each other in a circle.
        // And each once: of a device that is named twice in a statement the first would count.
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
            // `address` first: it looks at `last_seen_at` as it was.
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
