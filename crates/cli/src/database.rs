//! Opening the database: for the server, which makes it and has it for itself, and for commands beside it.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use store::{Keys, Store, StoreError};

use crate::config::{Settings, mask};
use crate::{key_file, system};

/// The right to serve a database. The operating system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Makes the database and its key where there are none, and opens it for this process alone.
///
/// # Errors
/// Another server has it; the key is missing or another one; the database cannot be made or opened.
pub async fn open_to_serve(settings: &Settings) -> anyhow::Result<(Store, Lock)> {
    let database = file_of(&settings.database);
    key_file::private_folder(&settings.server.data_dir)?;
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        key_file::private_folder(folder)?;
    }
    let lock = lock(&database)?;
    let secret = match secret(settings)? {
        Some(secret) => secret,
        None if has_content(&database) => return Err(missing_key(settings)),
        None => {
            let secret = system::secret()?;
            let path = key_file::path(&settings.server.data_dir);
            key_file::create(&path, &secret)?;
            tracing::info!(key = %path.display(), "a new key was made: save it, apart from the database");
            secret
        }
    };
    let store = Store::open(&settings.database, Keys::from_secret(&secret))
        .await
        .map_err(|error| explained(settings, error))?;
    Ok((store, lock))
}

/// Opens the database beside a running server.
///
/// # Errors
/// There is none yet; the key is missing or another one; the schema is not this program's.
pub async fn open_beside(settings: &Settings) -> anyhow::Result<Store> {
    let database = file_of(&settings.database);
    if !has_content(&database) {
        bail!(
            "there is no database {} yet: start the server once (`muster serve`), or run this in its directory, \
             or name it with --data-dir or --database",
            database.display()
        );
    }
    let Some(secret) = secret(settings)? else { return Err(missing_key(settings)) };
    Store::open_existing(&settings.database, Keys::from_secret(&secret))
        .await
        .map_err(|error| explained(settings, error))
}

/// Whether a server serves this database now.
///
/// # Errors
/// The lock file cannot be opened.
pub fn is_served(settings: &Settings) -> anyhow::Result<bool> {
    let path = lock_path(&file_of(&settings.database));
    match File::open(&path) {
        Ok(file) => Ok(matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", path.display())),
    }
}

/// The file of a URL, by the one path that every way to it leads to.
fn file_of(url: &str) -> PathBuf {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
    let path = PathBuf::from(path);
    path.canonicalize().unwrap_or(path)
}

fn has_content(database: &Path) -> bool {
    std::fs::metadata(database).is_ok_and(|file| file.len() > 0)
}

fn secret(settings: &Settings) -> anyhow::Result<Option<[u8; 32]>> {
    let path = key_file::path(&settings.server.data_dir);
    let secret = key_file::read(&path)?;
    if secret.is_some() && key_file::is_exposed(&path) {
        tracing::warn!(key = %path.display(), "others can read the key: chmod 600 {}", path.display());
    }
    Ok(secret)
}

fn missing_key(settings: &Settings) -> anyhow::Error {
    anyhow::anyhow!(
        "the key {} is missing, and the database {} was made with one: put back the key that was saved with it. \
         Without it templates and passwords cannot be read by anybody; a new key would not help",
        key_file::path(&settings.server.data_dir).display(),
        mask(&settings.database)
    )
}

/// What the store says, and what can be done about it.
fn explained(settings: &Settings, error: StoreError) -> anyhow::Error {
    let key = key_file::path(&settings.server.data_dir);
    let advice = match &error {
        StoreError::WrongKey => {
            format!("put back the {} that was saved with this database", key.display())
        }
        StoreError::SchemaTooOld { .. } => "start the server once, or run `muster migrate`".to_owned(),
        StoreError::SchemaTooNew { .. } => "run the newer version of Muster".to_owned(),
        StoreError::File { .. } => "look at permissions and free space of the folder".to_owned(),
        _ => return anyhow::Error::new(error).context(format!("cannot open {}", mask(&settings.database))),
    };
    anyhow::Error::new(error).context(format!("cannot open {}: {advice}", mask(&settings.database)))
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

/// Takes the right to serve a database.
fn lock(database: &Path) -> anyhow::Result<Lock> {
    let path = lock_path(database);
    let cannot = || format!("cannot lock {}", path.display());
    // Not emptied: it tells who has it.
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
