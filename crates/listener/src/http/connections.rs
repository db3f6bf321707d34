//! The device listener: HTTP as old terminals read it.
//!
//! They compare header names with case, want a header block below 2 KB and a `Content-Length`, know no redirects and
//! no compression, and send requests without `Host`, in HTTP/1.0, with absolute targets and any `Content-Type`.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use http::header::{CONNECTION, DATE};
use http::{HeaderMap, Method, Version};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use roster::Millis;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth;
use crate::context::Context;
use crate::endpoint::poll;
use crate::http::body::{announced, read};
use crate::http::connection::{self, ConnectionState, ReadTimeouts};
use crate::http::date_header::date;
use crate::http::limits::ConnectionPermit;
use crate::http::request::Request;
use crate::http::response::{Answer, DeviceError, close};
use crate::router;
use fleet::offered_file::without_tokens;

/// How long a device may take for its request line and headers.
const HEAD: Duration = Duration::from_secs(30);

/// How long one may take for that which is told to come again.
const TURNED_AWAY: ReadTimeouts = ReadTimeouts { idle: Duration::from_secs(5), head: Duration::from_secs(5) };

/// A body of so many bytes is read whoever sends it.
const SMALL: u64 = 64 << 10;

/// How long open requests may take once the server is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// How long nothing is accepted after the system refused to.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often it is said that the system refuses.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// Serves devices until `stop`; returns when every request that was begun is answered.
pub async fn serve(context: Context, listener: TcpListener, stop: CancellationToken) {
    let context = Arc::new(context);
    let connections = TaskTracker::new();
    let mut said: LogThrottle = None;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => spawn_connection(&context, stream, peer, (&connections, &stop), &mut said),
            // That connection is gone; the next one has nothing to do with it.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if is_time(&mut said) {
                    tracing::error!(
                        %error,
                        "the system lets no more connections of devices in: raise the limit of open files (LimitNOFILE=, \
                         ulimit -n), or lower max_connections"
                    );
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    if tokio::time::timeout(SHUTDOWN_GRACE, connections.wait()).await.is_err() {
        tracing::warn!("some device requests did not end in time");
    }
}

/// When it was last said that connections are refused.
type LogThrottle = Option<tokio::time::Instant>;

/// Whether to say it once more.
fn is_time(said: &mut LogThrottle) -> bool {
    let now = tokio::time::Instant::now();
    let again = said.is_none_or(|at| now - at >= SAY_AGAIN);
    if again {
        *said = Some(now);
    }
    again
}

