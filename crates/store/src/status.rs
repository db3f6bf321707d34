//! Status for operators: the progress of devices, the people, and the latest events.

use std::collections::BTreeMap;

use roster::{ContentHash, ItemKey, Millis, Seq, Slot, UserFields};
use sqlx::{query, query_as};
use sync::{Exception, OpenCommand, Verb, Wait};
use wire::Pin;

use crate::key::{key_of, pin_of};
use crate::sync_command::verb_of;
use crate::{StoreError, Tx};

/// The work of a device that is under way or due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// Commands that were sent and not acknowledged.
    pub open: i64,
    /// Due exceptions, except removals that failed many times.
    pub due: i64,
    /// Removals that failed many times: the data may still be on the device.
    pub unconfirmed: i64,
    /// Exceptions that wait for an event.
    pub parked: i64,
    /// Contents that the device refused.
    pub refused: i64,
    /// PINs for which Muster asks the device whom it holds.
    pub asked: i64,
}

/// An item of a person, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemSummary {
    /// The item.
    pub slot: Slot,
    /// The feed number of its newest version.
    pub seq: Seq,
    /// False after its deletion.
    pub live: bool,
    /// When it changed.
    pub changed_at: Millis,
    /// The device where it changed; `None` for an operator.
    pub changed_by: Option<i64>,
    /// Its approximate size on the wire.
    pub bytes: usize,
    /// Hash of its content.
    pub hash: ContentHash,
}

/// One sync command, for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEvent {
    /// Its device.
    pub device: i64,
    /// Its number on the device.
    pub number: i64,
    /// The item that it is about.
    pub key: ItemKey,
    /// Its verb.
    pub verb: Verb,
    /// When it was last sent.
    pub sent_at: Millis,
    /// When it was answered or given up.
    pub closed_at: Option<Millis>,
    /// The device's return code.
    pub return_code: Option<i32>,
}

/// One change of the fleet, for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemEvent {
    /// Its feed number.
    pub seq: Seq,
    /// The item that changed.
    pub key: ItemKey,
    /// False for a deletion.
    pub live: bool,
    /// When it changed.
    pub at: Millis,
    /// The device where it changed; `None` for an operator.
    pub by: Option<i64>,
}

impl Tx {
    /// The work under way and due for each device. Devices without any are left out.
    ///
    /// # Errors
    /// Database errors.
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

    /// The due exceptions and the refusals of one device, in the order of the keys; without removals that failed many
    /// times ([`Self::failed_removals`]).
    ///
    /// # Errors
    /// Database errors.
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
        // The other rows only mark people whom the device knows.
        let is_owed = |exception: &Exception| exception.wait != Wait::No || exception.refused.is_some();
        found.retain(|(_, exception)| is_owed(exception) && exception.unconfirmed.is_none());
        Ok(found)
    }

    /// The open commands of one device, in the order of the keys.
    ///
    /// # Errors
    /// Database errors.
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

    /// PINs of live users after `after`, in byte order. An empty text starts from the first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn user_pins(&mut self, after: &str, limit: i64) -> Result<Vec<Pin>, StoreError> {
        let rows: Vec<(String,)> =
            query_as("SELECT pin FROM item WHERE kind = 0 AND live = 1 AND pin > ? ORDER BY pin LIMIT ?")
                .bind(after)
                .bind(limit)
                .fetch_all(self.db())
                .await?;
        rows.iter().map(|(pin,)| pin_of("item", pin)).collect()
    }

    /// The live users among these PINs.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a password that cannot be decrypted.
    pub async fn users(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, UserFields>, StoreError> {
        let items = self.item_rows(pins).await?;
        let ids: Vec<i64> = items
            .iter()
            .filter(|(key, row)| key.slot == Slot::USER && row.live)
            .map(|(_, row)| row.id)
            .collect();
        Ok(self.user_fields(&ids).await?.into_iter().map(|(key, fields)| (key.pin, fields)).collect())
    }

    /// All items of these PINs, live or deleted.
    ///
    /// # Errors
    /// Database errors.
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

    /// Changes of the fleet after a number, in order: only the newest change of each item.
    ///
    /// # Errors
    /// Database errors.
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

    /// Sync commands that were sent or answered since a time, oldest first.
    ///
    /// # Errors
    /// Database errors.
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

    /// The number of users that a device should hold: the live users in its areas.
    ///
    /// # Errors
    /// Database errors.
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

    /// The users that a device should hold by now, in no order: the live users in its areas, except those that wait
    /// for an event, were refused by the device, or were deleted there and wait for an operator.
    ///
    /// # Errors
    /// Database errors.
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

    /// The users that a device may hold, in no order. These are the live users in its areas, and other users that may
    /// still be on it: their exception is not settled, an operator has to decide on a held record, or they were sent
    /// to it for a single punch.
    ///
    /// # Errors
    /// Database errors.
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

    /// Stores how many users a device should hold if it holds more; `None` if it no longer does. `asked_at` is given
    /// if Muster asked for all its people.
    ///
    /// # Errors
    /// Database errors.
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
    /// Database errors.
    pub async fn closed_since(&mut self, device: i64, at: Millis) -> Result<bool, StoreError> {
        let found: Option<(i64,)> =
            query_as("SELECT command_no FROM sync_command WHERE device_id = ? AND closed_at >= ? LIMIT 1")
                .bind(device)
                .bind(at.0)
                .fetch_optional(self.db())
                .await?;
        Ok(found.is_some())
    }

    /// The number of feed rows that a device has not read.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unread(&mut self, cursor: Seq) -> Result<i64, StoreError> {
        let (count,) =
            query_as("SELECT COUNT(*) FROM item WHERE seq > ?").bind(cursor.0).fetch_one(self.db()).await?;
        Ok(count)
    }
}
