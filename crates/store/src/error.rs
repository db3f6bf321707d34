//! What can go wrong between us and the database.

use std::path::PathBuf;

/// A failure of the store. Never holds content: no names, passwords, cards, templates or keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another transaction was in the way: run the whole transaction again ([`crate::Store::retrying`]).
    #[error("the database is busy: {0}")]
    Busy(#[source] sqlx::Error),
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
    /// Whether running the same transaction again may succeed.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// Whether a row was refused because one with its key is there already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(ref database) => {
                let passing = database.code().is_some_and(|code| crate::Engine::is_passing(&code));
                if passing { Self::Busy(error) } else { Self::Driver(error) }
            }
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
