//! `photo_form`: smaller copies of photos for devices with a size limit, made once for all such devices.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Content, ContentHash, ItemKey, Millis, Seq, Slot};
use sqlx::{query, query_as};
use sync::intake::Known;
use wire::Pin;

use crate::body::unseal;
use crate::item::ItemRow;
use crate::key::{hash_of, key_of, place};
use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

/// One version of a photo, for devices with this size limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoVersion {
    /// The photo.
    pub key: ItemKey,
    /// The version.
    pub seq: Seq,
    /// Maximum size of the JPEG.
    pub most_bytes: usize,
}

impl PhotoVersion {
    fn bytes_column(&self) -> i64 {
        i64::try_from(self.most_bytes).unwrap_or(i64::MAX)
    }

    /// The place to which the smaller copy is sealed.
    fn place(&self) -> String {
        format!("{} in {} bytes", place(&self.key), self.most_bytes)
    }
}

impl Tx {
    /// The smaller copy of a photo. `Some(None)` if none could be made, so that the original is sent; `None` if that
    /// was not tried yet.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for content that cannot be decrypted.
    pub async fn photo_form(&mut self, photo: &PhotoVersion) -> Result<Option<Option<Content>>, StoreError> {
        type Row = (Option<Vec<u8>>, Option<Vec<u8>>);
        let Some(row) = self.photo_row(photo).await? else { return Ok(None) };
        let found: Option<Row> =
            query_as("SELECT hash, sealed FROM photo_form WHERE item_id = ? AND seq = ? AND most_bytes = ?")
                .bind(row.id)
                .bind(photo.seq.0)
                .bind(photo.bytes_column())
                .fetch_optional(self.db())
                .await?;
        Ok(match found {
            None | Some((Some(_), None)) => None,
            Some((None, _)) => Some(None),
            Some((Some(_), Some(sealed))) => {
                Some(Some(unseal(&self.keys, &photo.key, &photo.place(), &sealed)?))
            }
        })
    }

    /// Stores the smaller copy of a photo, or `None` if none could be made. Stores nothing if the photo was replaced
    /// or deleted in the meantime.
    ///
    /// # Errors
    /// Database errors.
    pub async fn put_photo_form(
        &mut self,
        photo: &PhotoVersion,
        form: Option<&Content>,
        at: Millis,
    ) -> Result<(), StoreError> {
        let Some(row) = self.photo_row(photo).await? else { return Ok(()) };
        let hash = form.map(|form| roster::hash(self.hash_key(), &photo.key.slot, form).0.to_vec());
        let sealed = form.map(|form| self.keys.seal(&photo.place(), &form.to_bytes()));
        let upsert =
            self.engine.upsert("photo_form", "item_id, seq, most_bytes", &["hash", "sealed", "made_at"]);
        let sql = format!(
            "INSERT INTO photo_form (item_id, seq, most_bytes, hash, sealed, made_at) VALUES (?, ?, ?, ?, ?, ?){upsert}"
        );
        query(statement(sql))
            .bind(row.id)
            .bind(photo.seq.0)
            .bind(photo.bytes_column())
            .bind(hash)
            .bind(sealed)
            .bind(at.0)
            .execute(self.db())
            .await?;
        Ok(())
    }

    async fn photo_row(&mut self, photo: &PhotoVersion) -> Result<Option<ItemRow>, StoreError> {
        let rows = self.item_rows(std::slice::from_ref(&photo.key.pin)).await?;
        Ok(rows.into_values().find(|row| row.key == photo.key && row.live && row.seq == photo.seq))
    }

    /// Adds the hashes of the smaller copies that devices received to the known contents of persons. An upload of
    /// such a copy is then not taken for a new photo.
    ///
    /// # Errors
    /// Database errors.
    pub async fn know_photo_forms(
        &mut self,
        known: &mut BTreeMap<Pin, Known>,
        pins: &[Pin],
    ) -> Result<(), StoreError> {
        for list in lists(pins) {
            let sql = format!(
                "SELECT i.pin, i.kind, i.slot, i.algorithm, CASE WHEN i.seq = f.seq THEN 1 ELSE 0 END, f.hash \
                 FROM photo_form f JOIN item i ON i.item_id = f.item_id WHERE f.hash IS NOT NULL AND i.pin IN ({})",
                places(list.len())
            );
            let mut select = query_as(statement(sql));
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, i64, i64, i64, i64, Vec<u8>)> = select.fetch_all(self.db()).await?;
            for (pin, kind, slot, algorithm, newest, hash) in rows {
                let key = key_of("item", (pin, kind, slot, algorithm))?;
                let hash = hash_of("photo_form", &key, hash)?;
                let person = known.entry(key.pin).or_default();
                let forms: &mut BTreeMap<Slot, BTreeSet<ContentHash>> =
                    if newest != 0 { &mut person.forms } else { &mut person.older };
                forms.entry(key.slot).or_default().insert(hash);
            }
        }
        Ok(())
    }
}
