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
    /// Whose turn it is to change the fleet, or to write at all where one at a time does. `None` where there is one
    /// connection for everything.
    turns: Option<Arc<WriteQueue>>,
    engine: Engine,
    keys: Arc<Keys>,
    watch: Arc<ChangeTracker>,
}

impl fmt::Debug for Store {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// A transaction. Dropped without [`Tx::commit`], it changed nothing.
///
/// What may be asked of it and written in it is in the modules of the tables, all as methods.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    pub(crate) engine: Engine,
    pub(crate) keys: Arc<Keys>,
    watch: Arc<ChangeTracker>,
    /// Where the clock stands, `None` where others may move it or this has not looked.
    pub(crate) clock: Option<FeedCounters>,
    /// This has moved the clock: its row is behind until the commit.
    pub(crate) moved: bool,
    /// Nobody else can write items until this ends, or this does not see it.
    pub(crate) items_stand: bool,
    /// Rows of items that were read while [`Self::items_stand`], by PIN: all of a PIN or none.
    pub(crate) items: HashMap<Pin, Vec<ItemRow>>,
}

/// What a transaction is for the database.
#[derive(Debug)]
enum Inner {
    /// One of its own.
    Own(Transaction<'static, Any>),
    /// A part of one that others write in as well.
    Shared(GroupedTransaction),
}

/// What one process watches to know that there may be work for its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedCounters {
    /// The newest number of the feed.
    pub head: Seq,
    /// Rises whenever something else was written that a device's next poll should see: an operator's command, an
    /// approval, a change of areas or options.
    pub wakes: i64,
}

/// What [`Store::retrying`] runs.
pub type Work<'t, T> = Pinned<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

impl Store {
    /// Opens the database of a URL and brings its schema up to date.
    ///
    /// `sqlite://` and a path: the file and its folder are made where they are missing, readable by their owner alone.
    /// `sqlite::memory:` is gone when it is closed, and has a single connection: a transaction waits for the one before.
    ///
    /// # Errors
    /// Most of [`StoreError`]; [`StoreError::WrongKey`] where the bodies in there were sealed with other keys.
    pub async fn open(url: &str, keys: Keys) -> Result<Self, StoreError> {
        let engine = Engine::of_url(url)?;
        let pools = open::connect(engine, url, true).await?;
        let store = Self::of(pools, engine, keys);
        store.migrate().await?;
        Ok(store)
    }

