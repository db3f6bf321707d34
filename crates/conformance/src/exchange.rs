//! One request and what became of it, and what can be said about that.

use std::fmt::Write as _;

use crate::line::{Answer, Fault, excerpt, find};

/// Whether something was as it should be; if not, what should have been.
pub type Verdict = Result<(), String>;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The beginning of the request, in one line.
    pub sent: String,
    /// How many bytes were sent.
    pub sent_bytes: usize,
    /// The answer, or why there is none.
    pub came: Result<Answer, Fault>,
}

impl Exchange {
    pub(crate) fn new(sent: &[u8], came: Result<Answer, Fault>) -> Self {
        Self { sent: in_words(sent), sent_bytes: sent.len(), came }
    }

    /// The answer in one line.
    pub fn came_in_words(&self) -> String {
        match &self.came {
            Err(fault) => fault.to_string(),
            Ok(answer) => {
                let mut words = format!("{} ", answer.status);
                // A String takes whatever is written to it.
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

    /// Status 200 and a text that begins with `OK`.
    pub(crate) fn ok(&self) -> Verdict {
        let right = self.status() == 200 && self.text().starts_with("OK");
        require(right, "200 and a text that begins with OK")
    }

    /// Status 200 and nothing but these bytes.
    pub(crate) fn exactly(&self, text: &str) -> Verdict {
        require(self.status() == 200 && self.text() == text, &format!("200 and exactly {text:?}"))
    }

    /// `OK:<n>`, with or without a line end.
    pub(crate) fn count(&self, records: usize) -> Verdict {
        let wanted = format!("OK:{records}");
        require(self.status() == 200 && self.text().trim_end() == wanted, &format!("200 and {wanted:?}"))
    }

    /// A failure in both places where devices look: no 2xx, and no `OK`.
    pub(crate) fn refused(&self) -> Verdict {
        let right = self.came.is_ok() && self.status() / 100 != 2 && !self.text().starts_with("OK");
        require(right, "a status other than 2xx and a text that does not begin with OK")
    }

    /// A certain status.
    pub(crate) fn has_status(&self, status: u16) -> Verdict {
        require(self.status() == status, &format!("status {status}"))
    }
}

/// The headers that say nothing of what is tried.
const USUAL: [&str; 6] = [
    "Host:",
    "User-Agent:",
    "Accept: */*",
    "Connection: close",
    "Content-Length:",
    "Content-Type: text/plain",
];

/// The request line, unusual headers, and the beginning of the body, in one line.
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

/// Something that has to hold; `wanted` says what.
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
    fn a_request_is_told_without_what_every_request_has() {
        let request = b"POST /iclock/cdata?SN=1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nA\tB\n";
        assert_eq!(in_words(request), "POST /iclock/cdata?SN=1 HTTP/1.1⏎Expect: 100-continue with \"A→B⏎\"");
    }

    #[test]
    fn a_refusal_is_one_in_both_places() {
        assert!(answered(401, "ERROR").refused().is_ok());
        assert!(answered(200, "ERROR").refused().is_err());
        assert!(answered(500, "OK").refused().is_err());
        assert!(Exchange::new(b"", Err(Fault::TimeIsUp)).refused().is_err());
    }

    #[test]
    fn a_count_has_no_blank() {
        assert!(answered(200, "OK:2").count(2).is_ok());
        for wrong in ["OK: 2", "OK", "OK:20", "2"] {
            assert!(answered(200, wrong).count(2).is_err(), "{wrong}");
        }
    }
}
