//! Opening a database: the URL and its connections.

mod mysql;
mod sqlite;

use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, Transaction};

use crate::commit_group::Writers;
use crate::engine::Purpose;
use crate::point::SingleRowReader;
use crate::{Engine, StoreError};

/// The pools of one database.
pub(crate) struct Pools {
    pub read: AnyPool,
    /// The reader for single rows.
    pub point: SingleRowReader,
    pub write: AnyPool,
    /// Where transactions that change the fleet write, and how long one waits in the write queue. `None` for a
    /// database with a single connection.
    pub writers: Option<(Writers, Duration)>,
}

/// Connects to `url`. Creates a missing database if `create` is set.
pub(crate) async fn connect(engine: Engine, url: &str, create: bool) -> Result<Pools, StoreError> {
    sqlx::any::install_default_drivers();
    match engine {
        Engine::Sqlite => sqlite::connect(url, create).await,
        Engine::Mysql => mysql::connect(url, create).await,
    }
}

/// How a pool manages its connections.
struct PoolSettings {
    most: u32,
    /// How long a transaction waits for a connection.
    longest_wait: Duration,
    /// An unused connection is closed after this time; `None` = never.
    idle: Option<Duration>,
    /// Every connection is replaced after this time; `None` = never.
    life: Option<Duration>,
}

async fn pool(
    engine: Engine,
    purpose: Purpose,
    settings: &PoolSettings,
    options: AnyConnectOptions,
) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(settings.most)
        .acquire_timeout(settings.longest_wait)
        // A broken connection shows itself at the first query. The transaction then runs again on another one.
        .test_before_acquire(false)
        .idle_timeout(settings.idle)
        .max_lifetime(settings.life)
        .after_connect(move |connection, _| {
            Box::pin(async move { engine.prepare(connection, purpose).await })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Begins a transaction on a connection of a pool.
///
/// If that connection is broken, the idle ones may be broken too. The pool then tests each of them before its next
/// use. Otherwise a server that is back would cause one error per connection.
pub(crate) async fn begin(
    pool: &AnyPool,
    how: &'static str,
) -> Result<Transaction<'static, Any>, StoreError> {
    let begun = pool.begin_with(how).await.map_err(StoreError::from);
    if matches!(begun, Err(StoreError::Lost(_))) {
        test_idle_connections(pool);
    }
    begun
}

/// Makes the pool test all its idle connections.
pub(crate) fn test_idle_connections(pool: &AnyPool) {
    // The pool tests a connection that is given back.
    let waiting: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
    drop(waiting);
}
