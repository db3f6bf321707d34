//! The accept loop of the device listener, with HTTP for old terminals.
//!
//! Old terminals compare header names with case, need a header block below 2 KB and a `Content-Length`, and support neither
//! redirects nor compression. They send requests without `Host`, in HTTP/1.0, with absolute targets and any `Content-Type`.

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

/// Timeout of a request line and its headers.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeouts of a connection that will be refused with 503.
const REFUSAL_TIMEOUTS: ReadTimeouts =
    ReadTimeouts { idle: Duration::from_secs(5), head: Duration::from_secs(5) };

/// Muster reads a body up to this size from any sender, bytes.
const SMALL_BODY_BYTES: u64 = 64 << 10;

/// How long open requests may take after the server began to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Pause after the operating system refused to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Muster logs a refusal at most once in this time.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Serves devices until `stop`; returns when every request that was begun is answered.
pub async fn serve(context: Context, listener: TcpListener, stop: CancellationToken) {
    let context = Arc::new(context);
    let connections = TaskTracker::new();
    let mut throttle: LogThrottle = None;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                spawn_connection(&context, stream, peer, (&connections, &stop), &mut throttle);
            }
            // Only that connection is lost.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if may_log(&mut throttle) {
                    tracing::error!(
                        %error,
                        "the system refuses further connections of devices: raise the limit of open files (LimitNOFILE=, \
                         ulimit -n), or lower max_connections"
                    );
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    if tokio::time::timeout(SHUTDOWN_GRACE, connections.wait()).await.is_err() {
        tracing::warn!("some device requests did not finish before the shutdown");
    }
}

/// When Muster last logged that connections are refused.
type LogThrottle = Option<tokio::time::Instant>;

/// Whether to log it again.
fn may_log(throttle: &mut LogThrottle) -> bool {
    let now = tokio::time::Instant::now();
    let again = throttle.is_none_or(|at| now - at >= LOG_INTERVAL);
    if again {
        *throttle = Some(now);
    }
    again
}

/// Serves a connection, or answers 503 if there are too many.
fn spawn_connection(
    context: &Arc<Context>,
    stream: TcpStream,
    peer: SocketAddr,
    (connections, stop): (&TaskTracker, &CancellationToken),
    throttle: &mut LogThrottle,
) {
    let permit = context.limits.admit();
    if !matches!(permit, ConnectionPermit::Served(_)) && may_log(throttle) {
        tracing::error!(
            max_connections = context.config.max_connections,
            "connection limit reached: refusing new connections with 503; raise max_connections"
        );
    }
    if matches!(permit, ConnectionPermit::Closed) {
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    let (context, state) = (Arc::clone(context), ConnectionState::new());
    let served = matches!(permit, ConnectionPermit::Served(_));
    let timeouts = if served {
        ReadTimeouts { idle: context.config.idle, head: HEAD_TIMEOUT }
    } else {
        REFUSAL_TIMEOUTS
    };
    let stop = stop.clone();
    connections.spawn(async move {
        let _permit = permit;
        let service = service_fn(|request: http::Request<Incoming>| {
            state.begin();
            let begun = if served {
                begin(&context, request, peer)
            } else {
                PendingResponse::answered(refusal(context.clock.now()))
            };
            AnswerFuture { state: Arc::clone(&state), begun }
        });
        let ended = connection::serve(stream, &state, timeouts, &stop, &service).await;
        if let Err(reason) = ended {
            tracing::debug!(%peer, %reason, "connection ended");
        }
    });
}

/// The 503 for a connection above the limit.
fn refusal(now: Millis) -> Answer {
    let mut answer = DeviceError::Busy.answer();
    set_common_headers(&mut answer, now, false);
    answer
}

/// The answer to a request: ready, or still to be computed.
enum PendingResponse {
    /// `None` once the answer was given.
    Answered(Option<Answer>),
    /// Boxed, so that an idle connection takes little memory.
    Waiting(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl PendingResponse {
    const fn answered(answer: Answer) -> Self {
        Self::Answered(Some(answer))
    }
}

/// The future that answers a request and then marks the connection as idle.
struct AnswerFuture {
    state: Arc<ConnectionState>,
    begun: PendingResponse,
}

impl Future for AnswerFuture {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.begun {
            PendingResponse::Answered(answer) => {
                answer.take().unwrap_or_else(|| DeviceError::Failed.answer())
            }
            PendingResponse::Waiting(handling) => ready!(handling.as_mut().poll(context)),
        };
        self.state.end();
        Poll::Ready(Ok(answer))
    }
}

fn begin(context: &Arc<Context>, request: http::Request<Incoming>, peer: SocketAddr) -> PendingResponse {
    let keep = keeps_alive(request.version(), request.headers());
    if request.method() == Method::GET && request.body().is_end_stream() {
        let target = wire::Target::read(request.uri().path(), request.uri().query());
        let now = context.clock.now();
        if let Some(mut answer) = poll::from_memory(context, peer, &target, now) {
            set_common_headers(&mut answer, now, keep);
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
    if announced.is_none_or(|length| length > SMALL_BODY_BYTES) && !body.is_end_stream() {
        // Only devices that may upload get memory for a large body.
        let (admitting, uri) = (Arc::clone(&context), parts.uri.clone());
        let admitted = with_request_slot(&context, async move {
            let target = wire::Target::read(uri.path(), uri.query());
            auth::authenticate_before_body(&admitting, &target, peer).await.map(drop)
        });
        if let Err(error) = admitted.await.and_then(|admitted| admitted) {
            tracing::debug!(%peer, path = without_tokens(parts.uri.path()), %error, "large request refused");
            let mut answer = error.answer();
            set_common_headers(&mut answer, context.clock.now(), false);
            return answer;
        }
    }
    let (mut answer, keep) = match read(&context, body, announced).await {
        Ok((body, memory)) => {
            let request = Request {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().map(str::to_owned),
                headers: parts.headers,
                peer,
                body,
            };
            let answering = Arc::clone(&context);
            let answered = Box::pin(with_request_slot(&context, async move {
                let _memory = memory;
                router::answer(&answering, &request).await
            }));
            (answered.await.unwrap_or_else(|error| error.answer()), keep)
        }
        // The rest of the body is not read, so the connection must end.
        Err(error) => {
            tracing::warn!(%peer, path = without_tokens(parts.uri.path()), %error, "request refused");
            (error.answer(), false)
        }
    };
    set_common_headers(&mut answer, context.clock.now(), keep);
    answer
}

/// Runs work that needs the database once it has a request slot, and to its end even if the connection breaks.
async fn with_request_slot<T: Send + 'static>(
    context: &Context,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, DeviceError> {
    let slot = context.limits.acquire_request_slot().await.ok_or(DeviceError::Busy)?;
    let done = context.run_to_completion(Box::pin(async move {
        let _slot = slot;
        work.await
    }));
    done.await.ok_or(DeviceError::Failed)
}

/// Adds the headers that all answers have.
fn set_common_headers(answer: &mut Answer, now: Millis, keep: bool) {
    if let Some(date) = date(now) {
        answer.headers_mut().insert(DATE, date);
    }
    if !keep {
        close(answer);
    }
}

/// Whether the connection stays open: the rule of HTTP, but any value other than `keep-alive` ends it (devices send `starting`).
fn keeps_alive(version: Version, headers: &HeaderMap) -> bool {
    match headers.get(CONNECTION) {
        Some(value) => value.as_bytes().eq_ignore_ascii_case(b"keep-alive"),
        None => version == Version::HTTP_11,
    }
}
