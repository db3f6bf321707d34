//! The store and its transactions.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin as Pinned;
use std::sync::Arc;

use roster::{HashKey, Seq};
use sqlx::{Any, AnyPool, Transaction, query_as};
use wire::Pin;

use crate::change_tracker::ChangeTracker;
use crate::commit_group::{GroupedTransaction, WriteQueue};
use crate::connection::Db;
use crate::item::ItemRow;
use crate::point::SingleRowReader;
use crate::retry::Attempts;
use crate::{ChangeEpoch, Engine, Keys, StoreError, feed_clock, migrate, open};

/// A database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    read: AnyPool,
    point: Arc<SingleRowReader>,
    write: AnyPool,
    /// The queue of transactions that change the fleet; on SQLite, of all write transactions. `None` for a database
    /// with a single connection.
    write_queue: Option<Arc<WriteQueue>>,
    engine: Engine,
    keys: Arc<Keys>,
    change_tracker: Arc<ChangeTracker>,
}

impl fmt::Debug for Store {
    /// Leaves out the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// A transaction. Dropping it without [`Tx::commit`] rolls it back.
///
/// Its queries are methods in the modules of the tables.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    pub(crate) engine: Engine,
    pub(crate) keys: Arc<Keys>,
    change_tracker: Arc<ChangeTracker>,
    /// The feed clock; `None` if this transaction has not read it, or if others may advance it.
    pub(crate) clock: Option<FeedCounters>,
    /// This transaction advanced the clock. The database row is stale until the commit.
    pub(crate) clock_advanced: bool,
    /// Other transactions cannot change the items that this one sees, until it ends.
    pub(crate) items_stable: bool,
    /// Item rows that were read while [`Self::items_stable`], by PIN: either all rows of a PIN or none.
    pub(crate) items: HashMap<Pin, Vec<ItemRow>>,
}

/// The database side of a transaction.
#[derive(Debug)]
enum Inner {
    /// A database transaction of its own.
    Own(Transaction<'static, Any>),
    /// A member of a commit group.
    Shared(GroupedTransaction),
}

/// Two counters that tell a process whether there may be work for its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedCounters {
    /// The newest feed number.
    pub head: Seq,
    /// Increases whenever something else was written that the next poll of a device should see: a queued command, an
    /// approval, a change of areas or options.
    pub wakes: i64,
}

/// The future that [`Store::retrying`] runs.
pub type Work<'t, T> = Pinned<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

impl Store {
    /// Opens the database of a URL and migrates its schema.
    ///
    /// `sqlite://` and a path: the file and its folder are created if they are missing, readable by their owner
    /// alone. `sqlite::memory:` is lost when it is closed, and has a single connection: each transaction waits for
    /// the one before.
    ///
    /// # Errors
    /// Most of [`StoreError`]; [`StoreError::WrongKey`] if the bodies in the database were sealed with other keys.
    pub async fn open(url: &str, keys: Keys) -> Result<Self, StoreError> {
        let engine = Engine::of_url(url)?;
        let pools = open::connect(engine, url, true).await?;
        let store = Self::of(pools, engine, keys);
        store.migrate().await?;
        Ok(store)
    }

