//! The HTTP client of a terminal: small, old and strict.
//!
//! Requests have the exact bytes of captured ones. Answers are read as the old client reads them (field note 2.5),
//! so that faults of a server show that newer clients would tolerate.

mod answer;

use std::{fmt::Write as _, io, str::FromStr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use self::answer::Head;
pub use self::answer::{Answer, AnswerFault};

/// The address of a server's device listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// `host:port`.
    authority: String,
}

impl ServerAddress {
    /// `host:port`.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// The error of a text that is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the address of a server: want host:port or http://host:port")]
pub struct AddressError(String);

impl FromStr for ServerAddress {
    type Err = AddressError;

    /// Accepts `host:port`, `http://host:port` and `http://host`, which means port 80.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let is_url = text.starts_with("http://");
        let authority = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let port =
            authority.rsplit_once(':').map(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        match port {
            Some(true) => Ok(Self { authority: authority.to_owned() }),
            None if is_url && !authority.is_empty() && !authority.contains('/') => {
                Ok(Self { authority: format!("{authority}:80") })
            }
            _ => Err(AddressError(text.to_owned())),
        }
    }
}

/// The HTTP habits of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent habit")]
pub struct HttpHabits {
    /// Sends HTTP/1.0 without `Content-Type`, like the first generation.
    pub http_1_0: bool,
    /// Reads answers strictly.
    pub literal: bool,
    /// Sends the absolute address in the request line.
    pub absolute_targets: bool,
    /// Uses one connection for many requests.
    pub keep_alive: bool,
    /// Time limit for an answer; it is four times as long for a request of more than 10 KB.
    pub timeout: Duration,
}

/// A failed exchange.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection failed or broke.
    #[error("no connection to the server: {0}")]
    Io(#[from] io::Error),
    /// The answer did not arrive in time.
    #[error("no answer in {0:?}")]
    Timeout(Duration),
    /// A terminal cannot read the answer.
    #[error("an answer that a terminal cannot read: {0}")]
    Answer(#[from] AnswerFault),
}

/// A request of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path and query.
    pub target: String,
    /// The body of a `POST`; a request without a body is a `GET`.
    pub body: Option<Vec<u8>>,
}

/// The connection of one device to its server.
#[derive(Debug)]
pub struct Client {
    server: ServerAddress,
    manner: HttpHabits,
    connection: Option<TcpStream>,
}

impl Client {
    /// A client that has not connected yet.
    pub const fn new(server: ServerAddress, manner: HttpHabits) -> Self {
        Self { server, manner, connection: None }
    }

    /// The HTTP habits, mutable.
    pub const fn habits_mut(&mut self) -> &mut HttpHabits {
        &mut self.manner
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// The connection failed, no answer arrived in time, or a terminal cannot read the answer.
    pub async fn send(&mut self, request: &Request) -> Result<Answer, HttpError> {
        let bytes = self.bytes(request);
        let limit = if bytes.len() > 10_240 { self.manner.timeout * 4 } else { self.manner.timeout };
        let started = Instant::now();
        // The exchange takes the connection and returns it only after success.
        let exchange = timeout(limit, self.exchange(&bytes)).await;
        let mut answer = exchange.map_err(|_| HttpError::Timeout(limit))??;
        answer.sent_bytes = bytes.len();
        answer.elapsed = started.elapsed();
        Ok(answer)
    }

    /// The bytes of a request, in the form of captured requests.
    pub fn bytes(&self, request: &Request) -> Vec<u8> {
        let HttpHabits { http_1_0, absolute_targets, keep_alive, .. } = self.manner;
        let (method, version) = (if request.body.is_some() { "POST" } else { "GET" }, u8::from(!http_1_0));
        let authority = &self.server.authority;
        let host = if absolute_targets { format!("http://{authority}") } else { String::new() };
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let mut head = format!(
            "{method} {host}{} HTTP/1.{version}\r\nHost: {authority}\r\nUser-Agent: iClock Proxy/1.09\r\nConnection: {connection}\r\n",
            request.target,
        );
        let length = request.body.as_ref().map(Vec::len);
        // Writing to a `String` cannot fail.
        let _ = match (length, http_1_0) {
            (None, _) => write!(head, "Accept: */*\r\n\r\n"),
            (Some(length), true) => write!(head, "Content-Length: {length}\r\nAccept: */*\r\n\r\n"),
            (Some(length), false) => {
                write!(head, "Accept: */*\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n")
            }
        };
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(request.body.as_deref().unwrap_or_default());
        bytes
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer, HttpError> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => TcpStream::connect(&self.server.authority).await?,
        };
        stream.set_nodelay(true)?;
        stream.write_all(request).await?;

        let mut bytes = Vec::with_capacity(4096);
        let head = loop {
            if let Some(head) = Head::read(&bytes, self.manner.literal)? {
                break head;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(AnswerFault::Truncated.into());
            }
        };
        let end = head.length + head.content_length;
        while bytes.len() < end {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(AnswerFault::Truncated.into());
            }
        }
        if self.manner.keep_alive && !head.closes {
            self.connection = Some(stream);
        } else if self.manner.literal {
            // Some terminals repeat an upload until the server closes the connection as they asked (field note
            // 4.1).
            while stream.read_buf(&mut bytes).await? > 0 {}
        }
        if bytes.len() > end {
            return Err(AnswerFault::Surplus(bytes.len() - end).into());
        }
        Ok(head.with_body(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::net::TcpListener;

    use super::*;

    fn manner() -> HttpHabits {
        HttpHabits {
            http_1_0: false,
            literal: true,
            absolute_targets: false,
            keep_alive: false,
            timeout: Duration::from_secs(5),
        }
    }

    fn client(address: SocketAddr, manner: HttpHabits) -> Client {
        Client::new(address.to_string().parse().unwrap(), manner)
    }

    fn get(target: &str) -> Request {
        Request { target: target.to_owned(), body: None }
    }

    /// A server that answers each connection with the next of these texts. It returns what it received.
    async fn answering(answers: Vec<&'static str>) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                    stream.read_buf(&mut request).await.unwrap();
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
                requests.push(String::from_utf8(request).unwrap());
            }
            requests
        });
        (address, task)
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\
        Date: Fri, 12 Mar 2027 06:53:01 GMT\r\n\r\nOK";

