//! Opening of an old SQLite file without leaving files beside it.
//!
//! SQLite creates a `-shm` file, and a missing `-wal` file, even for a reader of a database in WAL mode. So a
//! database in WAL mode is read in place only while another process has it open, because then both files exist.
//! Otherwise a copy is read.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use super::connection::Connection;
use crate::error::{ImportError, in_words};

/// Longest wait for a writer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The journal mode, from the first bytes of a database.
enum Mode {
    /// Changes are written to a `-wal` file first.
    Wal,
    /// Any other mode.
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
        // No other process uses the copy, so its log is read too.
        Some(copy) => SqliteConnectOptions::new().filename(copy.path().join(NAME)),
        None => SqliteConnectOptions::new().filename(path).read_only(true),
    };
    let options = options.create_if_missing(false).busy_timeout(LONGEST_WAIT);
    let mut connection =
        SqliteConnection::connect_with(&options).await.map_err(|error| cannot(in_words(&error)))?;
    if snapshot {
        // In WAL mode a read transaction blocks no writer; in the other mode it would.
        let begun = sqlx::raw_sql("BEGIN").execute(&mut connection).await;
        begun.map_err(|error| cannot(in_words(&error)))?;
    }
    Ok(Connection::Sqlite { db: Box::new(connection), _copy: copy })
}

/// File name of the copy.
const NAME: &str = "copy.db";

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Reads the journal mode from the header of the file.
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
        // Format version 2 for writing and reading means WAL.
        [start @ .., _, _, written, read] if start == MAGIC => {
            Ok(if *written == 2 || *read == 2 { Mode::Wal } else { Mode::Journal })
        }
        _ => Err(ImportError::NoDatabase(name)),
    }
}

/// Copies the database and its log into a temporary directory that only its owner can read. It is deleted with the
/// connection.
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

/// File properties that change when another process writes.
fn state(path: &Path, wal: &Path) -> Vec<Option<(u64, Option<SystemTime>)>> {
    let of = |path: &Path| fs::metadata(path).ok().map(|file| (file.len(), file.modified().ok()));
    vec![of(path), of(wal)]
}
