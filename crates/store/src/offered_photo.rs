//! `offered_photo`: photos that one device may fetch once, for a limited time.

use roster::{ItemKey, Millis, Seq};
use sqlx::{query, query_as, query_scalar};

use crate::key::{key_of, narrow};
use crate::photo_form::PhotoVersion;
use crate::{StoreError, Tx};

/// A photo that a device was told to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedPhoto {
    /// The photo.
    pub photo: PhotoVersion,
    /// The device that may fetch it.
    pub device: i64,
    /// Until when the device may fetch it.
    pub expires_at: Millis,
}

impl Tx {
    /// Lets a device fetch a photo once. Offers nothing if the photo no longer exists in that version.
    ///
    /// # Errors
    /// Database errors, also for a token that is taken.
    pub async fn offer_photo(&mut self, token: &str, offer: &OfferedPhoto) -> Result<(), StoreError> {
        let OfferedPhoto { photo, device, expires_at } = offer;
        let (pin, kind, number, algorithm) = crate::item::columns(&photo.key);
        let item: Option<i64> = query_scalar(
            "SELECT item_id FROM item WHERE pin = ? AND kind = ? AND slot = ? AND algorithm = ? AND seq = ?",
        )
        .bind(pin)
        .bind(kind)
        .bind(number)
        .bind(algorithm)
        .bind(photo.seq.0)
        .fetch_optional(self.db())
        .await?;
        let Some(item) = item else { return Ok(()) };
        query(
            "INSERT INTO offered_photo (token, device_id, item_id, seq, most_bytes, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(token.to_owned())
        .bind(*device)
        .bind(item)
        .bind(photo.seq.0)
        .bind(i64::try_from(photo.most_bytes).unwrap_or(i64::MAX))
        .bind(expires_at.0)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// The photo of a token, if it may still be fetched: it was not fetched yet, has not expired, the fleet still
    /// holds it, and its device is part of the fleet. If a device is given, only a photo for that device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn offered_photo(
        &mut self,
        token: &str,
        device: Option<i64>,
        now: Millis,
    ) -> Result<Option<OfferedPhoto>, StoreError> {
        type Row = (i64, i64, i64, i64, String, i64, i64, i64);
        let row: Option<Row> = query_as(
            "SELECT o.device_id, o.seq, o.most_bytes, o.expires_at, i.pin, i.kind, i.slot, i.algorithm \
             FROM offered_photo o JOIN item i ON i.item_id = o.item_id AND i.seq = o.seq AND i.live = 1 \
             JOIN device d ON d.device_id = o.device_id AND d.state = 'active' \
             WHERE o.token = ? AND (? IS NULL OR o.device_id = ?) AND o.expires_at > ? AND o.fetched_at IS NULL",
        )
        .bind(token.to_owned())
        .bind(device)
        .bind(device)
        .bind(now.0)
        .fetch_optional(self.db())
        .await?;
        let Some((device, seq, most_bytes, expires_at, pin, kind, slot, algorithm)) = row else {
            return Ok(None);
        };
        let key: ItemKey = key_of("item", (pin, kind, slot, algorithm))?;
        let most_bytes = narrow("offered_photo", "most_bytes", &key, most_bytes)?;
        let photo = PhotoVersion { key, seq: Seq(seq), most_bytes };
        Ok(Some(OfferedPhoto { photo, device, expires_at: Millis(expires_at) }))
    }

    /// Marks a photo as fetched. Returns false if it already was, or has expired: then the caller must not send it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn photo_fetched(&mut self, token: &str, now: Millis) -> Result<bool, StoreError> {
        let done = query(
            "UPDATE offered_photo SET fetched_at = ? WHERE token = ? AND expires_at > ? AND fetched_at IS NULL",
        )
        .bind(now.0)
        .bind(token.to_owned())
        .bind(now.0)
        .execute(self.db())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
