//! Connections to either engine. All values are read as text, because columns changed their types more than once.

use futures_util::TryStreamExt as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{Connection as _, Row as _, SqliteConnection, query, query_as, query_scalar};
use tempfile::TempDir;

use super::{Tables, statement};
use crate::error::in_words;

/// A connection.
pub(super) enum Connection {
    /// A connection to a file, or to a copy of it that is deleted with the connection.
    Sqlite {
        db: Box<SqliteConnection>,
        _copy: Option<TempDir>,
    },
    Mysql(Box<MySqlConnection>),
}

impl Connection {
    /// Connects to a server and reads a consistent snapshot of its database.
    ///
    /// # Errors
    /// The reason and the remedy in words.
    pub async fn mysql(url: &str) -> Result<Self, String> {
        let want = "want mysql://user:password@host:3306/database, with odd characters of the password as %40 for @, %2F \
                    for / and so on";
        // One of these characters would end such a password early; its rest would be taken for a host or a
        // database and appear in errors.
        let login = url.trim_start_matches("mysql://").rsplit_once('@').map_or("", |(login, _)| login);
        if login.contains(['/', '?', '#', '@']) {
            return Err(want.to_owned());
        }
        let options: MySqlConnectOptions = url.parse().map_err(|_| want.to_owned())?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err("the URL names no database: want mysql://user:password@host:3306/database, usually \
                        zkteco_sync"
                .to_owned());
        }
        let mut connection = MySqlConnection::connect_with(&options).await.map_err(|error| {
            format!("{}. See to address, user, password and the name of the database", in_words(&error))
        })?;
        let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        sqlx::raw_sql(begin).execute(&mut connection).await.map_err(|error| in_words(&error))?;
        Ok(Self::Mysql(Box::new(connection)))
    }

    /// The name of the id column, if the engine needs one in the table.
    pub const fn id_column(&self) -> Option<&'static str> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Mysql(_) => Some("id"),
        }
    }

    /// All tables with their columns.
    pub async fn tables(&mut self) -> Result<Tables, sqlx::Error> {
        let found: Vec<(String, String)> = match self {
            Self::Sqlite { db: connection, .. } => {
                query_as(
                    "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
                     WHERE t.type = 'table'",
                )
                .fetch_all(&mut **connection)
                .await?
            }
            Self::Mysql(connection) => {
                query_as(
                    "SELECT CONVERT(table_name USING utf8mb4), CONVERT(column_name USING utf8mb4) \
                     FROM information_schema.columns WHERE table_schema = DATABASE()",
                )
                .fetch_all(&mut **connection)
                .await?
            }
        };
        let mut tables = Tables::new();
        for (table, column) in found {
            tables.entry(table).or_default().insert(column);
        }
        Ok(tables)
    }

    /// Number of rows of a table.
    pub async fn count(&mut self, table: &str) -> Result<i64, sqlx::Error> {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        match self {
            Self::Sqlite { db: connection, .. } => {
                query_scalar(statement(sql)).fetch_one(&mut **connection).await
            }
            Self::Mysql(connection) => query_scalar(statement(sql)).fetch_one(&mut **connection).await,
        }
    }

    /// Passes each row with its id to `take`: all rows, or those with the given ids. An absent column is NULL.
    pub async fn rows(
        &mut self,
        table: &str,
        columns: &[Option<&str>],
        ids: Option<&[i64]>,
        mut each: impl FnMut(i64, Vec<Option<&[u8]>>),
    ) -> Result<(), sqlx::Error> {
        let text = |column: Option<&str>| match (&*self, column) {
            (_, None) => "NULL".to_owned(),
            (Self::Sqlite { .. }, Some(column)) => format!("CAST(\"{column}\" AS TEXT)"),
            (Self::Mysql(_), Some(column)) => format!("CONVERT(`{column}` USING utf8mb4)"),
        };
        let (id, texts) = match self {
            Self::Sqlite { .. } => ("rowid", columns.iter().copied().map(text).collect::<Vec<_>>()),
            Self::Mysql(_) => ("CAST(id AS SIGNED)", columns.iter().copied().map(text).collect()),
        };
        let of = ids.map(|ids| format!(" WHERE {id} IN ({})", vec!["?"; ids.len()].join(", ")));
        let of = of.unwrap_or_default().replace("CAST(id AS SIGNED)", "id");
        let sql = format!("SELECT {id}, {} FROM {table}{of}", texts.join(", "));
        let places = 1..=columns.len();
        match self {
            Self::Sqlite { db: connection, .. } => {
                let mut select = query(statement(sql)).persistent(false);
                for id in ids.unwrap_or_default() {
                    select = select.bind(*id);
                }
                let mut rows = select.fetch(&mut **connection);
                while let Some(row) = rows.try_next().await? {
                    let values = places.clone().map(|place| row.try_get_unchecked(place));
                    each(row.try_get(0)?, values.collect::<Result<_, _>>()?);
                }
            }
            Self::Mysql(connection) => {
                let mut select = query(statement(sql)).persistent(false);
                for id in ids.unwrap_or_default() {
                    select = select.bind(*id);
                }
                let mut rows = select.fetch(&mut **connection);
                while let Some(row) = rows.try_next().await? {
                    let values = places.clone().map(|place| row.try_get_unchecked(place));
                    each(row.try_get(0)?, values.collect::<Result<_, _>>()?);
                }
            }
        }
        Ok(())
    }
}
