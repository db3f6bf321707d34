//! Opening an SQLite file.

use std::fmt::Write as _;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{PoolSettings, Pools};
use crate::commit_group::Writers;
use crate::engine::Purpose;
use crate::point::SingleRowReader;
use crate::{Engine, StoreError};

/// Connections for reads of more than one row: two per processor minus one, within these bounds. Each has its own
/// cache and prepared statements, some megabytes. The writer and the single-row reader have other connections.
const READERS: RangeInclusive<u32> = 3..=7;

/// How long a transaction waits for a connection. A device gives up a request after 10 to 30 s.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Opens the file of a URL. Creates a missing file if `create` is set.
pub(super) async fn connect(url: &str, create: bool) -> Result<Pools, StoreError> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
    if path == ":memory:" {
        // Each connection would have a database of its own, so there is only one.
        let read = pool(Purpose::Writing, 1, "sqlite::memory:").await?;
        let point = SingleRowReader::through_driver(read.clone());
        return Ok(Pools { write: read.clone(), point, read, writers: None });
    }
    if path.is_empty() || path.contains('?') {
        return Err(StoreError::Url("want sqlite:// and the path of a file, without parameters".into()));
    }
    let file = prepare_file(Path::new(path), create)?;
    let url = format!("sqlite://{}?mode=rw", percent_encoded(&file));
    let write = pool(Purpose::Writing, 1, &url).await?;
    let writers = Some((Writers::File(file.clone()), MAX_WAIT));
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let readers =
        u32::try_from(2 * processors - 1).unwrap_or(u32::MAX).clamp(*READERS.start(), *READERS.end());
    let read = pool(Purpose::Reading, readers, &url).await?;
    Ok(Pools { point: SingleRowReader::for_file(file, read.clone()).await?, read, write, writers })
}

async fn pool(purpose: Purpose, connections: u32, url: &str) -> Result<sqlx::AnyPool, StoreError> {
    // Connections to a file do not break.
    let settings = PoolSettings { most: connections, longest_wait: MAX_WAIT, idle: None, life: None };
    super::pool(Engine::Sqlite, purpose, &settings, url.parse()?).await
}

/// Creates the file if `create` is set, readable by its owner alone, and returns its full path.
fn prepare_file(path: &Path, create: bool) -> Result<PathBuf, StoreError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| StoreError::File { path, source }
    };
    let path = std::path::absolute(path).map_err(failed(path))?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(StoreError::Url("the path does not end in a file name".into()));
    };
    if create && !path.exists() {
        private_folder(folder).map_err(failed(folder))?;
        private_file(&path).map_err(failed(&path))?;
    }
    // A URL resolves `..` without following links, so the path must not contain it.
    Ok(folder.canonicalize().map_err(failed(folder))?.join(name))
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.exists() {
        Ok(())
    } else {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }
}

/// SQLite gives its write-ahead log the permissions of the database file.
#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).map(drop)
}

fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            other => {
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use sqlx::{Any, Executor, query_scalar};

    use super::*;

    async fn pragma(connection: impl Executor<'_, Database = Any>, sql: &'static str) -> i64 {
        query_scalar(sql).fetch_one(connection).await.expect("a value")
    }

    #[tokio::test]
    async fn every_connection_makes_commits_durable_and_checks_references() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/muster.db", folder.path().display());

        let pools = crate::open::connect(Engine::Sqlite, &url, true).await.expect("connected");

        for pool in [&pools.read, &pools.write] {
            assert_eq!(pragma(pool, "PRAGMA synchronous").await, 2, "FULL");
            assert_eq!(pragma(pool, "PRAGMA foreign_keys").await, 1);
            let mode: String = query_scalar("PRAGMA journal_mode").fetch_one(pool).await.expect("a value");
            assert_eq!(mode, "wal");
        }
        let (writers, _) = pools.writers.expect("those who take turns");
        let mut writer = writers.connect(Engine::Sqlite).await.expect("connected");
        assert_eq!(pragma(writer.db(), "PRAGMA synchronous").await, 2, "FULL");
        assert_eq!(pragma(writer.db(), "PRAGMA foreign_keys").await, 1);
        assert_eq!(pragma(writer.db(), "PRAGMA secure_delete").await, 1, "ON");
        let mode: String = query_scalar("PRAGMA journal_mode").fetch_one(writer.db()).await.expect("a value");
        assert_eq!(mode, "wal");
    }

    #[test]
    fn special_characters_of_a_path_are_encoded_in_a_url() {
        assert_eq!(percent_encoded(Path::new("/a b/100%/x?.db")), "/a%20b/100%25/x%3F.db");
    }
}
