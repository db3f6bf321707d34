//! HTTP for terminals: connections, limits, requests and answers.

pub mod body;
pub mod connection;
pub mod connections;
pub mod date_header;
pub mod limits;
pub mod request;
pub mod response;
pub mod unknown_request;
