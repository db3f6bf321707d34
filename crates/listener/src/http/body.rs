//! Request bodies: limits of their size, their duration, and the memory that all of them use.

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

/// How long a device may pause within a body, and how long a request waits for memory for its body.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a device may take to send a whole body.
const BODY_TIMEOUT: Duration = Duration::from_mins(5);

/// Memory for the request bodies of all devices together, KiB.
pub const BODIES_KIB: u32 = 256 << 10;

/// The `Content-Length` of a request.
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body. If its `Content-Length` is too large, Muster refuses it before reading.
///
/// Returns the body with its share of [`BODIES_KIB`]. If no memory is free, the request waits; after 30 s Muster
/// refuses it with 503.
pub async fn read(
    context: &Context,
    mut body: Incoming,
    announced: Option<u64>,
) -> Result<(Bytes, OwnedSemaphorePermit), DeviceError> {
    let max_bytes = context.config.max_body_bytes;
    if announced.is_some_and(|length| length > max_bytes as u64) {
        return Err(DeviceError::TooLarge);
    }
    let expected = match announced {
        Some(length) => usize::try_from(length).unwrap_or(max_bytes),
        None if body.is_end_stream() => 0,
        None => max_bytes,
    };
    let kib = u32::try_from(expected.div_ceil(1024)).unwrap_or(BODIES_KIB).min(BODIES_KIB);
    let memory = tokio::time::timeout(STALL_TIMEOUT, Arc::clone(&context.bodies).acquire_many_owned(kib));
    let Ok(Ok(memory)) = memory.await else { return Err(DeviceError::Busy) };
    let mut pieces = Vec::with_capacity(expected.min(1 << 20));
    let late = tokio::time::sleep(BODY_TIMEOUT);
    tokio::pin!(late);
    loop {
        let frame = tokio::select! {
            () = &mut late => return Err(DeviceError::Incomplete),
            frame = tokio::time::timeout(STALL_TIMEOUT, body.frame()) => frame,
        };
        let frame = match frame {
            Ok(None) => return Ok((pieces.into(), memory)),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Err(DeviceError::Incomplete),
        };
        if let Some(bytes) = frame.data_ref() {
            if pieces.len() + bytes.len() > max_bytes {
                return Err(DeviceError::TooLarge);
            }
            pieces.extend_from_slice(bytes);
        }
    }
}
