//! Group commit: transactions that write one after the other share one commit.
//!
//! SQLite lets one transaction write at a time, and on a database server one at a time has the clock of the feed; and a commit
//! waits for the disk. Whoever has to wait for that anyway joins the transaction of those before; the last one commits for all,
//! and everybody is told after that. Where the clock stands is known among them, and written with the commit.
//!
//! **Invariant**: [`GroupedTransaction::commit`] returns `Ok` only after a commit that holds everything the member wrote. A member that
//! goes back ([`GroupedTransaction::rollback`]) before it wrote anything leaves the transaction as it was; one that ends otherwise, by
//! an error or after it wrote, takes the transaction with it, and those who were to be committed with it are told to run again
//! ([`StoreError::GroupAborted`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::{AnyPool, raw_sql};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::connection::{Connection, Db};
use crate::engine::Purpose;
use crate::inline_sqlite::InlineSqlite;
use crate::{Engine, FeedCounters, StoreError, feed_clock, open};

/// How many share a commit at most: the first of them waits for all.
const MOST: usize = 32;

/// Where those who share their commits write.
#[derive(Clone, Debug)]
pub(crate) enum Writers {
    /// Over a connection of the driver.
    Pool(AnyPool),
    /// Into this file of SQLite, without the driver.
    File(PathBuf),
}

/// The turn to write, of one process.
#[derive(Debug)]
pub(crate) struct WriteQueue {
    writers: Writers,
    engine: Engine,
    longest_wait: Duration,
    /// Whose turn it is holds this.
    turn: Arc<Mutex<WriterState>>,
    waiting: AtomicUsize,
    tally: Tally,
}

/// How much was shared since the start.
#[derive(Debug, Default)]
struct Tally {
    transactions: AtomicU64,
    commits: AtomicU64,
}

/// What whoever has the turn finds.
#[derive(Debug, Default)]
struct WriterState {
    /// A transaction that was left for the next one: then somebody waits.
    left: Option<CommitGroup>,
    /// The connection while there is no transaction. It is kept: a pool asks each that it is given back whether it is well.
    connection: Option<Connection>,
}

/// A transaction of those who share its commit. Dropped, it closes its connection, and that undoes it.
#[derive(Debug)]
struct CommitGroup {
    connection: Connection,
    /// Where the clock stands, as far as those who are done know.
    clock: Option<FeedCounters>,
    /// One of them moved it: its row is behind until the commit.
    moved: bool,
    /// Those who are done, and are told when it is committed. Who hears nothing was not.
    done: Vec<oneshot::Sender<Result<(), String>>>,
}

/// Somebody whose turn it is.
#[derive(Debug)]
pub(crate) struct GroupedTransaction {
    group: CommitGroup,
    queue: Arc<WriteQueue>,
    turn: OwnedMutexGuard<WriterState>,
    /// Nobody else joins.
    alone: bool,
    /// It did more than read.
    wrote: bool,
}

/// Somebody who waits for the turn.
struct QueueTicket<'t> {
    queue: &'t Arc<WriteQueue>,
    over: bool,
}

impl Writers {
    /// A connection for who has the turn.
    pub(crate) async fn connect(&self, engine: Engine) -> Result<Connection, StoreError> {
        match self {
            Self::Pool(pool) => Ok(Connection::Driver(pool.acquire().await?.detach())),
            Self::File(file) => {
                let opened = InlineSqlite::open(file.clone(), engine.setup(Purpose::Writing)).await?;
                Ok(Connection::InlineSqlite(Box::new(opened)))
            }
        }
    }
}

impl WriteQueue {
    pub(crate) fn new(writers: Writers, engine: Engine, longest_wait: Duration) -> Arc<Self> {
        Arc::new(Self {
            writers,
            engine,
            longest_wait,
            turn: Arc::default(),
            waiting: AtomicUsize::new(0),
            tally: Tally::default(),
        })
    }

    /// Waits for the turn. Who is `alone` shares its commit with nobody: for what takes long.
    pub(crate) async fn next(self: &Arc<Self>, alone: bool) -> Result<GroupedTransaction, StoreError> {
        let waiting = QueueTicket::of(self);
        let turn = tokio::time::timeout(self.longest_wait, Arc::clone(&self.turn).lock_owned()).await;
        let Ok(mut turn) = turn else { return Err(sqlx::Error::PoolTimedOut.into()) };
        waiting.ends();
        let group = match turn.left.take() {
            Some(group) if alone => {
                // Those it is about are told how it went.
                let _ = group.commit(&mut turn, &self.tally).await;
                self.begin(&mut turn).await?
            }
            Some(group) => group,
            None => self.begin(&mut turn).await?,
        };
        self.tally.transactions.fetch_add(1, Ordering::Relaxed);
        Ok(GroupedTransaction { group, queue: Arc::clone(self), turn, alone, wrote: false })
    }

