//! Single-row reader: the queries that every request runs, without a transaction around them.
//!
//! For an SQLite file these queries run inline, on a connection of their own. They take some microseconds; the round
//! trip to a thread of the driver would take several times as long. Larger reads go through the driver, so that they
//! do not block the calling thread.

use std::path::PathBuf;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyPool};
use tokio::sync::Mutex;

use crate::connection::Db;
use crate::engine::Purpose;
use crate::inline_sqlite::InlineSqlite;
use crate::{Engine, StoreError};

/// Runs queries of one row.
#[derive(Debug)]
pub(crate) struct SingleRowReader {
    /// The connection to an SQLite file, until it is closed.
    inline: Mutex<Option<InlineSqlite>>,
    driver: AnyPool,
}

impl SingleRowReader {
    /// A reader that goes through the driver.
    pub(crate) fn through_driver(driver: AnyPool) -> Self {
        Self { inline: Mutex::new(None), driver }
    }

    /// A reader for an existing SQLite file.
    pub(crate) async fn for_file(file: PathBuf, driver: AnyPool) -> Result<Self, StoreError> {
        let opened = InlineSqlite::open(file, Engine::Sqlite.setup(Purpose::Reading)).await?;
        Ok(Self { inline: Mutex::new(Some(opened)), driver })
    }

    /// The first row of a query. The query may run twice.
    pub(crate) async fn row<'q>(
        &self,
        query: impl Fn() -> Query<'q, Any, AnyArguments>,
    ) -> Result<Option<AnyRow>, StoreError> {
        if let Some(inline) = self.inline.lock().await.as_mut() {
            let found = query().fetch_optional(Db::inline(inline)).await.map_err(StoreError::from);
            // Another process has locked the file for a moment, for example while it closes the file. The driver
            // waits for that.
            if !matches!(found, Err(StoreError::Busy(_))) {
                return found;
            }
        }
        Ok(query().fetch_optional(&self.driver).await?)
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        self.inline.lock().await.take();
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Row as _, query};

    use super::*;
    use crate::open;

    #[tokio::test]
    async fn a_row_is_read_as_last_committed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("test.db");
        let url = format!("sqlite://{}", file.display());
        let pools = open::connect(Engine::Sqlite, &url, true).await.expect("a database");
        let other = rusqlite::Connection::open(file).expect("opened");
        other.execute_batch("CREATE TABLE thing (name TEXT)").expect("a table");
        let first = async || {
            let found = pools.point.row(|| query("SELECT name FROM thing")).await.expect("asked");
            found.map(|row| row.get::<String, _>("name"))
        };
        assert_eq!(first().await, None);
        for name in ["Ada", "Bob"] {
            let sql = format!("DELETE FROM thing; INSERT INTO thing VALUES ('{name}')");
            other.execute_batch(&sql).expect("written");
            assert_eq!(first().await.as_deref(), Some(name));
        }
        pools.point.close().await;
        assert_eq!(first().await.as_deref(), Some("Bob"), "through the driver");
    }
}
