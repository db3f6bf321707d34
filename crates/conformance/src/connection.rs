//! A connection to the tested server, and the server's answers as they came.

use std::io;
use std::time::Duration;

use simulator::http::ServerAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Time limit for an answer; longer than any device waits.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for a server to close a connection that it announced to close.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Wait for a server that left earlier connections open.
pub(crate) const OPEN_CONNECTION_WAIT: Duration = Duration::from_millis(20);

/// Most bytes of an answer that are read.
const MAX_BYTES: usize = 8 << 20;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The connection failed or broke.
    #[error("no connection: {0}")]
    Connection(String),
    /// The answer did not arrive in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection ended within an answer.
    #[error("the connection ended within the answer, after {0:?}")]
    Truncated(String),
    /// The answer is not HTTP.
    #[error("not HTTP: {0:?}")]
    Unreadable(String),
    /// The time of the whole trial was up.
    #[error("not tried: the run takes too long")]
    TimeIsUp,
}

/// An answer as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The number in the status line.
    pub status: u16,
    /// The headers in their order and spelling.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Bytes after the body, up to the end of the connection.
    pub surplus: Vec<u8>,
    /// Whether the server closed the connection after the answer.
    pub closed: bool,
    /// Whether the body was chunked.
    pub chunked: bool,
    /// Time from the last byte sent to the last byte of the body.
    pub elapsed: Duration,
}

impl Answer {
    /// A header by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that sends only the bytes of the trial.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    /// The end of the trial, after which nothing is awaited.
    end: Instant,
}

impl Connection {
    pub(crate) async fn to(server: &ServerAddress, end: Instant) -> Result<Self, Fault> {
        let connecting =
            timeout_at(until(ANSWER_TIMEOUT, end)?, TcpStream::connect(server.authority())).await;
        let stream = connecting.map_err(|_| Fault::Timeout(ANSWER_TIMEOUT))?.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        Ok(Self { stream, unread: Vec::new(), end })
    }

    /// Sends bytes. A server may answer and close before it has read everything: that is no error yet.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match timeout_at(until(ANSWER_TIMEOUT, self.end)?, self.stream.write_all(bytes)).await {
            Err(_) => Err(Fault::Timeout(ANSWER_TIMEOUT)),
            Ok(Err(error)) if is_closed(&error) => Ok(()),
            Ok(written) => written.map_err(broken),
        }
    }

    /// The next answer, including interim ones (`100 Continue`).
    pub(crate) async fn answer(&mut self) -> Result<Answer, Fault> {
        let (began, limit) = (Instant::now(), until(ANSWER_TIMEOUT, self.end)?);
        let head = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break self.unread.drain(..at + 4).collect::<Vec<u8>>();
            }
            self.more(limit).await?;
        };
        let mut answer = read_head(&head)?;
        if answer.status / 100 == 1 || answer.status == 204 || answer.status == 304 {
            return Ok(answer);
        }
        if answer.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            answer.chunked = true;
            while !self.take_chunk(&mut answer.body) {
                self.more(limit).await?;
            }
        } else if let Some(length) = answer.header("Content-Length") {
            let length: usize = length.parse().map_err(|_| Fault::Unreadable(excerpt(&head)))?;
            while self.unread.len() < length {
                self.more(limit).await?;
            }
            answer.body = self.unread.drain(..length).collect();
        } else {
            // The body ends with the connection.
            while self.read(limit).await? {}
            answer.body = std::mem::take(&mut self.unread);
            answer.closed = true;
        }
        answer.elapsed = began.elapsed();
        Ok(answer)
    }

    /// Reads until the server closes the connection; returns the bytes, and whether the server closed it.
    pub(crate) async fn rest(&mut self, patience: Duration) -> (Vec<u8>, bool) {
        let limit = Instant::now() + patience;
        let closed = loop {
            match self.read(limit).await {
                Ok(true) if self.unread.len() < MAX_BYTES => {}
                Ok(false) => break true,
                Ok(true) | Err(_) => break false,
            }
        };
        (std::mem::take(&mut self.unread), closed)
    }

    /// Removes one chunk from the received bytes; returns true after the last one.
    fn take_chunk(&mut self, body: &mut Vec<u8>) -> bool {
        while let Some(at) = find(&self.unread, b"\r\n") {
            let size = self.unread.get(..at).and_then(|line| std::str::from_utf8(line).ok());
            let size = size.and_then(|line| line.split(';').next());
            let Some(size) = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()) else {
                return true;
            };
            let Some(chunk) = self.unread.get(at + 2..at + 2 + size) else { return false };
            if self.unread.len() < at + size + 4 {
                return false;
            }
            body.extend_from_slice(chunk);
            self.unread.drain(..at + size + 4);
            if size == 0 {
                return true;
            }
        }
        false
    }

    async fn more(&mut self, limit: Instant) -> Result<(), Fault> {
        if self.read(limit).await? && self.unread.len() < MAX_BYTES {
            Ok(())
        } else {
            Err(Fault::Truncated(excerpt(&self.unread)))
        }
    }

    /// Reads more bytes; returns false at the end of the connection.
    async fn read(&mut self, limit: Instant) -> Result<bool, Fault> {
        match timeout_at(limit, self.stream.read_buf(&mut self.unread)).await {
            Err(_) => Err(Fault::Timeout(ANSWER_TIMEOUT)),
            Ok(Ok(read)) => Ok(read > 0),
            Ok(Err(error)) if is_closed(&error) => Ok(false),
            Ok(Err(error)) => Err(broken(error)),
        }
    }
}