    async fn begin(&self, turn: &mut WriterState) -> Result<CommitGroup, StoreError> {
        let mut connection = match turn.connection.take() {
            Some(connection) => connection,
            None => self.writers.connect(self.engine).await?,
        };
        match connection.begin(self.engine).await.map_err(StoreError::from) {
            Ok(()) => Ok(CommitGroup { connection, clock: None, moved: false, done: Vec::new() }),
            Err(error) => {
                if let (StoreError::Lost(_), Writers::Pool(pool)) = (&error, &self.writers) {
                    open::try_all(pool);
                }
                // Another process writes: there is nothing wrong with the connection.
                turn.connection = matches!(error, StoreError::Busy(_)).then_some(connection);
                Err(error)
            }
        }
    }

    /// Closes the connection, when it is nobody's turn.
    pub(crate) async fn close(&self) {
        let connection = self.turn.lock().await.connection.take();
        if let Some(connection) = connection {
            connection.close().await;
        }
    }

    /// The file that is written, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.writers {
            Writers::Pool(_) => None,
            Writers::File(file) => Some(file),
        }
    }

    /// How many transactions wrote, and how many commits that took.
    pub(crate) fn tally(&self) -> (u64, u64) {
        let Tally { transactions, commits } = &self.tally;
        (transactions.load(Ordering::Relaxed), commits.load(Ordering::Relaxed))
    }

    /// Commits what was left for somebody who does not come any more.
    async fn clear(self: Arc<Self>) {
        let mut turn = self.turn.lock().await;
        if let Some(group) = turn.left.take() {
            // Those it is about are told how it went.
            let _ = group.commit(&mut turn, &self.tally).await;
        }
    }
}

impl CommitGroup {
    /// Commits, and tells those who are done.
    async fn commit(self, turn: &mut WriterState, tally: &Tally) -> Result<(), sqlx::Error> {
        let Self { connection, clock, moved, done } = self;
        let committed = write(connection, clock.filter(|_| moved)).await.map(|connection| {
            turn.connection = Some(connection);
        });
        tally.commits.fetch_add(1, Ordering::Relaxed);
        for member in done {
            // Who does not wait any more need not be told.
            let _ = member.send(committed.as_ref().map_err(ToString::to_string).copied());
        }
        committed
    }
}

/// Writes where the clock stands, and commits.
async fn write(mut connection: Connection, clock: Option<FeedCounters>) -> Result<Connection, sqlx::Error> {
    if let Some(clock) = clock {
        feed_clock::write(connection.db(), clock).await?;
    }
    connection.commit().await
}

impl GroupedTransaction {
    pub(crate) const fn db(&mut self) -> Db<'_> {
        self.group.connection.db().watched(&mut self.wrote)
    }

    /// Where the clock stands, where that was looked at in this transaction.
    pub(crate) const fn clock(&self) -> Option<FeedCounters> {
        self.group.clock
    }

    /// Returns when what the member wrote is durable. `clock` is where it leaves the clock, as far as it knows, and whether
    /// it has `moved` it.
    pub(crate) async fn commit(mut self, clock: Option<FeedCounters>, moved: bool) -> Result<(), StoreError> {
        self.group.clock = clock;
        self.group.moved |= moved;
        if !self.somebody_joins() {
            return self.group.commit(&mut self.turn, &self.queue.tally).await.map_err(StoreError::of_commit);
        }
        let (done, committed) = oneshot::channel();
        self.group.done.push(done);
        self.leave();
        match committed.await {
            Ok(outcome) => outcome.map_err(StoreError::GroupCommitFailed),
            Err(_) => Err(StoreError::GroupAborted),
        }
    }

    /// Undoes what the member wrote. What those before wrote stays, if it wrote nothing; they run again otherwise.
    pub(crate) async fn rollback(mut self) -> Result<(), StoreError> {
        if self.group.done.is_empty() {
            raw_sql("ROLLBACK").execute(self.group.connection.db()).await?;
            self.turn.connection = Some(self.group.connection);
        } else if !self.wrote && self.somebody_joins() {
            self.leave();
        } else if !self.wrote {
            // Those it is about are told how it went.
            let _ = self.group.commit(&mut self.turn, &self.queue.tally).await;
        }
        Ok(())
    }

    /// Whether somebody waits who may go on in this transaction.
    fn somebody_joins(&self) -> bool {
        !self.alone && self.group.done.len() + 1 < MOST && self.queue.waiting.load(Ordering::Acquire) > 0
    }

    /// Leaves the transaction to the next one.
    fn leave(mut self) {
        self.turn.left = Some(self.group);
    }
}