    /// Whether the database of a URL holds nothing of ours yet, or is not there. Makes and writes nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_new(url: &str) -> Result<bool, StoreError> {
        let engine = Engine::of_url(url)?;
        match open::connect(engine, url, false).await {
            Ok(pools) => Ok(migrate::schema_version(&pools.read).await? == 0),
            Err(StoreError::NoDatabase { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Opens a database that is there, as it is: for a second process beside a running server.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::SchemaTooOld`] instead of a migration.
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
        let turns = pools.writers.map(|(writers, longest)| WriteQueue::new(writers, engine, longest));
        Self {
            turns,
            read: pools.read,
            point: Arc::new(pools.point),
            write: pools.write,
            engine,
            keys: Arc::new(keys),
            watch: Arc::new(ChangeTracker::default()),
        }
    }

    /// Runs the steps of the schema that are missing; [`Store::open`] does.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] for a database of a newer program, [`StoreError::WrongKey`]: then nothing was written.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate::migrate(self.engine, &self.write, self.keys.check()).await
    }

    /// The schema's version; 0 for an empty database.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        migrate::schema_version(&self.read).await
    }

    /// Waits for open transactions and closes every connection.
    pub async fn close(&self) {
        self.read.close().await;
        self.point.close().await;
        if let Some(turns) = &self.turns {
            turns.close().await;
        }
        self.write.close().await;
    }

    /// Which engine this is.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The key of content hashes.
    pub fn hash_key(&self) -> &HashKey {
        self.keys.hash_key()
    }

    /// A transaction that reads: all of it sees the database as it was at its first query.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = open::begin(&self.read, self.engine.begin_read()).await?;
        Ok(self.tx(Inner::Own(inner), true))
    }

    /// A transaction that writes. On SQLite one at a time: this waits for the one before, and may share its commit.
    ///
    /// # Errors
    /// Those of the database: [`StoreError::Busy`] where another process writes for long, [`StoreError::Unreachable`] where
    /// those before in this process take too long.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        if self.engine.writers_exclude_each_other() { self.next(false).await } else { self.begin_own().await }
    }

    /// A transaction that changes the fleet: it has the clock, and with it all items ([`Tx::lock_clock`]). One at a time of
    /// this process, and of all: this waits for the one before, and may share its commit.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_fleet(&self) -> Result<Tx, StoreError> {
        self.next(false).await
    }

    /// As [`Store::write_fleet`], for what takes long: it shares its commit with nobody, so that nobody waits for it who was
    /// there before.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_fleet_alone(&self) -> Result<Tx, StoreError> {
        self.next(true).await
    }

    async fn next(&self, alone: bool) -> Result<Tx, StoreError> {
        let mut tx = match &self.turns {
            Some(turns) => {
                let member = turns.next(alone).await?;
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

    /// Whether one transaction at a time writes, so that to find out beforehand what will be written saves nobody's time but
    /// that of those who wait.
    pub const fn writes_one_at_a_time(&self) -> bool {
        self.engine.writers_exclude_each_other()
    }

    /// How many transactions that may share their commit wrote since this was opened, and how many commits they took.
    pub fn shared_commits(&self) -> (u64, u64) {
        self.turns.as_ref().map_or((0, 0), |turns| turns.tally())
    }

    /// The file of an SQLite database.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.turns.as_ref()?.file().map(Path::to_path_buf)
    }

    /// For queries of one row.
    pub(crate) fn point(&self) -> &SingleRowReader {
        &self.point
    }

    fn tx(&self, inner: Inner, items_stand: bool) -> Tx {
        Tx {
            inner,
            engine: self.engine,
            keys: Arc::clone(&self.keys),
            watch: Arc::clone(&self.watch),
            clock: None,
            moved: false,
            items_stand,
            items: HashMap::new(),
        }
    }

    /// Runs `work` in a transaction that writes, commits it, and runs all of it again where another one was in the way.
    ///
    /// `work` therefore must not do anything that counts outside the transaction.
    ///
    /// # Errors
    /// The last one, after some attempts; at once what is not [`StoreError::retryable`].
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

    /// The newest number of the feed, and whether anything else happened; one query of one row.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn feed_counters(&self) -> Result<FeedCounters, StoreError> {
        let (head, wakes) =
            query_as("SELECT seq, wakes FROM feed_clock WHERE id = 1").fetch_one(&self.read).await?;
        let feed_counters = FeedCounters { head: Seq(head), wakes };
        self.watch.saw(feed_counters);
        Ok(feed_counters)
    }

    /// The moment of the feed, without asking the database: of the changes of other processes it knows those that the last
    /// [`Store::feed_counters`] told of, of those made by this store and its clones all.
    pub fn change_epoch(&self) -> ChangeEpoch {
        self.watch.change_epoch()
    }
}

impl Tx {
    /// Makes everything written in it durable and visible.
    ///
    /// # Errors
    /// Those of the database: then nothing was written.
    pub async fn commit(self) -> Result<(), StoreError> {
        let moved = self.clock.filter(|_| self.moved);
        let committed = match self.inner {
            Inner::Own(mut tx) => {
                if let Some(clock) = moved {
                    feed_clock::write(Db::driver(&mut tx), clock).await?;
                }
                tx.commit().await.map_err(StoreError::of_commit)
            }
            Inner::Shared(member) => member.commit(self.clock, self.moved).await,
        };
        match (moved, &committed) {
            (Some(feed_counters), Ok(())) => self.watch.saw(feed_counters),
            (Some(_), Err(_)) => self.watch.invalidate(),
            (None, _) => {}
        }
        committed
    }

    /// Undoes everything written in it. Dropping it does the same a little later. Where something was written, or it is dropped,
    /// that may take with it what was to be committed together with it: then that runs again.
    ///
    /// # Errors
    /// Those of the database.
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
