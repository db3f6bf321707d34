//! A device's HTTP client with minimal work, because client and server share the machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// The bytes of a request.
pub type Request = Bytes;

/// The use of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// One connection for all requests.
    KeptAlive,
    /// One connection for each request.
    OfOneRequest,
}

impl Connection {
    const fn header(self) -> &'static str {
        match self {
            Self::KeptAlive => "keep-alive",
            Self::OfOneRequest => "close",
        }
    }

    /// A request without a body.
    pub fn get(self, target: &str) -> Request {
        format!("GET {target} HTTP/1.1\r\n{HEADERS}Connection: {}\r\n\r\n", self.header()).into()
    }

    /// A request with a body.
    pub fn post(self, target: &str, body: &[u8]) -> Request {
        let connection = self.header();
        let head = format!(
            "POST {target} HTTP/1.1\r\n{HEADERS}Connection: {connection}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat().into()
    }
}

/// The server refused a request for now: the device keeps its data and retries.
#[derive(Debug)]
pub struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// The headers that every device sends.
const HEADERS: &str = "Host: 127.0.0.1\r\nUser-Agent: iClock Proxy/1.09\r\nAccept: */*\r\n";

/// A device's connection to the server, which connects on demand.
#[derive(Debug)]
pub struct Line {
    to: SocketAddr,
    from: Ipv4Addr,
    connection: Connection,
    stream: Option<TcpStream>,
    unread: Vec<u8>,
}

impl Line {
    /// A connection that is not open yet. `number` selects one of several source addresses of this machine, each
    /// of which has about 28,000 ports.
    pub fn new(to: SocketAddr, connection: Connection, number: usize) -> Self {
        let last = u8::try_from(number % 250).unwrap_or(0) + 1;
        Self { to, from: Ipv4Addr::new(127, 0, 1, last), connection, stream: None, unread: Vec::new() }
    }

    /// Connects if necessary.
    ///
    /// # Errors
    /// The network fails.
    pub async fn connect(&mut self) -> anyhow::Result<()> {
        if self.stream.is_none() {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(IpAddr::V4(self.from), 0))?;
            let stream = socket.connect(self.to).await.context("cannot connect to the server")?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
            self.unread.clear();
        }
        Ok(())
    }

    /// Sends a request and returns the body of the answer, whose status must be 200.
    ///
    /// If the server has closed the connection in the meantime, it connects again once.
    ///
    /// # Errors
    /// The network fails; [`Refused`] for status 503; another status, with the server's text.
    pub async fn ask(&mut self, request: &Request) -> anyhow::Result<Vec<u8>> {
        let kept = self.stream.is_some();
        let mut asked = self.exchange(request).await;
        if asked.as_ref().is_ok_and(Option::is_none) && kept {
            self.stream = None;
            asked = self.exchange(request).await;
        }
        if asked.is_err() || self.connection == Connection::OfOneRequest {
            self.stream = None;
        }
        asked?.context("the server ended the connection without an answer")
    }

    /// Sends and reads once; `None` if the server had closed the connection.
    async fn exchange(&mut self, request: &Request) -> anyhow::Result<Option<Vec<u8>>> {
        self.connect().await?;
        let Some(stream) = &mut self.stream else { bail!("not connected") };
        if stream.write_all(request).await.is_err() {
            return Ok(None);
        }
        self.unread.clear();
        loop {
            if let Some(head) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let body = head + 4;
                let length = body_length(&self.unread[..body])?;
                while self.unread.len() < body + length {
                    ensure!(stream.read_buf(&mut self.unread).await? > 0, "the answer is not whole");
                }
                let (head, answer) = self.unread.split_at(body);
                let answer = answer[..length].to_vec();
                if !head.starts_with(b"HTTP/1.1 200") {
                    let (head, answer) = (String::from_utf8_lossy(head), String::from_utf8_lossy(&answer));
                    let said = format!("{} {answer}", head.lines().next().unwrap_or_default());
                    ensure!(!said.starts_with("HTTP/1.1 503"), Refused(said));
                    bail!(said);
                }
                if header(head, "Connection: close") {
                    self.stream = None;
                }
                return Ok(Some(answer));
            }
            match stream.read_buf(&mut self.unread).await {
                Ok(0) | Err(_) if self.unread.is_empty() => return Ok(None),
                Ok(0) => bail!("the answer is not whole"),
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn body_length(head: &[u8]) -> anyhow::Result<usize> {
    let text = std::str::from_utf8(head)?;
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.and_then(|text| text.trim().parse().ok()).with_context(|| format!("no Content-Length: {text}"))
}

fn header(head: &[u8], line: &str) -> bool {
    std::str::from_utf8(head).is_ok_and(|text| text.lines().any(|other| other.eq_ignore_ascii_case(line)))
}
