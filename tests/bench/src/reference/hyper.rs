//! A bare server with the same HTTP library and settings as Muster, which answers `OK` to every request.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::Duration;
use crate::process::Process;
use crate::server::listening;

/// The hidden subcommand that runs this server.
pub const SUBCOMMAND: &str = "bare-server";

/// Time limit for the headers of a request, as in `crates/listener/src/http/connections.rs`.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// A bare server in its own process.
#[derive(Debug)]
pub struct Bare {
    process: Child,
    address: SocketAddr,
}

impl Bare {
    /// Starts one.
    ///
    /// # Errors
    /// It does not start.
    pub fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SUBCOMMAND);
        let (process, address) = listening(command, "listening on ")?;
        Ok(Self { process, address })
    }

    /// The address.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.process.id())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers until the process is killed.
///
/// # Errors
/// There is no free port.
pub async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        connection(stream);
    }
}

fn connection(stream: TcpStream) {
    // If this fails, answers are only slower.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .title_case_headers(true)
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    tokio::spawn(connection);
}

/// The same headers as Muster's; hyper adds `Date` and `Content-Length`.
async fn answer(request: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let close = request.headers().get(CONNECTION).is_some_and(|value| value == "close");
    // Read errors do not matter here.
    let _ = request.into_body().collect().await;
    let mut answer = hyper::Response::new(Full::new(Bytes::from_static(b"OK")));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}
