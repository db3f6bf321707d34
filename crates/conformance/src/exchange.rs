//! Exchanges: a request with its answer, and verdicts on it.

use std::fmt::Write as _;

use crate::connection::{Answer, Fault, excerpt, find};

/// Whether an expectation was met; if not, the expectation in words.
pub type Verdict = Result<(), String>;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The beginning of the request, on one line.
    pub sent: String,
    /// Size of the request, bytes.
    pub sent_bytes: usize,
    /// The answer, or why there is none.
    pub came: Result<Answer, Fault>,
}

impl Exchange {
    pub(crate) fn new(sent: &[u8], came: Result<Answer, Fault>) -> Self {
        Self { sent: in_words(sent), sent_bytes: sent.len(), came }
    }

    /// The answer on one line.
    pub fn came_in_words(&self) -> String {
        match &self.came {
            Err(fault) => fault.to_string(),
            Ok(answer) => {
                let mut words = format!("{} ", answer.status);
                // Writing to a `String` cannot fail.
                let _ = write!(words, "{:?}", excerpt(&answer.body));
                if !answer.surplus.is_empty() {
                    let _ = write!(words, ", then {:?}", excerpt(&answer.surplus));
                }
                words
            }
        }
    }

    /// The status; 0 if there is no answer.
    pub fn status(&self) -> u16 {
        self.came.as_ref().map_or(0, |answer| answer.status)
    }

    /// The body as text; empty if there is no answer.
    pub fn text(&self) -> String {
        self.came.as_ref().map(Answer::text).unwrap_or_default()
    }

    /// Expects status 200 and a text that begins with `OK`.
    pub(crate) fn ok(&self) -> Verdict {
        let right = self.status() == 200 && self.text().starts_with("OK");
        require(right, "200 and a text that begins with OK")
    }

    /// Expects status 200 and exactly these bytes.
    pub(crate) fn exactly(&self, text: &str) -> Verdict {
        require(self.status() == 200 && self.text() == text, &format!("200 and exactly {text:?}"))
    }

    /// Expects `OK:<n>`, with or without a line end.
    pub(crate) fn count(&self, records: usize) -> Verdict {
        let wanted = format!("OK:{records}");
        require(self.status() == 200 && self.text().trim_end() == wanted, &format!("200 and {wanted:?}"))
    }

    /// Expects a failure in both places where devices look: a status other than 2xx, and no `OK`.
    pub(crate) fn refused(&self) -> Verdict {
        let right = self.came.is_ok() && self.status() / 100 != 2 && !self.text().starts_with("OK");
        require(right, "a status other than 2xx and a text that does not begin with OK")
    }

    /// Expects a status.
    pub(crate) fn has_status(&self, status: u16) -> Verdict {
        require(self.status() == status, &format!("status {status}"))
    }
}

/// Headers of every request, which reports leave out.
const USUAL: [&str; 6] = [
    "Host:",
    "User-Agent:",
    "Accept: */*",
    "Connection: close",
    "Content-Length:",
    "Content-Type: text/plain",
];

/// The request line, unusual headers, and the beginning of the body, on one line.
fn in_words(request: &[u8]) -> String {
    let end = find(request, b"\r\n\r\n").unwrap_or(request.len());
    let (head, body) = request.split_at_checked(end).unwrap_or((request, b""));
    let head = String::from_utf8_lossy(head);
    let told: Vec<&str> =
        head.split("\r\n").filter(|line| !USUAL.iter().any(|usual| line.starts_with(usual))).collect();
    let body = body.strip_prefix(b"\r\n\r\n").unwrap_or_default();
    let body = if body.is_empty() { String::new() } else { format!(" with {:?}", excerpt(body)) };
    format!("{}{body}", excerpt(told.join("\n").as_bytes()))
}

/// A verdict; `wanted` describes the expectation.
pub(crate) fn require(right: bool, wanted: &str) -> Verdict {
    if right { Ok(()) } else { Err(wanted.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Exchange {
        Exchange::new(b"GET /", Ok(Answer { status, body: body.into(), ..Answer::default() }))
    }

    #[test]
    fn a_request_is_shown_without_its_usual_headers() {
        let request = b"POST /iclock/cdata?SN=1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nA\tB\n";
        assert_eq!(in_words(request), "POST /iclock/cdata?SN=1 HTTP/1.1⏎Expect: 100-continue with \"A→B⏎\"");
    }

    #[test]
    fn a_refusal_needs_status_and_text() {
        assert!(answered(401, "ERROR").refused().is_ok());
        assert!(answered(200, "ERROR").refused().is_err());
        assert!(answered(500, "OK").refused().is_err());
        assert!(Exchange::new(b"", Err(Fault::TimeIsUp)).refused().is_err());
    }

    #[test]
    fn a_count_contains_no_blank() {
        assert!(answered(200, "OK:2").count(2).is_ok());
        for wrong in ["OK: 2", "OK", "OK:20", "2"] {
            assert!(answered(200, wrong).count(2).is_err(), "{wrong}");
        }
    }
}
