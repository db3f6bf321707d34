//! Group commit: consecutive write transactions share one commit.
//!
//! SQLite runs one write transaction at a time. On a database server, one transaction at a time holds the feed clock.
//! Each commit waits for the disk. A transaction that waits in the write queue anyway joins the open commit group: it
//! continues in the database transaction of the members before it. The last member commits the group; then all of
//! them return. The members pass the state of the feed clock on in memory, and the commit writes it.
//!
//! **Invariant**: [`GroupedTransaction::commit`] returns `Ok` only after a commit that holds everything the member
//! wrote. A member that rolls back ([`GroupedTransaction::rollback`]) before it wrote anything leaves the group as it
//! was. A member that ends in another way, by an error or by a rollback after it wrote, aborts the whole group. The
//! members that waited for the commit then get [`StoreError::GroupAborted`] and run again.

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

/// Maximum members of a commit group. The first member waits for all the others.
const MAX_MEMBERS: usize = 32;

/// Where the members of commit groups write.
#[derive(Clone, Debug)]
pub(crate) enum Writers {
    /// Through a connection of the driver.
    Pool(AnyPool),
    /// Directly into this SQLite file, without the driver.
    File(PathBuf),
}

/// The write queue of one process.
#[derive(Debug)]
pub(crate) struct WriteQueue {
    writers: Writers,
    engine: Engine,
    longest_wait: Duration,
    /// The member that writes at the moment holds this lock.
    writer: Arc<Mutex<WriterState>>,
    waiting: AtomicUsize,
    tally: Tally,
}

/// Counters since the start of the process.
#[derive(Debug, Default)]
struct Tally {
    transactions: AtomicU64,
    commits: AtomicU64,
}

/// State that each writer takes over from the writer before.
#[derive(Debug, Default)]
struct WriterState {
    /// A group that is not committed yet. It is here only if another transaction waits in the queue.
    open_group: Option<CommitGroup>,
    /// The connection while no group is open. It is kept here, because a pool tests each connection that is given
    /// back.
    connection: Option<Connection>,
}

/// An open commit group. Dropping it closes its connection, which rolls everything back.
#[derive(Debug)]
struct CommitGroup {
    connection: Connection,
    /// The feed clock, as far as the finished members know it.
    clock: Option<FeedCounters>,
    /// A member advanced the clock. Its database row is stale until the commit.
    clock_advanced: bool,
    /// Finished members that wait for the commit. A sender that is dropped tells its member that the group was not
    /// committed.
    done: Vec<oneshot::Sender<Result<(), String>>>,
}

/// The member of a commit group that writes at the moment.
#[derive(Debug)]
pub(crate) struct GroupedTransaction {
    group: CommitGroup,
    queue: Arc<WriteQueue>,
    writer: OwnedMutexGuard<WriterState>,
    /// No other transaction may join the group after this one.
    exclusive: bool,
    /// This member ran a statement that may write.
    wrote: bool,
}

/// A transaction that waits in the write queue.
struct QueueTicket<'t> {
    queue: &'t Arc<WriteQueue>,
    served: bool,
}

