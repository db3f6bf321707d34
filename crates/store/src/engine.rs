//! The database engines, and everything in which they differ.
//!
//! Queries are one text for every engine; where that is not possible they ask here. How a database is opened differs more
//! than its queries do: see [`crate::open`]. A further engine is a further variant: the compiler then points at each place
//! that has to know.

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

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Transactions that only read: each sees the database as it was at its first query.
    Reading,
    /// Transactions that write: each query sees the newest of what was committed.
    Writing,
}

/// Whether an error of the database goes away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// Another transaction was in the way.
    Busy,
    /// The server stops, changes its role, or takes no more connections.
    Away,
}

impl Engine {
    /// The engine a URL names.
    ///
    /// # Errors
    /// [`StoreError::Url`] for a scheme that no engine has.
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("mysql" | "mariadb", _)) => Ok(Self::Mysql),
            _ => Err(StoreError::Url(
                "want sqlite:// and the path of a file, or mysql://user:password@host:3306/name".into(),
            )),
        }
    }

    /// How a transaction that writes begins.
    ///
    /// SQLite takes its write lock at once: a transaction that turns from reading to writing fails where another one
    /// wrote in between.
    pub const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Mysql => "START TRANSACTION",
        }
    }

    /// How a transaction that only reads begins.
    pub const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
            Self::Mysql => "START TRANSACTION READ ONLY",
        }
    }

    /// Whether a transaction that writes has the whole database to itself.
    pub(crate) const fn writers_exclude_each_other(self) -> bool {
        match self {
            Self::Sqlite => true,
            Self::Mysql => false,
        }
    }

    /// What a `SELECT` ends with so that its rows stay locked until commit.
    ///
    /// Nothing on SQLite: a transaction that writes has the whole database to itself.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Mysql => " FOR UPDATE",
        }
    }

    /// The end of an `INSERT` that overwrites the row that is there already.
    ///
    /// `conflict` is the unique key of `table` that decides, `columns` are overwritten with the new values.
    pub(crate) fn upsert(self, table: &str, conflict: &str, columns: &[&str]) -> String {
        self.on_conflict(table, conflict) + &self.assignments(columns)
    }

    /// After [`Engine::on_conflict`]: overwrites these columns with the new values.
    pub(crate) fn assignments(self, columns: &[&str]) -> String {
        let (before, after) = self.new_value_in();
        let mut text = String::with_capacity(columns.iter().map(|column| 2 * column.len() + 20).sum());
        for column in columns {
            let comma = if text.is_empty() { "" } else { ", " };
            text.extend([comma, column, " = ", before, column, after]);
        }
        text
    }

    /// The end of an `INSERT` up to the assignments that follow where the row is there already.
    ///
    /// MySQL lets any unique key decide. A row that meets another one by another key must not overwrite that: there the
    /// key becomes NULL, which no key may be, and the statement fails ([`Engine::met_another_row`]).
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

    /// Whether a row was refused since one with another key, but with something that only one may have, is there.
    pub(crate) fn met_another_row(error: &dyn sqlx::error::DatabaseError) -> bool {
        const NO_NULL: u16 = 1048;
        let mysql = error.try_downcast_ref::<MySqlDatabaseError>();
        error.is_unique_violation() || mysql.is_some_and(|error| error.number() == NO_NULL)
    }

    /// In such an assignment: the value that was to be inserted.
    ///
    /// MySQL 8 would like an alias of the row better; MariaDB and MySQL 5.7 know nothing but this.
    pub(crate) fn new_value(self, column: &str) -> String {
        let (before, after) = self.new_value_in();
        [before, column, after].concat()
    }

    /// What stands before and after the name of the column there.
    const fn new_value_in(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => ("excluded.", ""),
            Self::Mysql => ("VALUES(", ")"),
        }
    }

    /// The start of an `INSERT` that leaves a row alone that is there already.
    pub(crate) const fn insert_new(self) -> &'static str {
        match self {
            Self::Sqlite => "INSERT OR IGNORE INTO ",
            Self::Mysql => "INSERT IGNORE INTO ",
        }
    }

    /// Deletes some rows of a table, whose primary key is `key`, that a condition holds for; how many at most is bound last.
    pub(crate) fn delete_some(self, table: &str, key: &str, condition: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT ?)"
            ),
            Self::Mysql => format!("DELETE FROM {table} WHERE {condition} LIMIT ?"),
        }
    }

    /// Whether an error of the database goes away by itself. For every engine at once: the error tells which it came from.
    pub(crate) fn passing(error: &dyn sqlx::error::DatabaseError) -> Option<Passing> {
        match error.try_downcast_ref::<MySqlDatabaseError>() {
            Some(error) => passing_of_mysql(error.number()),
            None => error.code().and_then(|code| passing_of_sqlite(&code)),
        }
    }

    /// Sets a fresh connection up.
    pub(crate) async fn prepare(
        self,
        connection: &mut AnyConnection,
        purpose: Purpose,
    ) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(self.setup(purpose)).execute(connection).await?;
        Ok(())
    }

    /// What is run first on a fresh connection.
    pub(crate) const fn setup(self, purpose: Purpose) -> &'static str {
        match (self, purpose) {
            // WAL: readers do not wait for the writer. FULL: what was committed survives a power cut. secure_delete:
            // rows and pages that are freed are overwritten.
            (Self::Sqlite, Purpose::Writing) => {
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000"
            }
            // Several of them: what each of them caches lies in the system's memory once more.
            (Self::Sqlite, Purpose::Reading) => {
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000"
            }
            // Whatever the server is set to: what does not fit is refused and not cut. Devices do not wait longer than
            // some seconds, so neither does a lock.
            (Self::Mysql, Purpose::Reading) => {
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'; \
                 SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
            }
            // Each query sees what was committed when the locks of the transaction were had, not what was there when it
            // began; and rows that are not there are not locked.
            (Self::Mysql, Purpose::Writing) => {
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 5; \
                 SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
            }
        }
    }
}

/// SQLite's codes are numbers whose low byte is the plain one: `SQLITE_BUSY` and `SQLITE_LOCKED` in all their forms.
fn passing_of_sqlite(code: &str) -> Option<Passing> {
    code.parse::<i32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)).then_some(Passing::Busy)
}

/// Numbers of MySQL and MariaDB, and those of clusters that speak their protocol.
const fn passing_of_mysql(number: u16) -> Option<Passing> {
    match number {
        // Changed since it was read (MariaDB), no lock in time, deadlock; write conflict of TiDB.
        1020 | 1205 | 1213 | 8002 | 8022 | 8028 | 9007 => Some(Passing::Busy),
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
        | 9005 => Some(Passing::Away),
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
    fn what_passes_is_told_from_what_stays() {
        assert_eq!(passing_of_sqlite("517"), Some(Passing::Busy), "SQLITE_BUSY_SNAPSHOT");
        assert_eq!(passing_of_sqlite("787"), None, "SQLITE_CONSTRAINT_FOREIGNKEY");
        assert_eq!(passing_of_mysql(1213), Some(Passing::Busy));
        assert_eq!(passing_of_mysql(1053), Some(Passing::Away));
        assert_eq!(passing_of_mysql(1062), None, "a row with this key is there");
        assert_eq!(passing_of_mysql(1406), None, "too long for its column");
    }
}
