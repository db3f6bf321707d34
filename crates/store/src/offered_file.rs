//! `offered_file` and `offered_part`: files that one device may fetch for a limited time.

use roster::Millis;
use sqlx::{Row as _, query, query_scalar};

use crate::key::narrow;
use crate::{StoreError, Tx};

/// The size of the parts in which a file is sealed and read.
pub const PART_BYTES: usize = 1 << 20;

/// A file that a device was told to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedFile {
    /// The random part of its URL.
    pub token: String,
    /// The device that may fetch it.
    pub device: i64,
    /// The last part of its URL.
    pub name: String,
    /// Length of the file.
    pub bytes: u64,
    /// Whether it is served as base64 text.
    pub as_base64: bool,
    /// Until when the device may fetch it.
    pub expires_at: Millis,
}

impl Tx {
    /// Stores a file for a device to fetch.
    ///
    /// # Errors
    /// Database errors, also for a token that is taken.
    pub async fn offer_file(&mut self, file: &OfferedFile, content: &[u8]) -> Result<(), StoreError> {
        query(
            "INSERT INTO offered_file (token, device_id, name, bytes, as_base64, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(file.token.clone())
        .bind(file.device)
        .bind(file.name.clone())
        .bind(i64::try_from(content.len()).unwrap_or(i64::MAX))
        .bind(i64::from(file.as_base64))
        .bind(file.expires_at.0)
        .execute(self.db())
        .await?;
        for (number, part) in (0_i64..).zip(content.chunks(PART_BYTES)) {
            let sealed = self.keys.seal(&place(&file.token, number), part);
            query("INSERT INTO offered_part (token, part_no, sealed, expires_at) VALUES (?, ?, ?, ?)")
                .bind(file.token.clone())
                .bind(number)
                .bind(sealed)
                .bind(file.expires_at.0)
                .execute(self.db())
                .await?;
        }
        Ok(())
    }

    /// The file of a token, if it may still be fetched. If a device is given, only a file for that device.
    ///
    /// # Errors
    /// Database errors.
    pub async fn offered_file(
        &mut self,
        token: &str,
        device: Option<i64>,
        now: Millis,
    ) -> Result<Option<OfferedFile>, StoreError> {
        let row = query(
            "SELECT device_id, name, bytes, as_base64, expires_at FROM offered_file \
             WHERE token = ? AND (? IS NULL OR device_id = ?) AND expires_at > ?",
        )
        .bind(token.to_owned())
        .bind(device)
        .bind(device)
        .bind(now.0)
        .fetch_optional(self.db())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(OfferedFile {
            token: token.to_owned(),
            device: row.try_get("device_id")?,
            name: row.try_get("name")?,
            bytes: narrow("offered_file", "bytes", &token, row.try_get("bytes")?)?,
            as_base64: row.try_get::<i64, _>("as_base64")? != 0,
            expires_at: Millis(row.try_get("expires_at")?),
        }))
    }

    /// A part of a file, numbered from 0; empty after the last.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Sealed`] if it cannot be decrypted.
    pub async fn offered_part(&mut self, token: &str, number: i64) -> Result<Vec<u8>, StoreError> {
        let sealed: Option<Vec<u8>> =
            query_scalar("SELECT sealed FROM offered_part WHERE token = ? AND part_no = ?")
                .bind(token.to_owned())
                .bind(number)
                .fetch_optional(self.db())
                .await?;
        let Some(sealed) = sealed else { return Ok(Vec::new()) };
        self.keys.open(&place(token, number), &sealed)
    }
}

/// The place to which a part of a file is sealed.
fn place(token: &str, number: i64) -> String {
    format!("offered_file/{token}/{number}")
}
