//! `GET /iclock/file`: downloads of files that Muster offered to a device, and of nothing else (§12.5, §12.8.2).
//!
//! Muster looks only at the token in the address that a device names. It never fetches anything for a device.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, HeaderName, RANGE};
use http::{HeaderValue, StatusCode};
use roster::Content;
use store::{OfferedFile, PART_BYTES};
use wire::{Base64, Target};

use crate::auth;
use crate::context::Context;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, text};
use crate::photo::scaling::UnscaledPhoto;
use fleet::offered_file::{FOLDER, is_token};

/// Serves a file, or the requested part of it.
///
/// In the form `?SN=&url=` only the device that the file was offered to gets it. A bare path carries no serial number; there
/// the secret token alone gives access.
///
/// # Errors
/// [`DeviceError::NotFound`] for anything that was not offered, or whose offer has expired.
pub async fn get(context: &Context, request: &Request, target: &Target<'_>) -> Result<Answer, DeviceError> {
    let device = match target.query.get("SN") {
        Some(_) => Some(auth::authenticate(context, request, target).await?.id),
        None => None,
    };
    let url = target.query.get("url").filter(|_| device.is_some());
    let token = url.as_deref().and_then(token_of).or_else(|| token_of(&request.path));
    let Some(token) = token else { return Err(DeviceError::NotFound) };
    let mut tx = context.store.read().await?;
    let Some(file) = tx.offered_file(token, device, context.clock.now()).await? else {
        tx.rollback().await?;
        return photo(context, token, device).await;
    };
    let range = request.headers.get(RANGE).and_then(|range| range.to_str().ok());
    let wanted = range.filter(|_| !file.as_base64);
    let Some((first, last)) =
        wanted.map_or(Some((0, file.bytes.saturating_sub(1))), |range| range_of(range, file.bytes))
    else {
        return Ok(with(unsatisfiable(), CONTENT_RANGE, &format!("bytes */{}", file.bytes)));
    };
    let length = if file.bytes == 0 { 0 } else { last - first + 1 };
    let memory = reserve_memory(context, if file.as_base64 { length.saturating_mul(3) } else { length })?;
    let bytes = read(&mut tx, &file, first, length).await?;
    tx.rollback().await?;
    tracing::info!(device.id = file.device, first, length, of = file.bytes, "file fetched");
    let bytes = if file.as_base64 { Base64::encode(&bytes).into_string().into_bytes() } else { bytes };
    let body = Bytes::from_owner(ReservedBody { bytes, _memory: memory });
    if wanted.is_none() {
        return Ok(text(StatusCode::OK, body));
    }
    let range = format!("bytes {first}-{last}/{}", file.bytes);
    Ok(with(text(StatusCode::PARTIAL_CONTENT, body), CONTENT_RANGE, &range))
}

/// Serves a photo that was offered to a device: the whole photo, and only once.
async fn photo(context: &Context, token: &str, device: Option<i64>) -> Result<Answer, DeviceError> {
    let now = context.clock.now();
    let found = store::retry(|| async {
        let mut tx = context.store.read().await?;
        let Some(offer) = tx.offered_photo(token, device, now).await? else { return Ok(None) };
        let version = offer.photo;
        let current = tx.contents(std::slice::from_ref(&version.key)).await?.remove(&version.key);
        tx.unchanged(&[(version.key.clone(), version.seq)]).await?;
        tx.rollback().await?;
        let Some(Content::Photo(photo)) = current else { return Ok(None) };
        Ok(Some((offer.device, UnscaledPhoto { version, photo })))
    });
    let Some((device, original)) = found.await? else { return Err(DeviceError::NotFound) };
    let photo = original.for_device(context).await?;
    let memory = reserve_memory(context, u64::try_from(photo.text.len()).unwrap_or(u64::MAX))?;
    let bytes = Base64::read(photo.text.as_bytes()).map_err(|_| DeviceError::Failed)?.decode();
    // Recorded only now: a device that was refused with 503 has not fetched the photo.
    let first = store::retry(|| async {
        let mut tx = context.store.write().await?;
        let first = tx.photo_fetched(token, now).await?;
        tx.commit().await?;
        Ok(first)
    });
    if !first.await? {
        return Err(DeviceError::NotFound);
    }
    tracing::info!(device.id = device, bytes = bytes.len(), "photo fetched");
    let body = Bytes::from_owner(ReservedBody { bytes, _memory: memory });
    // Old clients understand no other content type (field note 2.5), and clients that fetch photos ignore it.
    Ok(text(StatusCode::OK, body))
}

