//! `feed_clock`: the counter behind the change feed.
//!
//! **Invariant**: a transaction that moves the clock has it for itself, knows where it stands, and writes that with its commit.
//! Until then its row is behind: whoever reads `seq` or `wakes` in a transaction goes by [`Tx::head`] or [`Tx::knows_clock`].

use roster::Seq;
use sqlx::{query, query_as, query_scalar};

use crate::connection::Db;
use crate::sql::statement;
use crate::{FeedCounters, StoreError, Tx};

/// The feed as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedClock {
    /// The newest number.
    pub head: Seq,
    /// Rises with every restore from a backup.
    pub incarnation: i64,
}

/// Writes where the clock stands.
pub(crate) async fn write(db: Db<'_>, clock: FeedCounters) -> Result<(), sqlx::Error> {
    query("UPDATE feed_clock SET seq = ?, wakes = ? WHERE id = 1")
        .bind(clock.head.0)
        .bind(clock.wakes)
        .execute(db)
        .await?;
    Ok(())
}

impl Tx {
    /// Has the clock for itself until commit, and with it all items: whoever writes those takes it.
    ///
    /// Call it before any other write of the transaction: the lock order is clock, items, device.
    /// [`crate::Store::write_fleet`] begins with it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn lock_clock(&mut self) -> Result<(), StoreError> {
        // Who writes alone holds every lock there is.
        if !self.engine.writers_exclude_each_other() {
            self.locked_clock().await?;
        }
        self.items_stand = true;
        Ok(())
    }

    /// Where the clock stands, locked: read once, and followed from there.
    pub(crate) async fn locked_clock(&mut self) -> Result<FeedCounters, StoreError> {
        if let Some(clock) = self.clock {
            return Ok(clock);
        }
        let sql = format!("SELECT seq, wakes FROM feed_clock WHERE id = 1{}", self.engine.for_update());
        let (head, wakes) = query_as(statement(sql)).fetch_one(self.db()).await?;
        Ok(*self.clock.insert(FeedCounters { head: Seq(head), wakes }))
    }

    /// Reserves the next `n` numbers and returns the last one.
    ///
    /// The row stays locked until commit, so changes become visible in the order of their numbers: as [`Tx::lock_clock`].
    ///
    /// # Errors
    /// Database errors.
    pub async fn reserve(&mut self, n: i64) -> Result<Seq, StoreError> {
        Ok(self.advance(n, 0).await?.head)
    }

    async fn advance(&mut self, numbers: i64, wakes: i64) -> Result<FeedCounters, StoreError> {
        self.items_stand = true;
        let before = self.locked_clock().await?;
        self.moved = true;
        Ok(*self
            .clock
            .insert(FeedCounters { head: Seq(before.head.0 + numbers), wakes: before.wakes + wakes }))
    }

    /// Where the clock stands, by what was read of it and what this transaction, and those that it shares its commit with, have
    /// moved it since.
    pub(crate) fn knows_clock(&mut self, read: FeedCounters) -> FeedCounters {
        // While nobody else can move it.
        if self.items_stand { *self.clock.get_or_insert(read) } else { self.clock.unwrap_or(read) }
    }

    /// The newest number of the feed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn head(&mut self) -> Result<Seq, StoreError> {
        if let Some(clock) = self.clock {
            return Ok(clock.head);
        }
        Ok(Seq(query_scalar("SELECT seq FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?))
    }

    /// The feed as it stands.
    ///
    /// # Errors
    /// Database errors.
    pub async fn feed_clock(&mut self) -> Result<FeedClock, StoreError> {
        let (head, incarnation) =
            query_as("SELECT seq, incarnation FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?;
        let head = self.clock.map_or(Seq(head), |clock| clock.head);
        Ok(FeedClock { head, incarnation })
    }

    /// Begins a new incarnation, after a restore from a backup: numbers may run again. Returns it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_incarnation(&mut self) -> Result<i64, StoreError> {
        query("UPDATE feed_clock SET incarnation = incarnation + 1 WHERE id = 1").execute(self.db()).await?;
        self.advance(0, 1).await?;
        Ok(self.feed_clock().await?.incarnation)
    }

    /// Tells every process that the next poll of a device should look: see [`crate::FeedCounters::wakes`].
    ///
    /// For whatever gives a device something to do and is not a change of the fleet, unless that device's own poll does it. Takes the
    /// clock.
    ///
    /// # Errors
    /// Database errors.
    pub async fn wake(&mut self) -> Result<(), StoreError> {
        self.advance(0, 1).await?;
        Ok(())
    }
}
