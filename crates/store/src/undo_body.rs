//! `undo_body`: contents of deleted items, kept while their deletion can be undone.

use std::collections::BTreeSet;

use roster::{Content, ItemKey, Kind, Millis, Seq, Slot};
use sqlx::{query, query_as, query_scalar};
use wire::Pin;

use crate::body::unseal;
use crate::item::{Change, ItemRow, ItemWrite};
use crate::key::{key_of, pin_of, place};
use crate::sql::{batches, lists, places, rows, statement};
use crate::{StoreError, Tx};

/// A deletion of a user that can be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The user's PIN.
    pub pin: Pin,
    /// The first feed number of the deletion.
    pub seq: Seq,
    /// When it was made.
    pub at: Millis,
    /// The device where it was made; `None` for an operator.
    pub by: Option<i64>,
    /// The end of the undo period.
    pub until: Millis,
    /// The number of items that an undo restores, memberships included.
    pub items: i64,
}

fn undo_place(pin: &Pin) -> String {
    format!("undo user {pin}")
}

impl Tx {
    /// Removes the bodies of items that are being deleted. Keeps them for an undo if the deletion can be undone.
    pub(crate) async fn keep_bodies_for_undo(
        &mut self,
        deleted: &[&ItemRow],
        deletion: Seq,
        change: &Change,
    ) -> Result<(), StoreError> {
        let ids: Vec<i64> = deleted.iter().map(|row| row.id).collect();
        self.run_by_id("DELETE FROM undo_body WHERE item_id IN", &ids).await?;
        if let Some(until) = change.undo_until {
            self.keep_for_undo(deleted, deletion, change, until).await?;
        }
        self.run_by_id("DELETE FROM body WHERE item_id IN", &ids).await?;
        self.run_by_id("DELETE FROM photo_form WHERE item_id IN", &ids).await?;
        self.run_by_id("DELETE FROM user_body WHERE item_id IN", &ids).await?;
        self.run_by_id("UPDATE item_old SET sealed = NULL WHERE sealed IS NOT NULL AND item_id IN", &ids)
            .await
    }

