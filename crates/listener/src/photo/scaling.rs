//! Photo scaling: photos in a size that a device accepts (§12.1.1.7, §12.1.1.8).
//!
//! The fleet keeps the original. Muster scales a photo once for all devices of the same limit, one photo at a time, outside of
//! any transaction, and stores the result.

use crate::photo::jpeg;

use roster::{Content, Photo};
use store::{PhotoVersion, StoreError};
use wire::Base64;

use crate::context::Context;

/// A photo of the fleet, to be sent to a device with a size limit.
#[derive(Clone, Debug)]
pub struct UnscaledPhoto {
    /// The version of the photo, and the device's limit.
    pub version: PhotoVersion,
    /// The fleet's original.
    pub photo: Photo,
}

impl UnscaledPhoto {
    /// Whether the original is small enough for the device.
    pub fn fits(&self) -> bool {
        decoded_bytes(&self.photo.text) <= self.version.most_bytes
    }

    /// The photo to send. If a photo cannot be scaled, Muster logs that and sends the original.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn for_device(self, context: &Context) -> Result<Photo, StoreError> {
        if self.fits() {
            return Ok(self.photo);
        }
        if let Some(made) = self.made_before(context).await? {
            return Ok(made.unwrap_or(self.photo));
        }
        // One at a time: decoding a camera's picture takes some hundred megabytes.
        let Ok(_turn) = context.scaling.acquire().await else { return Ok(self.photo) };
        if let Some(made) = self.made_before(context).await? {
            return Ok(made.unwrap_or(self.photo));
        }
        let form = self.scaled().await.map(Content::Photo);
        let (version, now) = (&self.version, context.clock.now());
        store::retry(|| async {
            let mut tx = context.store.write().await?;
            tx.put_photo_form(version, form.as_ref(), now).await?;
            tx.commit().await
        })
        .await?;
        Ok(match form {
            Some(Content::Photo(photo)) => photo,
            _ => self.photo,
        })
    }

    /// The stored result for devices of this limit: `None` if nobody tried yet, `Some(None)` if the original is sent.
    async fn made_before(&self, context: &Context) -> Result<Option<Option<Photo>>, StoreError> {
        let mut tx = context.store.read().await?;
        let made = tx.photo_form(&self.version).await?;
        tx.rollback().await?;
        Ok(made.map(|content| match content {
            Some(Content::Photo(photo)) => Some(photo),
            _ => None,
        }))
    }

    async fn scaled(&self) -> Option<Photo> {
        let (text, most_bytes) = (self.photo.text.clone(), self.version.most_bytes);
        let before = decoded_bytes(&text);
        let work = tokio::task::spawn_blocking(move || {
            let jpeg = Base64::read(text.as_bytes()).map_err(|_| "not base64".to_owned())?.decode();
            jpeg::scale(&jpeg, most_bytes).map_err(|error| error.to_string())
        });
        let item = &self.version.key;
        match work.await.unwrap_or_else(|_| Err("reading it failed".to_owned())) {
            Ok(small) => {
                tracing::info!(%item, bytes = before, scaled_bytes = small.len(), "photo scaled for devices");
                let text = Base64::encode(&small).into_string();
                Some(Photo { text, file_name: self.photo.file_name.clone() })
            }
            Err(reason) => {
                tracing::warn!(
                    %item, bytes = before, most_bytes, reason,
                    "photo cannot be scaled: devices get the original, which may be too large for them; enrol another"
                );
                None
            }
        }
    }
}

/// The number of bytes that a base64 text encodes.
fn decoded_bytes(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_what_a_text_stands_for() {
        for (text, bytes) in [("", 0), ("QQ==", 1), ("QUI=", 2), ("QUJD", 3)] {
            assert_eq!(decoded_bytes(text), bytes, "{text}");
        }
    }
}
