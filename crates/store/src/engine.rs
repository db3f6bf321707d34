//! Database engines, and everything in which they differ.
//!
//! Most queries are one text for every engine. The others take the differing part from here. Opening a database
//! differs more than that: see [`crate::open`]. A new engine is a new variant; the compiler then points at each place
//! that needs it.

use sqlx::AnyConnection;
use sqlx::mysql::MySqlDatabaseError;

use crate::StoreError;

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one writer at a time.
    Sqlite,
    /// A MySQL or MariaDB server, or a cluster that speaks their protocol.
    Mysql,
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Read transactions. Each sees one snapshot, taken at its first query.
    Reading,
    /// Write transactions. Each query sees the newest committed data.
    Writing,
}

/// Why a database error is temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temporary {
    /// A conflict with another transaction.
    Busy,
    /// The server shuts down, changes its role, or accepts no more connections.
    Away,
}

impl Engine {
    /// The engine that a URL names.
    ///
    /// # Errors
    /// [`StoreError::Url`] for an unknown scheme.
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("mysql" | "mariadb", _)) => Ok(Self::Mysql),
            _ => Err(StoreError::Url(
                "want sqlite:// and the path of a file, or mysql://user:password@host:3306/name".into(),
            )),
        }
    }

    /// The statement that begins a write transaction.
    ///
    /// SQLite takes its write lock at once. A transaction that first reads and then writes would fail if another one
    /// wrote in between.
    pub const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Mysql => "START TRANSACTION",
        }
    }

    /// The statement that begins a read transaction.
    pub const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::Mysql => "START TRANSACTION READ ONLY",
        }
    }

    /// Whether a write transaction locks the whole database.
    pub(crate) const fn writers_exclude_each_other(self) -> bool {
        match self {
            Self::Sqlite => true,
            Self::Mysql => false,
        }
    }

    /// The end of a `SELECT` whose rows stay locked until commit.
    ///
    /// Empty on SQLite, where a write transaction locks the whole database.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Mysql => " FOR UPDATE",
        }
    }

    /// The end of an `INSERT` that overwrites an existing row.
    ///
    /// `conflict` is the unique key of `table` that identifies the row; `columns` get the new values.
    pub(crate) fn upsert(self, table: &str, conflict: &str, columns: &[&str]) -> String {
        self.on_conflict(table, conflict) + &self.assignments(columns)
    }

    /// Assignments after [`Engine::on_conflict`]: overwrite these columns with the new values.
    pub(crate) fn assignments(self, columns: &[&str]) -> String {
        let (before, after) = self.new_value_in();
        let mut text = String::with_capacity(columns.iter().map(|column| 2 * column.len() + 20).sum());
        for column in columns {
            let comma = if text.is_empty() { "" } else { ", " };
            text.extend([comma, column, " = ", before, column, after]);
        }
        text
    }

    /// The end of an `INSERT`, up to the assignments for an existing row.
    ///
    /// MySQL takes any unique key as a conflict. A row that conflicts by another key must not overwrite the existing
    /// row. In that case the key is set to NULL, which no key column allows, and the statement fails
    /// ([`Engine::met_another_row`]).
    pub(crate) fn on_conflict(self, table: &str, conflict: &str) -> String {
        match self {
            Self::Sqlite => format!(" ON CONFLICT ({conflict}) DO UPDATE SET "),
            Self::Mysql => {
                let columns: Vec<&str> = conflict.split(", ").collect();
                let same: Vec<String> =
                    columns.iter().map(|column| format!("{table}.{column} = VALUES({column})")).collect();
                let (first, same) = (columns[0], same.join(" AND "));
                format!(" ON DUPLICATE KEY UPDATE {first} = CASE WHEN {same} THEN {table}.{first} END, ")
            }
        }
    }

    /// Whether a row was refused because of an existing row with another key but the same unique value.
    pub(crate) fn met_another_row(error: &dyn sqlx::error::DatabaseError) -> bool {
        const NO_NULL: u16 = 1048;
        let mysql = error.try_downcast_ref::<MySqlDatabaseError>();
        error.is_unique_violation() || mysql.is_some_and(|error| error.number() == NO_NULL)
    }

    /// In such an assignment: the value that was to be inserted.
    ///
    /// MySQL 8 prefers an alias of the row. MariaDB and MySQL 5.7 support only this form.
    pub(crate) fn new_value(self, column: &str) -> String {
        let (before, after) = self.new_value_in();
        [before, column, after].concat()
    }

    /// The texts before and after the column name in such an assignment.
    const fn new_value_in(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => ("excluded.", ""),
            Self::Mysql => ("VALUES(", ")"),
        }
    }

    /// The start of an `INSERT` that leaves an existing row unchanged.
    pub(crate) const fn insert_new(self) -> &'static str {
        match self {
            Self::Sqlite => "INSERT OR IGNORE INTO ",
            Self::Mysql => "INSERT IGNORE INTO ",
        }
    }

    /// Deletes rows of a table, with primary key `key`, that match a condition. The maximum number of rows is bound
    /// last.
    pub(crate) fn delete_some(self, table: &str, key: &str, condition: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT ?)"
            ),
            Self::Mysql => format!("DELETE FROM {table} WHERE {condition} LIMIT ?"),
        }
    }

    /// Whether a database error is temporary. Covers every engine, because the error's type tells which one it came
    /// from.
    pub(crate) fn temporary(error: &dyn sqlx::error::DatabaseError) -> Option<Temporary> {
        match error.try_downcast_ref::<MySqlDatabaseError>() {
            Some(error) => temporary_of_mysql(error.number()),
            None => error.code().and_then(|code| temporary_of_sqlite(&code)),
        }
    }

    /// Sets up a new connection.
    pub(crate) async fn prepare(
        self,
        connection: &mut AnyConnection,
        purpose: Purpose,
    ) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(self.setup(purpose)).execute(connection).await?;
        Ok(())
    }

    /// The statements that run first on a new connection.
    pub(crate) const fn setup(self, purpose: Purpose) -> &'static str {
        match (self, purpose) {
            // WAL: readers do not wait for the writer. FULL: committed data survives a power cut. secure_delete:
            // SQLite overwrites freed rows and pages.
            (Self::Sqlite, Purpose::Writing) => {
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000"
            }
            // There are several of these connections, and each cache duplicates what the system already caches.
            (Self::Sqlite, Purpose::Reading) => {
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000"
            }
            // Regardless of the server's settings, a value that does not fit is refused instead of cut. Devices wait
            // only some seconds, and so does a lock.
            (Self::Mysql, Purpose::Reading) => {
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'; \
                 SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
            }
            // Each query sees what was committed when the transaction got its locks, not what was there when it
            // began. Rows that do not exist are not locked.
            (Self::Mysql, Purpose::Writing) => {
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 5; \
                 SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
            }
        }
    }
}

