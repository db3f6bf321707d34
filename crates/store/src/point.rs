//! Queries of one row, without a transaction around them: what every request asks.
//!
//! A file of SQLite is asked where the query is, over a connection for these alone: they take some microseconds, and a thread of
//! the driver would take several times as long to send them there and back. Whatever reads more goes through the driver, and
//! keeps nobody waiting.

use std::path::PathBuf;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyPool};
use tokio::sync::Mutex;

use crate::connection::Db;
use crate::engine::Purpose;
use crate::inline_sqlite::InlineSqlite;
use crate::{Engine, StoreError};

/// Where they are asked.
#[derive(Debug)]
pub(crate) struct SingleRowReader {
    /// Of a file of SQLite, until it is closed.
    inline: Mutex<Option<InlineSqlite>>,
    driver: AnyPool,
}

impl SingleRowReader {
    /// Through the driver.
    pub(crate) fn of_driver(driver: AnyPool) -> Self {
        Self { inline: Mutex::new(None), driver }
    }

    /// Of a file of SQLite that is there.
    pub(crate) async fn of_file(file: PathBuf, driver: AnyPool) -> Result<Self, StoreError> {
        let opened = InlineSqlite::open(file, Engine::Sqlite.setup(Purpose::Reading)).await?;
        Ok(Self { inline: Mutex::new(Some(opened)), driver })
    }

    /// The first row of a query, which may be asked twice.
    pub(crate) async fn row<'q>(
        &self,
        query: impl Fn() -> Query<'q, Any, AnyArguments>,
    ) -> Result<Option<AnyRow>, StoreError> {
        if let Some(inline) = self.inline.lock().await.as_mut() {
            let found = query().fetch_optional(Db::inline(inline)).await.map_err(StoreError::from);
            // Another process has the file for itself for a moment, at its end for example: the driver waits for that.
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
    async fn a_row_is_found_as_it_was_committed_last() {
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
        assert_eq!(first().await.as_deref(), Some("Bob"), "by the driver");
    }
}
