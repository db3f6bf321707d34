//! Logging of unknown requests, so that somebody can add support for them.
//!
//! The log line identifies the request without values that may be secret: only values of known parameters and headers,
//! and only the shape of the body.

use std::fmt::Write as _;

use http::HeaderMap;

use crate::http::request::Request;
use crate::log_text::printable;
use fleet::offered_file::without_tokens;

/// Parameters whose values are not secret.
const PARAMETERS: [&str; 14] = [
    "SN",
    "table",
    "tablename",
    "type",
    "options",
    "Stamp",
    "OpStamp",
    "PhotoStamp",
    "ContentType",
    "Count",
    "PackCnt",
    "PackIdx",
    "CmdId",
    "pushver",
];

/// Headers whose values are not secret.
const HEADERS: [&str; 13] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "user-agent",
];

/// How many parameters and headers are logged.
const MOST: usize = 32;

/// Logs the request line, the headers and the shape of the body of an unknown request (reference 2.11).
pub fn log(request: &Request, what: &str) {
    tracing::warn!(
        peer = %request.peer, request_line = request_line(request), headers = headers(&request.headers),
        body = wire::sketch(&request.body), "{what}"
    );
}

fn request_line(request: &Request) -> String {
    let mut line = format!("{} {}", request.method, printable(&without_tokens(&request.path)));
    let query = request.query.as_deref().unwrap_or_default();
    for (place, pair) in query.split('&').filter(|pair| !pair.is_empty()).take(MOST).enumerate() {
        line.push(if place == 0 { '?' } else { '&' });
        let Some((name, value)) = pair.split_once('=').filter(|(name, _)| is_name(name)) else {
            line.push_str(&shown(false, pair));
            continue;
        };
        let known = PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
        let _ = write!(line, "{}={}", printable(name), shown(known, value));
    }
    line
}

/// Whether a text can only be the name of a parameter.
fn is_name(text: &str) -> bool {
    (1..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn headers(headers: &HeaderMap) -> String {
    let pairs: Vec<String> = headers
        .iter()
        .take(MOST)
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{}: {}", printable(name.as_str()), shown(HEADERS.contains(&name.as_str()), &value))
        })
        .collect();
    pairs.join("; ")
}

/// A value that is not secret, or the length of any other.
fn shown(known: bool, value: &str) -> String {
    if known { printable(value) } else { format!("({})", value.len()) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method};

    use super::*;

    /// Obligation 17.
    #[test]
    fn a_request_is_told_without_its_secrets() {
        let mut all = HeaderMap::new();
        for (name, value) in [
            ("user-agent", "iClock Proxy/1.09"),
            ("authorization", "Basic a3FwdnJl"),
            ("cookie", "token=kqpvre"),
            ("x-session", "kqpvre"),
        ] {
            all.insert(name, HeaderValue::from_static(value));
        }
        let request = Request {
            method: Method::POST,
            path: "/iclock/unheard\u{1b}-of".into(),
            query: Some("SN=A1&pushcommkey=kqpvre&table=VISITOR&kqpvre&91827364=abc".into()),
            headers: all,
            peer: ([192, 0, 2, 1], 4711).into(),
            body: "VISITOR PIN=7\tPasswd=kqpvre".into(),
        };
        assert_eq!(
            request_line(&request),
            "POST /iclock/unheard-of?SN=A1&pushcommkey=(6)&table=VISITOR&(6)&(12)"
        );
        assert_eq!(
            headers(&request.headers),
            "user-agent: iClock Proxy/1.09; authorization: (14); cookie: (12); x-session: (6)"
        );
        assert_eq!(wire::sketch(&request.body), "VISITOR PIN=(1) Passwd=(6), 1 lines, 27 bytes");
    }
}
