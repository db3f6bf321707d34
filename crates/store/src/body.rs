//! `body`: sealed contents of live templates, photos and definitions. Also reads contents of every kind by key.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Content, ItemKey, Kind, Seq};
use sqlx::{query, query_as};

use crate::item::ItemRow;
use crate::key::{KeyColumns, key_of, pins_of, place};
use crate::sql::{batches_of_bytes, lists, places, rows, statement};
use crate::{Keys, StoreError, Tx};

/// How many bodies are sealed before they are written.
const SEALED_AT_ONCE: usize = 100;

/// Decrypts a sealed body and parses its content.
pub(crate) fn unseal(keys: &Keys, key: &ItemKey, place: &str, sealed: &[u8]) -> Result<Content, StoreError> {
    Content::from_bytes(key.slot.kind, &keys.open(place, sealed)?)
        .map_err(|_| StoreError::Sealed { place: place.to_owned() })
}

const fn has_body(content: &Content) -> bool {
    matches!(content, Content::Template(_) | Content::Photo(_) | Content::Definition(_))
}

impl Tx {
    /// Writes the templates, photos and definitions among `contents`.
    pub(crate) async fn put_bodies(&mut self, contents: &[(&ItemRow, &Content)]) -> Result<(), StoreError> {
        let bodies: Vec<&(&ItemRow, &Content)> =
            contents.iter().filter(|(_, content)| has_body(content)).collect();
        let upsert = self.engine.upsert("body", "item_id", &["sealed"]);
        // Seals a few at a time: sealing a whole roster at once would take as much memory as its upload, and block a
        // thread for long.
        for few in bodies.chunks(SEALED_AT_ONCE) {
            let sealed: Vec<(i64, Vec<u8>)> = few
                .iter()
                .map(|(row, content)| (row.id, self.keys.seal(&place(&row.key), &content.to_bytes())))
                .collect();
            for batch in batches_of_bytes(&sealed, |(_, sealed)| sealed.len()) {
                let sql =
                    format!("INSERT INTO body (item_id, sealed) VALUES {}{upsert}", rows(batch.len(), 2));
                let mut insert = query(statement(sql));
                for (id, sealed) in batch {
                    insert = insert.bind(*id).bind(sealed.clone());
                }
                insert.execute(self.db()).await?;
            }
        }
        let photos = contents.iter().filter(|(_, content)| matches!(content, Content::Photo(_)));
        let photos: Vec<i64> = photos.map(|(row, _)| row.id).collect();
        self.run_by_id("UPDATE photo_form SET sealed = NULL WHERE item_id IN", &photos).await
    }

    /// The current contents of items. Items that are not live are left out.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for a body that cannot be decrypted.
    pub async fn contents(&mut self, keys: &[ItemKey]) -> Result<BTreeMap<ItemKey, Content>, StoreError> {
        let wanted: BTreeSet<&ItemKey> = keys.iter().collect();
        let mut items = self.item_rows(&pins_of(keys)).await?;
        items.retain(|key, row| row.live && wanted.contains(key));

        let mut found = BTreeMap::new();
        let (mut users, mut bodies) = (Vec::new(), Vec::new());
        for (key, row) in items {
            match key.slot.kind {
                Kind::User => users.push(row.id),
                Kind::Membership => {
                    found.insert(key, Content::Membership);
                }
                Kind::PersonalMessage => {
                    found.insert(key, Content::PersonalMessage);
                }
                Kind::UserPhoto | Kind::ComparisonPhoto | Kind::Template(_) | Kind::Definition(_) => {
                    bodies.push(row.id);
                }
            }
        }
        let users = self.user_fields(&users).await?;
        found.extend(users.into_iter().map(|(key, fields)| (key, Content::User(fields))));
        for (key, sealed) in self.sealed_bodies(&bodies).await? {
            let content = unseal(&self.keys, &key, &place(&key), &sealed)?;
            found.insert(key, content);
        }
        Ok(found)
    }

    /// Checks that items still have the versions of a decision, after their contents were read.
    ///
    /// On an engine with one writer at a time, nothing can have changed within a write transaction. On other engines
    /// the lock of a device does not stop uploads of other devices: an item may change between two queries.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if one changed; database errors.
    pub async fn unchanged(&mut self, versions: &[(ItemKey, Seq)]) -> Result<(), StoreError> {
        if self.engine.writers_exclude_each_other() {
            return Ok(());
        }
        let rows = self.item_rows(&pins_of(versions.iter().map(|(key, _)| key))).await?;
        let same = |(key, seq): &(ItemKey, Seq)| rows.get(key).is_some_and(|row| row.seq == *seq);
        if versions.iter().all(same) { Ok(()) } else { Err(StoreError::Conflict) }
    }

    async fn sealed_bodies(&mut self, ids: &[i64]) -> Result<Vec<(ItemKey, Vec<u8>)>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for list in lists(ids) {
            let sql = format!(
                "SELECT i.pin, i.kind, i.slot, i.algorithm, b.sealed FROM body b \
                 JOIN item i ON i.item_id = b.item_id WHERE b.item_id IN ({})",
                places(list.len())
            );
            let mut select = query_as(statement(sql));
            for id in list {
                select = select.bind(*id);
            }
            let rows: Vec<(String, i64, i64, i64, Vec<u8>)> = select.fetch_all(self.db()).await?;
            for (pin, kind, slot, algorithm, sealed) in rows {
                let columns: KeyColumns = (pin, kind, slot, algorithm);
                found.push((key_of("item", columns)?, sealed));
            }
        }
        Ok(found)
    }
}
