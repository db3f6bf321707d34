//! What can go wrong between us and the database.

use std::path::PathBuf;

use crate::Engine;
use crate::engine::Passing;

/// A failure of the store. Never holds content: no names, passwords, cards, templates or keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another transaction was in the way: run the whole transaction again ([`crate::Store::retrying`]).
    #[error("the database is busy: {0}")]
    Busy(#[source] sqlx::Error),
    /// What was decided on changed before it was written or sent: decide again.
    #[error("the fleet changed while this was decided")]
    Conflict,
    /// Another transaction that was to be committed together with this one failed, and nothing of either was written: run
    /// the whole transaction again.
    #[error("another change that was to be written together with this one failed")]
    GroupAborted,
    /// The commit that this transaction shared with others failed.
    #[error("the database failed to write changes of several requests together: {0}")]
    GroupCommitFailed(String),
    /// The connection to the database broke, or the server stops or hands over to another: nothing was committed.
    #[error("the connection to the database is lost: {0}")]
    Lost(#[source] sqlx::Error),
    /// The database did not answer in time.
    #[error("the database does not answer: {0}")]
    Unreachable(#[source] sqlx::Error),
    /// The connection broke while a transaction was being committed.
    #[error(
        "the connection to the database broke in the middle of a change: it may have been written or not ({0})"
    )]
    Uncertain(#[source] sqlx::Error),
    /// The driver or the database failed.
    #[error("the database failed: {0}")]
    Driver(#[source] sqlx::Error),
    /// A row holds what this program never writes.
    #[error("{table}.{column} of {key} holds what should not be there")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, as people would name it.
        key: String,
    },
    /// A sealed body does not open: damaged, moved to another row, or sealed with another key.
    #[error("the sealed content of {place} does not open")]
    Sealed {
        /// Where it stands.
        place: String,
    },
    /// The database was made with another key.
    #[error(
        "this database was made with another key: its templates and passwords cannot be read with the one at hand"
    )]
    WrongKey,
    /// The schema is of a newer program.
    #[error("the database has schema {found}, newer than {known}, the newest this program knows")]
    SchemaTooNew {
        /// Version in the database.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// The schema is of an older program, and the caller did not ask for a migration.
    #[error("the database has schema {found}, older than {known}: start the server once to migrate it")]
    SchemaTooOld {
        /// Version in the database; 0 where there is none.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// The database holds tables of something else by names that we use.
    #[error(
        "this database holds a table {table} that is not Muster's: give Muster a database of its own. If it is \
         that of the older Node.js server: muster import zk-server takes its people over"
    )]
    Foreign {
        /// One of them.
        table: String,
    },
    /// There is no such database on the server.
    #[error("there is no database {name} on the server, and this user may not make it")]
    NoDatabase {
        /// Its name.
        name: String,
        /// Why it was not made, `None` where it was not to be made.
        source: Option<sqlx::Error>,
    },
    /// The database server is not one that this program works with, or is set up so that it cannot.
    #[error("this database server cannot be used: {0}")]
    Server(String),
    /// A URL that names no database.
    #[error("cannot open a database by this URL: {0}")]
    Url(String),
    /// The database file or its folder could not be made or protected.
    #[error("cannot prepare {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether running the same transaction again may succeed: another one was in the way or took this one with it, or the
    /// connection broke before anything was committed.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Conflict | Self::GroupAborted | Self::Lost(_))
    }

    /// The error of a commit: where the connection broke nobody knows what became of it.
    pub(crate) fn of_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Lost(error) => Self::Uncertain(error),
            other => other,
        }
    }

    /// Whether a row was refused because one with its key is there already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::Database(error)) if Engine::met_another_row(error.as_ref()))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(ref database) => match Engine::passing(database.as_ref()) {
                Some(Passing::Busy) => Self::Busy(error),
                Some(Passing::Away) => Self::Lost(error),
                None => Self::Driver(error),
            },
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => Self::Lost(error),
            sqlx::Error::PoolTimedOut => Self::Unreachable(error),
            // The source of these prints the value that did not fit: a name, or a sealed body.
            sqlx::Error::ColumnDecode { index, .. } => {
                Self::Inconsistent { table: "a query", column: "a column", key: format!("index {index}") }
            }
            sqlx::Error::Decode(_) => {
                Self::Inconsistent { table: "a query", column: "a column", key: "a row".into() }
            }
            other => Self::Driver(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_not_be_read_is_not_in_the_error() {
        let source = || Box::<dyn std::error::Error + Send + Sync>::from("expected BLOB, got Text(\"Ada\")");
        for error in [
            sqlx::Error::ColumnDecode { index: "name".into(), source: source() },
            sqlx::Error::Decode(source()),
        ] {
            let error = StoreError::from(error);
            assert!(matches!(error, StoreError::Inconsistent { .. }));
            assert!(!format!("{error} {error:?}").contains("Ada"));
        }
    }
}