    #[test]
    fn requests_have_the_bytes_of_captured_ones() {
        let client = Client::new("192.0.2.10:8080".parse().unwrap(), manner());
        let handshake =
            "/iclock/cdata?SN=CRQX203158427&options=all&language=69&pushver=2.4.1&PushOptionsFlag=1";
        assert_eq!(
            String::from_utf8(client.bytes(&get(handshake))).unwrap(),
            "GET /iclock/cdata?SN=CRQX203158427&options=all&language=69&pushver=2.4.1&PushOptionsFlag=1 HTTP/1.1\r\n\
             Host: 192.0.2.10:8080\r\nUser-Agent: iClock Proxy/1.09\r\nConnection: close\r\nAccept: */*\r\n\r\n",
        );
        let post = Request {
            target: "/iclock/devicecmd?SN=SGBB248310591".into(),
            body: Some(b"ID=1&Return=0&CMD=DATA\n".into()),
        };
        assert_eq!(
            String::from_utf8(client.bytes(&post)).unwrap(),
            "POST /iclock/devicecmd?SN=SGBB248310591 HTTP/1.1\r\nHost: 192.0.2.10:8080\r\n\
             User-Agent: iClock Proxy/1.09\r\nConnection: close\r\nAccept: */*\r\nContent-Type: text/plain\r\n\
             Content-Length: 23\r\n\r\nID=1&Return=0&CMD=DATA\n",
        );
    }

    #[test]
    fn the_first_generation_speaks_http_1_0_without_content_type() {
        let manner = HttpHabits { http_1_0: true, absolute_targets: true, ..manner() };
        let client = Client::new("192.0.2.10:80".parse().unwrap(), manner);
        let post = Request { target: "/iclock/cdata?SN=1&table=OPERLOG".into(), body: Some(b"x".into()) };
        assert_eq!(
            String::from_utf8(client.bytes(&post)).unwrap(),
            "POST http://192.0.2.10:80/iclock/cdata?SN=1&table=OPERLOG HTTP/1.0\r\nHost: 192.0.2.10:80\r\n\
             User-Agent: iClock Proxy/1.09\r\nConnection: close\r\nContent-Length: 1\r\nAccept: */*\r\n\r\nx",
        );
    }

    #[test]
    fn an_address_may_be_a_url() {
        let read = |text: &str| text.parse::<ServerAddress>().map(|server| server.authority);
        assert_eq!(read("127.0.0.1:8081").unwrap(), "127.0.0.1:8081");
        assert_eq!(read("http://push.example.net:8081/").unwrap(), "push.example.net:8081");
        assert_eq!(read("http://push.example.net").unwrap(), "push.example.net:80");
        assert_eq!(read("[::1]:80").unwrap(), "[::1]:80");
        for text in ["", "push.example.net", "https://push.example.net", "host:port", ":80"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_announced_length() {
        let (address, task) = answering(vec![OK]).await;
        let answer = client(address, manner()).send(&get("/iclock/ping?SN=1")).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"OK"[..]));
        assert_eq!(answer.date(), Some("Fri, 12 Mar 2027 06:53:01 GMT"));
        assert!(task.await.unwrap().concat().starts_with("GET /iclock/ping?SN=1 HTTP/1.1\r\n"));
    }

    #[tokio::test]
    async fn bytes_after_the_announced_body_are_a_fault() {
        let (address, _task) = answering(vec![concat!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n",
            "Date: Fri, 12 Mar 2027 06:53:01 GMT\r\n\r\nOK\r\n"
        )])
        .await;
        let error = client(address, manner()).send(&get("/")).await.unwrap_err();
        assert!(matches!(error, HttpError::Answer(AnswerFault::Surplus(2))), "{error}");
    }

    #[tokio::test]
    async fn an_answer_cut_short_is_a_fault() {
        let (address, _task) = answering(vec![concat!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n",
            "Date: Fri, 12 Mar 2027 06:53:01 GMT\r\n\r\nOK"
        )])
        .await;
        let error = client(address, manner()).send(&get("/")).await.unwrap_err();
        assert!(matches!(error, HttpError::Answer(AnswerFault::Truncated)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_to_a_silent_server_times_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = client(listener.local_addr().unwrap(), manner());
        let error = client.send(&get("/")).await.unwrap_err();
        assert!(matches!(error, HttpError::Timeout(limit) if limit == Duration::from_secs(5)), "{error}");
    }

    #[tokio::test]
    async fn keep_alive_sends_many_requests_over_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for _ in 0..2 {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    stream.read_buf(&mut request).await.unwrap();
                }
                stream.write_all(OK.replace("close", "keep-alive").as_bytes()).await.unwrap();
            }
        });
        let mut client = client(address, HttpHabits { keep_alive: true, ..manner() });
        for _ in 0..2 {
            assert_eq!(client.send(&get("/iclock/ping?SN=1")).await.unwrap().status, 200);
        }
        server.await.unwrap();
    }
}
