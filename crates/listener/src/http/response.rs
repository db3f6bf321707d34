//! Answers to devices: their statuses are chosen here, once.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use store::StoreError;

/// The `Retry-After` of a refused request, seconds. Devices use the delays of their handshake; a proxy may use this.
const RETRY_AFTER_S: &str = "10";

/// The answer to a device: plain text with its length, and few headers in a fixed spelling (field note 2.5).
pub type Answer = Response<Full<Bytes>>;

/// Success.
pub fn ok(body: impl Into<Bytes>) -> Answer {
    text(StatusCode::OK, body)
}

/// A text with a status. The status and the first two letters agree: devices check one or the other.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Adds `Connection: close`.
pub fn close(answer: &mut Answer) {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Why Muster refused a request. The device keeps its data and retries.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The request has no `SN`, or an invalid one.
    #[error("no serial number")]
    NoSerialNumber,
    /// The device is unknown, or waits for approval by an operator.
    #[error("device waits for approval")]
    NotApproved,
    /// The device is retired.
    #[error("device is not admitted")]
    NotAdmitted,
    /// The device shows another communication key than at first.
    #[error("device shows another key")]
    OtherKey,
    /// The body is larger than the limit.
    #[error("body too large")]
    TooLarge,
    /// The body stopped in the middle, or came too slowly.
    #[error("body incomplete")]
    Incomplete,
    /// Too many connections, requests or large bodies at a time.
    #[error("busy, retry later")]
    Busy,
    /// The encrypted variant of the protocol, whose ciphers are not public.
    #[error("encryption not supported, use HTTPS")]
    Encrypted,
    /// A device of the access-control family.
    #[error("access control protocol not supported")]
    AccessControl,
    /// There is nothing at this address.
    #[error("not found")]
    NotFound,
    /// Neither GET nor POST: the protocol has no other method.
    #[error("method not allowed")]
    Method,
    /// Too many unknown devices wait for approval.
    #[error("too many unknown devices")]
    TooManyUnknown,
    /// A fault of Muster; the log has the reason.
    #[error("internal error")]
    Failed,
    /// A database error.
    #[error("database error")]
    Store(#[from] StoreError),
}

impl DeviceError {
    /// The answer that the device gets.
    pub fn answer(&self) -> Answer {
        let status = match self {
            Self::NoSerialNumber | Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::NotApproved | Self::NotAdmitted | Self::OtherKey => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encrypted | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy | Self::AccessControl | Self::TooManyUnknown | Self::Failed | Self::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        let mut answer = text(status, format!("ERROR: {self}"));
        if matches!(self, Self::Busy | Self::TooManyUnknown | Self::Failed | Self::Store(_)) {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        answer
    }
}
