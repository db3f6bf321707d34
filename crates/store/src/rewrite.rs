//! Rewriting of SQLite files: removes the bytes that deleted rows leave behind.
//!
//! With `secure_delete`, SQLite overwrites the rows and pages that it frees. Three places may keep bytes
//! nevertheless. First, the write-ahead log holds earlier versions of pages until SQLite overwrites them; a
//! checkpoint that truncates the log removes them. Second, earlier versions of Muster set `secure_delete` to `FAST`,
//! which does not overwrite whole pages that are freed. Third, SQLite does not promise to overwrite the gap in a page
//! when rows move. `VACUUM` builds the file from live rows only, which removes the second and the third.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::inline_sqlite::error;
use crate::{Store, StoreError};

/// The result for the files of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewritten {
    /// The files were rewritten, and the log is empty.
    Done,
    /// A reader kept the log in use. It may hold bytes of deleted rows until SQLite overwrites them.
    LogInUse,
    /// The client cannot rewrite the files: the database is on a server, or in memory.
    NotHere,
}

/// How long this waits for other processes that write or read.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// `VACUUM` builds files up to this size in memory, larger ones in a temporary file.
const MAX_IN_MEMORY_BYTES: u64 = 256 << 20;

/// Attempts to empty the log while another process reads.
const ATTEMPTS: u32 = 5;

impl Store {
    /// Rewrites the file of an SQLite database, so that no byte of deleted rows stays in it, and empties its log.
    ///
    /// Other processes cannot write in the meantime. The file system needs free space for twice the size of the file.
    ///
    /// # Errors
    /// Database errors: then the file is unchanged.
    pub async fn rewrite(&self) -> Result<Rewritten, StoreError> {
        let Some(file) = self.file() else { return Ok(Rewritten::NotHere) };
        aside(move || {
            let bytes = std::fs::metadata(&file).map(|metadata| metadata.len());
            let in_memory = bytes.is_ok_and(|bytes| bytes <= MAX_IN_MEMORY_BYTES);
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
    /// Database errors.
    pub async fn empty_log(&self) -> Result<Rewritten, StoreError> {
        let Some(file) = self.file() else { return Ok(Rewritten::NotHere) };
        aside(move || empty_log(&open(&file)?)).await
    }
}

fn open(file: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(MAX_WAIT)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")?;
    Ok(connection)
}

fn empty_log(connection: &Connection) -> Result<Rewritten, rusqlite::Error> {
    connection.busy_timeout(MAX_WAIT / ATTEMPTS)?;
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
