//! What people look at: how far devices are, who there is, what happened last.

use std::collections::BTreeMap;

use roster::{ContentHash, ItemKey, Millis, Seq, Slot, UserFields};
use sqlx::{query, query_as};
use sync::{Exception, OpenCommand, Verb, Wait};
use wire::Pin;

use crate::key::{key_of, pin_of};
use crate::sync_command::verb_of;
use crate::{StoreError, Tx};

/// How much is under way and owed to a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// Commands sent and not answered.
    pub open: i64,
    /// Items owed out of order, but for removals that failed often.
    pub due: i64,
    /// Removals that failed often: what is to be removed may still be on the device.
    pub unconfirmed: i64,
    /// Items that wait for something else.
    pub parked: i64,
    /// Contents that the device refused.
    pub refused: i64,
    /// PINs of which the device is asked whom it holds.
    pub asked: i64,
}

/// An item of a person, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemSummary {
    /// Which.
    pub slot: Slot,
    /// Number of its newest version.
    pub seq: Seq,
    /// False once it is deleted.
    pub live: bool,
    /// When it changed.
    pub changed_at: Millis,
    /// The device where it changed, `None` for an operator.
    pub changed_by: Option<i64>,
    /// About how many bytes it takes on the wire.
    pub bytes: usize,
    /// Hash of its content.
    pub hash: ContentHash,
}

/// One command of the synchronisation, for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEvent {
    /// For which device.
    pub device: i64,
    /// Its number there.
    pub number: i64,
    /// What it is about.
    pub key: ItemKey,
    /// What it does.
    pub verb: Verb,
    /// When it went out last.
    pub sent_at: Millis,
    /// When it was answered or given up.
    pub closed_at: Option<Millis>,
    /// What the device answered.
    pub return_code: Option<i32>,
}

/// One change of the fleet, for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemEvent {
    /// Its number.
    pub seq: Seq,
    /// What changed.
    pub key: ItemKey,
    /// False for a deletion.
    pub live: bool,
    /// When.
    pub at: Millis,
    /// The device where it changed, `None` for an operator.
    pub by: Option<i64>,
}

