//! `photo_form`: what was made of photos for devices that take only small ones, once for all of them.

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

/// One version of a photo, for devices that take so many bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoVersion {
    /// Which photo.
    pub key: ItemKey,
    /// Which version of it.
    pub seq: Seq,
    /// How large the JPEG may be.
    pub most_bytes: usize,
}

impl PhotoVersion {
    fn bytes_column(&self) -> i64 {
        i64::try_from(self.most_bytes).unwrap_or(i64::MAX)
    }

    /// Where it is sealed to.
    fn place(&self) -> String {
        format!("{} in {} bytes", place(&self.key), self.most_bytes)
    }
}

impl Tx {
    /// What was made of a photo: `Some(None)` where nothing could be and it goes as it is, `None` where that was not tried.
    ///
    /// # Errors
    /// Those of the database; [`StoreError::Sealed`] for content that does not open.
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

    /// Keeps what was made of a photo, `None` where nothing could be; not of one that was replaced or deleted meanwhile.
    ///
    /// # Errors
    /// Those of the database.
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

    /// Adds to what is known of persons the hashes of their photos in the forms in which devices were sent them: an
    /// upload of one is none of a new photo.
    ///
    /// # Errors
    /// Those of the database.
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
