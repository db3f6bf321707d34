//! Removing what SQLite leaves behind in its files when rows are deleted.
//!
//! With `secure_delete` SQLite overwrites rows and pages that it frees. Three places may keep bytes all the same. The
//! write-ahead log holds earlier versions of pages until SQLite writes over them: a checkpoint that truncates empties it.
//! Earlier versions of Muster set `secure_delete` to `FAST`, which does not overwrite whole pages that are freed. And SQLite
//! does not promise to overwrite the gap of a page that it fills anew when rows move. `VACUUM` builds the file out of live
//! rows, so that neither is left.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::inline_sqlite::error;
use crate::{Store, StoreError};

/// What was done with the files of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewritten {
    /// It succeeded, and the log is empty.
    Done,
    /// A reader kept the log from being emptied: bytes of deleted rows may stand in it until that happens by itself.
    LogInUse,
    /// The engine has no files that a client can write anew: a database server, or a database in memory.
    NotHere,
}

/// How long this waits for other processes that write or read.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A file up to this size is built anew in memory, a larger one in a temporary file.
const MOST_IN_MEMORY: u64 = 256 << 20;

/// How often the log is tried while somebody reads.
const ATTEMPTS: u32 = 5;

impl Store {
    /// Writes the file of an SQLite database anew, so that no byte of deleted rows stays in it, and empties its log.
    ///
    /// Others cannot write meanwhile. The file system needs as much free space as the file takes, twice.
    ///
    /// # Errors
    /// Those of the database: then the file is as it was.
    pub async fn rewrite(&self) -> Result<Rewritten, StoreError> {
        let Some(file) = self.file() else { return Ok(Rewritten::NotHere) };
        aside(move || {
            let bytes = std::fs::metadata(&file).map(|metadata| metadata.len());
            let in_memory = bytes.is_ok_and(|bytes| bytes <= MOST_IN_MEMORY);
            let connection = open(&file)?;
            let place = if in_memory { "MEMORY" } else { "FILE" };
            connection.execute_batch(&format!("PRAGMA temp_store = {place}; VACUUM"))?;
            empty_log(&connection)
        })
        .await
    }

    /// Empties the log of an SQLite database, which holds earlier versions of pages.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn empty_log(&self) -> Result<Rewritten, StoreError> {
        let Some(file) = self.file() else { return Ok(Rewritten::NotHere) };
        aside(move || empty_log(&open(&file)?)).await
    }
}

fn open(file: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(LONGEST_WAIT)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")?;
    Ok(connection)
}

fn empty_log(connection: &Connection) -> Result<Rewritten, rusqlite::Error> {
    connection.busy_timeout(LONGEST_WAIT / ATTEMPTS)?;
    for _ in 0..ATTEMPTS {
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 {
            return Ok(Rewritten::Done);
        }
    }
    Ok(Rewritten::LogInUse)
}

async fn aside(
    work: impl FnOnce() -> Result<Rewritten, rusqlite::Error> + Send + 'static,
) -> Result<Rewritten, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
    done.map_err(|failure| error(failure).into())
}
