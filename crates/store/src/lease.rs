//! `lease`: jobs that run in one process at a time.

use roster::Millis;
use sqlx::{query, query_scalar};

use crate::sql::statement;
use crate::{StoreError, Tx};

impl Tx {
    /// Takes or renews a lease until a time. Returns true if `holder` now has it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn take_lease(
        &mut self,
        name: &str,
        holder: &str,
        now: Millis,
        until: Millis,
    ) -> Result<bool, StoreError> {
        query(statement(format!(
            "{}lease (name, holder, until_at) VALUES (?, ?, ?)",
            self.engine.insert_new()
        )))
        .bind(name)
        .bind(holder)
        .bind(until.0)
        .execute(self.db())
        .await?;
        query("UPDATE lease SET holder = ?, until_at = ? WHERE name = ? AND (holder = ? OR until_at <= ?)")
            .bind(holder)
            .bind(until.0)
            .bind(name)
            .bind(holder)
            .bind(now.0)
            .execute(self.db())
            .await?;
        let held: String =
            query_scalar("SELECT holder FROM lease WHERE name = ?").bind(name).fetch_one(self.db()).await?;
        Ok(held == holder)
    }

    /// Returns a lease if `holder` has it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn return_lease(&mut self, name: &str, holder: &str) -> Result<(), StoreError> {
        query("DELETE FROM lease WHERE name = ? AND holder = ?")
            .bind(name)
            .bind(holder)
            .execute(self.db())
            .await?;
        Ok(())
    }
}