    /// Whether the database of a URL holds no schema of Muster yet, or does not exist. Creates and writes nothing.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_new(url: &str) -> Result<bool, StoreError> {
        let engine = Engine::of_url(url)?;
        match open::connect(engine, url, false).await {
            Ok(pools) => Ok(migrate::schema_version(&pools.read).await? == 0),
            Err(StoreError::NoDatabase { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Opens an existing database without a migration: for a second process beside a running server.
    ///
    /// # Errors
    /// Like [`Store::open`], but [`StoreError::SchemaTooOld`] instead of a migration.
    pub async fn open_existing(url: &str, keys: Keys) -> Result<Self, StoreError> {
        let engine = Engine::of_url(url)?;
        let pools = open::connect(engine, url, false).await?;
        let store = Self::of(pools, engine, keys);
        let (found, known) = (store.schema_version().await?, migrate::known_version());
        if found < known {
            return Err(StoreError::SchemaTooOld { found, known });
        }
        if found > known {
            return Err(StoreError::SchemaTooNew { found, known });
        }
        migrate::check_key(&mut *store.read.acquire().await?, store.keys.check()).await?;
        Ok(store)
    }

    fn of(pools: open::Pools, engine: Engine, keys: Keys) -> Self {
        let write_queue = pools.writers.map(|(writers, longest)| WriteQueue::new(writers, engine, longest));
        Self {
            write_queue,
            read: pools.read,
            point: Arc::new(pools.point),
            write: pools.write,
            engine,
            keys: Arc::new(keys),
            change_tracker: Arc::new(ChangeTracker::default()),
        }
    }

    /// Runs the missing migrations. [`Store::open`] does this already.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] for the database of a newer program, or [`StoreError::WrongKey`]: both before
    /// anything is written.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::migrate(self.engine, &self.write, self.keys.check()).await
    }

    /// The schema version; 0 for an empty database.
    ///
    /// # Errors
    /// Database errors.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        migrate::schema_version(&self.read).await
    }

    /// Waits for open transactions, then closes every connection.
    pub async fn close(&self) {
        self.read.close().await;
        self.point.close().await;
        if let Some(write_queue) = &self.write_queue {
            write_queue.close().await;
        }
        self.write.close().await;
    }

    /// The database engine.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The key of content hashes.
    pub fn hash_key(&self) -> &HashKey {
        self.keys.hash_key()
    }

    /// Begins a read transaction. All its queries see one snapshot, taken at the first query.
    ///
    /// # Errors
    /// Database errors.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = open::begin(&self.read, self.engine.begin_read()).await?;
        Ok(self.tx(Inner::Own(inner), true))
    }

