//! Large body: one device uploads 50 MB in one body while other devices poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::{Duration, timed};
use crate::device::{Device, fleet};
use crate::fleet;
use crate::people;
use crate::row::Row;
use crate::run::Run;

const NAME: &str = "large-body";

const POLLERS: usize = 100;

/// Poll interval: a hundred devices make a thousand polls per second.
const INTERVAL: Duration = Duration::from_millis(100);

/// Number of people, each with two fingerprints and a face: 5.8 MB per thousand.
const PEOPLE: usize = 11_500;

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let people = run.pick(500, PEOPLE);
    let body = people::with_templates(1..1 + people, 2, true);
    let mut rows = Vec::new();
    for engine in &run.engines {
        let server = run.server(*engine)?;
        let others = fleet(server.address(), 1..1 + POLLERS).await?;
        let mut uploading = Device::introduced(server.address(), 0).await?;
        let (others, quiet) = fleet::polls(others, INTERVAL, |after| after < Duration::from_secs(2)).await?;
        let uploaded = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&uploaded);
        let polling = tokio::spawn(fleet::polls(others, INTERVAL, move |_| !seen.load(Ordering::Relaxed)));
        let (taken, took) = timed(uploading.upload(&body)).await;
        uploaded.store(true, Ordering::Relaxed);
        taken?;
        let (_, during) = polling.await??;
        let mib = body.len() >> 20;
        let mut row = |what: &str, value: f64| {
            rows.push(Row::new(NAME, what, *engine, &[value]));
        };
        row(&format!("s until the OK for a body of {mib} MiB, {} records", people * 4), took.as_secs_f64());
        row("ms of a poll of 100 other devices before, p99", quiet.polls.percentile_ms(99.0));
        row("ms of a poll meanwhile, p50", during.polls.percentile_ms(50.0));
        row("ms of a poll meanwhile, the longest", during.polls.max_ms());
        row("memory at most, MiB", server.process().peak_memory_mib());
        rows.push(
            Row::new(NAME, "ms of a poll meanwhile, p99", *engine, &[during.polls.percentile_ms(99.0)])
                .goal("< 100"),
        );
    }
    Ok(rows)
}
