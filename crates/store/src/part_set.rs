//! `part_set`: incomplete templates, of which a device has uploaded only some parts.

use roster::{Content, ItemKey, Millis, Slot, Template};
use sqlx::{query, query_as};
use wire::Pin;

use crate::body::unseal;
use crate::item::columns;
use crate::key::{key_of, place};
use crate::sql::{lists, places, statement};
use crate::{StoreError, Tx};

fn part_place(device: i64, key: &ItemKey) -> String {
    format!("parts of device {device} {}", place(key))
}

impl Tx {
    /// The incomplete templates of these PINs that a device uploaded.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for parts that cannot be decrypted.
    pub async fn part_sets(
        &mut self,
        device: i64,
        pins: &[Pin],
    ) -> Result<Vec<(ItemKey, Template)>, StoreError> {
        let mut found = Vec::new();
        for list in lists(pins) {
            let sql = format!(
                "SELECT pin, kind, slot, algorithm, sealed FROM part_set WHERE device_id = ? AND pin IN ({})",
                places(list.len())
            );
            let mut select = query_as(statement(sql)).bind(device);
            for pin in list {
                select = select.bind(pin.as_str());
            }
            let rows: Vec<(String, i64, i64, i64, Vec<u8>)> = select.fetch_all(self.db()).await?;
            for (pin, kind, slot, algorithm, sealed) in rows {
                let key = key_of("part_set", (pin, kind, slot, algorithm))?;
                if let Content::Template(template) =
                    unseal(&self.keys, &key, &part_place(device, &key), &sealed)?
                {
                    found.push((key, template));
                }
            }
        }
        Ok(found)
    }

    /// Stores the parts of a template that were received so far; `None` deletes them.
    ///
    /// # Errors
    /// Database errors.
    pub async fn put_part_set(
        &mut self,
        device: i64,
        key: &ItemKey,
        parts: Option<&Template>,
        at: Millis,
    ) -> Result<(), StoreError> {
        let Some(parts) = parts else {
            let (pin, kind, slot, algorithm) = columns(key);
            query("DELETE FROM part_set WHERE device_id = ? AND pin = ? AND kind = ? AND slot = ? AND algorithm = ?")
                .bind(device)
                .bind(pin)
                .bind(kind)
                .bind(slot)
                .bind(algorithm)
                .execute(self.db())
                .await?;
            return Ok(());
        };
        let sealed = self.keys.seal(&part_place(device, key), &Content::Template(parts.clone()).to_bytes());
        let upsert = self.engine.upsert(
            "part_set",
            "device_id, pin, kind, slot, algorithm",
            &["sealed", "updated_at"],
        );
        let Slot { kind, number, algorithm } = key.slot;
        query(statement(format!(
            "INSERT INTO part_set (device_id, pin, kind, slot, algorithm, sealed, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?){upsert}"
        )))
        .bind(device)
        .bind(key.pin.as_str().to_owned())
        .bind(kind.code())
        .bind(number)
        .bind(algorithm.code())
        .bind(sealed)
        .bind(at.0)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Incomplete templates that got no new part since a time, each with its device.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] for parts that cannot be decrypted.
    pub async fn abandoned_part_sets(
        &mut self,
        before: Millis,
        limit: i64,
    ) -> Result<Vec<(i64, ItemKey, Template)>, StoreError> {
        let rows: Vec<(i64, String, i64, i64, i64, Vec<u8>)> = query_as(
            "SELECT device_id, pin, kind, slot, algorithm, sealed FROM part_set WHERE updated_at < ? \
             ORDER BY device_id, pin LIMIT ?",
        )
        .bind(before.0)
        .bind(limit)
        .fetch_all(self.db())
        .await?;
        let mut found = Vec::new();
        for (device, pin, kind, slot, algorithm, sealed) in rows {
            let key = key_of("part_set", (pin, kind, slot, algorithm))?;
            if let Content::Template(template) = unseal(&self.keys, &key, &part_place(device, &key), &sealed)?
            {
                found.push((device, key, template));
            }
        }
        Ok(found)
    }
}