    async fn keep_for_undo(
        &mut self,
        deleted: &[&ItemRow],
        deletion: Seq,
        change: &Change,
        until: Millis,
    ) -> Result<(), StoreError> {
        let (sealed_kinds, other): (Vec<&ItemRow>, Vec<&ItemRow>) = deleted.iter().partition(|row| {
            !matches!(row.key.slot.kind, Kind::User | Kind::Membership | Kind::PersonalMessage)
        });
        let ids: Vec<i64> = sealed_kinds.iter().map(|row| row.id).collect();
        for list in lists(&ids) {
            let sql = format!(
                "INSERT INTO undo_body (item_id, deletion_seq, sealed, deleted_at, deleted_by, until_at) \
                 SELECT item_id, ?, sealed, ?, ?, ? FROM body WHERE item_id IN ({})",
                places(list.len())
            );
            let mut insert =
                query(statement(sql)).bind(deletion.0).bind(change.at.0).bind(change.by).bind(until.0);
            for id in list {
                insert = insert.bind(*id);
            }
            insert.execute(self.db()).await?;
        }
        let ids: Vec<i64> = other.iter().map(|row| row.id).collect();
        let users = self.user_fields(&ids).await?;
        for batch in batches(&other) {
            let sql = format!(
                "INSERT INTO undo_body (item_id, deletion_seq, sealed, deleted_at, deleted_by, until_at) VALUES {}",
                rows(batch.len(), 6)
            );
            let mut insert = query(statement(sql));
            for row in batch {
                let sealed = users.get(&row.key).map(|fields| {
                    self.keys.seal(&undo_place(&row.key.pin), &Content::User(fields.clone()).to_bytes())
                });
                insert = insert
                    .bind(row.id)
                    .bind(deletion.0)
                    .bind(sealed)
                    .bind(change.at.0)
                    .bind(change.by)
                    .bind(until.0);
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }

    /// Deletions of users that can be undone, newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn deletions(&mut self, now: Millis) -> Result<Vec<Deletion>, StoreError> {
        let rows: Vec<(String, i64, i64, Option<i64>, i64, i64)> = query_as(
            "SELECT i.pin, u.deletion_seq, u.deleted_at, u.deleted_by, u.until_at, \
             (SELECT COUNT(*) FROM undo_body o JOIN item p ON p.item_id = o.item_id \
              WHERE o.deletion_seq = u.deletion_seq AND p.pin = i.pin AND p.live = 0) \
             FROM undo_body u JOIN item i ON i.item_id = u.item_id \
             WHERE i.kind = 0 AND i.live = 0 AND u.until_at > ? ORDER BY u.deletion_seq DESC, i.pin",
        )
        .bind(now.0)
        .fetch_all(self.db())
        .await?;
        rows.into_iter()
            .map(|(pin, seq, at, by, until, items)| {
                Ok(Deletion {
                    pin: pin_of("item", &pin)?,
                    seq: Seq(seq),
                    at: Millis(at),
                    by,
                    until: Millis(until),
                    items,
                })
            })
            .collect()
    }

    /// Restores a deleted user with everything that was deleted together with it, at new feed numbers. Returns what
    /// was restored, the user first; nothing if the deletion can no longer be undone.
    ///
    /// Items that exist again in the meantime stay as they are.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a body that cannot be decrypted.
    pub async fn undo(
        &mut self,
        pin: &Pin,
        by: Option<i64>,
        at: Millis,
    ) -> Result<Vec<(ItemKey, Seq)>, StoreError> {
        type Columns = (i64, String, i64, i64, i64, Option<Vec<u8>>);
        // Lock order: the clock first.
        self.lock_clock().await?;
        let rows: Vec<Columns> = query_as(
            "SELECT i.item_id, i.pin, i.kind, i.slot, i.algorithm, u.sealed \
             FROM undo_body u JOIN item i ON i.item_id = u.item_id \
             WHERE i.pin = ? AND i.live = 0 AND u.until_at > ? AND u.deletion_seq = \
             (SELECT o.deletion_seq FROM undo_body o JOIN item p ON p.item_id = o.item_id \
              WHERE p.pin = ? AND p.kind = 0 AND p.live = 0)",
        )
        .bind(pin.as_str())
        .bind(at.0)
        .bind(pin.as_str())
        .fetch_all(self.db())
        .await?;
        let (mut writes, mut ids) = (Vec::with_capacity(rows.len()), BTreeSet::new());
        for (id, pin, kind, slot, algorithm, sealed) in rows {
            let key = key_of("item", (pin, kind, slot, algorithm))?;
            let Some(content) = self.undone(&key, sealed.as_deref())? else { continue };
            let hash = roster::hash(self.keys.hash_key(), &key.slot, &content);
            ids.insert(id);
            writes.push(ItemWrite { key, content: Some(content), hash, contested: false, made_of: None });
        }
        writes.sort_by(|a, b| a.key.cmp(&b.key));
        let ids: Vec<i64> = ids.into_iter().collect();
        self.run_by_id("DELETE FROM undo_body WHERE item_id IN", &ids).await?;
        let user = ItemKey { pin: pin.clone(), slot: Slot::USER };
        let tombstone = self.item_rows(std::slice::from_ref(pin)).await?.remove(&user).map(|row| row.created);
        let seqs = self.write_items(&writes, &Change { by, at, undo_until: None }).await?;
        let life = writes.iter().zip(&seqs).find(|(write, _)| write.key == user).map(|(_, seq)| *seq);
        if let (Some(tombstone), Some(life)) = (tombstone, life) {
            self.continue_life(pin, tombstone, life).await?;
        }
        Ok(writes.into_iter().map(|write| write.key).zip(seqs).collect())
    }

    /// The content to restore; `None` if its body is missing.
    fn undone(&self, key: &ItemKey, sealed: Option<&[u8]>) -> Result<Option<Content>, StoreError> {
        let place = if key.slot == Slot::USER { undo_place(&key.pin) } else { place(key) };
        match (key.slot.kind, sealed) {
            (Kind::Membership, _) => Ok(Some(Content::Membership)),
            (Kind::PersonalMessage, _) => Ok(Some(Content::PersonalMessage)),
            (_, None) => Ok(None),
            (_, Some(sealed)) => unseal(&self.keys, key, &place, sealed).map(Some),
        }
    }

    /// Deletes at most `limit` contents whose undo period is over. With a user, also deletes the records held for the
    /// life that ended. Returns how many contents were deleted.
    ///
    /// If no person has the PIN now, this covers every held record of the PIN except unresolved conflicts and
    /// deletions. Otherwise it covers those that were last received before the deletion. A conflict stays until an
    /// operator decides, because it may be about another person.
    pub(crate) async fn forget_deleted(&mut self, before: Millis, limit: i64) -> Result<u64, StoreError> {
        let rows: Vec<(i64, String, i64, i64)> = query_as(
            "SELECT u.item_id, i.pin, i.kind, u.deleted_at FROM undo_body u JOIN item i ON i.item_id = u.item_id \
             WHERE u.until_at <= ? ORDER BY u.until_at, u.item_id LIMIT ?",
        )
        .bind(before.0)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        let ids: Vec<i64> = rows.iter().map(|(id, ..)| *id).collect();
        self.run_by_id("DELETE FROM undo_body WHERE item_id IN", &ids).await?;
        for (id, pin, _, deleted_at) in rows.into_iter().filter(|(_, _, kind, _)| *kind == Kind::User.code())
        {
            let live: i64 =
                query_scalar("SELECT live FROM item WHERE item_id = ?").bind(id).fetch_one(self.db()).await?;
            let until = if live == 0 { before.0 } else { deleted_at };
            query(
                "DELETE FROM held WHERE pin = ? AND last_at <= ? \
                 AND (resolved_at IS NOT NULL OR kind NOT IN ('conflict', 'deletion'))",
            )
            .bind(pin.clone())
            .bind(until)
            .execute(self.db())
            .await?;
            self.forget_ended_lives(&pin).await?;
            query("DELETE FROM part_set WHERE pin = ? AND updated_at <= ?")
                .bind(pin)
                .bind(until)
                .execute(self.db())
                .await?;
        }
        Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
    }
}