impl Writers {
    /// Opens a connection for writing.
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
            writer: Arc::default(),
            waiting: AtomicUsize::new(0),
            tally: Tally::default(),
        })
    }

    /// Waits until this transaction may write. An `exclusive` transaction, which may take long, shares its commit with no
    /// other.
    pub(crate) async fn next(self: &Arc<Self>, exclusive: bool) -> Result<GroupedTransaction, StoreError> {
        let waiting = QueueTicket::of(self);
        let writer = tokio::time::timeout(self.longest_wait, Arc::clone(&self.writer).lock_owned()).await;
        let Ok(mut writer) = writer else { return Err(sqlx::Error::PoolTimedOut.into()) };
        waiting.mark_served();
        let group = match writer.open_group.take() {
            Some(group) if exclusive => {
                // The outcome is sent to the members of that group.
                let _ = group.commit(&mut writer, &self.tally).await;
                self.begin(&mut writer).await?
            }
            Some(group) => group,
            None => self.begin(&mut writer).await?,
        };
        self.tally.transactions.fetch_add(1, Ordering::Relaxed);
        Ok(GroupedTransaction { group, queue: Arc::clone(self), writer, exclusive, wrote: false })
    }

    async fn begin(&self, writer: &mut WriterState) -> Result<CommitGroup, StoreError> {
        let mut connection = match writer.connection.take() {
            Some(connection) => connection,
            None => self.writers.connect(self.engine).await?,
        };
        match connection.begin(self.engine).await.map_err(StoreError::from) {
            Ok(()) => Ok(CommitGroup { connection, clock: None, clock_advanced: false, done: Vec::new() }),
            Err(error) => {
                if let (StoreError::Lost(_), Writers::Pool(pool)) = (&error, &self.writers) {
                    open::test_idle_connections(pool);
                }
                // Another process writes. The connection itself is intact.
                writer.connection = matches!(error, StoreError::Busy(_)).then_some(connection);
                Err(error)
            }
        }
    }

    /// Waits until no transaction writes, then closes the connection.
    pub(crate) async fn close(&self) {
        let connection = self.writer.lock().await.connection.take();
        if let Some(connection) = connection {
            connection.close().await;
        }
    }

    /// The SQLite file, if the queue writes to one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.writers {
            Writers::Pool(_) => None,
            Writers::File(file) => Some(file),
        }
    }

    /// The number of transactions, and the number of commits that they took.
    pub(crate) fn tally(&self) -> (u64, u64) {
        let Tally { transactions, commits } = &self.tally;
        (transactions.load(Ordering::Relaxed), commits.load(Ordering::Relaxed))
    }

    /// Commits a group that was handed to a waiting transaction which then gave up.
    async fn commit_open_group(self: Arc<Self>) {
        let mut writer = self.writer.lock().await;
        if let Some(group) = writer.open_group.take() {
            // The outcome is sent to the members of that group.
            let _ = group.commit(&mut writer, &self.tally).await;
        }
    }
}

impl CommitGroup {
    /// Commits, and sends the outcome to the finished members.
    async fn commit(self, writer: &mut WriterState, tally: &Tally) -> Result<(), sqlx::Error> {
        let Self { connection, clock, clock_advanced, done } = self;
        let committed = write(connection, clock.filter(|_| clock_advanced)).await.map(|connection| {
            writer.connection = Some(connection);
        });
        tally.commits.fetch_add(1, Ordering::Relaxed);
        for member in done {
            // A member that stopped waiting needs no answer.
            let _ = member.send(committed.as_ref().map_err(ToString::to_string).copied());
        }
        committed
    }
}

/// Writes the feed clock, then commits.
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

    /// The feed clock, if a member of this group has read it.
    pub(crate) const fn clock(&self) -> Option<FeedCounters> {
        self.group.clock
    }

    /// Returns when everything that this member wrote is durable. `clock` is the feed clock as far as this member
    /// knows it; `clock_advanced` tells whether this member advanced it.
    pub(crate) async fn commit(
        mut self,
        clock: Option<FeedCounters>,
        clock_advanced: bool,
    ) -> Result<(), StoreError> {
        self.group.clock = clock;
        self.group.clock_advanced |= clock_advanced;
        if !self.another_can_join() {
            return self
                .group
                .commit(&mut self.writer, &self.queue.tally)
                .await
                .map_err(StoreError::of_commit);
        }
        let (done, committed) = oneshot::channel();
        self.group.done.push(done);
        self.hand_over();
        match committed.await {
            Ok(outcome) => outcome.map_err(StoreError::GroupCommitFailed),
            Err(_) => Err(StoreError::GroupAborted),
        }
    }

    /// Rolls this member back. If it wrote nothing, the writes of earlier members stay. Otherwise those members run
    /// again.
    pub(crate) async fn rollback(mut self) -> Result<(), StoreError> {
        if self.group.done.is_empty() {
            raw_sql("ROLLBACK").execute(self.group.connection.db()).await?;
            self.writer.connection = Some(self.group.connection);
        } else if !self.wrote && self.another_can_join() {
            self.hand_over();
        } else if !self.wrote {
            // The outcome is sent to the members of that group.
            let _ = self.group.commit(&mut self.writer, &self.queue.tally).await;
        }
        Ok(())
    }

    /// Whether a waiting transaction may join this group.
    fn another_can_join(&self) -> bool {
        !self.exclusive
            && self.group.done.len() + 1 < MAX_MEMBERS
            && self.queue.waiting.load(Ordering::Acquire) > 0
    }

    /// Hands the group over to the next transaction in the queue.
    fn hand_over(mut self) {
        self.writer.open_group = Some(self.group);
    }
}

