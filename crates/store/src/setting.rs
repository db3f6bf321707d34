//! `setting`: what the database knows of itself.

use sqlx::{query, query_scalar};

use crate::sql::statement;
use crate::{StoreError, Tx};

impl Tx {
    /// A value by its name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn setting(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(query_scalar("SELECT value FROM setting WHERE name = ?")
            .bind(name)
            .fetch_optional(self.db())
            .await?)
    }

    /// Sets a value.
    ///
    /// # Errors
    /// Those of the database.
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
