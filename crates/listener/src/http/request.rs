//! A request of a device, with its whole body.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};

/// A request as endpoints see it.
#[derive(Debug)]
pub struct Request {
    /// GET, POST or HEAD.
    pub method: Method,
    /// The path without the query, not decoded.
    pub path: String,
    /// The query, not decoded.
    pub query: Option<String>,
    /// The headers. Endpoints use only `Range`, for file downloads.
    pub headers: HeaderMap,
    /// The sender's address.
    pub peer: SocketAddr,
    /// The whole body.
    pub body: Bytes,
}
