//! Why an old database cannot be taken in.

use store::StoreError;

/// A failure that ends an import. Never holds a password, and nothing of what the database holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is no such file.
    #[error("there is no file {0}")]
    NoFile(String),
    /// The file is something else.
    #[error(
        "{0} is no SQLite database: name the file of the old server's database, usually zkpush.db; one that was \
         copied while it was being written may be damaged, copy it again with the old server stopped"
    )]
    NoDatabase(String),
    /// It cannot be opened or copied.
    #[error("cannot open {source_name}: {reason}")]
    Open {
        /// Which, without a password.
        source_name: String,
        /// Why, in words.
        reason: String,
    },
    /// It is Muster's.
    #[error("{0} is a database of Muster itself, not of another server")]
    OwnDatabase(String),
    /// A table is missing without which it is none of the old server's.
    #[error(
        "{source_name} has no table {table}, so it is no database of the older server: it has {found}. Is another file \
         or another database meant?"
    )]
    NoTable {
        /// Which database.
        source_name: String,
        /// What is missing.
        table: &'static str,
        /// The tables that are there.
        found: String,
    },
    /// A column is missing without which a table cannot be read.
    #[error(
        "the table {table} in {source_name} has no column {column}, so it is no table of the older server: it has {found}"
    )]
    NoColumn {
        /// Which database.
        source_name: String,
        /// Which table.
        table: String,
        /// What is missing.
        column: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// A query failed.
    #[error("cannot read the table {table} in {source_name}: {reason}")]
    Read {
        /// Which database.
        source_name: String,
        /// Which table.
        table: String,
        /// Why, in words.
        reason: String,
    },
    /// Muster's own database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a driver says, but for errors whose text holds the value that did not fit.
pub(crate) fn in_words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            "a value is not what its column says".to_owned()
        }
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
