//! Lines of a poll reply. Photo lines are finished outside of any transaction.

use roster::{Capability, ItemKey, Photo, PhotoPayload, PhotoUpdate};
use store::StoreError;
use wire::CommandId;

use crate::context::Context;
use crate::photo::scaling::UnscaledPhoto;

/// A line of a poll reply.
pub enum ReplyLine {
    /// Ready to send.
    Ready(Vec<u8>),
    /// A photo that may have to be scaled first.
    Photo(Box<PhotoLine>),
}

/// A command that brings a photo to a device.
pub struct PhotoLine {
    /// The command ID on the wire.
    pub id: CommandId,
    /// The item key of the photo.
    pub key: ItemKey,
    /// How the photo reaches the device.
    pub source: PhotoSource,
    /// Whether the device shall upload the template that it makes from the photo.
    pub post_back_template: bool,
    /// The capability of the device.
    pub capability: Capability,
}

/// How a photo reaches a device.
pub enum PhotoSource {
    /// In the command itself.
    Inline(UnscaledPhoto),
    /// The device fetches the photo from this URL.
    Url(String),
}

impl ReplyLine {
    /// The line as it is sent; `None` if the stored photo cannot be sent.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn finish(self, context: &Context) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Ready(line) => Ok(Some(line)),
            Self::Photo(photo) => photo.finish(context).await,
        }
    }
}

impl PhotoLine {
    async fn finish(self, context: &Context) -> Result<Option<Vec<u8>>, StoreError> {
        let Self { id, key, source, post_back_template, capability } = self;
        let (photo, url): (Photo, String);
        let carried = match source {
            PhotoSource::Inline(original) => {
                photo = original.for_device(context).await?;
                PhotoPayload::Inline(&photo.text)
            }
            PhotoSource::Url(address) => {
                url = address;
                PhotoPayload::Url(&url)
            }
        };
        let sending = PhotoUpdate { carried, post_back_template };
        let Some(command) = roster::update_photo(&key, sending, &capability) else {
            tracing::error!(item = %key, "stored photo cannot be sent: it is not base64");
            return Ok(None);
        };
        let mut line = Vec::new();
        command.write(&id, &mut line);
        Ok(Some(line))
    }
}
