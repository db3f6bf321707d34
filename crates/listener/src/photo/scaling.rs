//! Photos in the form in which a device takes them (§12.1.1.7, §12.1.1.8).
//!
//! The original stays the fleet's. What is made of it is made once, for all devices of the same limit, one photo at a time,
//! and outside of any transaction.

use crate::photo::jpeg;

use roster::{Content, Photo};
use store::{PhotoVersion, StoreError};
use wire::Base64;

use crate::context::Context;

/// A photo of the fleet, to be sent to a device with a limit.
#[derive(Clone, Debug)]
pub struct UnscaledPhoto {
    /// Which version of which photo, and the device's limit.
    pub version: PhotoVersion,
    /// As the fleet holds it.
    pub photo: Photo,
}

impl UnscaledPhoto {
    /// Whether the device takes it as it is.
    pub fn fits(&self) -> bool {
        decoded_bytes(&self.photo.text) <= self.version.most_bytes
    }

    /// What the device is to be sent. A photo of which nothing can be made goes as it is, and is named in the log.
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
        // One at a time: a camera's picture takes some hundred megabytes while it is decoded.
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

    /// What was made of it for devices of this limit, if that was tried; `None` inside where it goes as it is.
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
            let jpeg = Base64::read(text.as_bytes()).map_err(|_| "it is no base64".to_owned())?.decode();
            jpeg::scale(&jpeg, most_bytes).map_err(|error| error.to_string())
        });
        let item = &self.version.key;
        match work.await.unwrap_or_else(|_| Err("reading it failed".to_owned())) {
            Ok(small) => {
                tracing::info!(%item, bytes = before, scaled_bytes = small.len(), "photo made smaller for devices");
                let text = Base64::encode(&small).into_string();
                Some(Photo { text, file_name: self.photo.file_name.clone() })
            }
            Err(reason) => {
                tracing::warn!(
                    %item, bytes = before, most_bytes, reason,
                    "photo goes to devices as it is, larger than they may take: enrol another"
                );
                None
            }
        }
    }
}

/// How many bytes a base64 text stands for.
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
