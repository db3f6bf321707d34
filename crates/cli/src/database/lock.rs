//! The lock of a database file: only one server at a time holds it.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The held lock. The operating system releases the lock when the process ends, even after a crash.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Whether a server uses this database now.
///
/// # Errors
/// The lock file cannot be opened.
pub fn is_served(database: &Path) -> anyhow::Result<bool> {
    let path = lock_path(database);
    match File::open(&path) {
        Ok(file) => Ok(matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", path.display())),
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

/// Locks a database for this server.
///
/// # Errors
/// Another server holds the lock, or the lock file cannot be written.
pub fn lock(database: &Path) -> anyhow::Result<Lock> {
    let path = lock_path(database);
    let cannot = || format!("cannot lock {}", path.display());
    // Not truncated: the file holds the process id of the server that holds the lock.
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&path).with_context(cannot)?;
    match file.try_lock() {
        Ok(()) => {
            let note = format!("{}\n", std::process::id());
            file.set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| file.write_all(note.as_bytes()))
                .with_context(cannot)?;
            Ok(Lock { _file: file })
        }
        Err(TryLockError::WouldBlock) => {
            let mut note = String::new();
            let process = file.read_to_string(&mut note).ok().and_then(|_| note.trim().parse::<u32>().ok());
            let process = process.map(|id| format!(" (process {id})")).unwrap_or_default();
            bail!(
                "another server{process} uses the database {}: stop it first, or start this one with its own \
                 --data-dir. Commands such as `muster user list` may run beside a server",
                database.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_served_once_at_a_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("muster.db");
        let first = lock(&database).expect("nobody has it");
        let refused = lock(&database).expect_err("it is taken").to_string();
        let process = format!("another server (process {})", std::process::id());
        assert!(refused.contains(&process) && refused.contains("muster.db"), "{refused}");
        drop(first);
        lock(&database).expect("it is free again");
    }
}
