//! Strict reading of a server's answer.

use std::{str, time::Duration};

/// The longest header block that the old client accepts, bytes (field note 2.5).
const HEAD_LIMIT: usize = 2048;
/// The longest header line that the old client accepts, bytes.
const LINE_LIMIT: usize = 1024;
/// The headers that a terminal looks for, in the only spelling that it knows.
const KNOWN_HEADERS: [&str; 5] =
    ["Content-Length", "Content-Type", "Date", "Connection", "Transfer-Encoding"];

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of the first line.
    pub status: u16,
    /// The headers in their order and spelling.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// The size of the request.
    pub sent_bytes: usize,
    /// The size of the whole answer.
    pub received_bytes: usize,
    /// Time from the first byte sent to the last byte received.
    pub elapsed: Duration,
}

/// Why a terminal cannot read an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// The first line is not `HTTP/1.x <status> …`.
    #[error("the first line is not `HTTP/1.x <status> `")]
    StatusLine,
    /// The header block is longer than the old client's buffer.
    #[error("the headers have {0} bytes; a terminal accepts {HEAD_LIMIT}")]
    HeadTooLong(usize),
    /// A header line is longer than the old client's buffer.
    #[error("a header line has {0} bytes; a terminal accepts {LINE_LIMIT}")]
    LineTooLong(usize),
    /// A header is in another spelling, so a terminal does not find it.
    #[error("the header `{0}` is not in the spelling that terminals compare")]
    HeaderCase(String),
    /// A required header is missing.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// The type of the body is not `text/plain`.
    #[error("the body is not text/plain")]
    ContentType,
    /// The length of the body is not a number.
    #[error("the length of the body is not a number")]
    ContentLength,
    /// The body is chunked.
    #[error("the body is chunked")]
    Chunked,
    /// The connection ended before the announced length.
    #[error("the connection ended before the announced length")]
    Truncated,
    /// There are more bytes than announced.
    #[error("{0} bytes more than announced")]
    Surplus(usize),
}

impl Answer {
    /// The `Date` header.
    pub fn date(&self) -> Option<&str> {
        self.header("Date")
    }

    /// A header in this spelling.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether an upload counts as accepted: status 200 and `OK` in the body (field note 4.1).
    pub fn is_ok(&self) -> bool {
        self.status == 200 && self.body.windows(2).any(|window| window == b"OK")
    }
}

/// The status line and the headers.
#[derive(Debug)]
pub(super) struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    /// Length of the head, bytes.
    pub length: usize,
    pub content_length: usize,
    /// Whether the server closes the connection after this answer.
    pub closes: bool,
}

impl Head {
    /// Reads the head of an answer; `None` while it is incomplete.
    pub fn read(bytes: &[u8], literal: bool) -> Result<Option<Self>, AnswerFault> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if literal && bytes.len() > HEAD_LIMIT {
                Err(AnswerFault::HeadTooLong(bytes.len()))
            } else {
                Ok(None)
            };
        };
        let length = end + 4;
        if literal && length > HEAD_LIMIT {
            return Err(AnswerFault::HeadTooLong(length));
        }
        let text =
            bytes.get(..end).and_then(|head| str::from_utf8(head).ok()).ok_or(AnswerFault::StatusLine)?;
        let mut lines = text.split("\r\n");
        let status = status(lines.next().unwrap_or_default()).ok_or(AnswerFault::StatusLine)?;
        let mut headers = Vec::new();
        for line in lines {
            if literal && line.len() > LINE_LIMIT {
                return Err(AnswerFault::LineTooLong(line.len()));
            }
            let (name, value) = line.split_once(':').ok_or(AnswerFault::StatusLine)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut head = Self { status, headers, length, content_length: 0, closes: false };
        head.check(literal)?;
        Ok(Some(head))
    }

    pub fn with_body(self, bytes: &[u8]) -> Answer {
        let body = bytes.get(self.length..self.length + self.content_length).unwrap_or_default().to_vec();
        Answer {
            status: self.status,
            headers: self.headers,
            body,
            sent_bytes: 0,
            received_bytes: bytes.len(),
            elapsed: Duration::ZERO,
        }
    }

    fn check(&mut self, literal: bool) -> Result<(), AnswerFault> {
        if literal {
            let misspelt = self.headers.iter().find(|(name, _)| {
                KNOWN_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name) && known != name)
            });
            if let Some((name, _)) = misspelt {
                return Err(AnswerFault::HeaderCase(name.clone()));
            }
        }
        let find = |wanted: &str| {
            self.headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.as_str())
        };
        if find("Transfer-Encoding").is_some() {
            return Err(AnswerFault::Chunked);
        }
        if literal {
            find("Date").ok_or(AnswerFault::Missing("Date"))?;
            let content_type = find("Content-Type").ok_or(AnswerFault::Missing("Content-Type"))?;
            if !content_type.contains("text/plain") {
                return Err(AnswerFault::ContentType);
            }
        }
        let length = find("Content-Length").ok_or(AnswerFault::Missing("Content-Length"))?;
        let length = length.parse().map_err(|_| AnswerFault::ContentLength)?;
        let closes = find("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        self.content_length = length;
        self.closes = closes;
        Ok(())
    }
}