impl<'t> QueueTicket<'t> {
    fn of(queue: &'t Arc<WriteQueue>) -> Self {
        queue.waiting.fetch_add(1, Ordering::AcqRel);
        Self { queue, served: false }
    }

    fn mark_served(mut self) {
        self.served = true;
    }
}

impl Drop for QueueTicket<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::AcqRel);
        if !self.served {
            // A group may have been handed to this transaction.
            tokio::spawn(Arc::clone(self.queue).commit_open_group());
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

    /// A test database. Each `number` must be in the table `there` at commit.
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
            self.queue.next(false).await.expect("a queue slot")
        }

        async fn kept(&self) -> BTreeSet<i64> {
            let numbers = query_scalar("SELECT number FROM number").fetch_all(&self.read).await;
            numbers.expect("numbers").into_iter().collect()
        }

        /// A transaction that waits in the queue, reads, and rolls back.
        fn reader(&self) -> impl Future<Output = Result<(), StoreError>> + Send + 'static {
            let queue = Arc::clone(&self.queue);
            async move {
                let mut member = queue.next(false).await?;
                let _: i64 =
                    query_scalar("SELECT COUNT(*) FROM number").fetch_one(member.db()).await.expect("read");
                member.rollback().await
            }
        }

        /// A transaction that waits in the queue, writes a number and commits.
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

    /// Lets every started task run until it waits.
    async fn run_until_all_wait() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn waiting_transactions_share_one_commit() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let mut others: JoinSet<_> = (1..=20).map(|number| numbers.writer(number)).collect();
        run_until_all_wait().await;
        assert_eq!(numbers.kept().await, BTreeSet::new());

        first.commit(None, false).await.expect("committed");
        assert_eq!(numbers.kept().await, (0..=20).collect(), "the commit holds the writes of every member");
        while let Some(other) = others.join_next().await {
            other.expect("no panic").expect("committed");
        }
        assert_eq!(numbers.queue.tally(), (21, 1));

        numbers.writer(21).await.expect("committed");
        assert_eq!(numbers.queue.tally(), (22, 2), "a single transaction commits at once");
    }

    #[tokio::test]
    async fn a_commit_group_has_a_maximum_size() {
        let numbers = Numbers::new().await;
        let first = numbers.next().await;
        let mut others: JoinSet<_> = (1..=80).map(|number| numbers.writer(number)).collect();
        run_until_all_wait().await;
        first.commit(None, false).await.expect("committed");
        assert!(numbers.kept().await.len() < 80);
        while let Some(other) = others.join_next().await {
            other.expect("no panic").expect("committed");
        }
        assert_eq!((numbers.kept().await.len(), numbers.queue.tally()), (80, (81, 3)));
    }

    #[tokio::test]
    async fn a_rollback_before_any_write_keeps_the_writes_of_earlier_members() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let back = tokio::spawn(numbers.reader());
        run_until_all_wait().await;
        let last = tokio::spawn(numbers.writer(2));
        run_until_all_wait().await;

        first.commit(None, false).await.expect("committed");
        back.await.expect("no panic").expect("rolled back");
        last.await.expect("no panic").expect("committed");
        assert_eq!(numbers.kept().await, BTreeSet::from([0, 2]));
        assert_eq!(numbers.queue.tally(), (3, 1));

        // The last member may roll back too.
        let mut first = numbers.next().await;
        put(&mut first, 3).await;
        let back = tokio::spawn(numbers.reader());
        run_until_all_wait().await;
        first.commit(None, false).await.expect("committed");
        back.await.expect("no panic").expect("rolled back");
        assert_eq!(numbers.kept().await, BTreeSet::from([0, 2, 3]));
    }

    /// A second member writes, then ends without a commit while the first one waits for the commit.
    async fn end_without_commit<E, F>(numbers: &Numbers, end: E)
    where
        E: FnOnce(GroupedTransaction) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let queue = Arc::clone(&numbers.queue);
        let other = tokio::spawn(async move {
            let mut member = queue.next(false).await.expect("a queue slot");
            put(&mut member, 1).await;
            end(member).await;
        });
        run_until_all_wait().await;

        let outcome = first.commit(None, false).await;
        assert!(matches!(&outcome, Err(StoreError::GroupAborted)), "{outcome:?}");
        assert!(outcome.is_err_and(|error| error.retryable()));
        other.await.expect("no panic");
        numbers.writer(2).await.expect("committed");
        assert_eq!(numbers.kept().await, BTreeSet::from([2]));
    }

    #[tokio::test]
    async fn a_member_that_fails_aborts_the_group() {
        end_without_commit(&Numbers::new().await, |member| async { drop(member) }).await;
    }

    #[tokio::test]
    async fn a_rollback_after_a_write_aborts_the_group() {
        let numbers = Numbers::new().await;
        end_without_commit(&numbers, |member| async { member.rollback().await.expect("rolled back") }).await;

        // Alone, a rollback undoes only the member's own writes.
        let mut member = numbers.next().await;
        put(&mut member, 3).await;
        member.rollback().await.expect("rolled back");
        numbers.writer(4).await.expect("committed");
        assert_eq!(numbers.kept().await, BTreeSet::from([2, 4]));
    }

    #[tokio::test]
    async fn a_failed_commit_fails_for_every_member() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let second = tokio::spawn(numbers.writer(1_000));
        run_until_all_wait().await;

        let outcome = first.commit(None, false).await;
        assert!(matches!(&outcome, Err(StoreError::GroupCommitFailed(_))), "{outcome:?}");
        assert!(second.await.expect("no panic").is_err());
        assert_eq!(numbers.kept().await, BTreeSet::new());
        numbers.writer(2).await.expect("the next transaction succeeds");
        assert_eq!(numbers.kept().await, BTreeSet::from([2]));
    }

    #[tokio::test]
    async fn an_exclusive_transaction_shares_its_commit_with_no_other() {
        let numbers = Numbers::new().await;
        let mut first = numbers.next().await;
        put(&mut first, 0).await;
        let queue = Arc::clone(&numbers.queue);
        let long = tokio::spawn(async move { queue.next(true).await });
        run_until_all_wait().await;
        first.commit(None, false).await.expect("committed before the exclusive transaction");
        let mut long = long.await.expect("no panic").expect("a queue slot");
        put(&mut long, 1).await;

        let last = tokio::spawn(numbers.writer(2));
        run_until_all_wait().await;
        long.commit(None, false).await.expect("committed");
        last.await.expect("no panic").expect("committed");
        assert_eq!((numbers.kept().await, numbers.queue.tally()), (BTreeSet::from([0, 1, 2]), (3, 3)));
    }

    /// A waiting task may be cancelled at any time, for example when the server stops.
    #[tokio::test]
    async fn a_cancelled_wait_does_not_block_the_group() {
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
