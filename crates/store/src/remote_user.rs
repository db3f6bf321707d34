//! `remote_user`: who was given to a device for one punch (§14), and is forgotten there without a word.

use std::collections::BTreeSet;

use roster::Millis;
use sqlx::{query, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

impl Tx {
    /// Notes that a device was given a user for a punch.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Which of these users a device was given so.
    ///
    /// # Errors
    /// Those of the database.
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