impl Tx {
    /// How much is under way and owed, device by device; those with nothing are left out.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sync_counts(&mut self) -> Result<BTreeMap<i64, SyncCounts>, StoreError> {
        let mut counts: BTreeMap<i64, SyncCounts> = BTreeMap::new();
        let open: Vec<(i64, i64)> =
            query_as("SELECT device_id, COUNT(*) FROM sync_command WHERE open = 1 GROUP BY device_id")
                .fetch_all(self.db())
                .await?;
        for (device, open) in open {
            counts.entry(device).or_default().open = open;
        }
        let exceptions: Vec<(i64, i64, i64, i64, i64)> = query_as(
            "SELECT device_id, COUNT(CASE WHEN removal_code IS NULL THEN due_at END), COUNT(removal_code), COUNT(parked), \
             COUNT(refused_seq) FROM sync_exception GROUP BY device_id",
        )
        .fetch_all(self.db())
        .await?;
        for (device, due, unconfirmed, parked, refused) in exceptions {
            let entry = counts.entry(device).or_default();
            (entry.due, entry.unconfirmed) = (due, unconfirmed);
            (entry.parked, entry.refused) = (parked, refused);
        }
        let asked: Vec<(i64, i64)> =
            query_as("SELECT device_id, COUNT(*) FROM claim WHERE stage = 'waiting' GROUP BY device_id")
                .fetch_all(self.db())
                .await?;
        for (device, asked) in asked {
            counts.entry(device).or_default().asked = asked;
        }
        Ok(counts)
    }

    /// What is owed to one device out of order, or was refused by it, in the order of the keys; without removals that failed
    /// often ([`Self::failed_removals`]).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn exceptions_of(
        &mut self,
        device: i64,
        limit: i64,
    ) -> Result<Vec<(ItemKey, Exception)>, StoreError> {
        let pins: Vec<(String,)> = query_as(
            "SELECT DISTINCT pin FROM sync_exception WHERE device_id = ? AND (due_at IS NOT NULL \
                 OR parked IS NOT NULL OR refused_seq IS NOT NULL) AND removal_code IS NULL ORDER BY pin LIMIT ?",
        )
        .bind(device)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        let pins: Vec<Pin> =
            pins.iter().map(|(pin,)| pin_of("sync_exception", pin)).collect::<Result<_, _>>()?;
        let mut found = self.exceptions(device, &pins).await?;
        // Others only mark whom the device knows.
        let is_owed = |exception: &Exception| exception.wait != Wait::No || exception.refused.is_some();
        found.retain(|(_, exception)| is_owed(exception) && exception.unconfirmed.is_none());
        Ok(found)
    }

    /// What is under way to one device, in the order of the keys.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_commands_of(
        &mut self,
        device: i64,
        limit: i64,
    ) -> Result<Vec<(ItemKey, OpenCommand)>, StoreError> {
        let pins: Vec<(String,)> = query_as(
            "SELECT DISTINCT pin FROM sync_command WHERE device_id = ? AND open = 1 ORDER BY pin LIMIT ?",
        )
        .bind(device)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        let pins: Vec<Pin> =
            pins.iter().map(|(pin,)| pin_of("sync_command", pin)).collect::<Result<_, _>>()?;
        Ok(self.open_commands(device, &pins).await?.into_iter().collect())
    }

    /// PINs of live users after `after` in the order of their bytes; all from the start for an empty text.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn user_pins(&mut self, after: &str, limit: i64) -> Result<Vec<Pin>, StoreError> {
        let rows: Vec<(String,)> =
            query_as("SELECT pin FROM item WHERE kind = 0 AND live = 1 AND pin > ? ORDER BY pin LIMIT ?")
                .bind(after)
                .bind(limit)
                .fetch_all(self.db())
                .await?;
        rows.iter().map(|(pin,)| pin_of("item", pin)).collect()
    }

    /// Live users of these PINs.
    ///
    /// # Errors
    /// Those of the database; [`StoreError::Sealed`] for a password that does not open.
    pub async fn users(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, UserFields>, StoreError> {
        let items = self.item_rows(pins).await?;
        let ids: Vec<i64> = items
            .iter()
            .filter(|(key, row)| key.slot == Slot::USER && row.live)
            .map(|(_, row)| row.id)
            .collect();
        Ok(self.user_fields(&ids).await?.into_iter().map(|(key, fields)| (key.pin, fields)).collect())
    }

    /// Everything ever held of these PINs.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn items_of(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, Vec<ItemSummary>>, StoreError> {
        let mut found: BTreeMap<Pin, Vec<ItemSummary>> = BTreeMap::new();
        for (key, row) in self.item_rows(pins).await? {
            found.entry(key.pin).or_default().push(ItemSummary {
                slot: key.slot,
                seq: row.seq,
                live: row.live,
                changed_at: row.changed_at,
                changed_by: row.changed_by,
                bytes: row.bytes,
                hash: row.hash,
            });
        }
        Ok(found)
    }

    /// Changes of the fleet after a number, in order: only the newest of each item.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn item_events(&mut self, after: Seq, limit: i64) -> Result<Vec<ItemEvent>, StoreError> {
        type Columns = (i64, String, i64, i64, i64, i64, i64, Option<i64>);
        let rows: Vec<Columns> = query_as(
            "SELECT seq, pin, kind, slot, algorithm, live, changed_at, changed_by FROM item \
             WHERE seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(after.0)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        rows.into_iter()
            .map(|(seq, pin, kind, slot, algorithm, live, at, by)| {
                let key = key_of("item", (pin, kind, slot, algorithm))?;
                Ok(ItemEvent { seq: Seq(seq), key, live: live != 0, at: Millis(at), by })
            })
            .collect()
    }

    /// Commands that were sent or answered since a time, the oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn command_events(
        &mut self,
        since: Millis,
        limit: i64,
    ) -> Result<Vec<CommandEvent>, StoreError> {
        type Columns = (i64, i64, String, i64, i64, i64, String, i64, Option<i64>, Option<i32>);
        let rows: Vec<Columns> = query_as(
            "SELECT device_id, command_no, pin, kind, slot, algorithm, verb, sent_at, closed_at, return_code \
             FROM sync_command WHERE sent_at >= ? OR closed_at >= ? ORDER BY sent_at, device_id, command_no LIMIT ?",
        )
        .bind(since.0)
        .bind(since.0)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        rows.into_iter()
            .map(|(device, number, pin, kind, slot, algorithm, verb, sent_at, closed_at, return_code)| {
                let key = key_of("sync_command", (pin, kind, slot, algorithm))?;
                let verb = verb_of(&verb, &key)?;
                let (sent_at, closed_at) = (Millis(sent_at), closed_at.map(Millis));
                Ok(CommandEvent { device, number, key, verb, sent_at, closed_at, return_code })
            })
            .collect()
    }

    /// How many users a device should hold: those that live in an area of it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn users_in_scope(&mut self, device: i64) -> Result<i64, StoreError> {
        let (count,) = query_as(
            "SELECT COUNT(*) FROM item u WHERE u.kind = 0 AND u.live = 1 AND EXISTS \
             (SELECT 1 FROM item m JOIN device_area a ON a.area_id = m.slot \
              WHERE m.pin = u.pin AND m.kind = 1 AND m.live = 1 AND a.device_id = ?)",
        )
        .bind(device)
        .fetch_one(self.db())
        .await?;
        Ok(count)
    }

    /// Users a device should hold by now, in no order: those that live in an area of it, but for those that wait for
    /// something, were refused by it, or were deleted at it and wait for an operator.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn users_expected(&mut self, device: i64) -> Result<Vec<Pin>, StoreError> {
        let rows: Vec<(String,)> = query_as(
            "SELECT u.pin FROM item u WHERE u.kind = 0 AND u.live = 1 AND EXISTS \
             (SELECT 1 FROM item m JOIN device_area a ON a.area_id = m.slot \
              WHERE m.pin = u.pin AND m.kind = 1 AND m.live = 1 AND a.device_id = ?) \
             AND NOT EXISTS (SELECT 1 FROM sync_exception e WHERE e.device_id = ? AND e.pin = u.pin AND e.kind = 0) \
             AND NOT EXISTS (SELECT 1 FROM held h WHERE h.device_id = ? AND h.pin = u.pin AND h.kind = 'deletion' \
              AND h.resolved_at IS NULL)",
        )
        .bind(device)
        .bind(device)
        .bind(device)
        .fetch_all(self.db())
        .await?;
        rows.iter().map(|(pin,)| pin_of("item", pin)).collect()
    }

    /// Users a device may hold, in no order: those that it should hold, and those that may be on it all the same: what is
    /// wanted of them waits or was refused, an operator has to decide on them, or they were given to it for one punch.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn users_possible(&mut self, device: i64) -> Result<Vec<Pin>, StoreError> {
        let rows: Vec<(String,)> = query_as(
            "SELECT u.pin FROM item u WHERE u.kind = 0 AND u.live = 1 AND EXISTS \
             (SELECT 1 FROM item m JOIN device_area a ON a.area_id = m.slot \
              WHERE m.pin = u.pin AND m.kind = 1 AND m.live = 1 AND a.device_id = ?) \
             UNION SELECT e.pin FROM sync_exception e WHERE e.device_id = ? AND e.kind = 0 \
             UNION SELECT h.pin FROM held h WHERE h.device_id = ? AND h.pin IS NOT NULL AND h.resolved_at IS NULL \
             UNION SELECT r.pin FROM remote_user r WHERE r.device_id = ?",
        )
        .bind(device)
        .bind(device)
        .bind(device)
        .bind(device)
        .fetch_all(self.db())
        .await?;
        rows.iter().map(|(pin,)| pin_of("item", pin)).collect()
    }

    /// Notes how many users a device should hold that holds more; `None` = it does not any more. `asked_at` where it was
    /// asked for all of them.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_surplus(
        &mut self,
        device: i64,
        expected: Option<u64>,
        asked_at: Option<Millis>,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE device SET surplus_expected = ?, surplus_asked_at = COALESCE(?, surplus_asked_at) \
             WHERE device_id = ?",
        )
        .bind(expected.and_then(|expected| i64::try_from(expected).ok()))
        .bind(asked_at.map(|at| at.0))
        .bind(device)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Whether a command of a device was answered or given up at or after a time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn closed_since(&mut self, device: i64, at: Millis) -> Result<bool, StoreError> {
        let found: Option<(i64,)> =
            query_as("SELECT command_no FROM sync_command WHERE device_id = ? AND closed_at >= ? LIMIT 1")
                .bind(device)
                .bind(at.0)
                .fetch_optional(self.db())
                .await?;
        Ok(found.is_some())
    }

    /// How many rows of the feed a device has not read.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn unread(&mut self, cursor: Seq) -> Result<i64, StoreError> {
        let (count,) =
            query_as("SELECT COUNT(*) FROM item WHERE seq > ?").bind(cursor.0).fetch_one(self.db()).await?;
        Ok(count)
    }
}