/// Serves a connection, or tells the device to come again where there are too many.
fn spawn_connection(
    context: &Arc<Context>,
    stream: TcpStream,
    peer: SocketAddr,
    (connections, stop): (&TaskTracker, &CancellationToken),
    said: &mut LogThrottle,
) {
    let entry = context.limits.admit();
    if !matches!(entry, ConnectionPermit::Served(_)) && is_time(said) {
        tracing::error!(
            max_connections = context.config.max_connections,
            "as many connections of devices are open as are served: others are told to come again; raise max_connections"
        );
    }
    if matches!(entry, ConnectionPermit::Closed) {
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    let (context, progress) = (Arc::clone(context), ConnectionState::new());
    let served = matches!(entry, ConnectionPermit::Served(_));
    let patience = if served { ReadTimeouts { idle: context.config.idle, head: HEAD } } else { TURNED_AWAY };
    let stop = stop.clone();
    connections.spawn(async move {
        let _place = entry;
        let service = service_fn(|request: http::Request<Incoming>| {
            progress.begin();
            let begun = if served {
                begin(&context, request, peer)
            } else {
                PendingResponse::answered(refusal(context.clock.now()))
            };
            Answering { progress: Arc::clone(&progress), begun }
        });
        let ended = connection::serve(stream, &progress, patience, &stop, &service).await;
        if let Err(reason) = ended {
            tracing::debug!(%peer, %reason, "connection ended");
        }
    });
}

/// What a device is told that found no place.
fn refusal(now: Millis) -> Answer {
    let mut answer = DeviceError::Busy.answer();
    finish(&mut answer, now, false);
    answer
}

/// The answer to a request, where it needs nothing that has to be waited for.
enum PendingResponse {
    /// Taken out when it is given.
    Answered(Option<Answer>),
    /// How it is come by otherwise: apart, so that what a connection holds while nothing is asked on it stays small.
    Waiting(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl PendingResponse {
    const fn answered(answer: Answer) -> Self {
        Self::Answered(Some(answer))
    }
}

/// Answers a request, and notes when that is done.
struct Answering {
    progress: Arc<ConnectionState>,
    begun: PendingResponse,
}

impl Future for Answering {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.begun {
            PendingResponse::Answered(answer) => {
                answer.take().unwrap_or_else(|| DeviceError::Failed.answer())
            }
            PendingResponse::Waiting(handling) => ready!(handling.as_mut().poll(context)),
        };
        self.progress.end();
        Poll::Ready(Ok(answer))
    }
}

fn begin(context: &Arc<Context>, request: http::Request<Incoming>, peer: SocketAddr) -> PendingResponse {
    let keep = keeps_alive(request.version(), request.headers());
    if request.method() == Method::GET && request.body().is_end_stream() {
        let target = wire::Target::read(request.uri().path(), request.uri().query());
        let now = context.clock.now();
        if let Some(mut answer) = poll::from_memory(context, peer, &target, now) {
            finish(&mut answer, now, keep);
            return PendingResponse::answered(answer);
        }
    }
    PendingResponse::Waiting(Box::pin(handle(Arc::clone(context), request, peer, keep)))
}

async fn handle(
    context: Arc<Context>,
    request: http::Request<Incoming>,
    peer: SocketAddr,
    keep: bool,
) -> Answer {
    let (parts, body) = request.into_parts();
    let announced = announced(&parts.headers);
    if announced.is_none_or(|length| length > SMALL) && !body.is_end_stream() {
        // A large body is read only from a device that may upload: nobody else takes the room.
        let (admitting, uri) = (Arc::clone(&context), parts.uri.clone());
        let admitted = in_turn(&context, async move {
            let target = wire::Target::read(uri.path(), uri.query());
            auth::admitted(&admitting, &target, peer).await.map(drop)
        });
        if let Err(error) = admitted.await.and_then(|admitted| admitted) {
            tracing::debug!(%peer, path = without_tokens(parts.uri.path()), %error, "large request refused");
            let mut answer = error.answer();
            finish(&mut answer, context.clock.now(), false);
            return answer;
        }
    }
    let (mut answer, keep) = match read(&context, body, announced).await {
        Ok((body, room)) => {
            let request = Request {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().map(str::to_owned),
                headers: parts.headers,
                peer,
                body,
            };
            let answering = Arc::clone(&context);
            let answered = Box::pin(in_turn(&context, async move {
                let _room = room;
                router::answer(&answering, &request).await
            }));
            (answered.await.unwrap_or_else(|error| error.answer()), keep)
        }
        // What is left of the body is not read, so the connection cannot go on.
        Err(error) => {
            tracing::warn!(%peer, path = without_tokens(parts.uri.path()), %error, "request refused");
            (error.answer(), false)
        }
    };
    finish(&mut answer, context.clock.now(), keep);
    answer
}

/// Does something that needs the database when its turn has come, and to its end.
async fn in_turn<T: Send + 'static>(
    context: &Context,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, DeviceError> {
    let turn = context.limits.turn().await.ok_or(DeviceError::Busy)?;
    let done = context.run_to_completion(Box::pin(async move {
        let _turn = turn;
        work.await
    }));
    done.await.ok_or(DeviceError::Failed)
}

/// What every answer has.
fn finish(answer: &mut Answer, now: Millis, keep: bool) {
    if let Some(date) = date(now) {
        answer.headers_mut().insert(DATE, date);
    }
    if !keep {
        close(answer);
    }
}

/// Whether the connection goes on: as HTTP has it, but any word other than `keep-alive` ends it (`starting` is seen).
fn keeps_alive(version: Version, headers: &HeaderMap) -> bool {
    match headers.get(CONNECTION) {
        Some(value) => value.as_bytes().eq_ignore_ascii_case(b"keep-alive"),
        None => version == Version::HTTP_11,
    }
}
