//! Scale: a large company with 100,000 users of three templates each and 10,000 devices that poll every ten
//! seconds; then 100,000 idle devices; then as many open connections as one process may have, 20,000 at most.

use anyhow::ensure;
use tokio::task::JoinSet;

use crate::clock::{Duration, now, timed};
use crate::device::{Device, fleet, multiply, poll, serial_number, upload};
use crate::fleet;
use crate::latency::Latencies;
use crate::line::{Connection, Line};
use crate::load::{self, Until, count, paced};
use crate::people;
use crate::row::Row;
use crate::run::Run;
use crate::server::Server;

const NAME: &str = "scale";

const USERS: usize = 100_000;
const UPLOADERS: usize = 16;

/// The device that the others copy.
const LIKE: usize = 1_000;

const DEVICES: usize = 10_000;
const INTERVAL: Duration = Duration::from_secs(10);

const IDLE_DEVICES: usize = 100_000;
const IDLE_INTERVAL: Duration = Duration::from_secs(30);
/// Number of devices that poll at the same moment, each with its own connection.
const AT_ONCE: usize = 64;

const CONNECTIONS: usize = 20_000;
/// Files that a server process needs besides the connections of devices.
const OTHER_FILES: usize = 300;

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in &run.engines {
        let mut server = run.server(*engine)?;
        let mut row = |what: String, value: f64, goal: &str| {
            let row = Row::new(NAME, what, *engine, &[value]);
            rows.push(if goal.is_empty() { row } else { row.goal(goal) });
        };
        let stored = format!("{USERS} users with 3 templates");
        row(format!("{stored}: records/s while uploaded by {UPLOADERS} devices"), stock(&server).await?, "");
        let started = server.stopped(async |url| {
            multiply(&url, LIKE, DEVICES).await?;
            Ok(now())
        });
        let stopped_until = started.await?;
        let mut first = Device::known(server.address(), LIKE + 1);
        first.poll().await?;
        row("s from the start to the first answer".to_owned(), stopped_until.elapsed().as_secs_f64(), "< 2");
        let devices = (1..=DEVICES).map(|number| Device::known(server.address(), LIKE + number)).collect();
        let (devices, _) = fleet::polls(devices, INTERVAL, |after| after < INTERVAL).await?;
        let before = server.process().processor_s();
        let (seen, took) = timed(fleet::polls(devices, INTERVAL, |after| after < 3 * INTERVAL)).await;
        let (devices, seen) = seen?;
        ensure!(seen.acknowledged.is_empty(), "devices that were settled got commands");
        let what = format!("{DEVICES} devices, polls every {} s: ", INTERVAL.as_secs());
        row(format!("{what}ms of a poll, p99"), seen.polls.percentile_ms(99.0), "< 20");
        row(format!("{what}ms of a poll, p99.9"), seen.polls.percentile_ms(99.9), "");
        row(
            format!("{what}processor of the server, cores"),
            server.processor_since(before) / took.as_secs_f64(),
            "",
        );
        row(format!("{what}memory, MiB"), server.process().memory_mib(), "< 150");
        row("memory at most until then, MiB".to_owned(), server.process().peak_memory_mib(), "");
        drop(devices);

        let more = IDLE_DEVICES - DEVICES;
        server.stopped(async |url| multiply(&url, LIKE + DEVICES, more).await).await?;
        let (latencies, cores) = idle(&server).await?;
        let what = format!("{IDLE_DEVICES} devices, polls every {} s: ", IDLE_INTERVAL.as_secs());
        row(format!("{what}memory, MiB"), server.process().memory_mib(), "< 400");
        row(format!("{what}ms of a poll with its connection, p99"), latencies.percentile_ms(99.0), "");
        row(format!("{what}processor of the server, cores"), cores, "");

        let (held, memory) = connections(run, engine).await?;
        row("open connections that were held and answered".to_owned(), count(held), "20,000");
        row("memory for these, MiB".to_owned(), memory, "");
    }
    Ok(rows)
}

/// Uploads everybody; returns records per second.
async fn stock(server: &Server<'_>) -> anyhow::Result<f64> {
    fleet(server.address(), 0..UPLOADERS).await?;
    fleet(server.address(), LIKE..LIKE + 1).await?;
    // The upload is split because all bodies together would be half a gigabyte.
    let part = USERS / 20;
    let mut elapsed = 0.0;
    for begin in (1..=USERS).step_by(part) {
        let mut bodies = vec![Vec::new(); UPLOADERS];
        for (body, pin) in (begin..begin + part).step_by(25).enumerate() {
            let number = body % UPLOADERS;
            let people = people::with_templates(pin..pin + 25, 3, false);
            bodies[number].push(upload(&serial_number(number), &people));
        }
        let (to, process) = (server.address(), server.process());
        let uploaded =
            load::closed(to, process, Connection::KeptAlive, bodies, Until::Done, "OK:100").await?;
        elapsed += uploaded.elapsed_s;
    }
    Ok(count(USERS * 4) / elapsed)
}

/// All devices poll twice, with a new connection for each poll. Returns latencies of the second round, and the
/// server's processor usage during it, cores.
async fn idle(server: &Server<'_>) -> anyhow::Result<(Latencies, f64)> {
    let a_second = count(IDLE_DEVICES) / IDLE_INTERVAL.as_secs_f64();
    let (begun, before) = (now(), server.process().processor_s());
    let mut tasks = JoinSet::new();
    let times = paced(AT_ONCE, a_second, |after| after < 2 * IDLE_INTERVAL);
    for (start, mut times) in times.into_iter().enumerate() {
        let mut line = Line::new(server.address(), Connection::OfOneRequest, start);
        tasks.spawn(async move {
            let (mut latencies, mut number) = (Latencies::default(), start);
            while let Some(meant) = times.recv().await {
                let device = LIKE + 1 + number % IDLE_DEVICES;
                let said = line.ask(&poll(device, Connection::OfOneRequest)).await?;
                ensure!(said == b"OK", "device {device} was settled and got commands");
                if number >= IDLE_DEVICES {
                    latencies.note(meant.elapsed());
                }
                number += AT_ONCE;
            }
            Ok(latencies)
        });
    }
    let mut all = Latencies::default();
    while let Some(latencies) = tasks.join_next().await {
        all.add(&latencies??);
    }
    Ok((all, server.processor_since(before) / begun.elapsed().as_secs_f64()))
}

/// Opens connections to an empty server, polls once on each, and once more when all are open. Returns their number
/// and the memory of the server.
async fn connections(run: &Run, engine: &crate::server::Engine) -> anyhow::Result<(usize, f64)> {
    let mut server = run.server(*engine)?;
    fleet(server.address(), 0..1).await?;
    server.stopped(async |url| multiply(&url, 0, CONNECTIONS).await).await?;
    let held = CONNECTIONS.min(files().saturating_sub(OTHER_FILES));
    let mut devices: Vec<Device> = (1..=held).map(|number| Device::known(server.address(), number)).collect();
    for _ in 0..2 {
        for device in &mut devices {
            device.poll().await?;
        }
    }
    Ok((held, server.process().memory_mib()))
}

/// Number of files that this process may open.
fn files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
