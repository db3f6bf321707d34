//! Opening a database: what a URL may say, and the connections to it.

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
    /// Where single rows are read.
    pub point: SingleRowReader,
    pub write: AnyPool,
    /// Where those write who change the fleet, and how long a transaction waits for its turn. `None` where there is one
    /// connection for everything.
    pub writers: Option<(Writers, Duration)>,
}

/// Connects to `url`; a database that is not there is made if `create` is set.
pub(crate) async fn connect(engine: Engine, url: &str, create: bool) -> Result<Pools, StoreError> {
    sqlx::any::install_default_drivers();
    match engine {
        Engine::Sqlite => sqlite::connect(url, create).await,
        Engine::Mysql => mysql::connect(url, create).await,
    }
}

/// How the connections of a pool are kept.
struct Keep {
    most: u32,
    /// How long a transaction waits for one.
    longest_wait: Duration,
    /// When one that nobody uses is closed; `None` = never.
    idle: Option<Duration>,
    /// When one is replaced in any case; `None` = never.
    life: Option<Duration>,
}

async fn pool(
    engine: Engine,
    purpose: Purpose,
    keep: &Keep,
    options: AnyConnectOptions,
) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(keep.most)
        .acquire_timeout(keep.longest_wait)
        // What is broken shows itself at the first query: then the transaction runs again on another connection.
        .test_before_acquire(false)
        .idle_timeout(keep.idle)
        .max_lifetime(keep.life)
        .after_connect(move |connection, _| {
            Box::pin(async move { engine.prepare(connection, purpose).await })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Begins a transaction on a connection of a pool.
///
/// Where that connection turns out to be broken, those that wait beside it may be too: the pool tries each of them
/// before it gives it out again. Otherwise a server that is back again would be met by as many errors as there are connections.
pub(crate) async fn begin(
    pool: &AnyPool,
    how: &'static str,
) -> Result<Transaction<'static, Any>, StoreError> {
    let begun = pool.begin_with(how).await.map_err(StoreError::from);
    if matches!(begun, Err(StoreError::Lost(_))) {
        try_all(pool);
    }
    begun
}

/// Has the pool try each connection that waits in it.
pub(crate) fn try_all(pool: &AnyPool) {
    // What is given back is tried.
    let waiting: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
    drop(waiting);
}
