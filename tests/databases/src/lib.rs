//! An empty database for each test, on the engine of the test run.
//!
//! With `MUSTER_TEST_DATABASE=mariadb`, every test that asks for a [`Database`] runs on MariaDB; without it, or
//! with `sqlite`, on SQLite. `scripts/test` runs both. The MariaDB server is real: `scripts/test` starts it and
//! passes its socket in `MUSTER_TEST_MARIADB`. Without that, the first test of a process starts its own server.

#![expect(clippy::missing_panics_doc, reason = "a test without its database panics")]

mod mariadb;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub use self::mariadb::MariaDb;

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An SQLite file in a temporary directory.
    Sqlite,
    /// A database of a MariaDB server.
    MariaDb,
}

impl Kind {
    /// The engine of this test run.
    pub fn of_run() -> Self {
        match std::env::var("MUSTER_TEST_DATABASE").as_deref() {
            Err(_) | Ok("" | "sqlite") => Self::Sqlite,
            Ok("mariadb") => Self::MariaDb,
            Ok(other) => panic!("MUSTER_TEST_DATABASE={other}: want sqlite or mariadb"),
        }
    }
}

/// An empty database, which is removed when this is dropped.
#[derive(Debug)]
pub struct Database {
    kind: Kind,
    url: String,
    folder: TempDir,
    name: Option<String>,
}

impl Database {
    /// A database on the engine of this test run.
    pub fn new() -> Self {
        Self::of(Kind::of_run())
    }

    /// A database on a certain engine, for tests that need it.
    pub fn of(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (url, name) = match kind {
            Kind::Sqlite => (format!("sqlite://{}", folder.path().join("muster.db").display()), None),
            Kind::MariaDb => {
                let server = MariaDb::shared();
                let name = server.create();
                (server.url(&name), Some(name))
            }
        };
        Self { kind, url, folder, name }
    }

    /// The engine.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The URL that opens it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A temporary directory, which contains the file of an SQLite database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of an SQLite database.
    pub fn file(&self) -> PathBuf {
        assert_eq!(self.kind, Kind::Sqlite, "a database of a server has no file of ours");
        self.folder.path().join("muster.db")
    }
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            MariaDb::shared().drop_database(name);
        }
    }
}
