//! The database engines, and everything in which they differ.
//!
//! Queries are one text for every engine; where that is not possible they ask here. A second engine is a second variant:
//! the compiler then points at each place that has to know.

use sqlx::AnyConnection;

use crate::StoreError;

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one writer at a time.
    Sqlite,
}

/// One step of the schema, run once and never edited after it has landed.
pub(crate) struct Migration {
    /// 1 for the first; without gaps.
    pub version: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

const SQLITE_MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "start", sql: include_str!("../migrations/sqlite/0001_start.sql") },
    Migration { version: 2, name: "views", sql: include_str!("../migrations/sqlite/0002_views.sql") },
];

impl Engine {
    /// The engine a URL names.
    ///
    /// # Errors
    /// [`StoreError::Url`] for a scheme that no engine has.
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            _ => Err(StoreError::Url("want sqlite:// and the path of a file".into())),
        }
    }

    /// How a transaction that writes begins.
    ///
    /// SQLite takes its write lock at once: a transaction that turns from reading to writing fails where another one
    /// wrote in between.
    pub const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
        }
    }

    /// How a transaction that only reads begins.
    pub const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN DEFERRED",
        }
    }

    /// What a `SELECT` ends with so that its rows stay locked until commit.
    ///
    /// Nothing on SQLite: a transaction that writes has the whole database to itself.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
        }
    }

    /// The end of an `INSERT` that overwrites the row that is there already.
    ///
    /// `conflict` is the unique key that decides, `columns` are overwritten with the new values.
    pub(crate) fn upsert(self, conflict: &str, columns: &[&str]) -> String {
        self.on_conflict(conflict) + &self.assignments(columns)
    }

    /// After [`Engine::on_conflict`]: overwrites these columns with the new values.
    pub(crate) fn assignments(self, columns: &[&str]) -> String {
        let assignments: Vec<String> =
            columns.iter().map(|column| format!("{column} = {}", self.new_value(column))).collect();
        assignments.join(", ")
    }

    /// The end of an `INSERT` up to the assignments that follow where the row is there already.
    pub(crate) fn on_conflict(self, conflict: &str) -> String {
        match self {
            Self::Sqlite => format!(" ON CONFLICT ({conflict}) DO UPDATE SET "),
        }
    }

    /// In such an assignment: the value that was to be inserted.
    pub(crate) fn new_value(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("excluded.{column}"),
        }
    }

    /// The start of an `INSERT` that leaves a row alone that is there already.
    pub(crate) const fn insert_new(self) -> &'static str {
        match self {
            Self::Sqlite => "INSERT OR IGNORE INTO ",
        }
    }

    /// Whether the database asks to run the whole transaction again: busy, deadlock, serialization failure.
    ///
    /// `code` is the driver's. For every engine at once, since an error does not tell which one it came from: SQLite's
    /// are numbers whose low byte is the plain one (`SQLITE_BUSY` and `SQLITE_LOCKED` in all their extended forms).
    pub(crate) fn is_passing(code: &str) -> bool {
        code.parse::<i32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6))
    }

    /// Sets a fresh connection up.
    pub(crate) async fn prepare(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        match self {
            // WAL: readers do not wait for the writer. FULL: what was committed survives a power cut. FAST: pages that
            // are written anyway are overwritten where something was deleted.
            Self::Sqlite => {
                sqlx::raw_sql(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                     PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000",
                )
                .execute(connection)
                .await?;
            }
        }
        Ok(())
    }

    /// The schema, step by step.
    pub(crate) const fn migrations(self) -> &'static [Migration] {
        match self {
            Self::Sqlite => SQLITE_MIGRATIONS,
        }
    }
}
