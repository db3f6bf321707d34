//! Opening the file of an old SQLite database without leaving a trace beside it.
//!
//! SQLite makes a `-shm` file, and a `-wal` file where there is none, even for whoever only reads a database in WAL mode.
//! So a database in that mode is read where it is only while somebody has it open, since then both are there; else a
//! copy of it is read.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use super::connection::Connection;
use crate::error::{ImportError, in_words};

/// How long a writer is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What the first bytes of a database say.
enum Mode {
    /// Its changes are in a `-wal` file at first.
    Wal,
    /// Any other.
    Journal,
}

pub(super) async fn open(path: &Path) -> Result<Connection, ImportError> {
    let cannot = |reason: String| ImportError::Open { source_name: path.display().to_string(), reason };
    let (wal, shm) = (beside(path, "-wal"), beside(path, "-shm"));
    let (copy, snapshot) = match mode(path)? {
        Mode::Journal => (None, false),
        Mode::Wal if wal.exists() && shm.exists() => (None, true),
        Mode::Wal => (Some(copy(path, &wal).map_err(cannot)?), true),
    };
    let options = match &copy {
        // Nobody else has the copy: the log is read into it.
        Some(copy) => SqliteConnectOptions::new().filename(copy.path().join(NAME)),
        None => SqliteConnectOptions::new().filename(path).read_only(true),
    };
    let options = options.create_if_missing(false).busy_timeout(LONGEST_WAIT);
    let mut connection =
        SqliteConnection::connect_with(&options).await.map_err(|error| cannot(in_words(&error)))?;
    if snapshot {
        // In WAL mode this is in no writer's way; in the other it would be.
        let begun = sqlx::raw_sql("BEGIN").execute(&mut connection).await;
        begun.map_err(|error| cannot(in_words(&error)))?;
    }
    Ok(Connection::Sqlite { db: Box::new(connection), _copy: copy })
}

/// The name of the copy in its folder.
const NAME: &str = "copy.db";

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Looks at the header of the file.
fn mode(path: &Path) -> Result<Mode, ImportError> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    const HEADER: u64 = 20;
    let name = path.display().to_string();
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ImportError::NoFile(name.clone()),
        _ => ImportError::Open { source_name: name.clone(), reason: error.to_string() },
    };
    let file = File::open(path).map_err(cannot)?;
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(ImportError::NoDatabase(name));
    }
    let mut header = Vec::new();
    file.take(HEADER).read_to_end(&mut header).map_err(cannot)?;
    match header.as_slice() {
        // Versions 2 of the format of writing and reading are those of WAL.
        [start @ .., _, _, written, read] if start == MAGIC => {
            Ok(if *written == 2 || *read == 2 { Mode::Wal } else { Mode::Journal })
        }
        _ => Err(ImportError::NoDatabase(name)),
    }
}

/// Copies the database and its log into a folder that is readable by its owner alone and is gone with the connection.
fn copy(path: &Path, wal: &Path) -> Result<TempDir, String> {
    let failed = |error: std::io::Error| format!("it has to be copied to be read, and {error}");
    let before = state(path, wal);
    let folder = tempfile::Builder::new().prefix("muster-import-").tempdir().map_err(failed)?;
    fs::copy(path, folder.path().join(NAME)).map_err(failed)?;
    if wal.exists() {
        fs::copy(wal, folder.path().join(format!("{NAME}-wal"))).map_err(failed)?;
    }
    if state(path, wal) == before {
        Ok(folder)
    } else {
        Err("it was written to at the very moment: run this again".to_owned())
    }
}

/// What changes when somebody writes.
fn state(path: &Path, wal: &Path) -> Vec<Option<(u64, Option<SystemTime>)>> {
    let of = |path: &Path| fs::metadata(path).ok().map(|file| (file.len(), file.modified().ok()));
    vec![of(path), of(wal)]
}