impl<'t> QueueTicket<'t> {
    fn of(queue: &'t Arc<WriteQueue>) -> Self {
        queue.waiting.fetch_add(1, Ordering::AcqRel);
        Self { queue, over: false }
    }

    fn ends(mut self) {
        self.over = true;
    }
}

impl Drop for QueueTicket<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::AcqRel);
        if !self.over {
            // A transaction may have been left for it.
            tokio::spawn(Arc::clone(self.queue).clear());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::task::Poll;

    use sqlx::{query, query_scalar};
    use tempfile::TempDir;
    use tokio::task::JoinSet;

    use super::*;
    use crate::open;

    /// A database of one table of numbers, none of which may be in another table at commit.
    struct Numbers {
        queue: Arc<WriteQueue>,
        read: AnyPool,
        _folder: TempDir,
    }

    impl Numbers {
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite://{}", folder.path().join("numbers.db").display());
            let pools = open::connect(Engine::Sqlite, &url, true).await.expect("a database");
            let tables = "CREATE TABLE there (number INTEGER PRIMARY KEY); \
                CREATE TABLE number (number INTEGER REFERENCES there (number) DEFERRABLE INITIALLY DEFERRED); \
                INSERT INTO there WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 99) \
                SELECT n FROM n";
            raw_sql(tables).execute(&pools.write).await.expect("tables");
            let (writers, longest_wait) = pools.writers.expect("queue");
            let queue = WriteQueue::new(writers, Engine::Sqlite, longest_wait);
            Self { queue, read: pools.read, _folder: folder }
        }

        async fn next(&self) -> GroupedTransaction {
            self.queue.next(false).await.expect("the turn")
        }

        async fn kept(&self) -> BTreeSet<i64> {
            let numbers = query_scalar("SELECT number FROM number").fetch_all(&self.read).await;
            numbers.expect("numbers").into_iter().collect()
        }

        /// Somebody who waits for the turn, reads, and goes back.
        fn reader(&self) -> impl Future<Output = Result<(), StoreError>> + Send + 'static {
            let queue = Arc::clone(&self.queue);
            async move {
                let mut member = queue.next(false).await?;
                let _: i64 =
                    query_scalar("SELECT COUNT(*) FROM number").fetch_one(member.db()).await.expect("read");
                member.rollback().await
            }
        }

        /// Somebody who waits for the turn, writes a number and commits.
        fn writer(&self, number: i64) -> impl Future<Output = Result<(), StoreError>> + Send + 'static {
            let queue = Arc::clone(&self.queue);
            async move {
                let mut member = queue.next(false).await?;
                put(&mut member, number).await;
                member.commit(None, false).await
            }
        }
    }

    async fn put(member: &mut GroupedTransaction, number: i64) {
        let insert = query("INSERT INTO number (number) VALUES (?)").bind(number);
        insert.execute(member.db()).await.expect("inserted");
    }

    /// Everybody who was started is where it can get no further.
    async fn all_wait() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn those_who_wait_share_one_commit() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let mut others: JoinSet<_> = (1..=20).map(|number| numbers.writer(number)).collect();
        all_wait().await;
        assert_eq!(numbers.kept().await, BTreeSet::new());

        first.commit(None, false).await.expect("committed");
        assert_eq!(numbers.kept().await, (0..=20).collect(), "nobody is told before all are there");
        while let Some(other) = others.join_next().await {
            other.expect("no panic").expect("committed");
        }
        assert_eq!(numbers.queue.tally(), (21, 1));

        numbers.writer(21).await.expect("committed");
        assert_eq!(numbers.queue.tally(), (22, 2), "nobody waits for others that do not come");
    }

    #[tokio::test]
    async fn not_more_than_some_share_a_commit() {
        let numbers = Numbers::new().await;
        let first = numbers.next().await;
        let mut others: JoinSet<_> = (1..=80).map(|number| numbers.writer(number)).collect();
        all_wait().await;
        first.commit(None, false).await.expect("committed");
        assert!(numbers.kept().await.len() < 80);
        while let Some(other) = others.join_next().await {
            other.expect("no panic").expect("committed");
        }
        assert_eq!((numbers.kept().await.len(), numbers.queue.tally()), (80, (81, 3)));
    }

    #[tokio::test]
    async fn who_goes_back_before_it_wrote_leaves_those_before_as_they_were() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let back = tokio::spawn(numbers.reader());
        all_wait().await;
        let last = tokio::spawn(numbers.writer(2));
        all_wait().await;

        first.commit(None, false).await.expect("committed");
        back.await.expect("no panic").expect("went back");
        last.await.expect("no panic").expect("committed");
        assert_eq!(numbers.kept().await, BTreeSet::from([0, 2]));
        assert_eq!(numbers.queue.tally(), (3, 1));

        // The last one in it may go back too.
        let mut first = numbers.next().await;
        put(&mut first, 3).await;
        let back = tokio::spawn(numbers.reader());
        all_wait().await;
        first.commit(None, false).await.expect("committed");
        back.await.expect("no panic").expect("went back");
        assert_eq!(numbers.kept().await, BTreeSet::from([0, 2, 3]));
    }

    /// Somebody writes after another one who waits to be committed, and ends otherwise than by a commit.
    async fn ends_in_between<E, F>(numbers: &Numbers, end: E)
    where
        E: FnOnce(GroupedTransaction) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let queue = Arc::clone(&numbers.queue);
        let other = tokio::spawn(async move {
            let mut member = queue.next(false).await.expect("the turn");
            put(&mut member, 1).await;
            end(member).await;
        });
        all_wait().await;

        let told = first.commit(None, false).await;
        assert!(matches!(&told, Err(StoreError::GroupAborted)), "{told:?}");
        assert!(told.is_err_and(|error| error.retryable()));
        other.await.expect("no panic");
        numbers.writer(2).await.expect("committed");
        assert_eq!(numbers.kept().await, BTreeSet::from([2]));
    }

    #[tokio::test]
    async fn who_fails_has_the_others_run_again() {
        ends_in_between(&Numbers::new().await, |member| async { drop(member) }).await;
    }

    #[tokio::test]
    async fn who_goes_back_after_it_wrote_has_those_before_run_again() {
        let numbers = Numbers::new().await;
        ends_in_between(&numbers, |member| async { member.rollback().await.expect("went back") }).await;

        // Alone it takes nothing but its own with it.
        let mut member = numbers.next().await;
        put(&mut member, 3).await;
        member.rollback().await.expect("went back");
        numbers.writer(4).await.expect("committed");
        assert_eq!(numbers.kept().await, BTreeSet::from([2, 4]));
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_for_all() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let second = tokio::spawn(numbers.writer(1_000));
        all_wait().await;

        let told = first.commit(None, false).await;
        assert!(matches!(&told, Err(StoreError::GroupCommitFailed(_))), "{told:?}");
        assert!(second.await.expect("no panic").is_err());
        assert_eq!(numbers.kept().await, BTreeSet::new());
        numbers.writer(2).await.expect("the next one is not concerned");
        assert_eq!(numbers.kept().await, BTreeSet::from([2]));
    }

    #[tokio::test]
    async fn who_takes_long_is_alone() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let queue = Arc::clone(&numbers.queue);
        let long = tokio::spawn(async move { queue.next(true).await });
        all_wait().await;
        first.commit(None, false).await.expect("committed before the long one is");
        let mut long = long.await.expect("no panic").expect("the turn");
        put(&mut long, 1).await;

        let last = tokio::spawn(numbers.writer(2));
        all_wait().await;
        long.commit(None, false).await.expect("committed");
        last.await.expect("no panic").expect("committed");
        assert_eq!((numbers.kept().await, numbers.queue.tally()), (BTreeSet::from([0, 1, 2]), (3, 3)));
    }

    /// Whoever waits may give up at any time: a server that ends, a test that is over.
    #[tokio::test]
    async fn nobody_waits_for_one_who_gave_up() {
        for moment in 0..60 {
            let numbers = Numbers::new().await;
            let mut first = numbers.next().await;
            put(&mut first, 0).await;
            let queue = Arc::clone(&numbers.queue);
            let mut waiting = Box::pin(async move { queue.next(false).await.map(drop) });
            std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await;
            let first = tokio::spawn(first.commit(None, false));
            for _ in 0..moment {
                tokio::task::yield_now().await;
            }
            drop(waiting);
            first.await.expect("no panic").expect("committed");
            assert_eq!(numbers.kept().await, BTreeSet::from([0]));
        }
    }
}
