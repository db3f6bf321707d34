//! Lines of a poll's answer, of which those with a photo are finished outside of any transaction.

use roster::{Capability, ItemKey, Photo, PhotoPayload, PhotoUpdate};
use store::StoreError;
use wire::CommandId;

use crate::context::Context;
use crate::photo::scaling::UnscaledPhoto;

/// A line of the answer to a poll.
pub enum Line {
    /// As it goes out.
    Ready(Vec<u8>),
    /// A photo that may have to be made smaller first.
    Photo(Box<PhotoLine>),
}

/// The command of a photo.
pub struct PhotoLine {
    /// Its name on the wire.
    pub id: CommandId,
    /// Which photo.
    pub key: ItemKey,
    /// How it reaches the device.
    pub way: PhotoSource,
    /// Whether the device shall upload the template that it makes of it.
    pub post_back_template: bool,
    /// What the device can take.
    pub capability: Capability,
}

/// How a photo reaches a device.
pub enum PhotoSource {
    /// In the command.
    Inline(UnscaledPhoto),
    /// The device fetches it there.
    Url(String),
}

impl Line {
    /// The line as it goes out; `None` where what is stored cannot be sent.
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
        let Self { id, key, way, post_back_template, capability } = self;
        let (photo, url): (Photo, String);
        let carried = match way {
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
            tracing::error!(item = %key, "stored photo cannot be sent: it is no base64");
            return Ok(None);
        };
        let mut line = Vec::new();
        command.write(&id, &mut line);
        Ok(Some(line))
    }
}
