//! `setting`: settings that Muster keeps in the database.

use sqlx::{query, query_scalar};

use crate::sql::statement;
use crate::{StoreError, Tx};

impl Tx {
    /// The value of a name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn setting(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(query_scalar("SELECT value FROM setting WHERE name = ?")
            .bind(name)
            .fetch_optional(self.db())
            .await?)
    }

    /// Sets a value.
    ///
    /// # Errors
    /// Database errors.
    pub async fn set_setting(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        let upsert = self.engine.upsert("setting", "name", &["value"]);
        query(statement(format!("INSERT INTO setting (name, value) VALUES (?, ?){upsert}")))
            .bind(name)
            .bind(value)
            .execute(self.db())
            .await?;
        Ok(())
    }
}
