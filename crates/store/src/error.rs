//! Errors of the store.

use std::path::PathBuf;

use crate::Engine;
use crate::engine::Temporary;

/// An error of the store. It never holds content: no names, passwords, cards, templates or keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A conflict with another transaction: run the whole transaction again ([`crate::Store::retrying`]).
    #[error("the database is busy: {0}")]
    Busy(#[source] sqlx::Error),
    /// The data of a decision changed before the decision was written or sent: decide again.
    #[error("the fleet changed during the decision")]
    Conflict,
    /// Another transaction of the same commit group failed, and nothing of the group was written: run the whole
    /// transaction again.
    #[error("another transaction in the same commit group failed; nothing was written")]
    GroupAborted,
    /// The commit of this transaction's commit group failed.
    #[error("the commit of a group of transactions failed: {0}")]
    GroupCommitFailed(String),
    /// The connection to the database broke, or the server shuts down or fails over: nothing was committed.
    #[error("the connection to the database is lost: {0}")]
    Lost(#[source] sqlx::Error),
    /// The database did not answer in time.
    #[error("the database does not answer: {0}")]
    Unreachable(#[source] sqlx::Error),
    /// The connection broke during a commit.
    #[error(
        "the connection to the database broke during a commit: the change may have been written or not ({0})"
    )]
    Uncertain(#[source] sqlx::Error),
    /// The driver or the database failed.
    #[error("the database failed: {0}")]
    Driver(#[source] sqlx::Error),
    /// A row holds a value that this program never writes.
    #[error("{table}.{column} of {key} holds an invalid value")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, named for operators.
        key: String,
    },
    /// A sealed body cannot be decrypted: it is damaged, was moved to another row, or was sealed with another key.
    #[error("the sealed content of {place} cannot be decrypted")]
    Sealed {
        /// Its place.
        place: String,
    },
    /// The database was created with another key.
    #[error(
        "this database was made with another key: its templates and passwords cannot be read with the present key"
    )]
    WrongKey,
    /// The schema belongs to a newer program.
    #[error("the database has schema {found}, newer than {known}, the newest this program knows")]
    SchemaTooNew {
        /// Version in the database.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// The schema belongs to an older program, and the caller did not ask for a migration.
    #[error("the database has schema {found}, older than {known}: start the server once to migrate it")]
    SchemaTooOld {
        /// Version in the database; 0 if it has no schema.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// The database holds foreign tables with names that Muster uses.
    #[error(
        "this database holds a table {table} that is not Muster's: give Muster a database of its own. If it is \
         that of the older Node.js server: muster import zk-server takes its people over"
    )]
    Foreign {
        /// One of these tables.
        table: String,
    },
    /// The server has no such database.
    #[error("there is no database {name} on the server, and this user may not create it")]
    NoDatabase {
        /// Its name.
        name: String,
        /// Why it was not created; `None` if that was not attempted.
        source: Option<sqlx::Error>,
    },
    /// Muster does not support the database server, or not with the server's configuration.
    #[error("this database server cannot be used: {0}")]
    Server(String),
    /// A URL that names no database.
    #[error("cannot open a database by this URL: {0}")]
    Url(String),
    /// The database file or its folder could not be created or protected.
    #[error("cannot prepare {path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether the same transaction may succeed if it runs again: there was a conflict, its commit group was aborted,
    /// or the connection broke before anything was committed.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Conflict | Self::GroupAborted | Self::Lost(_))
    }

    /// The error of a commit. If the connection broke, the outcome is unknown.
    pub(crate) fn of_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Lost(error) => Self::Uncertain(error),
            other => other,
        }
    }

    /// Whether a row was refused because its key already exists.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::Database(error)) if Engine::met_another_row(error.as_ref()))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(ref database) => match Engine::temporary(database.as_ref()) {
                Some(Temporary::Busy) => Self::Busy(error),
                Some(Temporary::Away) => Self::Lost(error),
                None => Self::Driver(error),
            },
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => Self::Lost(error),
            sqlx::Error::PoolTimedOut => Self::Unreachable(error),
            // The source of these errors prints the value that did not fit: a name, or a sealed body.
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
    fn an_error_does_not_hold_the_value_that_could_not_be_read() {
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
