//! `feed_clock`: the counter behind the change feed.

use roster::Seq;
use sqlx::{query, query_as, query_scalar};

use crate::{Pulse, StoreError, Tx};

/// The feed as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedClock {
    /// The newest number.
    pub head: Seq,
    /// Below this number tombstones may be gone.
    pub floor: Seq,
    /// Rises with every restore from a backup.
    pub incarnation: i64,
}

impl Tx {
    /// Has the clock for itself until commit, and with it all items: whoever writes those takes it.
    ///
    /// Call it before any other write of the transaction: the lock order is clock, items, device.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lock_clock(&mut self) -> Result<(), StoreError> {
        // Who writes alone holds every lock there is.
        if !self.engine.writers_exclude_each_other() {
            query("UPDATE feed_clock SET seq = seq WHERE id = 1").execute(self.db()).await?;
        }
        self.items_stand = true;
        Ok(())
    }

    /// Reserves the next `n` numbers and returns the last one.
    ///
    /// The row stays locked until commit, so changes become visible in the order of their numbers: as [`Tx::lock_clock`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reserve(&mut self, n: i64) -> Result<Seq, StoreError> {
        self.items_stand = true;
        if self.engine.returns_what_it_updates() {
            let update = "UPDATE feed_clock SET seq = seq + ? WHERE id = 1 RETURNING seq, wakes";
            let (head, wakes) = query_as(update).bind(n).fetch_one(self.db()).await?;
            return Ok(self.moved_to(Pulse { head: Seq(head), wakes }).head);
        }
        query("UPDATE feed_clock SET seq = seq + ? WHERE id = 1").bind(n).execute(self.db()).await?;
        Ok(self.moved().await?.head)
    }

    /// The newest number of the feed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn head(&mut self) -> Result<Seq, StoreError> {
        Ok(Seq(query_scalar("SELECT seq FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?))
    }

    /// The feed as it stands.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn feed_clock(&mut self) -> Result<FeedClock, StoreError> {
        let (head, floor, incarnation) =
            query_as("SELECT seq, floor_seq, incarnation FROM feed_clock WHERE id = 1")
                .fetch_one(self.db())
                .await?;
        Ok(FeedClock { head: Seq(head), floor: Seq(floor), incarnation })
    }

    /// Says that tombstones below `floor` may be gone; never goes back.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn raise_floor(&mut self, floor: Seq) -> Result<(), StoreError> {
        query("UPDATE feed_clock SET floor_seq = ? WHERE id = 1 AND floor_seq < ?")
            .bind(floor.0)
            .bind(floor.0)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Begins a new incarnation, after a restore from a backup: numbers may run again. Returns it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin_incarnation(&mut self) -> Result<i64, StoreError> {
        query("UPDATE feed_clock SET incarnation = incarnation + 1, wakes = wakes + 1 WHERE id = 1")
            .execute(self.db())
            .await?;
        self.moved().await?;
        Ok(self.feed_clock().await?.incarnation)
    }

    /// Tells every process that the next poll of a device should look: see [`crate::Pulse::wakes`].
    ///
    /// For whatever gives a device something to do and is not a change of the fleet, unless that device's own poll does it. Takes the
    /// clock.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn wake(&mut self) -> Result<(), StoreError> {
        query("UPDATE feed_clock SET wakes = wakes + 1 WHERE id = 1").execute(self.db()).await?;
        self.items_stand = true;
        self.moved().await?;
        Ok(())
    }

    /// Notes where the clock stands once this commits. It is locked.
    async fn moved(&mut self) -> Result<Pulse, StoreError> {
        let (head, wakes) =
            query_as("SELECT seq, wakes FROM feed_clock WHERE id = 1").fetch_one(self.db()).await?;
        Ok(self.moved_to(Pulse { head: Seq(head), wakes }))
    }

    const fn moved_to(&mut self, pulse: Pulse) -> Pulse {
        self.moves = Some(pulse);
        pulse
    }
}
