//! One connection of a device: who closes it when nothing more comes.
//!
//! A connection is idle between two requests, for as long as devices pause between polls; a request that was begun has to come
//! whole in less. Both are kept by one timer that looks now and then, not by one that each request sets.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What happens on a connection, and since when.
///
/// Told by the stream, which sees what comes and goes, and by whoever answers requests.
#[derive(Debug)]
pub struct Progress(Mutex<(Phase, Instant)>);

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
pub struct Patience {
    /// Between two requests, and before the first.
    pub idle: Duration,
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
}

impl Progress {
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
    pub async fn exhausted(&self, patience: Patience) {
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

/// The stream of a connection, which tells of what comes and goes.
pub struct Watched {
    stream: TokioIo<TcpStream>,
    progress: Arc<Progress>,
}

impl Watched {
    /// Watches a stream.
    pub fn new(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { stream: TokioIo::new(stream), progress }
    }

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
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
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
