//! A request of a device, read whole.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};

/// A request as its handler sees it.
#[derive(Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The path without the query, not decoded.
    pub path: String,
    /// The query, not decoded.
    pub query: Option<String>,
    /// Its headers: nothing depends on them.
    pub headers: HeaderMap,
    /// Where it came from.
    pub peer: SocketAddr,
    /// The body, all of it.
    pub body: Bytes,
}
