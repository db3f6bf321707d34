//! One connection of a device: what is held of it while nothing is asked, and who closes it when nothing more comes.
//!
//! A connection is idle between two requests, for as long as devices pause between polls; a request that was begun has to come
//! whole in less. Both are kept by one timer that looks now and then, not by one that each request sets.
//!
//! Most devices of a large fleet keep their connection and poll every ten seconds or so. What HTTP needs for a request, buffers
//! above all, is some 20 KiB: it is given up a moment after each answer, and what is held until the next request is the
//! stream alone.

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

/// So long after an answer a connection is given up to its stream: less than devices pause, more than one nearby takes that has
/// much to tell.
const MOMENT: Duration = Duration::from_millis(300);

/// What happens on a connection, and since when.
///
/// Told by the stream, which sees what comes and goes, and by whoever answers requests.
#[derive(Debug)]
pub struct ConnectionState(Mutex<(Phase, Instant)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request has come, or nothing since the last answer.
    Idle,
    /// Some of a request's head has come.
    Head,
    /// A request is at work, which keeps its own times.
    Request,
}

/// How long a connection may rest in each phase.
#[derive(Clone, Copy, Debug)]
pub struct ReadTimeouts {
    /// Between two requests, and before the first.
    pub idle: Duration,
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
}

impl ConnectionState {
    /// Of a connection that was just taken.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((Phase::Idle, Instant::now()))))
    }

    /// A request has come, all of its head.
    pub fn begin(&self) {
        self.lock().0 = Phase::Request;
    }

    /// There is an answer to it.
    pub fn end(&self) {
        *self.lock() = (Phase::Idle, Instant::now());
    }

    /// Returns once nothing was asked for a moment.
    async fn rests(&self) {
        loop {
            let (phase, since) = *self.lock();
            let until = if phase == Phase::Idle { since } else { Instant::now() } + MOMENT;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    fn came(&self) {
        let mut now = self.lock();
        if now.0 == Phase::Idle {
            *now = (Phase::Head, Instant::now());
        }
    }

    /// A long answer is idle only when nobody takes more of it.
    fn went(&self) {
        let mut now = self.lock();
        if now.0 == Phase::Idle {
            now.1 = Instant::now();
        }
    }

    /// Returns once the connection rested for too long.
    pub async fn timed_out(&self, patience: ReadTimeouts) {
        loop {
            let (phase, since) = *self.lock();
            let until = match phase {
                Phase::Idle => since + patience.idle,
                Phase::Head => since + patience.head,
                Phase::Request => Instant::now() + patience.head,
            };
            if until <= Instant::now() {
                return;
            }
            // What changes meanwhile is seen at the next look: it is never later than the shorter of the two by more.
            tokio::time::sleep_until(until.min(Instant::now() + patience.head)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Phase, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a connection until it ends or rests for too long, or the server stops; a request that was begun is answered.
///
/// # Errors
/// What comes is no HTTP, or the connection broke.
pub async fn serve<S>(
    stream: TcpStream,
    progress: &Arc<ConnectionState>,
    patience: ReadTimeouts,
    stop: &CancellationToken,
    service: S,
) -> Result<(), Ended>
where
    S: Service<http::Request<Incoming>, Response = Answer, Error = Infallible> + Clone + Unpin,
    S::Future: Unpin,
{
    let mut watched =
        Watched { stream: TokioIo::new(stream), unread: Bytes::new(), progress: Arc::clone(progress) };
    loop {
        if watched.unread.is_empty() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                readable = watched.stream.inner().readable() => readable?,
                () = progress.timed_out(patience) => return Err(Ended::Exhausted),
            }
        }
        let asked = Box::pin(while_asked(watched, progress, patience, stop, service.clone()));
        match asked.await? {
            Some(rests) => watched = rests,
            None => return Ok(()),
        }
    }
}

/// Answers requests while they come. Returns the stream where only nothing more is asked for now.
async fn while_asked<S>(
    watched: Watched,
    progress: &ConnectionState,
    patience: ReadTimeouts,
    stop: &CancellationToken,
    service: S,
) -> Result<Option<Watched>, Ended>
where
    S: Service<http::Request<Incoming>, Response = Answer, Error = Infallible> + Unpin,
    S::Future: Unpin,
{
    let mut connection = http1::Builder::new()
        .title_case_headers(true)
        .half_close(true)
        // One timer of each connection does what hyper would do with one of each request.
        .header_read_timeout(None)
        .serve_connection(watched, service);
    let (mut rests, mut stops) = (false, false);
    loop {
        tokio::select! {
            biased;
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => {
                ended?;
                break;
            }
            () = stop.cancelled(), if !stops => {
                stops = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            () = progress.timed_out(patience) => return Err(Ended::Exhausted),
            // Nothing is under way, so that no answer says that the connection ends.
            () = progress.rests(), if !rests && !stops => {
                rests = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    let parts = connection.into_parts();
    let mut watched = parts.io;
    if rests && !stops {
        watched.unread = parts.read_buf;
        return Ok(Some(watched));
    }
    watched.stream.into_inner().shutdown().await?;
    Ok(None)
}

/// Why a connection ended otherwise than by its device.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// It rested for too long.
    #[error("nothing more came")]
    Exhausted,
    /// What came was no HTTP, or broke off.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// The stream of a connection, which tells of what comes and goes.
struct Watched {
    stream: TokioIo<TcpStream>,
    /// What was read of it and not looked at.
    unread: Bytes,
    progress: Arc<ConnectionState>,
}

impl Watched {
    fn gone(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.progress.went();
        }
        written
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let fits = buffer.remaining().min(self.unread.len());
            buffer.put_slice(&self.unread[..fits]);
            self.unread.advance(fits);
            self.progress.came();
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) {
            self.progress.came();
        }
        read
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.gone(written)
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
        self.gone(written)
    }
}
