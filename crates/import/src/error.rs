//! Errors of an import.

use store::StoreError;

/// A failure that ends an import. It holds no password and no data of the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file does not exist.
    #[error("there is no file {0}")]
    NoFile(String),
    /// The file is not an SQLite database.
    #[error(
        "{0} is not an SQLite database: name the file of the old server's database, usually zkpush.db; one that was \
         copied while it was being written may be damaged, copy it again with the old server stopped"
    )]
    NoDatabase(String),
    /// The database cannot be opened or copied.
    #[error("cannot open {source_name}: {reason}")]
    Open {
        /// The database, without a password.
        source_name: String,
        /// The reason in words.
        reason: String,
    },
    /// The database belongs to Muster.
    #[error("{0} is a database of Muster itself, not of another server")]
    OwnDatabase(String),
    /// A required table of the old server is missing.
    #[error(
        "{source_name} has no table {table}, so it is not a database of the old server: it has {found}. Check the \
         name of the file or database."
    )]
    NoTable {
        /// The database.
        source_name: String,
        /// The missing table.
        table: &'static str,
        /// The tables of the database.
        found: String,
    },
    /// A required column is missing.
    #[error(
        "the table {table} in {source_name} has no column {column}, so it is not a table of the old server: it has {found}"
    )]
    NoColumn {
        /// The database.
        source_name: String,
        /// The table.
        table: String,
        /// The missing column.
        column: &'static str,
        /// The columns of the table.
        found: String,
    },
    /// A query failed.
    #[error("cannot read the table {table} in {source_name}: {reason}")]
    Read {
        /// The database.
        source_name: String,
        /// The table.
        table: String,
        /// The reason in words.
        reason: String,
    },
    /// Muster's own database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The driver's message, except for errors whose text holds the rejected value.
pub(crate) fn in_words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            "a value does not have the type of its column".to_owned()
        }
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