/// The low byte of an SQLite code is the primary code: this covers `SQLITE_BUSY` and `SQLITE_LOCKED` in all their
/// forms.
fn temporary_of_sqlite(code: &str) -> Option<Temporary> {
    code.parse::<i32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)).then_some(Temporary::Busy)
}

/// Error numbers of MySQL and MariaDB, and of clusters that speak their protocol.
const fn temporary_of_mysql(number: u16) -> Option<Temporary> {
    match number {
        // Changed since it was read (MariaDB), lock wait timeout, deadlock; write conflict of TiDB.
        1020 | 1205 | 1213 | 8002 | 8022 | 8028 | 9007 => Some(Temporary::Busy),
        // Too many connections, shutting down, connection aborted or killed, packets lost; read-only while another
        // server of the cluster takes over, not part of the cluster (Galera).
        1040
        | 1047
        | 1053
        | 1152
        | 1158..=1161
        | 1184
        | 1290
        | 1836
        | 1927
        | 2006
        | 2013
        | 9001..=9003
        | 9005 => Some(Temporary::Away),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_engine() {
        assert_eq!(Engine::of_url("sqlite://muster.db").ok(), Some(Engine::Sqlite));
        assert_eq!(Engine::of_url("mysql://muster@db/muster").ok(), Some(Engine::Mysql));
        assert_eq!(Engine::of_url("mariadb://muster@db/muster").ok(), Some(Engine::Mysql));
        assert!(Engine::of_url("postgres://muster@db/muster").is_err());
    }

    #[test]
    fn temporary_errors_are_told_from_permanent_ones() {
        assert_eq!(temporary_of_sqlite("517"), Some(Temporary::Busy), "SQLITE_BUSY_SNAPSHOT");
        assert_eq!(temporary_of_sqlite("787"), None, "SQLITE_CONSTRAINT_FOREIGNKEY");
        assert_eq!(temporary_of_mysql(1213), Some(Temporary::Busy));
        assert_eq!(temporary_of_mysql(1053), Some(Temporary::Away));
        assert_eq!(temporary_of_mysql(1062), None, "duplicate key");
        assert_eq!(temporary_of_mysql(1406), None, "too long for its column");
    }
}