/// A body, with its share of memory until it is sent.
struct ReservedBody {
    bytes: Vec<u8>,
    _memory: tokio::sync::OwnedSemaphorePermit,
}

impl AsRef<[u8]> for ReservedBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reserves memory for a body; without free memory the device gets 503 and retries.
fn reserve_memory(context: &Context, length: u64) -> Result<tokio::sync::OwnedSemaphorePermit, DeviceError> {
    let kib = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX);
    std::sync::Arc::clone(&context.bodies).try_acquire_many_owned(kib).map_err(|_| DeviceError::Busy)
}

/// Reads `length` bytes of a file from `first` on.
async fn read(
    tx: &mut store::Tx,
    file: &OfferedFile,
    first: u64,
    length: u64,
) -> Result<Vec<u8>, DeviceError> {
    let part_bytes = u64::try_from(PART_BYTES).unwrap_or(u64::MAX);
    let length = usize::try_from(length).map_err(|_| DeviceError::Failed)?;
    let mut bytes = Vec::with_capacity(length);
    let mut skip = usize::try_from(first % part_bytes).unwrap_or(0);
    let mut number = i64::try_from(first / part_bytes).unwrap_or(i64::MAX);
    while bytes.len() < length {
        let part = tx.offered_part(&file.token, number).await?;
        let wanted = part.get(skip..).unwrap_or_default();
        if wanted.is_empty() {
            return Err(DeviceError::Failed);
        }
        bytes.extend_from_slice(wanted.get(..length - bytes.len()).unwrap_or(wanted));
        (number, skip) = (number + 1, 0);
    }
    Ok(bytes)
}

/// The token in an address that ends with `file/<token>/<name>`.
fn token_of(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.rsplit('/').filter(|segment| !segment.is_empty());
    let (_name, token, folder) = (segments.next()?, segments.next()?, segments.next()?);
    (is_token(token) && folder.eq_ignore_ascii_case(FOLDER)).then_some(token)
}

/// Whether a path outside of `/iclock` is the path of a file: some devices omit the prefix (§12.1.1.8).
pub fn is_file(path: &str) -> bool {
    token_of(path).is_some()
}

/// The first and last byte of a `Range` with one part, limited to the file; `None` if the range is invalid or outside.
fn range_of(range: &str, bytes: u64) -> Option<(u64, u64)> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let end = bytes.checked_sub(1)?;
    match (first.trim(), last.trim()) {
        ("", suffix) => {
            let suffix: u64 = suffix.parse().ok().filter(|suffix| *suffix > 0)?;
            Some((bytes.saturating_sub(suffix), end))
        }
        (first, "") => first.parse().ok().filter(|first| *first <= end).map(|first| (first, end)),
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last && first <= end).then_some((first, last.min(end)))
        }
    }
}

fn unsatisfiable() -> Answer {
    text(StatusCode::RANGE_NOT_SATISFIABLE, "ERROR: no such range")
}

fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::try_from(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 166.
    #[test]
    fn a_range_is_one_part_of_the_file() {
        for (range, piece) in [
            ("bytes=0-9", Some((0, 9))),
            ("bytes=90-", Some((90, 99))),
            ("bytes=90-1000", Some((90, 99))),
            ("bytes=-10", Some((90, 99))),
            ("bytes=-1000", Some((0, 99))),
            ("bytes=100-", None),
            ("bytes=9-0", None),
            ("bytes=-0", None),
            ("bytes=a-b", None),
            ("bytes=0-1,5-6", None),
            ("lines=0-9", None),
        ] {
            assert_eq!(range_of(range, 100), piece, "{range}");
        }
        assert_eq!(range_of("bytes=0-0", 0), None);
    }

    /// Obligation 165.
    #[test]
    fn only_an_address_with_a_token_is_looked_up() {
        let token = "0123456789abcdef0123456789ABCDEF";
        for url in [
            format!("file/{token}/a.tgz"),
            format!("/iclock/file/{token}/a.tgz"),
            format!("http://192.0.2.1:8081/iclock/file/{token}/a.tgz?x=1"),
        ] {
            assert_eq!(token_of(&url), Some(token), "{url}");
        }
        for url in ["", "file", "http://192.0.2.1/fw.cfg", "file/0123/a.tgz", "../../etc/passwd"] {
            assert_eq!(token_of(url), None, "{url}");
        }
        assert_eq!(token_of(&format!("other/{token}/a.tgz")), None);
    }
}