/// The status in `HTTP/1.x 200 `; the blank after the number is required.
fn status(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    let (number, _) = rest.split_once(' ')?;
    if number.len() == 3 { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(head: &str) -> AnswerFault {
        Head::read(format!("{head}\r\n\r\n").as_bytes(), true).unwrap_err()
    }

    const OTHER_HEADERS: &str =
        "\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nDate: Fri, 12 Mar 2027 06:53:01 GMT";

    #[test]
    fn an_incomplete_head_is_awaited() {
        let whole = format!("HTTP/1.1 200 OK{OTHER_HEADERS}\r\n\r\nOK");
        assert!(Head::read(whole.get(..60).unwrap().as_bytes(), true).unwrap().is_none());
        let head = Head::read(whole.as_bytes(), true).unwrap().unwrap();
        assert_eq!((head.length, head.content_length), (whole.len() - 2, 2));
    }

    #[test]
    fn headers_in_another_case_are_not_found() {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Type: text/plain\r\nDate: x";
        assert_eq!(fault(head), AnswerFault::HeaderCase("content-length".into()));
        let text = format!("{head}\r\n\r\n");
        assert_eq!(Head::read(text.as_bytes(), false).unwrap().unwrap().content_length, 2);
    }

    #[test]
    fn missing_headers_that_an_old_client_needs_are_faults() {
        assert_eq!(fault(&format!("HTTP/2 200 OK{OTHER_HEADERS}")), AnswerFault::StatusLine);
        assert_eq!(fault(&format!("HTTP/1.1 200{OTHER_HEADERS}")), AnswerFault::StatusLine);
        assert_eq!(
            fault("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: x"),
            AnswerFault::Missing("Content-Length")
        );
        assert_eq!(
            fault("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain"),
            AnswerFault::Missing("Date")
        );
        let json = OTHER_HEADERS.replace("text/plain", "application/json");
        assert_eq!(fault(&format!("HTTP/1.1 200 OK{json}")), AnswerFault::ContentType);
        assert_eq!(
            fault(&format!("HTTP/1.1 200 OK{OTHER_HEADERS}\r\nTransfer-Encoding: chunked")),
            AnswerFault::Chunked
        );
    }

    #[test]
    fn the_buffers_of_the_old_client_limit_the_head() {
        let line = format!("X-Long: {}", "a".repeat(1020));
        assert_eq!(
            fault(&format!("HTTP/1.1 200 OK\r\n{line}{OTHER_HEADERS}")),
            AnswerFault::LineTooLong(1028)
        );
        let many = "X-Many: aaaaaaaaaaaaaaaa\r\n".repeat(90);
        assert!(matches!(
            fault(&format!("HTTP/1.1 200 OK\r\n{many}{OTHER_HEADERS}")),
            AnswerFault::HeadTooLong(_)
        ));
    }
}
