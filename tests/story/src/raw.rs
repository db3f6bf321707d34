//! Raw HTTP: requests are sent byte for byte, and answers are kept as they come.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::strtime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::House;

/// Longer than any answer takes. A server that never answers fails the story instead of blocking it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection that sends only the bytes of the story.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// One answer as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status line and headers, each with its CRLF, without the empty line after them.
    pub head: String,
    /// The body, as long as `Content-Length` says.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.head, self.text())
    }
}

impl Line {
    /// Connects.
    pub async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server takes the connection");
        stream.set_nodelay(true).expect("what is written goes out at once");
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).await.expect("the server reads");
    }

    /// Sends bytes, as far as the server accepts them.
    ///
    /// # Errors
    /// The server has closed the connection.
    pub async fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Closes the sending direction; answers can still be read.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.expect("the connection is there");
    }

    /// Closes the sending direction, unless the server has closed the connection already.
    pub async fn try_finish(&mut self) {
        // An answer before the close can still be read.
        let _ = self.stream.shutdown().await;
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Answer {
        let head = self.until_empty_line().await;
        let length = header(&head, "Content-Length").unwrap_or_else(|| panic!("no Content-Length:\n{head}"));
        let length: usize = length.parse().expect("Content-Length is a number");
        while self.unread.len() < length {
            assert!(self.read().await, "the connection ended within a body:\n{head}");
        }
        let body = self.unread.drain(..length).collect();
        Answer { head, body }
    }

    /// The status line and headers that come next, or of an answer without a body.
    pub async fn until_empty_line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).take(end + 2).collect();
                return String::from_utf8(head).expect("headers are ASCII");
            }
            assert!(self.read().await, "no answer: {:?}", String::from_utf8_lossy(&self.unread));
        }
    }

    /// All bytes until the server closes the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.read().await {}
        std::mem::take(&mut self.unread)
    }

    /// Reads more bytes; returns false at the end of the connection.
    async fn read(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        match read.expect("the server says something or closes the connection") {
            Ok(read) => read > 0,
            // The server closed while unread bytes were left.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Answer {
    /// The number in the status line.
    pub fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no status:\n{}", self.head))
    }

    /// The value of a header, its name in exactly this case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `Date` header.
    ///
    /// # Panics
    /// If there is none, or it does not have the only form that devices read: `Fri, 12 Mar 2027 06:53:01 GMT`.
    pub fn date(&self) -> Timestamp {
        const IMF_FIXDATE: &str = "%a, %d %b %Y %H:%M:%S GMT";
        let text = self.header("Date").unwrap_or_else(|| panic!("no Date:\n{}", self.head));
        let read = strtime::parse(IMF_FIXDATE, text).and_then(|time| time.to_datetime());
        let date = read.and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC)).expect("an IMF-fixdate");
        assert_eq!(date.strftime(IMF_FIXDATE).to_string(), text, "an IMF-fixdate has one form");
        date.timestamp()
    }

    /// The whole answer as text, with its valid date replaced by the word `now`.
    pub fn whole(&self) -> String {
        self.date();
        let date = self.header("Date").unwrap_or_default();
        let head = self.head.replace(&format!("Date: {date}\r\n"), "Date: now\r\n");
        format!("{head}\r\n{}", self.text())
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A GET in the form of captured devices.
pub fn get(target: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 192.0.2.10:8080\r\nUser-Agent: iClock Proxy/1.09\r\n\
         Connection: close\r\nAccept: */*\r\n\r\n"
    )
    .into_bytes()
}

/// A POST in the form of captured devices.
pub fn post(target: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: 192.0.2.10:8080\r\nUser-Agent: iClock Proxy/1.09\r\n\
         Connection: close\r\nAccept: */*\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Raw requests to a server.
impl House {
    /// Sends a request on a new connection and reads one answer, after which the server must close.
    pub async fn send(&self, request: &[u8]) -> Answer {
        let mut line = Line::to(self.address()).await;
        line.write(request).await;
        let answer = line.answer().await;
        let rest = line.rest().await;
        assert_eq!(String::from_utf8_lossy(&rest), "", "bytes after the answer:\n{answer:?}");
        answer
    }

    /// Sends a GET as a device does.
    pub async fn get(&self, target: &str) -> Answer {
        self.send(&get(target)).await
    }

    /// Sends an upload as a device does.
    pub async fn post(&self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send(&post(target, body)).await
    }

    /// Two devices upload records at the same time: the server reads both bodies before it can write either.
    /// Returns both answers.
    pub async fn upload_concurrently(&self, one: (&str, &str), other: (&str, &str)) -> [String; 2] {
        let mut writer = self.store.write().await.expect("a transaction");
        writer.lock_clock().await.expect("nobody else writes items now");
        let upload = async |(serial_number, body): (&str, &str)| {
            let target = format!("/iclock/cdata?SN={serial_number}&table=OPERLOG&Stamp=9999");
            self.post(&target, body).await.text()
        };
        let meanwhile = async {
            for _ in 0..50 {
                self.get(&format!("/iclock/ping?SN={}", one.0)).await;
            }
            writer.rollback().await.expect("nothing was written in it");
        };
        let (one, other, ()) = tokio::join!(upload(one), upload(other), meanwhile);
        [one, other]
    }

    /// Introduces a device that answers the request for all its data with success.
    pub async fn know(&self, serial_number: &str) {
        self.get(&format!("/iclock/cdata?SN={serial_number}&options=all&pushver=2.4.1")).await;
        let check = self.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text();
        let id = check.split(':').nth(1).expect("it is asked for everything");
        let answer = format!("ID={id}&Return=0&CMD=CHECK\n");
        self.post(&format!("/iclock/devicecmd?SN={serial_number}"), answer).await;
    }

    /// A device is queried for a PIN that it does not hold: it acknowledges the query and uploads nothing. Returns
    /// the other commands that it gets.
    pub async fn has_nobody(&self, serial_number: &str, pin: &str) -> Vec<String> {
        let poll = format!("/iclock/getrequest?SN={serial_number}");
        let mut told: Vec<String> = self.get(&poll).await.text().lines().map(str::to_owned).collect();
        let question = format!(":DATA QUERY USERINFO PIN={pin}");
        let asked = told.iter().position(|line| line.ends_with(&question));
        assert!(asked.is_some(), "{pin}: not asked: {told:?}");
        let asked = told.remove(asked.unwrap_or_default());
        let id = asked.split(':').nth(1).unwrap_or_default();
        let answer = format!("ID={id}&Return=0&CMD=DATA\n");
        self.post(&format!("/iclock/devicecmd?SN={serial_number}"), answer).await;
        self.advance(Duration::from_secs(31));
        told.extend(self.get(&poll).await.text().lines().map(str::to_owned));
        told.retain(|line| line != "OK");
        told
    }
}
