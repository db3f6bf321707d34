//! One connection of a device: its buffers while it is idle, and its timeouts.
//!
//! A connection may be idle between two requests for as long as devices pause between polls; the head of a request must arrive
//! sooner. One timer for each connection checks both timeouts now and then, so that a request sets no timer.
//!
//! Most devices of a large fleet keep their connection and poll about every ten seconds. The HTTP buffers of a request take
//! about 20 KiB. Muster drops them shortly after each answer and keeps only the TCP stream until the next request.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::response::Answer;

/// After this idle time Muster drops the HTTP buffers and keeps only the TCP stream. Shorter than a poll interval, longer than
/// a busy device's gap between requests.
const BUFFER_RELEASE_DELAY: Duration = Duration::from_millis(300);

/// The phase of a connection, and since when.
///
/// The stream updates it when bytes are read or written; the request handler updates it when a request begins and ends.
#[derive(Debug)]
pub struct ConnectionState(Mutex<(Phase, Instant)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of a request has arrived, or none since the last answer.
    Idle,
    /// A part of a request's head has arrived.
    Head,
    /// The handler works on a request, and has its own timeouts.
    Request,
}

/// Timeouts of a connection while it waits for a request.
#[derive(Clone, Copy, Debug)]
pub struct ReadTimeouts {
    /// Between two requests, and before the first.
    pub idle: Duration,
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
}

impl ConnectionState {
    /// The state of a new connection.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((Phase::Idle, Instant::now()))))
    }

    /// The whole head of a request has arrived.
    pub fn begin(&self) {
        self.lock().0 = Phase::Request;
    }

    /// The request is answered.
    pub fn end(&self) {
        *self.lock() = (Phase::Idle, Instant::now());
    }

    /// Returns once the connection has been idle for [`BUFFER_RELEASE_DELAY`].
    async fn idle(&self) {
        loop {
            let (phase, since) = *self.lock();
            let until = if phase == Phase::Idle { since } else { Instant::now() } + BUFFER_RELEASE_DELAY;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    fn bytes_read(&self) {
        let mut now = self.lock();
        if now.0 == Phase::Idle {
            *now = (Phase::Head, Instant::now());
        }
    }

    /// Bytes of an answer were written: a long answer counts as idle only while the device reads nothing of it.
    fn bytes_written(&self) {
        let mut now = self.lock();
        if now.0 == Phase::Idle {
            now.1 = Instant::now();
        }
    }

    /// Returns once a timeout has passed.
    pub async fn timed_out(&self, timeouts: ReadTimeouts) {
        loop {
            let (phase, since) = *self.lock();
            let until = match phase {
                Phase::Idle => since + timeouts.idle,
                Phase::Head => since + timeouts.head,
                Phase::Request => Instant::now() + timeouts.head,
            };
            if until <= Instant::now() {
                return;
            }
            // The phase may change during this sleep. It lasts at most `head`, so a timeout is noticed at most that much late.
            tokio::time::sleep_until(until.min(Instant::now() + timeouts.head)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Phase, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a connection until it ends, times out, or the server stops. A request that was begun is answered.
///
/// # Errors
/// The device sent something other than HTTP, the connection timed out, or it broke.
pub async fn serve<S>(
    stream: TcpStream,
    state: &Arc<ConnectionState>,
    timeouts: ReadTimeouts,
    stop: &CancellationToken,
    service: S,
) -> Result<(), Ended>
where
    S: Service<http::Request<Incoming>, Response = Answer, Error = Infallible> + Clone + Unpin,
    S::Future: Unpin,
{
    let mut watched =
        WatchedStream { stream: TokioIo::new(stream), unread: Bytes::new(), state: Arc::clone(state) };
    loop {
        if watched.unread.is_empty() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                readable = watched.stream.inner().readable() => readable?,
                () = state.timed_out(timeouts) => return Err(Ended::TimedOut),
            }
        }
        let served = Box::pin(serve_until_idle(watched, state, timeouts, stop, service.clone()));
        match served.await? {
            Some(idle) => watched = idle,
            None => return Ok(()),
        }
    }
}

/// Answers requests until the connection is idle. Returns the stream if it is idle, `None` if it ended.
async fn serve_until_idle<S>(
    watched: WatchedStream,
    state: &ConnectionState,
    timeouts: ReadTimeouts,
    stop: &CancellationToken,
    service: S,
) -> Result<Option<WatchedStream>, Ended>
where
    S: Service<http::Request<Incoming>, Response = Answer, Error = Infallible> + Unpin,
    S::Future: Unpin,
{
    let mut connection = http1::Builder::new()
        .title_case_headers(true)
        .half_close(true)
        // One timer for each connection replaces hyper's timer for each request.
        .header_read_timeout(None)
        .serve_connection(watched, service);
    let (mut idle, mut stopping) = (false, false);
    loop {
        tokio::select! {
            biased;
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => {
                ended?;
                break;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            () = state.timed_out(timeouts) => return Err(Ended::TimedOut),
            // No request is in progress, so no answer will tell the device that the connection ends.
            () = state.idle(), if !idle && !stopping => {
                idle = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    let parts = connection.into_parts();
    let mut watched = parts.io;
    if idle && !stopping {
        watched.unread = parts.read_buf;
        return Ok(Some(watched));
    }
    watched.stream.into_inner().shutdown().await?;
    Ok(None)
}

/// Why Muster ended a connection.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// A timeout passed.
    #[error("timed out")]
    TimedOut,
    /// The device sent something other than HTTP, or stopped within a request.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// The stream of a connection, which updates the [`ConnectionState`].
struct WatchedStream {
    stream: TokioIo<TcpStream>,
    /// Bytes that hyper read and did not use; they are read again first.
    unread: Bytes,
    state: Arc<ConnectionState>,
}

impl WatchedStream {
    fn note_written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.state.bytes_written();
        }
        written
    }
}

impl Read for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let fits = buffer.remaining().min(self.unread.len());
            buffer.put_slice(&self.unread[..fits]);
            self.unread.advance(fits);
            self.state.bytes_read();
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) {
            self.state.bytes_read();
        }
        read
    }
}

impl Write for WatchedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.note_written(written)
    }
}
