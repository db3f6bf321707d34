//! `device.comm_key_digest`: a keyed hash of the key with which a device identifies itself in its handshake (§5). The
//! key itself is never stored.

use sqlx::{query, query_scalar};

use crate::{StoreError, Tx};

impl Tx {
    /// Whether a device sent the same key as the first time. The first key is stored.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_comm_key_of(&mut self, device: i64, key: &str) -> Result<bool, StoreError> {
        let digest = self.keys.digest(&[b"comm key", &device.to_le_bytes(), key.as_bytes()]);
        query("UPDATE device SET comm_key_digest = ? WHERE device_id = ? AND comm_key_digest IS NULL")
            .bind(digest.clone())
            .bind(device)
            .execute(self.db())
            .await?;
        let kept: Option<Vec<u8>> = query_scalar("SELECT comm_key_digest FROM device WHERE device_id = ?")
            .bind(device)
            .fetch_one(self.db())
            .await?;
        Ok(kept == Some(digest))
    }

    /// Whether a device has ever sent a key.
    ///
    /// # Errors
    /// Database errors.
    pub async fn has_comm_key(&mut self, device: i64) -> Result<bool, StoreError> {
        let found: i64 =
            query_scalar("SELECT COUNT(*) FROM device WHERE device_id = ? AND comm_key_digest IS NOT NULL")
                .bind(device)
                .fetch_one(self.db())
                .await?;
        Ok(found > 0)
    }

    /// Forgets the key of a device, so that its next key is stored.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget_comm_key(&mut self, device: i64) -> Result<(), StoreError> {
        query("UPDATE device SET comm_key_digest = NULL WHERE device_id = ?")
            .bind(device)
            .execute(self.db())
            .await?;
        Ok(())
    }
}
