//! One change, and how soon it is on every device of a fleet that polls at its interval.

use anyhow::ensure;

use crate::clock::{Duration, Instant, now};
use crate::device::{Device, fleet, multiply};
use crate::fleet;
use crate::latency::Latencies;
use crate::load::count;
use crate::people;
use crate::row::Row;
use crate::run::Run;
use crate::server::{Engine, Server};

const NAME: &str = "fan-out";

/// A user and three fingerprints.
const COMMANDS: usize = 4;

/// What a device may take beyond its interval.
const GRACE: Duration = Duration::from_secs(2);

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let interval = run.pick(Duration::from_secs(2), Duration::from_secs(10));
    let mut rows = Vec::new();
    for engine in &run.engines {
        for (devices, changes) in run.pick(vec![(100, 2)], vec![(100, 2), (1_000, 2), (10_000, 2)]) {
            let mut server = run.server(*engine)?;
            rows.extend(spread(&mut server, *engine, devices, changes, interval).await?);
        }
    }
    Ok(rows)
}

/// Makes changes at one device, one after the other, while the others poll.
async fn spread(
    server: &mut Server<'_>,
    engine: Engine,
    devices: usize,
    changes: usize,
    interval: Duration,
) -> anyhow::Result<Vec<Row>> {
    fleet(server.address(), 0..2).await?;
    server.stopped(async |url| multiply(&url, 1, devices - 1).await).await?;
    let mut enrolling = Device::known(server.address(), 0);
    let others = (1..=devices).map(|number| Device::known(server.address(), number)).collect();
    // The first poll of each asks the database.
    let (others, _) = fleet::polls(others, interval, move |after| after < interval).await?;
    let each = interval + GRACE;
    let all = each * u32::try_from(changes)?;
    let before = server.process().processor_s();
    let begun = now();
    let polling = tokio::spawn(fleet::polls(others, interval, move |after| after < all));
    let mut uploaded = Vec::new();
    for number in 0..changes {
        let at = begun + each * u32::try_from(number)?;
        tokio::time::sleep_until(at.into()).await;
        enrolling.upload(&people::with_templates(1 + number..2 + number, 3, false)).await?;
        uploaded.push(now());
    }
    let (_, seen) = polling.await??;
    let cores = server.processor_since(before) / begun.elapsed().as_secs_f64();
    let (latencies, in_time, commands) = since(&uploaded, &seen.acknowledged, each);
    let wanted = devices * changes;
    ensure!(commands == wanted * COMMANDS, "{commands} commands came of {wanted} times {COMMANDS}");
    let mut rows = Vec::new();
    let mut row = |what: &str, value: f64, goal: Option<&str>| {
        let what = format!(
            "1 user with 3 templates to {devices} devices, polls every {} s: {what}",
            interval.as_secs()
        );
        let row = Row::new(NAME, what, engine, &[value]);
        rows.push(match goal {
            Some(goal) if devices == 10_000 => row.goal(goal),
            _ => row,
        });
    };
    row("s from the OK until acknowledged, p50", latencies.percentile_ms(50.0) / 1000.0, None);
    row("s from the OK until acknowledged, p99", latencies.percentile_ms(99.0) / 1000.0, None);
    row("s from the OK until acknowledged, the last", latencies.max_ms() / 1000.0, Some("≤ 12"));
    row("% within the interval + 2 s", count(in_time) / count(wanted) * 100.0, Some("100"));
    row("ms of a poll, p99", seen.polls.percentile_ms(99.0), Some("< 50"));
    row("processor of the server, cores", cores, Some("< 1"));
    row("memory at most, MiB", server.process().peak_memory_mib(), None);
    Ok(rows)
}

/// From the change before an acknowledgement to it; how many came in time; how many commands in all.
fn since(
    uploaded: &[Instant],
    acknowledged: &[(Instant, usize)],
    each: Duration,
) -> (Latencies, usize, usize) {
    let (mut latencies, mut in_time, mut commands) = (Latencies::default(), 0, 0);
    for (at, done) in acknowledged {
        let Some(change) = uploaded.iter().rev().find(|change| *change <= at) else { continue };
        let latency = at.saturating_duration_since(*change);
        latencies.note(latency);
        in_time += usize::from(latency <= each);
        commands += done;
    }
    (latencies, in_time, commands)
}