fn until(patience: Duration, end: Instant) -> Result<Instant, Fault> {
    let now = Instant::now();
    if now >= end { Err(Fault::TimeIsUp) } else { Ok((now + patience).min(end)) }
}

fn read_head(head: &[u8]) -> Result<Answer, Fault> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    let Some(status) = status.and_then(|number| number.parse().ok()) else {
        return Err(Fault::Unreadable(excerpt(head)));
    };
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    });
    Ok(Answer { status, headers: headers.collect(), ..Answer::default() })
}

pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
    )
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn broken(error: io::Error) -> Fault {
    Fault::Connection(error.to_string())
}

/// The beginning of some bytes for a report: one line, without control codes and payloads.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const CHARACTERS: usize = 240;
    let text = String::from_utf8_lossy(bytes.get(..2 * CHARACTERS).unwrap_or(bytes));
    let mut out = String::new();
    for character in text.chars().take(CHARACTERS) {
        match character {
            '\n' => out.push('⏎'),
            '\t' => out.push('→'),
            '\r' => {}
            '\0' => out.push('␀'),
            other if other.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
    if bytes.len() > 2 * CHARACTERS || text.chars().count() > CHARACTERS {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answering(answer: &'static str) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        Connection::to(&address.parse().unwrap(), Instant::now() + ANSWER_TIMEOUT).await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_ends_at_its_announced_length_and_the_rest_is_surplus() {
        let mut line = answering("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nOK:1OK").await;
        let answer = line.answer().await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "OK:1"));
        assert_eq!(answer.headers, [("content-length".to_owned(), "4".to_owned())]);
        assert_eq!(line.rest(CLOSE_TIMEOUT).await, (b"OK".to_vec(), true));
    }

    #[tokio::test]
    async fn a_body_in_chunks_is_put_together() {
        let chunks =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n2;x=y\r\n:1\r\n0\r\n\r\n";
        let answer = answering(chunks).await.answer().await.unwrap();
        assert!(answer.chunked);
        assert_eq!(answer.text(), "OK:1");
    }

    #[tokio::test]
    async fn a_body_without_a_length_ends_with_the_connection() {
        let answer = answering("HTTP/1.0 200 OK\r\n\r\nOK").await.answer().await.unwrap();
        assert_eq!((answer.text().as_str(), answer.closed), ("OK", true));
    }

    #[tokio::test]
    async fn a_truncated_answer_and_text_that_is_not_http_are_faults() {
        let fault = answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nOK").await.answer().await;
        assert_eq!(fault, Err(Fault::Truncated("OK".to_owned())));
        let fault = answering("GET / HTTP/1.1\r\n\r\n").await.answer().await;
        assert!(matches!(fault, Err(Fault::Unreadable(_))), "{fault:?}");
    }

    #[test]
    fn an_excerpt_is_one_line() {
        assert_eq!(excerpt(b"OK\r\nC:1\tx\0"), "OK⏎C:1→x␀");
        assert_eq!(excerpt(&[b'a'; 1000]).chars().count(), 241);
    }
}
