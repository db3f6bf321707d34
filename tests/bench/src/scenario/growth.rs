//! Growth: the cost of one change in bytes, time and statements as devices and items grow in number.

use crate::clock::timed;
use crate::device::{Device, fleet, multiply};
use crate::load::count;
use crate::people;
use crate::row::Row;
use crate::run::Run;
use crate::server::{Engine, Server};

const NAME: &str = "growth";

/// Number of measured changes, each a new user with three fingerprints.
const CHANGES: usize = 100;

/// The cost of one change.
struct Cost {
    size: usize,
    bytes: f64,
    ms: f64,
    statements: Option<f64>,
}

pub async fn measure(run: &Run) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in &run.engines {
        let mut by_devices = Vec::new();
        for devices in run.pick(vec![10, 1_000], vec![10, 100, 1_000, 10_000]) {
            let mut server = run.server(*engine)?;
            fleet(server.address(), 0..2).await?;
            server.stopped(async |url| multiply(&url, 1, devices - 2).await).await?;
            by_devices.push(cost(&server, devices, 0).await?);
        }
        rows.extend(rows_of("devices", *engine, &by_devices));
        let mut by_items = Vec::new();
        for items in run.pick(vec![], vec![1_000, 10_000, 100_000]) {
            let server = run.server(*engine)?;
            fleet(server.address(), 0..2).await?;
            let mut first = Device::known(server.address(), 0);
            for pin in (0..items / 4).step_by(25) {
                first.upload(&people::with_templates(1 + pin..1 + pin + 25, 3, false)).await?;
            }
            by_items.push(cost(&server, items, items).await?);
        }
        rows.extend(rows_of("items", *engine, &by_items));
    }
    Ok(rows)
}

/// Makes changes one after the other, for people who are not among the `held` items.
async fn cost(server: &Server<'_>, size: usize, held: usize) -> anyhow::Result<Cost> {
    let mut device = Device::known(server.address(), 0);
    let first = 1_000_000 + held;
    // The first change is not measured: it reads data into the caches.
    device.upload(&people::with_templates(first..first + 1, 3, false)).await?;
    let (bytes, statements) = (server.database_process().written_bytes(), server.statements());
    let mut times = Vec::new();
    for pin in first + 1..=first + CHANGES {
        let body = people::with_templates(pin..pin + 1, 3, false);
        let (taken, took) = timed(device.upload(&body)).await;
        taken?;
        times.push(took.as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let each = |before: f64, after: f64| (after - before) / count(CHANGES);
    Ok(Cost {
        size,
        bytes: each(bytes, server.database_process().written_bytes()),
        ms: times.get(CHANGES / 2).copied().unwrap_or(f64::NAN),
        statements: statements.zip(server.statements()).map(|(before, after)| each(before, after)),
    })
}

fn rows_of(of: &str, engine: Engine, costs: &[Cost]) -> Vec<Row> {
    let mut rows = Vec::new();
    for cost in costs {
        let mut row = |what: &str, value: f64| {
            let what = format!("one change with {} {of}: {what}", cost.size);
            rows.push(Row::new(NAME, what, engine, &[value]));
        };
        row("KiB written", cost.bytes / 1024.0);
        row("ms until the OK, p50", cost.ms);
        if let Some(statements) = cost.statements {
            row("statements", statements);
        }
    }
    let (Some(least), Some(most)) = (costs.first(), costs.last()) else { return rows };
    let bytes: Vec<(f64, f64)> = costs.iter().map(|cost| (count(cost.size), cost.bytes)).collect();
    let times: Vec<(f64, f64)> = costs.iter().map(|cost| (count(cost.size), cost.ms)).collect();
    for (what, points) in [("bytes", bytes), ("time", times)] {
        let row = Row::new(
            NAME,
            format!("fit: {what} of a change grow with {of} to the power of (0 = not at all, 1 = in step)"),
            engine,
            &[exponent(&points)],
        );
        rows.push(row.goal(if of == "devices" { "0" } else { "≈ 0: logarithmic" }));
    }
    if of == "devices" {
        let what = format!("bytes of a change with {} devices ÷ with {}", least.size, most.size);
        rows.push(Row::new(NAME, what, engine, &[least.bytes / most.bytes]).ratio("growth-devices"));
    }
    rows
}

/// The exponent of `x` in `y`: the slope of the least-squares line through the logarithms.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count(logs.len());
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let above: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    let below: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fit_distinguishes_constant_from_proportional() {
        let points = |of: fn(f64) -> f64| [10.0, 100.0, 1_000.0].map(|x| (x, of(x)));
        assert!(exponent(&points(|_| 7.0)).abs() < 1e-9);
        assert!((exponent(&points(|x| 3.0 * x)) - 1.0).abs() < 1e-9);
        assert!((exponent(&points(|x| 5.0 / x.sqrt())) + 0.5).abs() < 1e-9);
    }
}