    /// Begins a write transaction. On SQLite it waits in the write queue and may share its commit.
    ///
    /// # Errors
    /// Database errors: [`StoreError::Busy`] if another process writes for too long, [`StoreError::Unreachable`] if
    /// earlier transactions of this process take too long.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        if self.engine.writers_exclude_each_other() { self.next(false).await } else { self.begin_own().await }
    }

    /// Begins a transaction that changes the fleet. It holds the feed clock, and with it all items
    /// ([`Tx::lock_clock`]). One such transaction runs at a time, across all processes. It waits in the write queue
    /// and may share its commit.
    ///
    /// # Errors
    /// Like [`Store::write`].
    pub async fn write_fleet(&self) -> Result<Tx, StoreError> {
        self.next(false).await
    }

    /// Like [`Store::write_fleet`], for a long transaction. It shares its commit with no other, so that no earlier
    /// transaction has to wait for it.
    ///
    /// # Errors
    /// Like [`Store::write`].
    pub async fn write_fleet_alone(&self) -> Result<Tx, StoreError> {
        self.next(true).await
    }

    async fn next(&self, exclusive: bool) -> Result<Tx, StoreError> {
        let mut tx = match &self.write_queue {
            Some(write_queue) => {
                let member = write_queue.next(exclusive).await?;
                let clock = member.clock();
                Tx { clock, ..self.tx(Inner::Shared(member), false) }
            }
            None => self.begin_own().await?,
        };
        tx.lock_clock().await?;
        Ok(tx)
    }

    async fn begin_own(&self) -> Result<Tx, StoreError> {
        let inner = open::begin(&self.write, self.engine.begin_write()).await?;
        Ok(self.tx(Inner::Own(inner), self.engine.writers_exclude_each_other()))
    }

    /// Whether write transactions run one at a time. If so, a pass without the lock before the transaction saves time
    /// only for the transactions that wait in the queue.
    pub const fn writes_one_at_a_time(&self) -> bool {
        self.engine.writers_exclude_each_other()
    }

    /// How many transactions went through the write queue since the store was opened, and how many commits they took.
    pub fn shared_commits(&self) -> (u64, u64) {
        self.write_queue.as_ref().map_or((0, 0), |write_queue| write_queue.tally())
    }

    /// The file of an SQLite database.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.write_queue.as_ref()?.file().map(Path::to_path_buf)
    }

    /// The reader for queries of a single row.
    pub(crate) fn point(&self) -> &SingleRowReader {
        &self.point
    }

    fn tx(&self, inner: Inner, items_stable: bool) -> Tx {
        Tx {
            inner,
            engine: self.engine,
            keys: Arc::clone(&self.keys),
            change_tracker: Arc::clone(&self.change_tracker),
            clock: None,
            clock_advanced: false,
            items_stable,
            items: HashMap::new(),
        }
    }

    /// Runs `work` in a write transaction and commits it. Runs all of it again after a conflict with another
    /// transaction.
    ///
    /// `work` must therefore have no lasting effect outside the transaction.
    ///
    /// # Errors
    /// The last error, after several attempts; at once an error that is not [`StoreError::retryable`].
    pub async fn retrying<T, F>(&self, mut work: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'t> FnMut(&'t mut Tx) -> Work<'t, T> + Send,
    {
        let mut attempts = Attempts::new();
        loop {
            match self.attempt(&mut work).await {
                Err(error) if attempts.again(&error).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn attempt<T, F>(&self, work: &mut F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'t> FnMut(&'t mut Tx) -> Work<'t, T> + Send,
    {
        let mut tx = self.write().await?;
        let outcome = work(&mut tx).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Reads the newest feed number and the wake counter, from one row.
    ///
    /// # Errors
    /// Database errors.
    pub async fn feed_counters(&self) -> Result<FeedCounters, StoreError> {
        let (head, wakes) =
            query_as("SELECT seq, wakes FROM feed_clock WHERE id = 1").fetch_one(&self.read).await?;
        let feed_counters = FeedCounters { head: Seq(head), wakes };
        self.change_tracker.saw(feed_counters);
        Ok(feed_counters)
    }

    /// The current epoch of the feed, without a query. It covers every change made through this store and its clones,
    /// and the changes of other processes up to the last [`Store::feed_counters`].
    pub fn change_epoch(&self) -> ChangeEpoch {
        self.change_tracker.change_epoch()
    }
}

impl Tx {
    /// Makes everything that the transaction wrote durable and visible.
    ///
    /// # Errors
    /// Database errors: then nothing was written. [`StoreError::Uncertain`] leaves that open.
    pub async fn commit(self) -> Result<(), StoreError> {
        let new_clock = self.clock.filter(|_| self.clock_advanced);
        let committed = match self.inner {
            Inner::Own(mut tx) => {
                if let Some(clock) = new_clock {
                    feed_clock::write(Db::driver(&mut tx), clock).await?;
                }
                tx.commit().await.map_err(StoreError::of_commit)
            }
            Inner::Shared(member) => member.commit(self.clock, self.clock_advanced).await,
        };
        match (new_clock, &committed) {
            (Some(feed_counters), Ok(())) => self.change_tracker.saw(feed_counters),
            (Some(_), Err(_)) => self.change_tracker.invalidate(),
            (None, _) => {}
        }
        committed
    }

    /// Rolls the transaction back. Dropping it does the same a little later. If it wrote something, or if it is
    /// dropped, this aborts its commit group: the members that wait for the commit run again.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Own(tx) => Ok(tx.rollback().await?),
            Inner::Shared(member) => member.rollback().await,
        }
    }

    /// The key of content hashes.
    pub fn hash_key(&self) -> &HashKey {
        self.keys.hash_key()
    }

    pub(crate) fn db(&mut self) -> Db<'_> {
        match &mut self.inner {
            Inner::Own(tx) => Db::driver(tx),
            Inner::Shared(member) => member.db(),
        }
    }
}
