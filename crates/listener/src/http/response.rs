//! Answers to devices: their statuses are chosen here, once.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use store::StoreError;

/// When a device may come again that was not served, seconds. Devices go by the delays they were given; what stands between may go by
/// this.
const COME_AGAIN_S: &str = "10";

/// The answer to a device: plain text with its length, and few headers in a fixed spelling (field note 2.5).
pub type Answer = Response<Full<Bytes>>;

/// A request that got what it asked for.
pub fn ok(body: impl Into<Bytes>) -> Answer {
    text(StatusCode::OK, body)
}

/// A text with a status. The status and the first two letters agree: devices look at one or the other.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Adds that the connection ends with this answer.
pub fn close(answer: &mut Answer) {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Why a device did not get what it asked for. It keeps its data and comes again.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No `SN`, or none that could be one.
    #[error("no serial number")]
    NoSerialNumber,
    /// Unknown, and waiting for an operator.
    #[error("device waits for approval")]
    NotApproved,
    /// An operator said no, or retired it.
    #[error("device is not admitted")]
    NotAdmitted,
    /// It shows another key than the one that it showed first.
    #[error("device shows another key")]
    OtherKey,
    /// Larger than is taken.
    #[error("body too large")]
    TooLarge,
    /// Stopped in the middle, or too slow.
    #[error("body incomplete")]
    Incomplete,
    /// Too many connections, requests or large bodies at once.
    #[error("busy, come again")]
    Busy,
    /// The encrypted variant of the protocol, whose ciphers are not public.
    #[error("encryption not supported, use HTTPS")]
    Encrypted,
    /// The access-control family of devices.
    #[error("access control protocol not supported")]
    AccessControl,
    /// Nothing there.
    #[error("not found")]
    NotFound,
    /// Neither GET nor POST: the protocol has no other.
    #[error("method not allowed")]
    Method,
    /// Too many devices wait for approval already.
    #[error("too many unknown devices")]
    TooManyUnknown,
    /// We did something wrong, which is in the log.
    #[error("internal error")]
    Failed,
    /// The database did not take it.
    #[error("storage failed")]
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
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_AGAIN_S));
        }
        answer
    }
}
