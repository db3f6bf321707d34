//! Opens the database: for the server, which creates it, and for commands that run beside the server.
//!
//! Only one server at a time can use a database file. Several can use a database on a MySQL or MariaDB server.

mod lock;

use std::path::{Path, PathBuf};

use anyhow::bail;
use fleet::{Engine, Fleet, Rules, StoreError};

pub use self::lock::Lock;
use crate::config::{Settings, mask};
use crate::{key_file, system};

/// Connections of a command to a database server. Few are enough: a command sends one query after the other.
const FEW: u32 = 4;

/// Creates the database and its key if they do not exist, and opens the database. A file is locked for this process.
///
/// # Errors
/// Another server has the file; the key is missing or another one; the database cannot be made or opened.
pub async fn open_to_serve(settings: &Settings) -> anyhow::Result<(Fleet, Option<Lock>)> {
    key_file::private_folder(&settings.server.data_dir)?;
    let url = url_of(settings, settings.database_pool);
    let (lock, has_content) = match engine_of(settings)? {
        Engine::Sqlite => {
            let database = file_of(&settings.database);
            if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                key_file::private_folder(folder)?;
            }
            let lock = lock::lock(&database)?;
            (Some(lock), has_content(&database))
        }
        Engine::Mysql => {
            let is_new = Fleet::is_new(&url).await.map_err(|error| explained(settings, error))?;
            (None, !is_new)
        }
    };
    let (secret, made) = match secret(settings)? {
        Some(secret) => (secret, false),
        None if has_content => return Err(missing_key(settings)),
        None => {
            let secret = system::secret()?;
            let path = key_file::path(&settings.server.data_dir);
            key_file::create(&path, &secret)?;
            tracing::info!(key = %path.display(), "created a new key: save a copy of the key, apart from the database");
            (secret, true)
        }
    };
    match Fleet::open(&url, &secret, rules(settings), system::clock()).await {
        Ok(fleet) => Ok((fleet, lock)),
        Err(error) => {
            if made && matches!(error, StoreError::WrongKey) {
                // Another server created the database first, with its key. Nothing was sealed with ours.
                key_file::remove(&key_file::path(&settings.server.data_dir))?;
            }
            Err(explained(settings, error))
        }
    }
}

/// Opens the database beside a running server.
///
/// # Errors
/// The database does not exist; the key is missing or wrong; the schema is older or newer than this program.
pub async fn open_beside(settings: &Settings) -> anyhow::Result<Fleet> {
    if engine_of(settings)? == Engine::Sqlite {
        let database = file_of(&settings.database);
        if !has_content(&database) {
            bail!(
                "there is no database {} yet: start the server once (`muster serve`), or run this command in the \
                 server's directory, or name the database with --data-dir or --database",
                database.display()
            );
        }
    }
    let Some(secret) = secret(settings)? else { return Err(missing_key(settings)) };
    Fleet::open_existing(&url_of(settings, FEW), &secret, rules(settings), system::clock())
        .await
        .map_err(|error| explained(settings, error))
}

fn rules(settings: &Settings) -> Rules {
    settings.server.devices.fleet.clone()
}

/// Whether a server uses this database now; `None` for a database server, since a server on any machine may use it.
///
/// # Errors
/// The lock file cannot be opened.
pub fn is_served(settings: &Settings) -> anyhow::Result<Option<bool>> {
    match engine_of(settings)? {
        Engine::Sqlite => lock::is_served(&file_of(&settings.database)).map(Some),
        Engine::Mysql => Ok(None),
    }
}

fn engine_of(settings: &Settings) -> anyhow::Result<Engine> {
    Engine::of_url(&settings.database).map_err(|error| explained(settings, error))
}

/// The URL, with the number of connections as a parameter.
fn url_of(settings: &Settings, connections: u32) -> String {
    let url = &settings.database;
    match Engine::of_url(url) {
        Ok(Engine::Mysql) => {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}pool-size={connections}")
        }
        _ => url.clone(),
    }
}

/// The file of a URL, as its canonical path: two spellings of one file get the same lock.
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
    let key = key_file::path(&settings.server.data_dir);
    let whence = match Engine::of_url(&settings.database) {
        Ok(Engine::Mysql) => {
            "copy the key from a server that already uses this database, or put back the key that you saved"
        }
        _ => "put back the key that you saved with the database",
    };
    anyhow::anyhow!(
        "the key {} is missing, and the database {} was created with a key: {whence}. \
         Without this key nobody can read templates and passwords; a new key would not help",
        key.display(),
        mask(&settings.database)
    )
}

/// Adds advice for the operator to an error of the store.
fn explained(settings: &Settings, error: StoreError) -> anyhow::Error {
    let key = key_file::path(&settings.server.data_dir);
    let advice = match &error {
        StoreError::WrongKey => {
            format!(
                "put back the {} that you saved with this database; servers that share a database have the same key",
                key.display()
            )
        }
        StoreError::SchemaTooOld { .. } => "start the server once, or run `muster migrate`".to_owned(),
        StoreError::SchemaTooNew { .. } => "run the newer version of Muster".to_owned(),
        StoreError::File { .. } => "check the permissions and the free space of the directory".to_owned(),
        StoreError::NoDatabase { name, source: None } => {
            format!(
                "start the server once (`muster serve`): it creates {name} if the database user has the permission"
            )
        }
        StoreError::NoDatabase { name, source: Some(_) } => format!(
            "ask the administrator of the database server to create it: CREATE DATABASE `{name}` CHARACTER SET utf8mb4; \
             GRANT ALL ON `{name}`.* TO the user of this URL"
        ),
        StoreError::Lost(_) | StoreError::Unreachable(_) => {
            "is the database server running, and are host, port, user and password right?".to_owned()
        }
        _ => return anyhow::Error::new(error).context(format!("cannot open {}", mask(&settings.database))),
    };
    anyhow::Error::new(error).context(format!("cannot open {}: {advice}", mask(&settings.database)))
}
