//! `remote_user`: users who were sent to a device for a single punch (§14). The device deletes them without a report.

use std::collections::BTreeSet;

use roster::Millis;
use sqlx::{query, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

impl Tx {
    /// Notes that a user was sent to a device for a punch.
    ///
    /// # Errors
    /// Database errors.
    pub async fn give_remotely(&mut self, device: i64, pin: &Pin, at: Millis) -> Result<(), StoreError> {
        let upsert = self.engine.upsert("remote_user", "device_id, pin", &["given_at"]);
        query(statement(format!(
            "INSERT INTO remote_user (device_id, pin, given_at) VALUES (?, ?, ?){upsert}"
        )))
        .bind(device)
        .bind(pin.as_str().to_owned())
        .bind(at.0)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Those of these users who were sent to a device for a punch.
    ///
    /// # Errors
    /// Database errors.
    pub async fn given_remotely(&mut self, device: i64, pins: &[Pin]) -> Result<BTreeSet<Pin>, StoreError> {
        let mut given = BTreeSet::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT pin FROM remote_user WHERE device_id = ? AND pin IN ({})",
                places(list.len())
            );
            let mut select = query_scalar(statement(sql)).bind(device);
            for pin in list {
                select = select.bind(pin.as_str().to_owned());
            }
            let found: Vec<String> = select.fetch_all(self.db()).await?;
            for pin in found {
                given.insert(pin_of("remote_user", &pin)?);
            }
        }
        Ok(given)
    }
}
