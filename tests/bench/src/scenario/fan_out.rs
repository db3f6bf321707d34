//! Fan-out: the time until one change is on every device of a polling fleet.

use std::collections::HashMap;

use anyhow::ensure;

use crate::clock::{Duration, Instant, now};
use crate::device::{Device, fleet, multiply};
use crate::fleet::{self, Acknowledged};
use crate::latency::Latencies;
use crate::load::count;
use crate::people;
use crate::row::Row;
use crate::run::Run;
use crate::server::{Engine, Server};

const NAME: &str = "fan-out";

/// Commands of one change: a user and three fingerprints.
const COMMANDS: usize = 4;

/// Time that a device may take beyond its interval.
const GRACE: Duration = Duration::from_secs(2);

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let interval = run.pick(Duration::from_secs(2), Duration::from_secs(10));
    let mut rows = Vec::new();
    for engine in &run.engines {
        for (devices, changes) in run.pick(vec![(100, 2)], vec![(100, 1), (1_000, 1), (10_000, 1)]) {
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
    // The first poll of each device needs the database. These polls come at twice the rate, to finish them early.
    let (others, _) = fleet::polls(others, interval / 2, move |after| after < interval / 2).await?;
    let each = interval + GRACE;
    // A late device is measured, not cut off.
    let all = each * u32::try_from(changes)? + GRACE;
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
    let spread = since(&uploaded, &seen.acknowledged, each);
    let wanted = devices * changes;
    ensure!(!spread.commands.is_empty(), "nothing came of a change");
    let complete = spread.commands.values().filter(|commands| **commands >= COMMANDS).count();
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
    row("s from the OK until acknowledged, p50", spread.latencies.percentile_ms(50.0) / 1000.0, None);
    row("s from the OK until acknowledged, p99", spread.latencies.percentile_ms(99.0) / 1000.0, None);
    row("s from the OK until acknowledged, the last", spread.latencies.max_ms() / 1000.0, Some("≤ 12"));
    row("% within the interval + 2 s", count(spread.in_time) / count(wanted) * 100.0, Some("100"));
    if complete < wanted {
        row("devices that had not got it after that", count(wanted - complete), None);
    }
    if seen.refused > 0 {
        row("polls and acknowledgements refused (503)", count(seen.refused), None);
    }
    row("ms of a poll, p99", seen.polls.percentile_ms(99.0), Some("< 50"));
    row("processor of the server, cores", cores, Some("< 1"));
    row("memory at most, MiB", server.process().peak_memory_mib(), None);
    Ok(rows)
}

/// The distribution of changes.
#[derive(Default)]
struct Spread {
    /// Latency from a change to the last acknowledgement of it, per device.
    latencies: Latencies,
    /// Number of these that were within the time limit.
    in_time: usize,
    /// Number of acknowledged commands, by change and device.
    commands: HashMap<(usize, usize), usize>,
}

/// Assigns each acknowledgement to the last change before it.
fn since(uploaded: &[Instant], acknowledged: &[Acknowledged], each: Duration) -> Spread {
    let mut spread = Spread::default();
    let mut in_order = acknowledged.to_vec();
    in_order.sort_by_key(|acknowledged| acknowledged.at);
    for Acknowledged { device, at, commands } in in_order {
        let Some(change) = uploaded.iter().rposition(|change| *change <= at) else { continue };
        let latency = at.saturating_duration_since(uploaded[change]);
        let came = spread.commands.entry((change, device)).or_default();
        if *came < COMMANDS && *came + commands >= COMMANDS {
            spread.latencies.note(latency);
            spread.in_time += usize::from(latency <= each);
        }
        *came += commands;
    }
    spread
}
