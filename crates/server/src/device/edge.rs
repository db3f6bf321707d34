//! The device listener: HTTP as old terminals read it.
//!
//! They compare header names with case, want a header block below 2 KB and a `Content-Length`, know no redirects and
//! no compression, and send requests without `Host`, in HTTP/1.0, with absolute targets and any `Content-Type`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, DATE};
use http::{HeaderMap, HeaderValue, Method, Version};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use roster::Millis;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, DeviceError, close};
use super::body::{announced, read};
use crate::app::App;
use crate::fleet::files::without_tokens;

/// How long a device may take for its request line and headers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body of so many bytes is read whoever sends it.
const SMALL: u64 = 64 << 10;

/// How long open requests may take once the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// A request as its handler sees it.
#[derive(Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The path without the query, not decoded.
    pub path: String,
    /// The query, not decoded.
    pub query: Option<String>,
    /// Its headers: nothing depends on them.
    pub headers: HeaderMap,
    /// Where it came from.
    pub peer: SocketAddr,
    /// The body, all of it.
    pub body: Bytes,
}

/// Serves devices until `stop`; returns when every request that was begun is answered.
pub async fn serve(app: App, listener: TcpListener, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        connection(app.clone(), stream, peer, &graceful);
    }
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some device requests did not end in time");
    }
}

fn connection(app: App, stream: TcpStream, peer: SocketAddr, graceful: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, std::convert::Infallible>(handle(app, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .title_case_headers(true)
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    });
}

async fn handle(app: App, request: http::Request<Incoming>, peer: SocketAddr) -> Answer {
    let (parts, body) = request.into_parts();
    let keep = keeps_alive(parts.version, &parts.headers);
    let announced = announced(&parts.headers);
    if announced.is_none_or(|length| length > SMALL) && !body.is_end_stream() {
        // A large body is read only from a device that may upload: nobody else takes the room.
        let (admitting, uri) = (app.clone(), parts.uri.clone());
        let admitted = app.finish(async move {
            let target = wire::Target::read(uri.path(), uri.query());
            super::admit::admitted(&admitting, &target, peer).await.map(drop)
        });
        if let Err(error) = admitted.await.unwrap_or(Err(DeviceError::Failed)) {
            tracing::debug!(%peer, path = without_tokens(parts.uri.path()), %error, "large request refused");
            let mut answer = error.answer();
            close(&mut answer);
            return answer;
        }
    }
    let (mut answer, keep) = match read(&app, body, announced).await {
        Ok((body, room)) => {
            let request = Request {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().map(str::to_owned),
                headers: parts.headers,
                peer,
                body,
            };
            let answering = app.clone();
            let answered = app.finish(async move {
                let _room = room;
                super::answer(&answering, &request).await
            });
            (answered.await.unwrap_or_else(|| DeviceError::Failed.answer()), keep)
        }
        // What is left of the body is not read, so the connection cannot go on.
        Err(error) => {
            tracing::warn!(%peer, path = without_tokens(parts.uri.path()), %error, "request refused");
            (error.answer(), false)
        }
    };
    date(&mut answer, app.clock.now());
    if !keep {
        close(&mut answer);
    }
    answer
}

/// The time, by the clock that everything else here goes by: devices set theirs by it (§5, reference 4.6).
fn date(answer: &mut Answer, now: Millis) {
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    if let Ok(date) = HeaderValue::try_from(now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        answer.headers_mut().insert(DATE, date);
    }
}

/// Whether the connection goes on: as HTTP has it, but any word other than `keep-alive` ends it (`starting` is seen).
fn keeps_alive(version: Version, headers: &HeaderMap) -> bool {
    match headers.get(CONNECTION) {
        Some(value) => value.as_bytes().eq_ignore_ascii_case(b"keep-alive"),
        None => version == Version::HTTP_11,
    }
}
