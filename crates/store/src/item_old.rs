//! `item_old`: older versions of items, to recognise data that a device still holds after it was offline.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Content, ContentHash, ItemKey, Kind, Millis, Seq, UserFields};
use sqlx::{query, query_as};
use wire::Pin;

use crate::body::unseal;
use crate::item::ItemRow;
use crate::key::{hash_of, key_of, pin_of};
use crate::sql::{batches, lists, places, rows, statement};
use crate::{StoreError, Tx};

/// A user with its earlier versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserVersions {
    /// The current fields; `None` if the user is not live.
    pub current: Option<UserFields>,
    /// Earlier versions, newest first.
    pub older: Vec<UserFields>,
}

/// The place to which the fields of an old version are sealed.
fn old_place(pin: &Pin, seq: Seq) -> String {
    format!("old user {pin} {}", seq.0)
}

impl Tx {
    /// Stores live rows as old versions before the versions with these numbers replace them.
    pub(crate) async fn store_old_versions(
        &mut self,
        replaced: &[(&ItemRow, Seq)],
        at: Millis,
    ) -> Result<(), StoreError> {
        let users: Vec<i64> = replaced
            .iter()
            .filter(|(row, _)| row.key.slot.kind == Kind::User)
            .map(|(row, _)| row.id)
            .collect();
        let users = self.user_fields(&users).await?;
        let upsert = self.engine.upsert("item_old", "item_id, seq", &["replaced_seq", "replaced_at"]);
        for batch in batches(replaced) {
            let sql = format!(
                "INSERT INTO item_old (item_id, seq, hash, sealed, replaced_seq, replaced_at) VALUES {}{upsert}",
                rows(batch.len(), 6)
            );
            let mut insert = query(statement(sql));
            for (row, by) in batch {
                let sealed = users.get(&row.key).map(|fields| {
                    let body = Content::User(fields.clone()).to_bytes();
                    self.keys.seal(&old_place(&row.key.pin, row.seq), &body)
                });
                insert = insert
                    .bind(row.id)
                    .bind(row.seq.0)
                    .bind(row.hash.0.to_vec())
                    .bind(sealed)
                    .bind(by.0)
                    .bind(at.0);
            }
            insert.execute(self.db()).await?;
        }
        Ok(())
    }

    /// Users and their earlier versions.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for fields that cannot be decrypted.
    pub async fn user_versions(&mut self, pins: &[Pin]) -> Result<BTreeMap<Pin, UserVersions>, StoreError> {
        let mut found: BTreeMap<Pin, UserVersions> = BTreeMap::new();
        let items = self.item_rows(pins).await?;
        let users: Vec<i64> = items
            .iter()
            .filter(|(key, row)| key.slot.kind == Kind::User && row.live)
            .map(|(_, row)| row.id)
            .collect();
        for (key, fields) in self.user_fields(&users).await? {
            found.entry(key.pin).or_default().current = Some(fields);
        }
        for list in lists(pins) {
            let sql = format!(
                "SELECT i.pin, o.seq, o.sealed FROM item_old o JOIN item i ON i.item_id = o.item_id \
                 WHERE i.kind = 0 AND o.sealed IS NOT NULL AND i.pin IN ({}) ORDER BY o.seq DESC",
                places(list.len())
            );
            let mut select = query_as(statement(sql));
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, i64, Vec<u8>)> = select.fetch_all(self.db()).await?;
            for (pin, seq, sealed) in rows {
                let key = ItemKey { pin: pin_of("item", &pin)?, slot: roster::Slot::USER };
                let place = old_place(&key.pin, Seq(seq));
                if let Content::User(fields) = unseal(&self.keys, &key, &place, &sealed)? {
                    found.entry(key.pin).or_default().older.push(fields);
                }
            }
        }
        Ok(found)
    }

    /// Hashes of the earlier contents of items.
    ///
    /// # Errors
    /// Database errors.
    pub async fn old_hashes(
        &mut self,
        pins: &[Pin],
    ) -> Result<BTreeMap<ItemKey, BTreeSet<ContentHash>>, StoreError> {
        let mut found: BTreeMap<ItemKey, BTreeSet<ContentHash>> = BTreeMap::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT i.pin, i.kind, i.slot, i.algorithm, o.hash FROM item_old o \
                 JOIN item i ON i.item_id = o.item_id WHERE i.pin IN ({})",
                places(list.len())
            );
            let mut select = query_as(statement(sql));
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, i64, i64, i64, Vec<u8>)> = select.fetch_all(self.db()).await?;
            for (pin, kind, slot, algorithm, hash) in rows {
                let key = key_of("item", (pin, kind, slot, algorithm))?;
                let hash = hash_of("item_old", &key, hash)?;
                found.entry(key).or_default().insert(hash);
            }
        }
        Ok(found)
    }
}
