//! `feed_clock`: the counter of the change feed.
//!
//! **Invariant**: a transaction that advances the clock holds its lock, knows its value, and writes it with the
//! commit. Until then the database row is stale. So a transaction that reads `seq` or `wakes` takes the current value
//! from [`Tx::head`] or [`Tx::knows_clock`].

use roster::Seq;
use sqlx::{query, query_as, query_scalar};

use crate::connection::Db;
use crate::sql::statement;
use crate::{FeedCounters, StoreError, Tx};

/// The state of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedClock {
    /// The newest feed number.
    pub head: Seq,
    /// Increases with every restore from a backup.
    pub incarnation: i64,
}

/// Writes the value of the clock.
pub(crate) async fn write(db: Db<'_>, clock: FeedCounters) -> Result<(), sqlx::Error> {
    query("UPDATE feed_clock SET seq = ?, wakes = ? WHERE id = 1")
        .bind(clock.head.0)
        .bind(clock.wakes)
        .execute(db)
        .await?;
    Ok(())
}

impl Tx {
    /// Locks the clock until commit, and with it all items: every transaction that writes items locks the clock.
    ///
    /// Call it before any other write of the transaction: the lock order is clock, items, device.
    /// [`crate::Store::write_fleet`] begins with it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn lock_clock(&mut self) -> Result<(), StoreError> {
        // On this engine a write transaction already holds every lock.
        if !self.engine.writers_exclude_each_other() {
            self.locked_clock().await?;
        }
        self.items_stable = true;
        Ok(())
    }

    /// The value of the clock, locked. It is read once and then tracked in memory.
    pub(crate) async fn locked_clock(&mut self) -> Result<FeedCounters, StoreError> {
        if let Some(clock) = self.clock {
            return Ok(clock);
        }
        let sql = format!("SELECT seq, wakes FROM feed_clock WHERE id = 1{}", self.engine.for_update());
        let (head, wakes) = query_as(statement(sql)).fetch_one(self.db()).await?;
        Ok(*self.clock.insert(FeedCounters { head: Seq(head), wakes }))
    }

    /// Reserves the next `n` feed numbers and returns the last one.
    ///
    /// The clock stays locked until commit ([`Tx::lock_clock`]), so changes become visible in the order of their
    /// numbers.
    ///
    /// # Errors
    /// Database errors.
    pub async fn reserve(&mut self, n: i64) -> Result<Seq, StoreError> {
        Ok(self.advance(n, 0).await?.head)
    }

    async fn advance(&mut self, numbers: i64, wakes: i64) -> Result<FeedCounters, StoreError> {
        self.items_stable = true;
        let before = self.locked_clock().await?;
        self.clock_advanced = true;
        Ok(*self
            .clock
            .insert(FeedCounters { head: Seq(before.head.0 + numbers), wakes: before.wakes + wakes }))
    }

    /// The current value of the clock: the value that was read, with the changes of this transaction and of its
    /// commit group since then.
    pub(crate) fn knows_clock(&mut self, read: FeedCounters) -> FeedCounters {
        // While no other transaction can advance the clock.
        if self.items_stable { *self.clock.get_or_insert(read) } else { self.clock.unwrap_or(read) }
    }

    /// The newest feed number.
    ///
    /// # Errors
    /// Database errors.
    pub async fn head(&mut self) -> Result<Seq, StoreError> {
        if let Some(clock) = self.clock {
            return Ok(clock.head);
        }
        Ok(Seq(query_scalar("SELECT seq FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?))
    }

    /// The state of the feed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn feed_clock(&mut self) -> Result<FeedClock, StoreError> {
        let (head, incarnation) =
            query_as("SELECT seq, incarnation FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?;
        let head = self.clock.map_or(Seq(head), |clock| clock.head);
        Ok(FeedClock { head, incarnation })
    }

    /// Begins a new incarnation after a restore from a backup, because feed numbers may be used a second time.
    /// Returns it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_incarnation(&mut self) -> Result<i64, StoreError> {
        query("UPDATE feed_clock SET incarnation = incarnation + 1 WHERE id = 1").execute(self.db()).await?;
        self.advance(0, 1).await?;
        Ok(self.feed_clock().await?.incarnation)
    }

    /// Tells every process that the next poll of a device should look for work: see [`crate::FeedCounters::wakes`].
    ///
    /// Call it for any work that is not a change of the fleet, unless the device's own poll creates the work. Locks
    /// the clock.
    ///
    /// # Errors
    /// Database errors.
    pub async fn wake(&mut self) -> Result<(), StoreError> {
        self.advance(0, 1).await?;
        Ok(())
    }
}
