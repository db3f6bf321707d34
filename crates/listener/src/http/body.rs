//! The body of a request, read whole: how large it may be, how long it may take, and how much of all of them is held at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::OwnedSemaphorePermit;

use crate::context::Context;
use crate::http::response::DeviceError;

/// How long a device may take between two pieces of a body, and how long it waits for room for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a device may take for a whole body.
const LONGEST_BODY: Duration = Duration::from_mins(5);

/// How much of request bodies is held in memory at a time, of all devices together, KiB.
pub const BODIES_KIB: u32 = 256 << 10;

/// The length of the body as it is announced.
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body; one that is too large is refused before it is read, where its length is announced.
///
/// With the body comes its share of [`BODIES_KIB`]: while there is none to be had, the device waits, and is told to
/// come again if that takes too long.
pub async fn read(
    context: &Context,
    mut body: Incoming,
    announced: Option<u64>,
) -> Result<(Bytes, OwnedSemaphorePermit), DeviceError> {
    let most = context.config.max_body_bytes;
    if announced.is_some_and(|length| length > most as u64) {
        return Err(DeviceError::TooLarge);
    }
    let expected = match announced {
        Some(length) => usize::try_from(length).unwrap_or(most),
        None if body.is_end_stream() => 0,
        None => most,
    };
    let kib = u32::try_from(expected.div_ceil(1024)).unwrap_or(BODIES_KIB).min(BODIES_KIB);
    let room = tokio::time::timeout(PATIENCE, Arc::clone(&context.bodies).acquire_many_owned(kib));
    let Ok(Ok(room)) = room.await else { return Err(DeviceError::Busy) };
    let mut pieces = Vec::with_capacity(expected.min(1 << 20));
    let late = tokio::time::sleep(LONGEST_BODY);
    tokio::pin!(late);
    loop {
        let frame = tokio::select! {
            () = &mut late => return Err(DeviceError::Incomplete),
            frame = tokio::time::timeout(PATIENCE, body.frame()) => frame,
        };
        let frame = match frame {
            Ok(None) => return Ok((pieces.into(), room)),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Err(DeviceError::Incomplete),
        };
        if let Some(bytes) = frame.data_ref() {
            if pieces.len() + bytes.len() > most {
                return Err(DeviceError::TooLarge);
            }
            pieces.extend_from_slice(bytes);
        }
    }
}
