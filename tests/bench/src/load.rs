//! Load generators: closed loops, and open loops with scheduled times.

use std::net::SocketAddr;

use anyhow::ensure;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::{Duration, Instant, now};
use crate::latency::Latencies;
use crate::line::{Connection, Line, Refused, Request};
use crate::process::Process;

/// The measurements of a load.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Number of requests that were answered with 200.
    pub requests: f64,
    /// Seconds from the first request to the last answer.
    pub elapsed_s: f64,
    /// Number of requests that were refused with 503 and sent again.
    pub refused: f64,
    /// Latency, counted from the scheduled time of a request.
    pub latencies: Latencies,
    /// Processor time of the server, seconds.
    pub processor_s: f64,
}

impl Measured {
    /// Requests a second.
    pub fn a_second(&self) -> f64 {
        self.requests / self.elapsed_s
    }

    /// Processor time of the server for a thousand requests, seconds.
    pub fn processor_s_a_thousand(&self) -> f64 {
        self.processor_s / self.requests * 1000.0
    }
}

/// How many times a refused request is repeated without a pause until it counts as failed.
const MAX_REFUSALS: usize = 20;

/// When a connection of a closed loop stops.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// After its last request.
    Done,
}

/// A closed loop: each connection sends its next request after the answer to the previous one. It starts again
/// with its first request if time is left.
///
/// # Errors
/// The first request without status 200, or whose answer has an unexpected beginning.
pub async fn closed(
    to: SocketAddr,
    server: Process,
    connection: Connection,
    requests: Vec<Vec<Request>>,
    until: Until,
    answer: &'static str,
) -> anyhow::Result<Measured> {
    let mut lines = Vec::new();
    for (number, requests) in requests.into_iter().enumerate() {
        let mut line = Line::new(to, connection, number);
        if connection == Connection::KeptAlive {
            line.connect().await?;
        }
        lines.push((line, requests));
    }
    let (begun, before) = (now(), server.processor_s());
    let mut tasks = JoinSet::new();
    for (mut line, requests) in lines {
        tasks.spawn(async move {
            let (mut latencies, mut refused) = (Latencies::default(), 0);
            loop {
                for request in &requests {
                    let sent = now();
                    if matches!(until, Until::Time(time) if begun.elapsed() >= time) {
                        return Ok((latencies, refused));
                    }
                    let said = taken(&mut line, request, &mut refused).await?;
                    ensure!(said.starts_with(answer.as_bytes()), "{answer} awaited: {}", shown(&said));
                    latencies.note(sent.elapsed());
                }
                if matches!(until, Until::Done) {
                    return Ok((latencies, refused));
                }
            }
        });
    }
    let done = joined(tasks).await?;
    Ok(measured(done, begun, server.processor_s() - before))
}

/// An open loop: a fixed rate of requests at scheduled times, however long answers take. A latency counts from the
/// scheduled time, so a request that waits behind a slow answer is slow too.
///
/// # Errors
/// As of [`closed`].
pub async fn open(
    to: SocketAddr,
    server: Process,
    requests: Vec<Request>,
    a_second: f64,
    time: Duration,
) -> anyhow::Result<Measured> {
    let mut lines = Vec::new();
    for (number, request) in requests.into_iter().enumerate() {
        let mut line = Line::new(to, Connection::KeptAlive, number);
        line.ask(&request).await?;
        lines.push((line, request));
    }
    let (begun, before) = (now(), server.processor_s());
    let mut tasks = JoinSet::new();
    let times = paced(lines.len(), a_second, move |after| after < time);
    for ((mut line, request), mut times) in lines.into_iter().zip(times) {
        tasks.spawn(async move {
            let mut latencies = Latencies::default();
            while let Some(meant) = times.recv().await {
                let said = line.ask(&request).await?;
                ensure!(said == b"OK", "OK awaited: {}", shown(&said));
                latencies.note(meant.elapsed());
            }
            Ok((latencies, 0))
        });
    }
    let done = joined(tasks).await?;
    Ok(measured(done, begun, server.processor_s() - before))
}

/// Sends a request until it is not refused.
async fn taken(line: &mut Line, request: &Request, refused: &mut usize) -> anyhow::Result<Vec<u8>> {
    for _ in 0..MAX_REFUSALS {
        match line.ask(request).await {
            Err(error) if error.is::<Refused>() => *refused += 1,
            other => return other,
        }
    }
    line.ask(request).await
}

/// Sends scheduled times to the receivers in turn, at a fixed total rate, while `go_on` is true of the time since
/// the first.
///
/// A thread waits for the times, because the timers of the runtime have a resolution of one millisecond.
pub fn paced(
    receivers: usize,
    a_second: f64,
    go_on: impl Fn(Duration) -> bool + Send + 'static,
) -> Vec<mpsc::UnboundedReceiver<Instant>> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..receivers).map(|_| mpsc::unbounded_channel()).unzip();
    let begun = now();
    std::thread::spawn(move || {
        for (number, sender) in (0_u32..).zip(senders.iter().cycle()) {
            let after = Duration::from_secs_f64(f64::from(number) / a_second);
            if !go_on(after) {
                return;
            }
            let meant = begun + after;
            std::thread::sleep(meant.saturating_duration_since(now()));
            // A receiver that failed no longer listens.
            let _ = sender.send(meant);
        }
    });
    receivers
}

async fn joined(
    mut tasks: JoinSet<anyhow::Result<(Latencies, usize)>>,
) -> anyhow::Result<(Latencies, usize)> {
    let (mut all, mut all_refused) = (Latencies::default(), 0);
    while let Some(done) = tasks.join_next().await {
        let (latencies, refused) = done??;
        all.add(&latencies);
        all_refused += refused;
    }
    Ok((all, all_refused))
}

fn measured((latencies, refused): (Latencies, usize), begun: Instant, processor_s: f64) -> Measured {
    Measured {
        requests: count(latencies.count()),
        elapsed_s: begun.elapsed().as_secs_f64(),
        refused: count(refused),
        latencies,
        processor_s,
    }
}

/// A count as a floating-point number.
pub fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

fn shown(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).chars().take(200).collect()
}
