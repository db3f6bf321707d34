//! `leaving`: the last days of people who will leave.

use std::collections::BTreeMap;

use sqlx::{query, query_as, query_scalar};
use wire::Pin;

use crate::key::pin_of;
use crate::sql::{lists, places, statement};
use crate::suspension::JOIN_LIVE_USER;
use crate::{StoreError, Tx};

impl Tx {
    /// The last days, as `2027-03-31`, of those of these people who will leave.
    ///
    /// # Errors
    /// Database errors.
    pub async fn last_days(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, String>, StoreError> {
        let mut found = BTreeMap::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT s.pin, s.last_day FROM leaving s {JOIN_LIVE_USER} WHERE s.pin IN ({})",
                places(list.len())
            );
            let mut select = query_as::<_, (String, String)>(statement(sql));
            for pin in list {
                select = select.bind(pin.as_str());
            }
            for (pin, day) in select.fetch_all(self.db()).await? {
                found.insert(pin_of("leaving", &pin)?, day);
            }
        }
        Ok(found)
    }

    /// Sets the last day of a person; `None` removes it. Writes nothing if no person has the PIN.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_last_day(&mut self, pin: &Pin, day: Option<&str>) -> Result<(), StoreError> {
        let Some(life) = self.life_of(pin).await? else { return Ok(()) };
        let Some(day) = day else {
            query("DELETE FROM leaving WHERE pin = ?").bind(pin.as_str()).execute(self.db()).await?;
            return Ok(());
        };
        let upsert = self.engine.upsert("leaving", "pin", &["life_seq", "last_day"]);
        query(statement(format!("INSERT INTO leaving (pin, life_seq, last_day) VALUES (?, ?, ?){upsert}")))
            .bind(pin.as_str())
            .bind(life.0)
            .bind(day)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// People whose last day was before `today`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn leaving_before(&mut self, today: &str) -> Result<Vec<Pin>, StoreError> {
        let sql = format!("SELECT s.pin FROM leaving s {JOIN_LIVE_USER} WHERE s.last_day < ? ORDER BY s.pin");
        let pins: Vec<String> = query_scalar(statement(sql)).bind(today).fetch_all(self.db()).await?;
        pins.iter().map(|pin| pin_of("leaving", pin)).collect()
    }
}
